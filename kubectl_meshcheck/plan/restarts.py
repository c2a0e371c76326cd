"""What a changed pod template restarts, and how hard that is on the workload."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from kubectl_meshcheck.plan.values import Object, Restart
from kubectl_meshcheck.plan.where import at
from kubectl_meshcheck.workload import Ref


class Budget(msgspec.Struct, frozen=True):
    """A PodDisruptionBudget whose selector matches the workload's pods."""

    name: str
    allowed: int  #: disruptions that it allows now


def restart(ref: Ref, found: Object, budgets: Sequence[Budget] = ()) -> Restart:
    """What happens to the pods when the template of ``found`` changes."""
    spec = at(found, ("spec",))
    kind = ref.kind.kind
    if kind == "CronJob":
        suspended = ("it is suspended: nothing runs until then",)
        told = suspended if spec.get("suspend") is True else ()
        return Restart("nothing now; it takes effect with the next run", told)
    if kind in ("ReplicaSet", "ReplicationController"):
        how = f"nothing by itself: delete the pods of {ref} one by one"
        return Restart(how)
    paused = ""
    if spec.get("paused") is True:
        paused = "it is paused, so nothing would roll out"
    how, notes = _STRATEGIES[kind](spec, found)
    return Restart(how, (*notes, *_budgets(budgets)), paused)


def _budgets(budgets: Sequence[Budget]) -> Iterator[str]:
    # controllers delete pods, only evictions ask a budget (policy/v1, docs/concepts/
    # workloads/pods/disruptions: "not limited by PDBs when doing rolling upgrades")
    for budget in budgets:
        yield (
            f"the disruption budget {budget.name} allows {budget.allowed} now; "
            "a rolling update does not ask it"
        )


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"


def _deployment(spec: Mapping[str, Any], _: Object) -> tuple[str, list[str]]:
    replicas = _number(spec.get("replicas"), 1)
    if not replicas:
        return "nothing: it is scaled to 0", []
    strategy = at(spec, ("strategy",))
    if strategy.get("type") == "Recreate":
        note = "Recreate: all pods stop before the first new one starts"
        return f"{_pods(replicas)}, all at once", [note]
    rolling = at(strategy, ("rollingUpdate",))
    # rounded as kubernetes: pkg/controller/deployment/util, ResolveFenceposts
    surge = _share(rolling.get("maxSurge", "25%"), replicas, math.ceil)
    missing = _share(rolling.get("maxUnavailable", "25%"), replicas, math.floor)
    if not surge and not missing:
        missing = 1
    how = (
        f"{_pods(replicas)}, rolling: up to {surge} more and {missing} fewer at a time"
    )
    notes = []
    if missing >= replicas:
        notes.append("no pod needs to stay available while it rolls")
    return how, notes


def _stateful(spec: Mapping[str, Any], _: Object) -> tuple[str, list[str]]:
    replicas = _number(spec.get("replicas"), 1)
    strategy = at(spec, ("updateStrategy",))
    if strategy.get("type") == "OnDelete":
        return _on_delete(replicas)
    if not replicas:
        return "nothing: it is scaled to 0", []
    notes = []
    if replicas == 1:
        notes.append("its only pod stops before the new one starts")
    partition = _number(at(strategy, ("rollingUpdate",)).get("partition"), 0)
    if partition:
        notes.append(f"partition {partition}: pods with lower numbers stay as they are")
    return f"{_pods(max(0, replicas - partition))}, one after the other", notes


def _daemon(spec: Mapping[str, Any], found: Object) -> tuple[str, list[str]]:
    pods = _number(at(found, ("status",)).get("desiredNumberScheduled"), 0)
    strategy = at(spec, ("updateStrategy",))
    if strategy.get("type") == "OnDelete":
        return _on_delete(pods)
    rolling = at(strategy, ("rollingUpdate",))
    missing = rolling.get("maxUnavailable", 1)
    how = f"{_pods(pods)}, one on each node, rolling: up to {missing} missing at a time"
    notes = []
    if not rolling.get("maxSurge"):
        notes.append("each node's pod stops before its new one starts")
    return how, notes


def _on_delete(pods: int) -> tuple[str, list[str]]:
    note = "OnDelete: each pod stays as it is until somebody deletes it"
    return f"nothing by itself; {_pods(pods)} to be deleted one by one", [note]


_STRATEGIES = {
    "Deployment": _deployment,
    "StatefulSet": _stateful,
    "DaemonSet": _daemon,
}


def _number(value: object, default: int) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return int(value) if whole and isinstance(value, int) else default


def _share(value: object, total: int, rounded: Any) -> int:
    """A number or a percentage of ``total``."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return int(rounded(int(value[:-1]) * total / 100))
    return _number(value, 0)
