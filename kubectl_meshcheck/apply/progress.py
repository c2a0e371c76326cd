"""How far a rollout is, by kubectl's own conditions, and what stops it for good.

Conditions: kubernetes/kubectl: pkg/polymorphichelpers/rollout_status.go.  kubectl
does not look at the pods; the signs of a rollout that cannot end well are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at


class Progress(msgspec.Struct, frozen=True):
    """A rollout at one moment."""

    said: str  #: one clause, in kubectl's words
    done: bool = False
    updated: int = 0  #: pods of the new template that are available
    wanted: int = 0
    failed: str = ""  #: why it will not go on


def progress(kind: str, found: Object) -> Progress:
    """How far the rollout of a Deployment, StatefulSet or DaemonSet is."""
    return _KINDS[kind](at(found, ("spec",)), at(found, ("status",)), _seen(found))


def _seen(found: Object) -> bool:
    """Whether the controller has seen the newest template."""
    generation = at(found, ("metadata",)).get("generation")
    observed = at(found, ("status",)).get("observedGeneration")
    return _number(observed) >= _number(generation) and _number(observed) > 0


_UNSEEN = "waiting for its spec update to be observed"


def _deployment(
    spec: Mapping[str, Any], status: Mapping[str, Any], seen: bool
) -> Progress:
    wanted = _number(spec.get("replicas"), 1)
    updated = _number(status.get("updatedReplicas"))
    available = _number(status.get("availableReplicas"))
    old = _number(status.get("replicas")) - updated
    new = max(0, min(updated, available - old))
    if not seen:
        return Progress(_UNSEEN, wanted=wanted)
    for condition in _conditions(status):
        failed = _stuck(condition)
        if failed:
            return Progress(failed, False, new, wanted, failed)
    if updated < wanted:
        said = f"{updated} out of {wanted} new replicas have been updated"
    elif old > 0:
        said = f"{old} old replicas are pending termination"
    elif available < updated:
        said = f"{available} of {updated} updated replicas are available"
    else:
        return Progress("successfully rolled out", True, wanted, wanted)
    return Progress(said, False, new, wanted)


def _conditions(status: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found = status.get("conditions")
    for condition in found if isinstance(found, list) else ():
        if isinstance(condition, Mapping):
            yield condition


def _stuck(condition: Mapping[str, Any]) -> str:
    message = str(condition.get("message", ""))
    if condition.get("reason") == "ProgressDeadlineExceeded":
        return f"it exceeded its progress deadline: {message}"
    if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
        return f"its pods cannot be created: {message}"
    return ""


def _stateful(
    spec: Mapping[str, Any], status: Mapping[str, Any], seen: bool
) -> Progress:
    wanted = _number(spec.get("replicas"), 1)
    partition = at(spec, ("updateStrategy", "rollingUpdate")).get("partition")
    due = max(0, wanted - _number(partition))
    updated = _number(status.get("updatedReplicas"))
    ready = _number(status.get("readyReplicas"))
    # the API server leaves updatedReplicas out when it is 0; ready counts all pods
    new = min(updated, ready)
    if not seen:
        return Progress(_UNSEEN, wanted=due)
    if updated < due:
        said = f"{updated} out of {due} new pods have been updated"
    elif ready < wanted:
        said = f"waiting for {wanted - ready} pods to be ready"
    elif not partition and status.get("updateRevision") != status.get(
        "currentRevision"
    ):
        said = f"waiting for the revision {status.get('updateRevision')}"
    else:
        return Progress("rolling update complete", True, due, due)
    return Progress(said, False, min(new, due), due)


def _daemon(spec: Mapping[str, Any], status: Mapping[str, Any], seen: bool) -> Progress:
    wanted = _number(status.get("desiredNumberScheduled"))
    updated = _number(status.get("updatedNumberScheduled"))
    available = _number(status.get("numberAvailable"))
    if not seen:
        return Progress(_UNSEEN, wanted=wanted)
    if updated < wanted:
        said = f"{updated} out of {wanted} new pods have been updated"
    elif available < wanted:
        said = f"{available} of {wanted} updated pods are available"
    else:
        return Progress("successfully rolled out", True, wanted, wanted)
    return Progress(said, False, min(updated, available), wanted)


_KINDS = {"Deployment": _deployment, "StatefulSet": _stateful, "DaemonSet": _daemon}


def _number(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) else default


#: a container that waits for one of these does not start by waiting longer
_HOPELESS = (
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "PostStartHookError",
)


def trouble(pods: Iterable[Object]) -> str:
    """Why these new pods will not become ready; empty while they may."""
    for pod in pods:
        name = at(pod, ("metadata",)).get("name")
        for told in _told(pod):
            waiting = at(told, ("state", "waiting"))
            if waiting.get("reason") in _HOPELESS:
                where = f"pod {name}, container {told.get('name')}"
                return f"{where}: {_reason(told, waiting)}"
    return ""


def _told(pod: Object) -> Iterator[Mapping[str, Any]]:
    for kind in ("initContainerStatuses", "containerStatuses"):
        found = at(pod, ("status",)).get(kind)
        for one in found if isinstance(found, list) else ():
            if isinstance(one, Mapping):
                yield one


def _reason(told: Mapping[str, Any], waiting: Mapping[str, Any]) -> str:
    reason = str(waiting["reason"])
    last = at(told, ("lastState", "terminated"))
    if last:
        said = str(last.get("message", "")).strip().splitlines()
        end = said[-1] if said else f"exit {last.get('exitCode')}"
        return f"{reason}, {end}"
    message = str(waiting.get("message", "")).strip()
    return f"{reason}, {message}" if message else reason


#: events of a controller or pod that mean the same
_EVENTS = {
    "FailedPostStartHook": "its postStart hook failed",
    "FailedCreate": "a pod cannot be created",
}


def told_by(events: Iterable[Object], names: Iterable[str], since: str) -> str:
    """What the events say of these pods and controllers; empty for nothing bad.

    ``since`` is RFC 3339; what was last seen before is of another rollout.
    """
    wanted = set(names)
    for event in events:
        about = at(event, ("involvedObject",)).get("name")
        reason = str(event.get("reason", ""))
        last = event.get("lastTimestamp") or event.get("eventTime") or ""
        if reason in _EVENTS and about in wanted and str(last)[:19] >= since[:19]:
            message = str(event.get("message", "")).strip()
            return f"{about}: {_EVENTS[reason]}: {message}"
    return ""
