"""The plan of a fix on recorded objects: nothing is asked, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck import files
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.plan import Case, Change, Foreseen, Item, draft
from kubectl_meshcheck.plan.outcome import Fixed, Outcome, Result, untouched
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at
from kubectl_meshcheck.report import fixing
from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.workload import Ref, Subject

_UNASKED = Foreseen(unknown="there is no cluster to ask")


def rehearse(path: str, subjects: Sequence[Subject], time: str, view: View) -> str:
    """What ``--fix --dry-run=client`` says of these subjects of one workload."""
    ref = subjects[0].keeper
    found = _object(path, ref)
    item = draft(Case(ref, tuple(subjects), found, _UNASKED, time=time))
    fixed = Fixed(tuple(_outcomes(item)))
    return f"{fixing.plan([item], view)}\n{fixing.outcomes(fixed, view)}"


def _outcomes(item: Item) -> list[Outcome]:
    if isinstance(item, Change):
        return [Outcome(item, Result.CLIENT)]
    return untouched([item])


def _object(path: str, ref: Ref) -> Object:
    for found in files.read([path]):
        if isinstance(found, Problem):
            continue
        meta = at(found.object, ("metadata",))
        same = (meta.get("namespace"), meta.get("name")) == (ref.namespace, ref.name)
        if same and found.object.get("kind") == ref.kind.kind:
            return found.object
    return {}
