"""The pages of docs/ that are made from the program, and the links between pages.

``MESHCHECK_UPDATE_DOCS=1 pytest tests/test_docs.py`` writes them anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kubectl_meshcheck import __version__, config, meshes
from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.cli.app import PROGRAM, app
from kubectl_meshcheck.errors import ExitCode
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.meshes.declared import Sidecar
from kubectl_meshcheck.model import (
    Capture,
    Container,
    Gate,
    Handler,
    PodStart,
    Proxy,
    Redirect,
    Role,
    Waits,
)
from kubectl_meshcheck.report import FORMATS
from tests.pages import DOCS, README, ROOT, commands, hold, hold_part, section

_TEST = "tests/test_docs.py"
_ALL = [README, *sorted(DOCS.rglob("*.md"))]


def _help(command: click.Command, *names: str) -> str:
    """What ``--help`` prints in a terminal of 80 columns."""
    parent = click.Context(app, info_name=PROGRAM, terminal_width=80)
    if not names:
        return command.get_help(parent)
    context = click.Context(command, parent, " ".join(names), terminal_width=80)
    return command.get_help(context)


def _commands() -> Iterator[str]:
    title = "# Commands\n\nWhat `--help` says of each. Kinds may also be called by any "
    yield title + "other name that kubectl\nhas for them, and TYPE/NAME stands alone.\n"
    yield f"## {PROGRAM}\n\n```text\n{_help(app)}\n```\n"
    for name, command in commands().items():
        if not command.hidden:
            yield f"## {name}\n\n```text\n{_help(command, name)}\n```\n"


def test_the_commands_are_those_of_the_program() -> None:
    hold(DOCS / "commands.md", "\n".join(_commands()), _TEST)


def test_every_command_has_a_short_help() -> None:
    all_ = commands()
    silent = [name for name, c in all_.items() if not c.get_short_help_str()]

    assert [name for name in silent if not all_[name].hidden] == []


def test_the_exit_codes_are_those_of_the_program() -> None:
    source = (ROOT / "kubectl_meshcheck" / "errors.py").read_text(encoding="utf-8")
    told = re.findall(r"^    ([A-Z]+) = (\d+)  #: (.+)$", source, re.MULTILINE)
    assert {name: int(code) for name, code, _ in told} == dict(
        ExitCode.__members__.items()
    )
    rows = "".join(f"| {code} | {what} |\n" for _, code, what in told)

    made = f"| Code | Meaning |\n|---|---|\n{rows}"
    hold_part(DOCS / "output.md", "exit codes", made, _TEST)


def test_the_changelog_begins_with_this_version() -> None:
    text = (DOCS / "changelog.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE)[0] == __version__


def test_the_config_file_of_the_usage_page_is_read(tmp_path: Path) -> None:
    usage = (DOCS / "usage.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(failOn.*?)^```", usage, re.DOTALL | re.MULTILINE)
    file = tmp_path / "config.yaml"
    file.write_text(text)
    reason = "the migration talks to the node only"
    edge = Sidecar(
        "edge", "edge-proxy", "*/edge:*", ("edge", "wait"), "/ready", "edge-init",
        str(file),
    )  # fmt: skip
    try:
        loaded = config.load(str(file))
    finally:
        meshes.declare(())

    assert loaded == config.Config(
        (Ignore("MC002", reason, "bill*", "deploy/orders"),), Severity.WARNING, (edge,)
    )


@pytest.mark.parametrize("page", _ALL, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.M)
    dead = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            dead.append(target)

    assert dead == []


def _anchors(page: Path) -> list[str]:
    """As GitHub makes them from headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles]


def test_the_mesh_of_the_contributing_page_works() -> None:
    """The worked example finds its proxy, its hook and its remedy."""
    text = (DOCS / "contributing.md").read_text(encoding="utf-8")
    # its control plane, the second, is tried in tests/settings
    source, _ = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(compile(source, "docs/contributing.md", "exec"), names)
    image = "registry.example/acme-proxy:1.2"
    hook = Handler("exec", ("acme", "wait"))
    pod = PodStart(
        (
            Container("acme-init", Role.INIT),
            Container("cart", Role.MAIN),
            Container("acme-proxy", Role.MAIN, image, post_start=hook),
        )
    )
    found = names["ACME"].recognise(pod, 2)

    assert found == Proxy(
        mesh="acme",
        index=2,
        gate=Gate(Waits.YES, "acme wait"),
        capture=Capture(Redirect.INIT, 0),
        version="1.2",
        helpers=frozenset({"acme-init"}),
    )
    assert names["ACME"].recognise(pod, 1) is None
    assert names["ACME"].hold(pod, found).annotations == {"acme.example/hold": "true"}


def test_the_output_page_knows_every_format() -> None:
    text = section((DOCS / "output.md").read_text(encoding="utf-8"), "Formats")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]

    assert sorted(named) == sorted(FORMATS)
