"""A rollout at one moment, by kubectl's own conditions, and what stops it for good."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.apply.progress import Progress, progress, told_by, trouble


def _object(
    spec: dict[str, Any], status: dict[str, Any], generation: int = 1
) -> dict[str, Any]:
    return {"metadata": {"generation": generation}, "spec": spec, "status": status}


SEEN: dict[str, Any] = {"observedGeneration": 1}
UNSEEN = "waiting for its spec update to be observed"
#: kind, spec, status, what is seen (kubectl: rollout_status_test.go has the same)
CASES: list[tuple[str, dict[str, Any], dict[str, Any], Progress]] = [
    ("Deployment", {"replicas": 2}, {}, Progress(UNSEEN, wanted=2)),
    (
        "Deployment",
        {"replicas": 2},
        {**SEEN, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 2},
        Progress("1 out of 2 new replicas have been updated", False, 1, 2),
    ),
    (
        "Deployment",
        {"replicas": 2},
        {**SEEN, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3},
        Progress("1 old replicas are pending termination", False, 2, 2),
    ),
    (
        "Deployment",
        {"replicas": 2},
        {**SEEN, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1},
        Progress("1 of 2 updated replicas are available", False, 1, 2),
    ),
    (
        "Deployment",
        {"replicas": 2},
        {**SEEN, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2},
        Progress("successfully rolled out", True, 2, 2),
    ),
    (
        "Deployment",
        {"replicas": 0},
        SEEN,
        Progress("successfully rolled out", True, 0, 0),
    ),
    (
        "StatefulSet",
        {"replicas": 2},
        {**SEEN, "readyReplicas": 2},
        Progress("0 out of 2 new pods have been updated", False, 0, 2),
    ),
    (
        "StatefulSet",
        {"replicas": 2},
        {**SEEN, "readyReplicas": 1, "updatedReplicas": 2},
        Progress("waiting for 1 pods to be ready", False, 1, 2),
    ),
    (
        "StatefulSet",
        {"replicas": 1},
        {
            **SEEN,
            "readyReplicas": 1,
            "updatedReplicas": 1,
            "updateRevision": "b",
            "currentRevision": "a",
        },
        Progress("waiting for the revision b", False, 1, 1),
    ),
    (
        "StatefulSet",
        {
            "replicas": 3,
            "updateStrategy": {"rollingUpdate": {"partition": 2}},
        },
        {**SEEN, "readyReplicas": 3, "updatedReplicas": 1},
        Progress("rolling update complete", True, 1, 1),
    ),
    (
        "DaemonSet",
        {},
        {**SEEN, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1},
        Progress("1 out of 2 new pods have been updated", False, 0, 2),
    ),
    (
        "DaemonSet",
        {},
        {
            **SEEN,
            "desiredNumberScheduled": 2,
            "updatedNumberScheduled": 2,
            "numberAvailable": 1,
        },
        Progress("1 of 2 updated pods are available", False, 1, 2),
    ),
    (
        "DaemonSet",
        {},
        {
            **SEEN,
            "desiredNumberScheduled": 2,
            "updatedNumberScheduled": 2,
            "numberAvailable": 2,
        },
        Progress("successfully rolled out", True, 2, 2),
    ),
]


@pytest.mark.parametrize(("kind", "spec", "status", "expected"), CASES)
def test_a_rollout_is_where_kubectl_says_it_is(
    kind: str, spec: dict[str, Any], status: dict[str, Any], expected: Progress
) -> None:
    assert progress(kind, _object(spec, status)) == expected


def _condition(**told: str) -> dict[str, Any]:
    return {**SEEN, "conditions": [{"message": "m", **told}]}


@pytest.mark.parametrize(
    ("status", "failed"),
    [
        (
            _condition(type="Progressing", reason="ProgressDeadlineExceeded"),
            "it exceeded its progress deadline: m",
        ),
        (
            _condition(type="ReplicaFailure", status="True", reason="FailedCreate"),
            "its pods cannot be created: m",
        ),
        (_condition(type="ReplicaFailure", status="False"), ""),
    ],
)
def test_a_deployment_that_is_stuck_says_so(
    status: dict[str, Any], failed: str
) -> None:
    assert progress("Deployment", _object({"replicas": 1}, status)).failed == failed


def _pod(**state: Any) -> dict[str, Any]:
    told = {"name": "c", **state}
    return {"metadata": {"name": "p"}, "status": {"containerStatuses": [told]}}


@pytest.mark.parametrize(
    ("pod", "why"),
    [
        (_pod(state={"running": {}}), ""),
        (_pod(state={"waiting": {"reason": "ContainerCreating"}}), ""),
        (_pod(state={"waiting": {"reason": "ErrImagePull"}}), ""),
        (
            _pod(state={"waiting": {"reason": "ImagePullBackOff", "message": "no x"}}),
            "pod p, container c: ImagePullBackOff, no x",
        ),
        (
            _pod(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"exitCode": 3}},
            ),
            "pod p, container c: CrashLoopBackOff, exit 3",
        ),
        (
            _pod(
                state={"waiting": {"reason": "CrashLoopBackOff"}},
                lastState={"terminated": {"exitCode": 1, "message": "a\nrefused\n"}},
            ),
            "pod p, container c: CrashLoopBackOff, refused",
        ),
        ({"metadata": "x", "status": []}, ""),
    ],
)
def test_a_new_pod_that_cannot_become_ready_ends_the_wait(
    pod: dict[str, Any], why: str
) -> None:
    assert trouble([pod]) == why


def _event(reason: str, name: str, last: str) -> dict[str, Any]:
    about = {"name": name}
    return {
        "reason": reason,
        "involvedObject": about,
        "lastTimestamp": last,
        "message": "m",
    }


EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z"


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (_event("FailedPostStartHook", "p", LATE), "p: its postStart hook failed: m"),
        (_event("FailedCreate", "app", LATE), "app: a pod cannot be created: m"),
        (_event("FailedCreate", "app", EARLY), ""),
        (_event("FailedCreate", "other", LATE), ""),
        (_event("Unhealthy", "p", LATE), ""),
    ],
)
def test_events_of_this_rollout_count(event: dict[str, Any], why: str) -> None:
    assert told_by([event], ["p", "app"], "2026-01-01T00:00:05Z") == why
