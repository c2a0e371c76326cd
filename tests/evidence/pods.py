"""Pods of our own, as short as a case needs them; times are seconds behind 10:00."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubectl_meshcheck import parse
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.workload import Subject

Json = dict[str, Any]
REFUSED = "dial tcp 10.14.228.89:9825: connect: connection refused"
IMAGE = "docker.io/istio/proxyv2:1.14.6"


def at(second: float) -> str:
    """A time as the API writes it."""
    return f"2024-05-14T10:{int(second) // 60:02}:{int(second) % 60:02}Z"


def running(name: str, second: float | None = None, restarts: int = 0) -> Json:
    """The status of a container that runs since then."""
    state: Json = {} if second is None else {"startedAt": at(second)}
    return {
        "name": name,
        "ready": True,
        "restartCount": restarts,
        "state": {"running": state},
    }


def died(
    begun: float | None,
    ended: float | None,
    code: int = 1,
    message: str = "",
    reason: str = "Error",
) -> Json:
    """A run that is over."""
    run: Json = {"exitCode": code, "message": message, "reason": reason}
    times = {"startedAt": begun, "finishedAt": ended}
    return run | {key: at(t) for key, t in times.items() if t is not None}


def crashed(name: str, run: Json, restarts: int = 1, since: float = 50) -> Json:
    """The status of a container that runs again after such an end."""
    return running(name, since, restarts) | {"lastState": {"terminated": run}}


def waiting(name: str, reason: str, message: str = "", **more: Any) -> Json:
    """The status of a container that does not run."""
    state = {"waiting": {"reason": reason, "message": message}}
    return {"name": name, "restartCount": 0, "state": state} | more


def pod(
    *statuses: Json,
    name: str = "cart-5f7d6-x7k2p",
    held: bool = False,
    owner: str = "",
    inits: Sequence[Json] = (),
    uid: str = "",
) -> Json:
    """An Istio pod with the containers app and istio-proxy."""
    hook = {"postStart": {"exec": {"command": ["pilot-agent", "wait"]}}}
    proxy: Json = {
        "name": "istio-proxy",
        "image": IMAGE,
        "args": ["proxy", "sidecar"],
        "env": [{"name": "ISTIO_META_APP_CONTAINERS", "value": "app"}],
    }
    app = {"name": "app", "image": "registry.example/app:1"}
    init = {"name": "istio-init", "image": IMAGE, "args": ["istio-iptables"]}
    order = [proxy | {"lifecycle": hook}, app] if held else [app, proxy]
    meta: Json = {
        "name": name,
        "namespace": "shop",
        "uid": uid,
        "annotations": {"sidecar.istio.io/status": '{"containers":["istio-proxy"]}'},
    }
    if owner:
        kind = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "controller": True}
        meta["ownerReferences"] = [kind | {"name": owner}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"initContainers": [init, *inits], "containers": order},
        "status": {
            "phase": "Running",
            "startTime": at(0),
            "containerStatuses": list(statuses),
        },
    }


def event(
    reason: str, container: str, pod: str = "cart-5f7d6-x7k2p", **more: Any
) -> Json:
    """A warning of the kubelet about one of those containers."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{pod}.17", "namespace": "shop"},
        "type": "Warning",
        "reason": reason,
        "involvedObject": {
            "kind": "Pod",
            "namespace": "shop",
            "name": pod,
            "fieldPath": f"spec.containers{{{container}}}",
        },
    } | more


def subjects(*pods: Json) -> list[Subject]:
    """The workloads that a scan makes of them."""
    inventory = Inventory()
    for one in pods:
        inventory.add_pod(parse.convert(one, parse.Pod))
    return inventory.subjects()


def subject(*pods: Json) -> Subject:
    """The only one of them."""
    [found] = subjects(*pods)
    return found
