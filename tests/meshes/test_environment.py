"""Every environment variable that some rule reads is kept when a pod is read."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import kubectl_meshcheck
from kubectl_meshcheck.parse import ENVIRONMENT

_PACKAGE = Path(kubectl_meshcheck.__file__).parent


def _read() -> dict[str, str]:
    """Each name, or how it begins, and a file that asks a container for it."""
    found = {}
    for file in sorted(_PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                for name in _asked(node, file):
                    found[name] = str(file.relative_to(_PACKAGE))
    return found


def _asked(call: ast.Call, file: Path) -> list[str]:
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr == "environment":
        word = call.args[0] if call.args else None
    elif isinstance(function, ast.Name) and function.id == "has_env":
        word = call.args[1]
    else:
        return []
    if isinstance(word, ast.Constant):
        return [str(word.value)]
    if isinstance(word, ast.Name):
        return _value(word.id, file)
    return []


def _value(name: str, file: Path) -> list[str]:
    """A module's own constant; a local name stands for what is tested by its kind."""
    parts = file.relative_to(_PACKAGE.parent).with_suffix("").parts
    value = getattr(importlib.import_module(".".join(parts)), name, None)
    return [value] if isinstance(value, str) else []


def test_what_is_read_is_kept() -> None:
    lost = {n: f for n, f in _read().items() if not n.startswith(ENVIRONMENT)}

    assert lost == {}


def test_the_names_of_loops_and_of_patterns_are_kept() -> None:
    names = ("LINKERD_AWAIT_DISABLED", "LINKERD_DISABLED", "CSQL_PROXY_HEALTH_CHECK")

    assert [name for name in names if not name.startswith(ENVIRONMENT)] == []


def test_the_names_are_found_at_all() -> None:
    assert {"PROXY_CONFIG", "CA_ADDR", "APPMESH_", "KUMA_"} <= set(_read())
