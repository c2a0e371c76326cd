"""From what is known of a workload to what is done about it; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubectl_meshcheck import meshes, ownership
from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.meshes.base import Hold
from kubectl_meshcheck.model import (
    REFUSED,
    Judgement,
    PodStart,
    Proxy,
    Redirect,
    Role,
    State,
    Verdict,
    Waits,
)
from kubectl_meshcheck.plan import body, record, where
from kubectl_meshcheck.plan.restarts import Budget, restart
from kubectl_meshcheck.plan.values import (
    BAD,
    GOOD,
    Change,
    Edit,
    Foreseen,
    Item,
    NoChange,
    Object,
    Refused,
    Standing,
)
from kubectl_meshcheck.workload import Ref, Subject


@dataclass(frozen=True)
class Case:
    """Everything that is known about one workload."""

    ref: Ref  #: the object that keeps the template
    subjects: tuple[Subject, ...]  #: its pods, one for each shape
    object: Object  #: as plain JSON; empty when there is none to change
    now: Foreseen  #: a new pod as things stand
    budgets: tuple[Budget, ...] = ()
    time: str = ""  #: RFC 3339
    ignored: str = ""  #: why its findings do not count


def draft(case: Case) -> Item:
    """The least invasive change that makes the application wait, or why there is none.

    Raises ``ValueError`` when the template does not fit its type.
    """
    settled = _settled(case)
    if settled:
        return settled
    pod, judgement = _evidence(case)
    racing = _racing(judgement)
    if not racing:
        return _by_hand(case, judgement.reason, _without_mesh(case, judgement))
    if not where.changeable(case.ref.kind):
        return _unchangeable(case, pod, judgement, racing)
    path = where.template_path(case.ref.kind)
    template = where.written(case.object, path)
    holds = [_hold(template, proxy) for proxy in racing]
    manual = [hold.manual for hold in holds if not hold.annotations]
    if manual:
        return _by_hand(case, judgement.reason, "; ".join(manual))
    replaced = "" if case.now.judgement else _replaced(_worst(case.subjects))
    if replaced:
        return _by_hand(case, f"a hold would not take effect: {replaced}", OVERRULED)
    return _change(case, path, holds, judgement)


OVERRULED = "kubectl meshcheck checks MC004 lists what overrules a hold"


def _replaced(subject: Subject) -> str:
    """What in the injector's values takes the place of the hold's hook.

    Asked where the injector itself could not be (istio/istio#37541).
    """
    told = subject.explained
    own = told.plane.setting("lifecycle") if told and told.plane else None
    if own is None or own.value is None or own.default:
        return ""
    return f"{own.origin} gives the proxy a hook of its own"


def _settled(case: Case) -> Item | None:
    """Workloads that need nothing."""
    worst = _worst(case.subjects)
    if case.now.rejected:
        reason = f"no pod of it can be created at present: {case.now.rejected}"
        return Refused(case.ref, reason, "mend that first; then run this again")
    foreseen = case.now.judgement
    if foreseen and foreseen.verdict in GOOD and worst.judgement.verdict in BAD:
        begun = _begun(case, foreseen)
        if begun:
            return begun
        subject = replace(worst, ref=case.ref, owners=())
        reason = f"a new pod would be {foreseen.verdict.value}; the running pods are"
        return NoChange(
            case.ref,
            f"{reason} older than that setting",
            remedy.restart(subject),
            Standing.MANUAL,
        )
    judgement = foreseen or worst.judgement
    if case.ignored and judgement.verdict in BAD:
        return NoChange(case.ref, f"ignored: {case.ignored}")
    if judgement.verdict in BAD:
        return _harmless(case, judgement)
    if judgement.verdict is Verdict.UNKNOWN:
        instead = "look at the hook; this program never guesses"
        return _by_hand(case, judgement.reason, instead)
    if case.now.unknown and not worst.running and _asked(worst):
        reason = f"it has no pods to be judged by, and {case.now.unknown}"
        instead = "run this again when it has pods"
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


def _worst(subjects: Sequence[Subject]) -> Subject:
    return min(subjects, key=lambda subject: subject.judgement.verdict.rank)


def _evidence(case: Case) -> tuple[PodStart, Judgement]:
    """The pod that is to be mended: the next one, else the worst of today's."""
    if case.now.pod and case.now.judgement:
        return case.now.pod, case.now.judgement
    worst = _worst(case.subjects)
    return worst.pod, worst.judgement


def _racing(judgement: Judgement) -> list[Proxy]:
    """The meshes' proxies that something does not wait for."""
    found = [p for p in judgement.proxies if mesh_of(p)]
    return [p for p in found if p.gate.waits is not Waits.YES] or found


def _hold(template: PodStart, proxy: Proxy) -> Hold:
    mesh = mesh_of(proxy)
    assert mesh is not None  # _racing() keeps only those
    return mesh.hold(template, proxy)


def _by_hand(case: Case, reason: str, instead: str) -> NoChange:
    return NoChange(case.ref, reason, instead, Standing.MANUAL)


def _without_mesh(case: Case, judgement: Judgement) -> str:
    proxy = judgement.proxy
    subject = replace(_worst(case.subjects), ref=case.ref, owners=())
    return remedy.hold(subject, proxy) if proxy else "look at its sidecars"


_WHY_NOT = {
    "Job": "a Job's template cannot be changed",
    "Pod": "a bare pod is injected when it is created, and only then",
}


def _unchangeable(
    case: Case, pod: PodStart, judgement: Judgement, racing: Sequence[Proxy]
) -> NoChange:
    """Instructions for kinds whose pods can only be made anew, or by others."""
    kind = case.ref.kind.kind
    subject = replace(_worst(case.subjects), ref=case.ref, owners=())
    remedies = [remedy.command(subject, _hold(subject.written, p)) for p in racing]
    why = _WHY_NOT.get(kind, f"this program does not roll out a {kind}")
    reason = f"{judgement.reason}; {why}" if judgement.reason else why
    return _by_hand(case, reason, "; ".join(dict.fromkeys(remedies)))


def _change(
    case: Case, path: tuple[str, ...], holds: Sequence[Hold], judgement: Judgement
) -> Item:
    """The change that these annotations make."""
    ref, found = case.ref, case.object
    now = where.marks(found, path)
    wanted = {key: value for hold in holds for key, value in hold.annotations.items()}
    edits = tuple(
        Edit(key, now.get(key), value)
        for key, value in wanted.items()
        if now.get(key) != value
    )
    if not edits:
        return _asked_already(case, wanted, judgement)
    place = [(*path, "metadata", "annotations", edit.key) for edit in edits]
    cause = body.change_cause(ref, [edit.key for edit in edits])
    sent, after = body.compose(found, path, edits, case.time, cause)
    held = [
        holder
        for edit, field in zip(edits, place, strict=True)
        if edit.before is not None
        for holder in ownership.holders(found, field)
        if holder != MANAGER
    ]
    subject = replace(_worst(case.subjects), ref=ref, owners=())
    return Change(
        ref=ref,
        uid=str(where.at(found, ("metadata",)).get("uid", "")),
        path=path,
        edits=edits,
        why=judgement.reason,
        live=found,
        body=sent,
        after=after,
        restart=restart(ref, found, case.budgets),
        risks=_risks(holds, judgement, after, path),
        owners=ownership.owners(found, place),
        holders=tuple(dict.fromkeys(held)),
        snippet=body.snippet(path, edits),
        command=remedy.patch(subject, {edit.key: edit.after for edit in edits}),
        expected=unasked(case.now),
        time=case.time,
    )


#: the field manager of everything that a fix writes
MANAGER = "meshcheck"


def _asked_already(case: Case, wanted: dict[str, str], judgement: Judgement) -> Item:
    keys = ", ".join(wanted)
    subject = replace(_worst(case.subjects), ref=case.ref, owners=())
    if case.now.judgement:  # the injector itself was asked, and it does not hold
        return _by_hand(
            case,
            f"{keys} asks for it already, and a new pod would still race: "
            f"{judgement.reason}",
            OVERRULED,
        )
    reason = f"{keys} asks for it already; the running pods may be older than that"
    return _by_hand(case, reason, remedy.restart(subject))


def unasked(now: Foreseen) -> str:
    return f"waits, by the mesh's rules alone: {now.unknown}" if now.unknown else ""


def _risks(
    holds: Sequence[Hold], judgement: Judgement, after: Object, path: tuple[str, ...]
) -> tuple[str, ...]:
    """What the remedy brings with it here."""
    risks = [hold.overrules for hold in holds if hold.overrules]
    risks += [risk for hold in holds for risk in hold.risks]
    early = judgement.named(State.EXPOSED, Role.INIT)
    if early:
        names = ", ".join(early)
        risks.append(f"it does not help init containers: {names} still run too early")
    policy = where.at(after, (*path, "spec")).get("restartPolicy")
    if policy in ("Never", "OnFailure"):
        risks.append(
            f"restartPolicy {policy}: it does not end the proxy when the Job's own "
            "containers have ended (MC007)"
        )
    return tuple(dict.fromkeys(risks))
