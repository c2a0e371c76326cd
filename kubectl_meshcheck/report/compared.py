"""Two places side by side: for people like a diff, and as the data of ``diff -o json``.

docs/diff.schema.json says what the data holds, and the tests hold both to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubectl_meshcheck import __version__, mismatch
from kubectl_meshcheck.comparison import Comparison, called
from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.report import data, settings
from kubectl_meshcheck.report.text import View, bold, safe
from kubectl_meshcheck.scan import Row

FORMATS = ("text", "json", "yaml")
#: the colours of diff(1)
_LEFT, _RIGHT = "31", "32"


def render(
    found: Comparison | None,
    problems: tuple[Problem, ...],
    code: ExitCode,
    output: str,
    view: View,
) -> str:
    """The comparison in one of the ``FORMATS``; None where it could not be made."""
    if output == "text":
        return "\n".join(_lines(found, view)) + "\n" if found else ""
    whole = as_data(found, problems, code)
    return data.json_text(whole) if output == "json" else data.yaml_text(whole)


def _lines(found: Comparison, view: View) -> Iterator[str]:
    yield _painted(f"--- {called(found.left.subject)}", _LEFT, view)
    yield _painted(f"+++ {called(found.right.subject)}", _RIGHT, view)
    yield ""
    yield bold(safe(found.explanation), view)
    for one in found.differences:
        yield ""
        yield safe(f"{one.name}{'  <- explains it' if one.explains else ''}")
        yield _painted(f"- {one.left}", _LEFT, view)
        yield _painted(f"+ {one.right}", _RIGHT, view)


def _painted(text: str, code: str, view: View) -> str:
    shown = safe(text)
    return f"\x1b[{code}m{shown}\x1b[0m" if view.color else shown


def as_data(
    found: Comparison | None, problems: tuple[Problem, ...], code: ExitCode
) -> dict[str, Any]:
    """The whole comparison as what JSON knows."""
    return {
        "apiVersion": data.API_VERSION,
        "kind": "DiffReport",
        "version": __version__,
        "exitCode": int(code),
        "left": _place(found.left) if found else None,
        "right": _place(found.right) if found else None,
        "explanation": found.explanation if found else "",
        "differences": [
            {
                "name": one.name,
                "left": one.left,
                "right": one.right,
                "explains": one.explains,
            }
            for one in (found.differences if found else ())
        ],
        "problems": [data.problem(one) for one in problems],
    }


def _place(row: Row) -> dict[str, Any]:
    subject = row.subject
    explained = subject.explained
    return {
        "namespace": subject.ref.namespace,
        "kind": subject.ref.kind.kind,
        "group": subject.ref.kind.group,
        "name": subject.ref.name,
        "verdict": subject.judgement.verdict.value,
        "why": row.why,
        "injection": settings.injection(explained),
        "settings": settings.settings(explained.settings if explained else ()),
        "differences": list(mismatch.reasons(subject)),
    }
