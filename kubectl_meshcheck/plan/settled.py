"""Workloads for which nothing is to be written."""

from __future__ import annotations

from msgspec.structs import replace

from kubectl_meshcheck import meshes, refusals
from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.model import REFUSED, Judgement, Redirect, Verdict
from kubectl_meshcheck.plan import record, where
from kubectl_meshcheck.plan.case import Case
from kubectl_meshcheck.plan.restarts import restart
from kubectl_meshcheck.plan.values import (
    BAD,
    GOOD,
    Change,
    Item,
    NoChange,
    Refused,
    Standing,
)
from kubectl_meshcheck.workload import Subject


def settled(case: Case) -> Item | None:
    """Why nothing is to be changed, or what is left of a change; None to go on."""
    if case.now.rejected:
        reason = f"no pod of it can be created at present: {case.now.rejected}"
        return Refused(case.ref, reason, mend(case.now.rejected))
    foreseen, worst = case.now.judgement, case.worst
    if foreseen and foreseen.verdict in GOOD and worst.judgement.verdict in BAD:
        return _begun(case, foreseen) or _older(case, foreseen)
    if foreseen and not foreseen.proxies and worst.judgement.verdict in BAD:
        return _bare(case)
    judgement = foreseen or worst.judgement
    if judgement.verdict in BAD:
        if case.ignored:
            return NoChange(case.ref, f"ignored: {case.ignored}")
        return _harmless(case, judgement)
    if judgement.verdict is Verdict.UNKNOWN:
        instead = "look at the hook; this program never guesses"
        if worst.unread:
            instead = "run it with the right to list pods"
        return case.by_hand(judgement.reason, instead)
    return _well(case, judgement)


def mend(rejected: str) -> str:
    """What to do about pods that the server does not take, by what it says.

    The words are those of kubernetes/kubernetes: pkg/apis/core/validation/
    validation.go ``validateInitContainers``.
    """
    if "init containers without restartPolicy=Always" in rejected:
        return refusals.NATIVE_NEEDS
    return "mend that first; then run this again"


def _older(case: Case, foreseen: Judgement) -> NoChange:
    reason = f"a new pod would be {foreseen.verdict.value}; the running pods are"
    return case.by_hand(f"{reason} older than that setting", remedy.restart(case.own))


def _bare(case: Case) -> NoChange:
    """Its pods race, and the next ones are not injected at all.

    As while an injector is out of reach whose webhook fails open.
    """
    reason = "the running pods race, and a new pod would have no proxy at all"
    # an injector may have written its own name into the running pods
    if _asked(replace(case.worst, pod=case.now.pod)):
        return case.by_hand(reason, "the injector's log says why nothing is injected")
    instead = f"{remedy.restart(case.own)}, unless they are to stay in the mesh"
    return case.by_hand(reason, instead)


def _well(case: Case, judgement: Judgement) -> NoChange:
    if case.now.unknown and not case.worst.running and _asked(case.worst):
        reason = f"it has no pods to be judged by, and {case.now.unknown}"
        client = case.now.unknown.startswith("--dry-run=client")
        instead = "run this again when it has pods"
        instead = "--dry-run=server asks it" if client else instead
        return NoChange(case.ref, reason, instead, Standing.UNKNOWN)
    waits = judgement.verdict in GOOD
    reason = f"already {judgement.verdict.value}" if waits else judgement.reason
    return NoChange(case.ref, reason or "no proxy that the application could wait for")


def _asked(subject: Subject) -> bool:
    labels, notes = subject.namespace_labels, subject.namespace_annotations
    return meshes.asked(subject.pod, labels, notes) is not None


def _begun(case: Case, foreseen: Judgement) -> Change | None:
    """A change that an earlier run has written, while its pods are not all new."""
    text = where.marks(case.object).get(record.RECORD)
    try:
        told = record.parse(text) if text else None
    except ValueError:
        return None
    path = where.template_path(case.ref.kind)
    now = where.marks(case.object, path)
    if told is None or any(now.get(e.key) != e.after for e in told.edits):
        return None
    return Change(
        ref=case.ref,
        uid=str(where.at(case.object, ("metadata",)).get("uid", "")),
        path=path,
        edits=told.edits,
        why="the fix is written; not all of its pods are new yet",
        live=case.object,
        body={},
        after=case.object,
        restart=restart(case.ref, case.object, case.budgets),
        expected=f"{foreseen.verdict.value}, says the cluster's own injector",
        time=told.time,
        written=True,
    )


def _harmless(case: Case, judgement: Judgement) -> NoChange | None:
    proxy = judgement.proxy
    if proxy is None or proxy.capture.by is not Redirect.NONE:
        return None
    if proxy.symptom != REFUSED:
        return None
    return NoChange(case.ref, f"nothing to wait for: {proxy.capture.reason}")
