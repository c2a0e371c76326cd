"""Imports run one way, also those hidden inside functions and behind TYPE_CHECKING.

Not covered: what ``importlib`` imports by a computed name (``cluster`` does, of its
own modules only).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import DOCS, ROOT, hold_part

PACKAGE = "kubectl_meshcheck"
#: a module may import what stands before it; what ``|`` parts may not see each other
LAYERS = (
    "errors < kinds < moment < parallel < processors < logs < model < selectors "
    "< order < control < parse < listed < mesh_objects < events < meshes < workload < "
    "explaining < mismatch | refusals < waiting | survey < evidence < hearing < checks "
    "< ignore < owners < shapes < grouping < pages < abreast < making < inventory "
    "< scan < comparison < ownership < plan < report < demo | cluster | files "
    "< mesh_reading | log_reading | twin < live | offline | edit < apply < config < cli"
)
#: who alone may name them
WALLS = {
    "kubernetes": ("cluster",),
    "click": ("cli",),
    "tabulate": ("report",),
}
_LEVEL = {
    name.strip(): level
    for level, names in enumerate(LAYERS.split("<"))
    for name in names.split("|")
}
_MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))


def _name(path: Path) -> str:
    """``cli.about`` for kubectl_meshcheck/cli/about.py; empty for the package."""
    parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def _imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that is named, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            yield node.lineno, node.module or ""
            if node.module == PACKAGE:
                for alias in node.names:
                    yield node.lineno, f"{PACKAGE}.{alias.name}"


@pytest.mark.parametrize("path", _MODULES, ids=_name)
def test_imports_run_one_way(path: Path) -> None:
    mine = _name(path).partition(".")[0]
    if mine in ("", "__main__"):
        return
    assert mine in _LEVEL, f"LAYERS does not say where {mine} stands"
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {mine} imports {theirs}"
        for line, imported in _imported(path)
        if imported.startswith(f"{PACKAGE}.")
        and (theirs := imported.split(".")[1]) != mine
        and _LEVEL.get(theirs, -1) >= _LEVEL[mine]
    ]

    assert not wrong


@pytest.mark.parametrize("library", WALLS)
def test_a_library_has_one_home(library: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _MODULES
        for line, imported in _imported(path)
        if imported.partition(".")[0] == library
        and not f"{_name(path)}.".startswith(tuple(f"{w}." for w in WALLS[library]))
    ]

    assert not wrong


def test_every_layer_has_its_module() -> None:
    there = {_name(path).partition(".")[0] for path in _MODULES}

    assert sorted(set(_LEVEL) - there) == []


def test_the_page_shows_these_layers() -> None:
    made = "```text\n" + _wrapped() + "```\n"

    hold_part(DOCS / "how-it-works.md", "layers", made, "tests/test_layers.py")


def _wrapped() -> str:
    lines, line = [], ""
    for word in LAYERS.split():
        if len(line) + len(word) > 76:
            lines.append(line.rstrip())
            line = ""
        line += f"{word} "
    return "".join(f"{one}\n" for one in [*lines, line.rstrip()])
