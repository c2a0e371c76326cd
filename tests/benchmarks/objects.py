"""Realistic objects in any number, as JSON, one by one: about 14 KB a pod.

Of the pods 45 % have Istio's proxy last, 25 % are held, 15 % have a native sidecar and
15 % no proxy.  Twenty pods make a Deployment's ReplicaSet of five, with three old
ones beside it, and a hundred a namespace.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

#: how many of twenty pods have which shape
_SHAPES = ("last",) * 9 + ("held",) * 5 + ("native",) * 3 + ("none",) * 3
PODS_OF_A_WORKLOAD = 5
PODS_OF_A_NAMESPACE = 100
Object = dict[str, Any]
#: stand for what no two pods, or no two workloads, have in common, so that lists
#: compress as real ones do
_CHANCE, _OWN = "CHANCE", "OWN"
_CHANCES, _OWNS = re.compile(_CHANCE), re.compile(_OWN)


def namespace_of(number: int) -> str:
    """Where pod ``number`` is."""
    return f"team-{number // PODS_OF_A_NAMESPACE:04}"


def cluster(pods: int) -> Iterator[bytes]:
    """Namespaces, Deployments, ReplicaSets and pods."""
    for number in range(0, pods, PODS_OF_A_NAMESPACE):
        meta = {"name": namespace_of(number), "labels": {"istio-injection": "enabled"}}
        yield _bytes({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    for number in range(0, pods, PODS_OF_A_WORKLOAD):
        yield from map(_bytes, _owners(number))
    chance = random.Random(0)
    for shape in dict.fromkeys(_SHAPES):
        # the text is made once; what differs is a name of always the same length
        text = json.dumps(_pod(shape, "APP-0000000", "SPACE"), separators=(",", ":"))
        for number in range(pods):
            if _shape(number) == shape:
                app = f"app-{number // PODS_OF_A_WORKLOAD:07}"
                own = random.Random(number // PODS_OF_A_WORKLOAD)
                one = _OWNS.sub(partial(_hex, own), text)
                one = _CHANCES.sub(partial(_hex, chance), one)
                one = one.replace("APP-0000000-POD", f"{app}-abcde-{number:07}")
                one = one.replace("APP-0000000", app)
                yield one.replace("SPACE", namespace_of(number)).encode()


def _hex(chance: random.Random, _: re.Match[str]) -> str:
    return chance.randbytes(16).hex()


def _bytes(one: Object) -> bytes:
    return json.dumps(one, separators=(",", ":")).encode()


def _shape(number: int) -> str:
    return _SHAPES[number // PODS_OF_A_WORKLOAD % len(_SHAPES)]


def _owners(number: int) -> Iterator[Object]:
    app = f"app-{number // PODS_OF_A_WORKLOAD:07}"
    space = namespace_of(number)
    meta: Object = {"name": app, "namespace": space, "uid": app}
    meta["managedFields"] = _managed(12)
    template = {
        "metadata": {"labels": {"app": app}},
        "spec": {"containers": [_app(app)], "volumes": _volumes()},
    }
    spec = {"replicas": PODS_OF_A_WORKLOAD, "template": template}
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": spec,
    }
    for generation in range(4):
        name = f"{app}-{'abcde' if not generation else f'old{generation}x'}"
        owner = _owner("Deployment", app)
        own = {**meta, "name": name, "uid": name, "ownerReferences": [owner]}
        yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": own,
               "spec": spec}  # fmt: skip


def _owner(kind: str, name: str) -> Object:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name,
            "controller": True, "blockOwnerDeletion": True}  # fmt: skip


def _pod(shape: str, app: str, space: str) -> Object:
    proxied = shape != "none"
    annotations = {"prometheus.io/scrape": "true", "checksum/config": _OWN * 2}
    if proxied:
        told = {
            "initContainers": ["istio-init"],
            "containers": ["istio-proxy"],
            "revision": "1-22",
        }
        annotations["sidecar.istio.io/status"] = json.dumps(told)
        annotations["kubectl.kubernetes.io/default-container"] = "app"
    main, init = [_app("app")], []
    if proxied:
        init = [_init()]
        where = {"last": (main, 1), "held": (main, 0), "native": (init, 1)}[shape]
        where[0].insert(where[1], _proxy(shape))
    names = [c["name"] for c in main]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{app}-POD",
            "generateName": f"{app}-abcde-",
            "namespace": space,
            "uid": _CHANCE,
            "resourceVersion": "123456789",
            "creationTimestamp": "2026-03-02T10:00:00Z",
            "labels": {"app": app, "pod-template-hash": "abcde", "tier": "backend"},
            "annotations": annotations,
            "ownerReferences": [_owner("ReplicaSet", f"{app}-abcde")],
            "managedFields": _managed(42 if proxied else 24),
        },
        "spec": {
            "containers": main,
            "initContainers": init,
            "volumes": _volumes(),
            "restartPolicy": "Always",
            "serviceAccountName": "default",
            "nodeName": "node-17",
            "schedulerName": "default-scheduler",
            "tolerations": [
                {
                    "key": f"node.kubernetes.io/{key}",
                    "operator": "Exists",
                    "effect": "NoExecute",
                    "tolerationSeconds": 300,
                }
                for key in ("not-ready", "unreachable")
            ],
        },
        "status": {
            "phase": "Running",
            "startTime": "2026-03-02T10:00:00Z",
            "podIP": "10.1.2.3",
            "conditions": [
                {
                    "type": kind,
                    "status": "True",
                    "lastProbeTime": None,
                    "lastTransitionTime": "2026-03-02T10:00:07Z",
                }
                for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
            ],
            "containerStatuses": [_status(name) for name in names],
            "initContainerStatuses": [_status(c["name"]) for c in init],
        },
    }


def _app(name: str) -> Object:
    return {
        "name": name,
        "image": "registry.example/shop/app:1.9.3",
        "args": ["serve", "--port=8080"],
        "env": _env("SETTING", 20),
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        "volumeMounts": [{"name": f"volume-{i}", "mountPath": f"/mnt/{i}"}
                         for i in range(6)],
    }  # fmt: skip


def _env(name: str, count: int) -> list[Object]:
    values = (_OWN, "the same in every pod", "0")
    return [{"name": f"{name}_{i}", "value": values[i % 3]} for i in range(count)]


def _init() -> Object:
    return {
        "name": "istio-init",
        "image": "docker.io/istio/proxyv2:1.22.3",
        "args": ["istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337"],
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
    }


def _proxy(shape: str) -> Object:
    made: Object = {
        "name": "istio-proxy",
        "image": "docker.io/istio/proxyv2:1.22.3",
        "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"],
        "env": _env("ISTIO_META", 34),
        "readinessProbe": {"httpGet": {"path": "/healthz/ready", "port": 15021}},
        "securityContext": {"runAsUser": 1337, "runAsNonRoot": True},
        "volumeMounts": [{"name": f"istio-{i}", "mountPath": f"/etc/istio/{i}"}
                         for i in range(10)],
    }  # fmt: skip
    if shape == "held":
        hook = {"exec": {"command": ["pilot-agent", "wait"]}}
        made["lifecycle"] = {"postStart": hook}
    if shape == "native":
        probe = {"httpGet": {"path": "/healthz/ready", "port": 15021}}
        made |= {"restartPolicy": "Always", "startupProbe": probe}
    return made


def _volumes() -> list[Object]:
    return [
        {
            "name": f"volume-{i}",
            "configMap": {"name": f"config-{i}", "defaultMode": 420},
        }
        for i in range(10)
    ]


def _status(name: str) -> Object:
    return {
        "name": name,
        "image": "docker.io/istio/proxyv2:1.22.3",
        "imageID": "docker.io/istio/proxyv2@sha256:" + "ab" * 32,
        "containerID": "containerd://" + _CHANCE * 2,
        "ready": True,
        "started": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-03-02T10:00:04Z"}},
        "lastState": {},
    }


def _managed(fields: int) -> list[Object]:
    """What the API server notes about who set which field."""
    owned: Object = {
        f"f:field-{i}": {".": {}, "f:value": {}, f'k:{{"name":"{i}"}}': {}}
        for i in range(fields)
    }
    return [
        {
            "manager": manager,
            "operation": "Update",
            "apiVersion": "v1",
            "time": "2026-03-02T10:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": owned,
        }
        for manager in ("kube-controller-manager", "kubelet")
    ]
