"""The files that are made from the program: docs, examples, golden screens.

``MESHCHECK_UPDATE_DOCS=1 pytest`` writes what otherwise is compared, so that a
change of the program shows in the diff where a reviewer sees it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click

from kubectl_meshcheck.cli.app import app

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
UPDATE = os.environ.get("MESHCHECK_UPDATE_DOCS") == "1"
_HINT = "MESHCHECK_UPDATE_DOCS=1 pytest {test} writes it anew"


def commands() -> dict[str, click.Command]:
    """Every command by its name, in the order of the overview."""
    context = click.Context(app)
    found = {
        name: app.get_command(context, name) for name in app.list_commands(context)
    }
    return {name: command for name, command in found.items() if command is not None}


def hold(path: Path, made: str, test: str) -> None:
    """The file says exactly what the program says today.

    ``test`` is the file whose run writes it.
    """
    if UPDATE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made, encoding="utf-8")
    written = path.read_text(encoding="utf-8") if path.exists() else ""

    assert written == made, f"{path.relative_to(ROOT)}: {_HINT.format(test=test)}"


def hold_part(path: Path, name: str, made: str, test: str) -> None:
    """The part of the file between ``<!-- name -->`` and ``<!-- /name -->`` is that."""
    whole = path.read_text(encoding="utf-8")
    part = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    assert part.search(whole), f"{path.name} has no part {name}"
    hold(path, part.sub(lambda m: f"{m[1]}{made}{m[2]}", whole), test)


def section(page: str, heading: str) -> str:
    """What stands below ``## heading``, up to the next heading of that size."""
    found = re.search(
        rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE
    )
    return found[1].strip() if found else ""


def headings(page: str) -> list[str]:
    """The headings of the second size, in order."""
    return re.findall(r"^## (.+)$", page, re.MULTILINE)
