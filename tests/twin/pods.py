"""Pods with everything by which they are told apart, and the pages that hold them.

Plain JSON, as an API server writes it.  The shapes are those of Istio: its container
first with a hook, last without one, as a native sidecar, and not there.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_meshcheck.cluster import Page

Object = dict[str, Any]
#: what the pods of a list begin with, as a page of it names itself
KIND = {"kind": "PodList", "apiVersion": "v1"}
SHAPES = ("held", "last", "native", "none")
_PROXY = {"name": "istio-proxy", "image": "docker.io/istio/proxyv2:1.22.3"}
_HOOK = {"postStart": {"exec": {"command": ["pilot-agent", "wait"]}}}
_PROBE = {"httpGet": {"path": "/healthz/ready", "port": 15021}}
_STARTED = "2026-03-02T10:00:00Z"


def pod(
    name: str,
    owner: tuple[str, str] | None = ("ReplicaSet", "cart-abcde"),
    *,
    shape: str = "held",
    namespace: str = "shop",
    restarts: int = 0,
    ready: bool = True,
    crashed: bool = False,
    args: Sequence[str] = (),
    env: object = None,
) -> Object:
    """One pod; ``crashed``: its application was refused a connection as it began."""
    app: Object = {"name": "app", "image": "shop/app:1", "args": list(args)}
    if env is not None:
        app["env"] = env
    containers, init = _containers(shape, app)
    meta: Object = {"name": name, "namespace": namespace, "uid": f"uid-of-{name}"}
    meta["labels"] = {"app": name.partition("-")[0], "pod-template-hash": "abcde"}
    if owner:
        api_version = {"Job": "batch/v1", "Widget": "example.com/v1"}
        group = api_version.get(owner[0], "apps/v1")
        reference = {"apiVersion": group, "kind": owner[0], "name": owner[1]}
        meta["ownerReferences"] = [reference | {"controller": True}]
    spec = {"containers": containers, "initContainers": init}
    names = [one["name"] for one in containers]
    status = _status(names, restarts, ready=ready, crashed=crashed)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec,
            "status": status}  # fmt: skip


def _containers(shape: str, app: Object) -> tuple[list[Object], list[Object]]:
    if shape == "held":
        return [_PROXY | {"lifecycle": _HOOK}, app], []
    if shape == "last":
        return [app, _PROXY], []
    if shape == "native":
        return [app], [_PROXY | {"restartPolicy": "Always", "startupProbe": _PROBE}]
    return [app], []


def _status(names: list[str], restarts: int, *, ready: bool, crashed: bool) -> Object:
    ended = {"exitCode": 1, "reason": "Error", "startedAt": "2026-03-02T10:00:01Z",
             "finishedAt": "2026-03-02T10:00:02Z"}  # fmt: skip
    told: list[Object] = []
    for name in names:
        own = name == "app"
        one: Object = {"name": name, "ready": ready or not own}
        one["restartCount"] = restarts if own else 0
        one["state"] = {"running": {"startedAt": "2026-03-02T10:00:04Z"}}
        if crashed and own:
            one["lastState"] = {"terminated": ended}
        told.append(one)
    condition = {"type": "Ready", "status": str(ready),
                 "lastTransitionTime": "2026-03-02T10:00:07Z"}  # fmt: skip
    return {"phase": "Running", "startTime": _STARTED, "conditions": [condition],
            "containerStatuses": told}  # fmt: skip


def fleet(count: int) -> Iterator[Object]:
    """That many pods in the order of a list: owners of seven, three to a namespace.

    The namespaces go on over pages of any size; every eleventh pod is not ready, every
    thirteenth has crashed at its start, and each owner's shapes are mixed.
    """
    for number in range(count):
        workload = number // 7
        app = f"app-{workload:05}"
        yield pod(
            f"{app}-abcde-{number:06}",
            ("ReplicaSet", f"{app}-abcde"),
            shape=SHAPES[(workload + (number % 7 > 4)) % len(SHAPES)],
            namespace=f"team-{workload // 3:04}",
            restarts=number % 5 if not number % 13 else 0,
            ready=bool(number % 11),
            crashed=not number % 13,
            args=["serve", f"--name={app}"],
            env=[{"name": "PROXY_CONFIG", "value": app}, {"name": "A", "value": "b"}],
        )


def body(items: Sequence[object], *, more: bool = True) -> bytes:
    """A page of a list as JSON; ``more``: it names another that follows."""
    meta = {"resourceVersion": "1", "continue": "next"} if more else {}
    page = KIND | {"metadata": meta, "items": items}
    return json.dumps(page, separators=(",", ":")).encode()


def page(number: int, items: Sequence[object], *, compressed: bool = False) -> Page:
    """The same, to be handed on."""
    whole = body(items)
    return Page(number, compressed, gzip.compress(whole, 1) if compressed else whole)


def cut(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """The pages of a list, of that many items each."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def owners(count: int) -> Iterator[Object]:
    """The namespaces, Deployments and ReplicaSets of as large a fleet."""
    for workload in range(-(-count // 7)):
        app, space = f"app-{workload:05}", f"team-{workload // 3:04}"
        if not workload % 3:
            yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}}
        meta: Object = {"name": app, "namespace": space}
        template = {"spec": {"containers": [{"name": "app", "image": "shop/app:1"}]}}
        made = {"apiVersion": "apps/v1", "spec": {"replicas": 7, "template": template}}
        yield {"kind": "Deployment", "metadata": meta, **made}
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": app}
        own = meta | {"name": f"{app}-abcde"}
        own["ownerReferences"] = [owner | {"controller": True}]
        yield {"kind": "ReplicaSet", "metadata": own, **made}
