"""From objects to a screen, without a process: what the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import ignore, offline, report, scan
from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.scan import Report
from kubectl_meshcheck.workload import Subject
from tests.shell import CLUSTERS


@dataclass(frozen=True)
class Situation:
    """One call of the program."""

    namespace: str = ""  #: only the workloads of this one
    name: str = ""  #: only the workload of this name
    file: str = "shop.yaml"
    rules: tuple[str, ...] = ()
    detail: bool = False
    view: View = field(default_factory=View)


def text_of(situation: Situation, output: str) -> str:
    """What one call prints on stdout."""
    path = str(CLUSTERS / situation.file)
    inventory, problems = offline.from_files([path], label=situation.file)
    rules = [one for text in situation.rules for one in ignore.parse(text)]
    found = scan.scan(_wanted(situation, inventory.subjects()), rules)
    shown = tuple(
        p._replace(what=_plain(p.what), source=_plain(p.source)) for p in problems
    )
    return _render(replace(found, problems=shown), output, situation)


def _plain(text: str) -> str:
    return text.replace(f"{CLUSTERS}/", "")


def _wanted(situation: Situation, subjects: Iterable[Subject]) -> list[Subject]:
    return [
        subject
        for subject in subjects
        if situation.namespace in ("", subject.ref.namespace)
        and situation.name in ("", subject.ref.name)
    ]


def _render(found: Report, output: str, situation: Situation) -> str:
    view = replace(situation.view, wide=output == "wide")
    return report.render(found, output, view, detail=situation.detail)


def every_screen(objects: Sequence[Any]) -> dict[str, str]:
    """The objects through every renderer, each scan whole and in full."""
    whole = msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": objects})
    inventory, problems = offline.from_files(["-"], stdin=BytesIO(whole))
    found = replace(scan.scan(inventory.subjects()), problems=tuple(problems))
    return {
        f"{output}{' in full' if detail else ''}": report.render(
            found, output, View(namespaces=True, wide=output == "wide"), detail=detail
        )
        for output in report.FORMATS
        for detail in (False, True)
    }
