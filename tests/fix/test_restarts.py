"""What a changed template restarts: strategy, counts and everything that hurts."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.kinds import named
from kubectl_meshcheck.plan import Restart
from kubectl_meshcheck.plan.restarts import Budget, restart
from kubectl_meshcheck.workload import Ref

RECREATE = {"strategy": {"type": "Recreate"}}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}
STAYS = "OnDelete: each pod stays as it is until somebody deletes it"
CASES: list[tuple[str, dict[str, Any], Restart]] = [
    (
        "deploy",
        {"replicas": 10},
        Restart("10 pods, rolling: up to 3 more and 2 fewer at a time"),
    ),
    ("deploy", {}, Restart("1 pod, rolling: up to 1 more and 0 fewer at a time")),
    (
        "deploy",
        {"replicas": 1, "strategy": {"rollingUpdate": {"maxSurge": 0}}},
        Restart(
            "1 pod, rolling: up to 0 more and 1 fewer at a time",
            ("no pod needs to stay available while it rolls",),
        ),
    ),
    ("deploy", {"replicas": 0}, Restart("nothing: it is scaled to 0")),
    (
        "deploy",
        {"replicas": 3, **RECREATE},
        Restart(
            "3 pods, all at once",
            ("Recreate: all pods stop before the first new one starts",),
        ),
    ),
    (
        "deploy",
        {"replicas": 0, "paused": True},
        Restart(
            "nothing: it is scaled to 0",
            paused="it is paused, so nothing would roll out",
        ),
    ),
    ("sts", {"replicas": 3}, Restart("3 pods, one after the other")),
    (
        "sts",
        {"replicas": 1},
        Restart(
            "1 pod, one after the other",
            ("its only pod stops before the new one starts",),
        ),
    ),
    (
        "sts",
        {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
        Restart(
            "1 pod, one after the other",
            ("partition 2: pods with lower numbers stay as they are",),
        ),
    ),
    (
        "sts",
        {"replicas": 2, **ON_DELETE},
        Restart("nothing by itself; 2 pods to be deleted one by one", (STAYS,)),
    ),
    (
        "ds",
        {},
        Restart(
            "4 pods, one on each node, rolling: up to 1 missing at a time",
            ("each node's pod stops before its new one starts",),
        ),
    ),
    (
        "ds",
        ON_DELETE,
        Restart("nothing by itself; 4 pods to be deleted one by one", (STAYS,)),
    ),
    ("cj", {}, Restart("nothing now; it takes effect with the next run")),
    (
        "cj",
        {"suspend": True},
        Restart(
            "nothing now; it takes effect with the next run",
            ("it is suspended: nothing runs until then",),
        ),
    ),
    ("rs", {}, Restart("nothing by itself: delete the pods of rs/app one by one")),
]


@pytest.mark.parametrize(("kind", "spec", "expected"), CASES)
def test_what_restarts(kind: str, spec: dict[str, Any], expected: Restart) -> None:
    found = {"spec": spec, "status": {"desiredNumberScheduled": 4}}
    known = named(kind)
    assert known is not None
    assert restart(Ref(known, "shop", "app"), found) == expected


def test_a_disruption_budget_is_named_and_what_it_does_not_do() -> None:
    known = named("deploy")
    assert known is not None
    ref = Ref(known, "shop", "app")
    assert restart(ref, {"spec": {}}, [Budget("keep-two", 0)]).notes == (
        "the disruption budget keep-two allows 0 now; a rolling update does not ask it",
    )
