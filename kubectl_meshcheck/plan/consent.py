"""Whether a change goes ahead: by the cluster's word on it, and by the user's."""

from __future__ import annotations

from msgspec.structs import replace

from kubectl_meshcheck import scan
from kubectl_meshcheck.model import Judgement, PodStart
from kubectl_meshcheck.ownership import Fate
from kubectl_meshcheck.plan.draft import OVERRULED, unasked
from kubectl_meshcheck.plan.settled import mend
from kubectl_meshcheck.plan.values import (
    GOOD,
    Allowed,
    Change,
    Foreseen,
    Item,
    Refused,
)
from kubectl_meshcheck.workload import Subject


def confirmed(change: Change, foreseen: Foreseen) -> Item:
    """The change with the cluster's own word on it, or why it would be in vain."""
    if foreseen.rejected:
        reason = f"the changed pod cannot be created: {foreseen.rejected}"
        return Refused(change.ref, reason, mend(foreseen.rejected))
    judgement, pod = foreseen.judgement, foreseen.pod
    if judgement is None or pod is None:
        return replace(change, expected=unasked(foreseen))
    if judgement.verdict in GOOD:
        said = f"{judgement.verdict.value}, says the cluster's own injector"
        told = _new(change, pod, judgement, "MC012")
        return replace(
            change, expected=said, risks=tuple(dict.fromkeys((*change.risks, *told)))
        )
    told = _new(change, pod, judgement, "MC004")
    why = "; ".join(told) or judgement.reason or "the injector did not act upon it"
    verdict = judgement.verdict.value
    reason = f"it would not take effect: a changed pod would still be {verdict}"
    return Refused(change.ref, f"{reason}: {why}", _overruled(judgement), change)


def _overruled(judgement: Judgement) -> str:
    proxy = judgement.proxy
    container = judgement.steps[proxy.index].container if proxy else None
    if container and container.post_start:
        return f"{container.name} has a hook of its own, {container.post_start}"
    return OVERRULED


def _new(change: Change, pod: PodStart, judgement: Judgement, id: str) -> list[str]:
    """What a check says of the changed pod."""
    subject = Subject(change.ref, pod, judgement, pods=1, template=pod)
    [row] = scan.scan([subject]).rows
    return [one.finding.message for one in row.found if one.check.id == id]


def allowed(change: Change, agreed: Allowed) -> Item:
    """The change, or why it is not written without a further word."""
    if change.restart.paused:
        resume = f"kubectl rollout resume {change.ref} -n {change.ref.namespace}"
        return Refused(change.ref, change.restart.paused, resume, change)
    lost = [owner for owner in change.owners if owner.fate is not Fate.STAYS]
    if lost and not agreed.drift:
        owner = lost[0]
        reason = (
            f"the change {owner.fate.value}: {owner} ({owner.evidence}): {owner.when}"
        )
        instead = (
            f"change it in {owner.instead}; --allow-drift changes it here all the same"
        )
        return Refused(change.ref, reason, instead, change)
    if change.holders and not agreed.conflicts:
        keys = ", ".join(e.key for e in change.edits if e.before is not None)
        names = ", ".join(change.holders)
        reason = f"{keys} is held by the field manager {names}"
        instead = "--force-conflicts takes the field from it"
        return Refused(change.ref, reason, instead, change)
    return change
