"""Carries changes out one after the other, and stops at the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.apply import objects, undo, watch
from kubectl_meshcheck.apply.progress import Progress
from kubectl_meshcheck.apply.watch import Awaited, RolloutError
from kubectl_meshcheck.apply.write import Unfinished, write
from kubectl_meshcheck.cluster import Cluster
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.plan import Allowed, Change, Item, Refused, allowed
from kubectl_meshcheck.plan.outcome import Outcome, Result
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import ROLLS, at
from kubectl_meshcheck.workload import Ref

Report = Callable[[Ref, Progress], None]


class Way(msgspec.Struct, frozen=True):
    """How changes are to be carried out."""

    agreed: Allowed = Allowed()
    wait: bool = True
    timeout: float = 600  #: seconds for each rollout; 0: none
    rollback: bool = False  #: take a change back that does not take effect


def now() -> str:
    """The time as RFC 3339, one second fine."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def tried(cluster: Cluster, item: Item, agreed: Allowed) -> Item:
    """The change as the server would make it, after its whole admission chain.

    Raises ``MeshcheckError`` when the server cannot be asked.
    """
    if isinstance(item, Change):
        item = allowed(item, agreed)
    if not isinstance(item, Change) or item.written:
        return item
    try:
        after = write(cluster, item, force=agreed.conflicts, dry=True)
    except MeshcheckError as error:
        if error.code is not ExitCode.REFUSED:
            raise
        return Refused(item.ref, error.what, error.hint, item)
    return replace(item, after=after)


def carry_out(
    cluster: Cluster, changes: Sequence[Change], way: Way, report: Report
) -> Iterator[Outcome]:
    """One outcome for each change; those behind a failure are skipped.

    ``KeyboardInterrupt`` passes through: the object is then as it was written.
    """
    failed = ""
    for change in changes:
        if failed:
            yield Outcome(change, Result.SKIPPED, f"not tried: {failed} failed")
            continue
        outcome = _one(cluster, change, way, report)
        if outcome.result not in (Result.PATCHED, Result.SAME):
            failed = str(change.ref)
        yield outcome


def _one(cluster: Cluster, change: Change, way: Way, report: Report) -> Outcome:
    if change.written:
        return _resumed(cluster, change, way, report)
    try:
        written = write(cluster, change, force=way.agreed.conflicts)
    except Unfinished as error:
        return Outcome(change, Result.UNKNOWN, error.what, error.hint)
    except MeshcheckError as error:
        refused = error.code is ExitCode.REFUSED
        result = Result.REFUSED if refused else Result.UNKNOWN
        return Outcome(change, result, error.what, error.hint)
    if not rolls(change.ref, written):
        return Outcome(change, Result.PATCHED, change.restart.how)
    if not way.wait:
        hint = f"kubectl meshcheck {_words(change.ref)} shows how the new pods start"
        return Outcome(change, Result.PATCHED, "not waited for", hint)
    return _watched(cluster, change, way, report)


def _resumed(cluster: Cluster, change: Change, way: Way, report: Report) -> Outcome:
    """Goes on watching what an earlier run has written."""
    if not rolls(change.ref, change.live) or not way.wait:
        return Outcome(change, Result.SAME, change.restart.how)
    outcome = _watched(cluster, change, way, report)
    same = outcome.result is Result.PATCHED
    return replace(outcome, result=Result.SAME) if same else outcome


def rolls(ref: Ref, found: Object) -> bool:
    """Whether the object's controller makes its pods anew by itself."""
    strategy = at(found, ("spec", "updateStrategy")).get("type")
    return ref.kind.kind in ROLLS and strategy != "OnDelete"


def awaited(change: Change, timeout: float) -> Awaited:
    """The rollout that follows the change."""
    told: dict[str, str | None] = {edit.key: edit.after for edit in change.edits}
    return Awaited(change.ref, change.uid, told, change.time, timeout)


def _watched(cluster: Cluster, change: Change, way: Way, report: Report) -> Outcome:
    wanted = awaited(change, way.timeout)
    try:
        watch.rolled_out(cluster, wanted, lambda seen: report(change.ref, seen))
        verdict, why = watch.proof(cluster, wanted)
    except RolloutError as error:
        return _failed(cluster, change, way, error.what)
    except (MeshcheckError, ValueError) as error:
        what = error.what if isinstance(error, MeshcheckError) else str(error)
        said = f"it is written, and how it goes on cannot be seen: {what}"
        hint = f"kubectl meshcheck {_words(change.ref)} shows how the new pods start"
        return Outcome(change, Result.UNKNOWN, said, hint)
    if why:
        said = f"applied, but not effective: {why}"
        return _failed(cluster, change, way, said)
    return Outcome(change, Result.PATCHED, verdict)


def _failed(cluster: Cluster, change: Change, way: Way, said: str) -> Outcome:
    hint = f"kubectl meshcheck undo {_words(change.ref)} takes it back"
    if not way.rollback:
        return Outcome(change, Result.FAILED, said, hint)
    try:
        undoing = undo.prepare(change.ref, objects.read(cluster, change.ref))
        if undoing is not None:
            undo.undo(cluster, undoing)
    except MeshcheckError as error:
        said = f"{said}; it could not be taken back: {error.what}"
        return Outcome(change, Result.FAILED, said, error.hint or hint)
    return Outcome(change, Result.TAKEN_BACK, said)


def _words(ref: Ref) -> str:
    return f"{ref} -n {ref.namespace}"
