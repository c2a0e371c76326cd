"""From what is known of a workload to what is done about it; pure."""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck import ownership
from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.meshes.base import Hold
from kubectl_meshcheck.model import (
    Judgement,
    PodStart,
    Proxy,
    Role,
    State,
    Waits,
)
from kubectl_meshcheck.plan import body, where
from kubectl_meshcheck.plan.case import Case
from kubectl_meshcheck.plan.restarts import restart
from kubectl_meshcheck.plan.settled import settled
from kubectl_meshcheck.plan.values import (
    Change,
    Edit,
    Foreseen,
    Item,
    NoChange,
    Object,
)
from kubectl_meshcheck.workload import Subject


def draft(case: Case) -> Item:
    """The least invasive change that makes the application wait, or why there is none.

    Raises ``ValueError`` when the template does not fit its type.
    """
    done = settled(case)
    if done:
        return done
    pod, judgement = _evidence(case)
    racing = _racing(judgement)
    if not racing:
        return case.by_hand(judgement.reason, _without_mesh(case, judgement))
    if not where.changeable(case.ref.kind):
        return _unchangeable(case, pod, judgement, racing)
    path = where.template_path(case.ref.kind)
    template = where.written(case.object, path)
    holds = [_hold(template, proxy) for proxy in racing]
    manual = [hold.manual for hold in holds if not hold.annotations]
    if manual:
        return case.by_hand(judgement.reason, "; ".join(manual))
    replaced = "" if case.now.judgement else _replaced(case.worst)
    if replaced:
        return case.by_hand(f"a hold would not take effect: {replaced}", OVERRULED)
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


def _evidence(case: Case) -> tuple[PodStart, Judgement]:
    """The pod that is to be mended: the next one, else the worst of today's."""
    if case.now.pod and case.now.judgement:
        return case.now.pod, case.now.judgement
    worst = case.worst
    return worst.pod, worst.judgement


def _racing(judgement: Judgement) -> list[Proxy]:
    """The meshes' proxies that something does not wait for."""
    found = [p for p in judgement.proxies if mesh_of(p)]
    return [p for p in found if p.gate.waits is not Waits.YES] or found


def _hold(template: PodStart, proxy: Proxy) -> Hold:
    mesh = mesh_of(proxy)
    assert mesh is not None  # _racing() keeps only those
    return mesh.hold(template, proxy)


def _without_mesh(case: Case, judgement: Judgement) -> str:
    proxy = judgement.proxy
    subject = case.own
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
    subject = case.own
    remedies = [remedy.command(subject, _hold(subject.written, p)) for p in racing]
    why = _WHY_NOT.get(kind, f"this program does not roll out a {kind}")
    reason = f"{judgement.reason}; {why}" if judgement.reason else why
    return case.by_hand(reason, "; ".join(dict.fromkeys(remedies)))


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
        holders=_holders(found, path, edits),
        snippet=body.snippet(path, edits),
        command=remedy.patch(case.own, {edit.key: edit.after for edit in edits}),
        expected=unasked(case.now),
        time=case.time,
    )


#: the field manager of everything that a fix writes
MANAGER = "meshcheck"


def _holders(
    found: Object, path: tuple[str, ...], edits: Sequence[Edit]
) -> tuple[str, ...]:
    """Who else holds a value that is replaced."""
    held = [
        holder
        for edit in edits
        if edit.before is not None
        for holder in ownership.holders(
            found, (*path, "metadata", "annotations", edit.key)
        )
        if holder != MANAGER
    ]
    return tuple(dict.fromkeys(held))


def _asked_already(case: Case, wanted: dict[str, str], judgement: Judgement) -> Item:
    keys = ", ".join(wanted)
    subject = case.own
    if case.now.judgement:  # the injector itself was asked, and it does not hold
        return case.by_hand(
            f"{keys} asks for it already, and a new pod would still race: "
            f"{judgement.reason}",
            OVERRULED,
        )
    reason = f"{keys} asks for it already; the running pods may be older than that"
    return case.by_hand(reason, remedy.restart(subject))


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
