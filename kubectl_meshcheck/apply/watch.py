"""Watches a rollout until it is done or cannot be, then judges the new pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.apply import objects
from kubectl_meshcheck.apply.progress import Progress, progress, told_by, trouble
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.kinds import POD
from kubectl_meshcheck.model import Judgement
from kubectl_meshcheck.plan.values import GOOD, Object
from kubectl_meshcheck.plan.where import at, marks
from kubectl_meshcheck.workload import Ref

#: seconds between two looks; kubectl watches, we want the pods and events too
PACE = 1.0
#: seconds for which the server may be out of reach
BLIND = 60.0


class Awaited(msgspec.Struct, frozen=True):
    """What is waited for."""

    ref: Ref
    uid: str
    #: annotations that tell the new pods; None where the key must not be there
    told: Mapping[str, str | None]
    since: str  #: RFC 3339: when it was written
    timeout: float = 0  #: seconds; 0: none
    #: give up when the new pods fail; an undo brings a race back, so it does not
    strict: bool = True


class _Eyes(msgspec.Struct):
    """What is remembered between two looks."""

    cluster: Cluster
    awaited: Awaited
    blind_since: float | None = None
    events: bool = True  #: whether they may be read
    started: float = msgspec.field(default_factory=time.monotonic)


class RolloutError(MeshcheckError):
    """The rollout has failed; the object is written all the same."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint, code=ExitCode.INEFFECTIVE)


def rolled_out(
    cluster: Cluster, awaited: Awaited, report: Callable[[Progress], None]
) -> None:
    """Returns when the rollout is done.  Raises ``RolloutError`` when it fails."""
    eyes = _Eyes(cluster, awaited)
    while True:
        seen = _look(eyes)
        if seen is not None:
            report(seen)
            if seen.failed:
                raise RolloutError(seen.failed)
            if seen.done:
                return
        late = time.monotonic() - eyes.started
        if awaited.timeout and late > awaited.timeout:
            said = seen.said if seen else "the server does not answer"
            what = f"not rolled out within {awaited.timeout:g} seconds: {said}"
            raise RolloutError(what)
        time.sleep(PACE)


def _look(eyes: _Eyes) -> Progress | None:
    """One look; None when the server could not be reached this time."""
    awaited = eyes.awaited
    try:
        found = objects.read(eyes.cluster, awaited.ref)
        if at(found, ("metadata",)).get("uid") != awaited.uid:
            raise RolloutError(f"{awaited.ref} has been deleted and made anew")
        seen = progress(awaited.ref.kind.kind, found)
        if awaited.strict and not seen.done and not seen.failed:
            failed = _trouble(eyes, found)
            if failed:
                seen = Progress(failed, False, seen.updated, seen.wanted, failed)
    except RolloutError:
        raise
    except MeshcheckError as error:
        _blind(eyes, error)
        return None
    eyes.blind_since = None
    return seen


def _blind(eyes: _Eyes, error: MeshcheckError) -> None:
    """Raises the error unless it may pass by itself."""
    if isinstance(error, ApiError) and error.status == 404:
        raise RolloutError(f"{eyes.awaited.ref} has been deleted") from error
    if isinstance(error, ApiError) and error.status in (401, 403):
        raise error
    now = time.monotonic()
    eyes.blind_since = eyes.blind_since or now
    if now - eyes.blind_since > BLIND:
        raise error


def _trouble(eyes: _Eyes, found: Object) -> str:
    pods = new_pods(eyes.cluster, eyes.awaited, found)
    failed = trouble(pods)
    if failed or not eyes.events:
        return failed
    names = [str(at(pod, ("metadata",)).get("name")) for pod in pods]
    path = f"/api/v1/namespaces/{eyes.awaited.ref.namespace}/events"
    try:
        events = objects.items(
            eyes.cluster, path, {"fieldSelector": "type=Warning", "limit": "500"}
        )
    except ApiError as error:
        eyes.events = error.status != 403
        return ""
    return told_by(events, [*names, eyes.awaited.ref.name], eyes.awaited.since)


def new_pods(cluster: Cluster, awaited: Awaited, found: Object) -> list[Object]:
    """The pods of the changed template that are there and not leaving."""
    query = objects.as_query(at(found, ("spec", "selector")))
    params = {"labelSelector": query, "limit": "500"}
    listed = objects.items(cluster, POD.path(awaited.ref.namespace), params)
    return [pod for pod in listed if _is_new(pod, awaited)]


def _is_new(pod: Object, awaited: Awaited) -> bool:
    if at(pod, ("metadata",)).get("deletionTimestamp"):
        return False
    kept = marks(pod)
    return all(kept.get(key) == value for key, value in awaited.told.items())


def proof(cluster: Cluster, awaited: Awaited) -> tuple[str, str]:
    """How the new pods start, and why that is not good; the latter may be empty."""
    found = objects.read(cluster, awaited.ref)
    pods = [
        pod
        for pod in new_pods(cluster, awaited, found)
        if at(pod, ("status",)).get("phase") not in ("Failed", "Succeeded")
    ]
    if not pods:
        return "no new pod to be seen yet", ""
    judged = [(pod, _judge(pod)) for pod in pods]
    bad = [(pod, j) for pod, j in judged if j.verdict not in GOOD]
    if bad:
        pod, judgement = bad[0]
        name = at(pod, ("metadata",)).get("name")
        why = f"pod {name} is {judgement.verdict.value}: {judgement.reason}"
        return judgement.verdict.value, why
    kinds = dict.fromkeys(judgement.verdict.value for _, judgement in judged)
    count = "1 new pod is" if len(pods) == 1 else f"all {len(pods)} new pods are"
    return f"{count} {' or '.join(kinds)}", ""


def _judge(pod: Object) -> Judgement:
    made: Any = parse.convert(pod, parse.Pod)
    return meshes.judge(meshes.start_of(made.metadata, made.spec))
