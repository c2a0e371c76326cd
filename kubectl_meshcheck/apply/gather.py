"""Reads what a plan needs to know about the workloads of a scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import meshes
from kubectl_meshcheck.apply import objects, preview
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.plan import Case, Change, Foreseen, Item, confirmed, draft
from kubectl_meshcheck.plan.values import BAD
from kubectl_meshcheck.plan.where import at, changeable, template_path
from kubectl_meshcheck.scan import Row
from kubectl_meshcheck.workload import Ref, Subject

CLIENT = Foreseen(unknown="--dry-run=client asks the cluster nothing")


class Target(msgspec.Struct, frozen=True):
    """The object whose template is to change, and the rows that it is about."""

    ref: Ref
    rows: tuple[Row, ...]

    @property
    def subjects(self) -> tuple[Subject, ...]:
        return tuple(row.subject for row in self.rows)


def targets(rows: Iterable[Row], *, all_: bool) -> list[Target]:
    """What a fix is about, in the rows' order; ``all_`` takes in what is well."""
    found: dict[Ref, list[Row]] = {}
    for row in rows:
        found.setdefault(row.subject.keeper, []).append(row)
    return [
        Target(ref, tuple(some))
        for ref, some in found.items()
        if all_ or any(_concerned(row.subject) for row in some)
    ]


def _concerned(subject: Subject) -> bool:
    """Whether it races, or may do so when its first pod is made."""
    if subject.judgement.verdict in BAD:
        return True
    asked = meshes.asked(
        subject.pod, subject.namespace_labels, subject.namespace_annotations
    )
    return not subject.running and asked is not None


def plan(
    cluster: Cluster, target: Target, time: str, *, ask: bool
) -> tuple[Item | None, list[Problem]]:
    """What to do about one workload.

    ``ask`` has the cluster's injector answer for today's and for the changed pod.
    None when the workload could not be read, with the problem that says so.
    """
    try:
        return _plan(cluster, target, time, ask), []
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return None, [error.problem()]
    except ValueError as error:
        what = f"{target.ref} in namespace {target.ref.namespace}: {error}"
        return None, [Problem(what)]


def _plan(cluster: Cluster, target: Target, time: str, ask: bool) -> Item:
    ref = target.ref
    ignored = _ignored(target.rows)
    if not changeable(ref.kind):
        return draft(Case(ref, target.subjects, {}, Foreseen(), ignored=ignored))
    found = objects.read(cluster, ref)
    path = template_path(ref.kind)
    now = preview.foresee(cluster, ref, found, path) if ask else CLIENT
    labels = at(found, (*path, "metadata", "labels"))
    budgets = objects.budgets(cluster, ref.namespace, labels)
    case = Case(ref, target.subjects, found, now, budgets, time, ignored)
    item = draft(case)
    if isinstance(item, Change) and not item.written and now.judgement:
        return confirmed(item, preview.foresee(cluster, ref, item.after, path))
    return item


def _ignored(rows: Sequence[Row]) -> str:
    """The reason for which all of its start order findings are ignored."""
    found = [one for row in rows for one in row.found if one.check.id == "MC001"]
    if found and all(one.ignored for one in found):
        return found[0].ignored
    return ""


def foreseen(
    cluster: Cluster,
    subjects: Sequence[Subject],
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[list[Subject], list[str]]:
    """Each workload as its next pod would be, and what could not be asked.

    One subject a workload: pods of different shapes have one next pod.
    """
    rows: dict[Ref, Subject] = {}
    for subject in subjects:
        rows.setdefault(subject.keeper, subject)
    found, unasked = [], []
    for number, (ref, subject) in enumerate(rows.items(), 1):
        said, next_ = _foreseen(cluster, ref, subject)
        if next_ is not None:
            found.append(next_)
        if said:
            unasked.append(f"{ref} in namespace {ref.namespace}: {said}")
        progress(number)
    return found, unasked


def _foreseen(
    cluster: Cluster, ref: Ref, subject: Subject
) -> tuple[str, Subject | None]:
    if not changeable(ref.kind):
        return "", subject  # its template makes no further pods
    try:
        answer = preview.foresee(cluster, ref, objects.read(cluster, ref))
    except ApiError as error:
        if error.status not in (403, 404):
            raise
        return error.what, subject
    if answer.rejected:
        return f"no new pod can be created: {answer.rejected}", subject
    if answer.pod is None or answer.judgement is None:
        return f"not previewed: {answer.unknown}", subject
    judged = replace(
        subject, ref=ref, pod=answer.pod, judgement=answer.judgement, statuses={}
    )
    return "", judged
