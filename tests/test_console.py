"""Every ``console`` block of README and docs is run, and prints what is shown.

Each page has a shell of its own, with the cluster and the files of tests/clusters.
``$ echo $?`` shows how the command before it ended; a line that ends in a backslash
goes on in the next.  Blocks of other languages (``sh``, ``text``) are not run.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pages import DOCS, README, ROOT, hold
from tests.shell import Shell, needs_kubectl

_BLOCK = re.compile(r"(?<=^```console\n)(.*?)(?=^```$)", re.DOTALL | re.MULTILINE)
#: when a fix was recorded differs from run to run
_TIME = re.compile(r'(?<="time":")[^"]+')
_SHOWN = "2026-03-02T10:05:00Z"
_PAGES = [
    page
    for page in [README, *sorted(DOCS.rglob("*.md"))]
    if _BLOCK.search(page.read_text(encoding="utf-8"))
]


def _commands(block: str) -> list[str]:
    joined = block.replace("\\\n", "\\\0")
    lines = [line for line in joined.splitlines() if line.startswith("$ ")]
    return [line[2:].replace("\\\0", "\\\n") for line in lines]


def _made(block: str, shell: Shell) -> str:
    text, code = "", 0
    for command in _commands(block):
        if command == "echo $?":
            told = f"{code}\n"
        else:
            ran = shell.run(command, merged=True)
            told, code = _TIME.sub(_SHOWN, ran.out), ran.code
        text += f"$ {command}\n{told}"
    return text


@pytest.mark.parametrize("page", _PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_page_prints_what_the_program_prints(page: Path, shop: Shell) -> None:
    text = page.read_text(encoding="utf-8")
    blocks = _BLOCK.findall(text)
    if any(needs_kubectl(c) for block in blocks for c in _commands(block)):
        pytest.skip(f"{page.name} is NOT tested: there is no kubectl on PATH")

    made = _BLOCK.sub(lambda match: _made(match[1], shop), text)

    hold(page, made, "tests/test_console.py")
