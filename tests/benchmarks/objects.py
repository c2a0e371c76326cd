"""Realistic objects in any number, as JSON, one by one: about 14 KB a pod.

Of the pods 45 % have Istio's proxy last, 25 % are held, 15 % have a native sidecar and
15 % no proxy, each as its template asks for it.  Twenty pods make a Deployment's
ReplicaSet of five, with three old ones beside it, and a hundred a namespace.  What a
real API server adds is there: defaults, the service account's volume with its own name
for each pod, addresses, times, managed fields.  So pods compress to a tenth, as real
ones do.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.containers import application, injected, named, volumes
from tests.settings import meshes

#: how many of twenty pods have which shape
_SHAPES = ("last",) * 9 + ("held",) * 5 + ("native",) * 3 + ("none",) * 3
_REVISION, _VERSION = "1-27", "1.27.3"
PODS_OF_A_WORKLOAD = 5
PODS_OF_A_NAMESPACE = 100
Object = dict[str, Any]
#: stands for so many letters or digits that no two pods, or no two workloads, share
_MARK = re.compile(r"<(pod|own)-(hex|name|digit|volume):(\d+)>")
_ALPHABETS = {
    "hex": "0123456789abcdef",
    "name": "bcdfghjklmnpqrstvwxz2456789",
    "digit": "123456789",
}
_TIME = "2026-03-0<pod-digit:1>T1<pod-digit:1>:1<pod-digit:1>:2<pod-digit:1>Z"


def namespace_of(number: int) -> str:
    """Where pod ``number`` is."""
    return f"team-{number // PODS_OF_A_NAMESPACE:04}"


def cluster(pods: int) -> Iterator[bytes]:
    """Namespaces, a control plane, Deployments, ReplicaSets and pods."""
    for number in range(0, pods, PODS_OF_A_NAMESPACE):
        meta = {"name": namespace_of(number), "labels": {"istio.io/rev": _REVISION}}
        yield _bytes({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    yield from map(_bytes, _control_plane())
    chance = random.Random(0)
    for number in range(0, pods, PODS_OF_A_WORKLOAD):
        for one in _owners(number, _shape(number)):
            yield _drawn(json.dumps(one, separators=(",", ":")), number, chance)
    for shape in dict.fromkeys(_SHAPES):
        # the text is made once; what differs is of always the same length
        text = json.dumps(_pod(shape), separators=(",", ":"))
        for number in range(pods):
            if _shape(number) == shape:
                yield _drawn(text, number, chance)


def _drawn(text: str, number: int, chance: random.Random) -> bytes:
    """What is written so of all pods, as it is of one."""
    chances = {"pod": chance, "own": random.Random(number // PODS_OF_A_WORKLOAD)}
    kept: dict[str, str] = {}  # what is drawn once for all places

    def draw(mark: re.Match[str]) -> str:
        whose, alphabet, length = mark.groups()
        if alphabet == "volume":
            return kept.setdefault(alphabet, _some(chance, "name", int(length)))
        return _some(chances[whose], alphabet, int(length))

    names = {"APP-0000000": _app(number), "SPACE": namespace_of(number)}
    text = _MARK.sub(draw, text)
    for mark, name in names.items():
        text = text.replace(mark, name)
    return text.encode()


def _some(chance: random.Random, alphabet: str, length: int) -> str:
    return "".join(chance.choices(_ALPHABETS[alphabet], k=length))


def _app(number: int) -> str:
    return f"app-{number // PODS_OF_A_WORKLOAD:07}"


def _bytes(one: Object) -> bytes:
    return json.dumps(one, separators=(",", ":")).encode()


def _shape(number: int) -> str:
    return _SHAPES[number // PODS_OF_A_WORKLOAD % len(_SHAPES)]


def _control_plane() -> Iterator[Object]:
    """Istio's own objects, of a size as its charts write them."""
    templates = "policy: enabled\ntemplates:\n" + "  # one line of many\n" * 1_000
    default = {"discoveryAddress": f"istiod-{_REVISION}.istio-system.svc:15012"}
    values = meshes.values(_VERSION, {"startupProbe": {"enabled": True}})
    config = meshes.config_map(f"istio-{_REVISION}", mesh=meshes.mesh(default))
    injector = f"istio-sidecar-injector-{_REVISION}"
    group, kind = "admissionregistration.k8s.io", "MutatingWebhookConfiguration"
    yield {"apiVersion": f"{group}/v1", "kind": kind, **meshes.injector(_REVISION)}
    yield {"apiVersion": "v1", "kind": "ConfigMap", **config}
    yield {"apiVersion": "v1", "kind": "ConfigMap",
           **meshes.config_map(injector, values=values, config=templates)}  # fmt: skip
    own = {"ENABLE_NATIVE_SIDECARS": "false", "REVISION": _REVISION}
    image = f"docker.io/istio/pilot:{_VERSION}"
    yield {"apiVersion": "apps/v1", "kind": "Deployment",
           **meshes.istiod(own, f"istiod-{_REVISION}", image=image)}  # fmt: skip


def _marks(shape: str) -> tuple[Object, Object]:
    """The labels and annotations with which a template asks for its shape."""
    held = {"proxy.istio.io/config": "holdApplicationUntilProxyStarts: true\n"}
    native = {"sidecar.istio.io/nativeSidecar": "true"}
    labels = {"sidecar.istio.io/inject": "false"} if shape == "none" else {}
    return labels, {"held": held, "native": native}.get(shape, {})


def _owners(number: int, shape: str) -> Iterator[Object]:
    app = _app(number)
    container, asked = application(mounted=False), _marks(shape)
    template = {
        "metadata": {"labels": {"app": app} | asked[0], "annotations": asked[1]},
        "spec": {"containers": [container], "volumes": volumes()},
    }
    spec = {"replicas": PODS_OF_A_WORKLOAD, "template": template}
    applied = {"apiVersion": "apps/v1", "kind": "Deployment",
               "metadata": {"name": app}, "spec": spec}  # fmt: skip
    annotations = {"kubectl.kubernetes.io/last-applied-configuration":
                   json.dumps(applied)}  # fmt: skip
    meta: Object = {"name": app, "namespace": namespace_of(number), "uid": app,
                    "annotations": annotations,
                    "managedFields": _managed([container])}  # fmt: skip
    status = {"replicas": PODS_OF_A_WORKLOAD, "readyReplicas": PODS_OF_A_WORKLOAD}
    yield {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta,
           "spec": spec, "status": status}  # fmt: skip
    for generation in range(4):
        name = f"{app}-{'abcde' if not generation else f'old{generation}x'}"
        owner = _owner("Deployment", app)
        own = {**meta, "name": name, "uid": name, "ownerReferences": [owner]}
        yield {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": own,
               "spec": spec}  # fmt: skip


def _owner(kind: str, name: str) -> Object:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name,
            "controller": True, "blockOwnerDeletion": True}  # fmt: skip


def _pod(shape: str) -> Object:
    proxied = shape != "none"
    main, init = [application(mounted=True)], list[Object]()
    if proxied:
        redirect, proxy = injected(shape)
        init = [redirect]
        where = {"last": (main, 1), "held": (main, 0), "native": (init, 1)}[shape]
        where[0].insert(where[1], proxy)
    asked = _marks(shape)
    labels = {"app": "APP-0000000", "pod-template-hash": "abcde", "tier": "backend"}
    labels |= asked[0]
    annotations = {
        "checksum/config": "<own-hex:64>",
        "cni.projectcalico.org/containerID": "<pod-hex:64>",
        "cni.projectcalico.org/podIP": "10.1<pod-digit:2>.<pod-digit:2>.7/32",
    }
    if proxied:
        labels |= {"security.istio.io/tlsMode": "istio",
                   "service.istio.io/canonical-name": "APP-0000000",
                   "service.istio.io/canonical-revision": "latest"}  # fmt: skip
        told = {"initContainers": ["istio-init"], "containers": ["istio-proxy"],
                "volumes": ["workload-socket", "istio-envoy", "istio-token"],
                "imagePullSecrets": None, "revision": _REVISION}  # fmt: skip
        annotations["sidecar.istio.io/status"] = json.dumps(told)
        annotations |= asked[1]
        annotations["kubectl.kubernetes.io/default-container"] = "app"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "APP-0000000-abcde-<pod-name:5>",
            "generateName": "APP-0000000-abcde-",
            "namespace": "SPACE",
            "uid": "<pod-hex:8>-<pod-hex:4>-<pod-hex:4>-<pod-hex:12>",
            "resourceVersion": "<pod-digit:9>",
            "creationTimestamp": _TIME,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [_owner("ReplicaSet", "APP-0000000-abcde")],
            "managedFields": _managed([*init, *main]),
        },
        "spec": {
            "volumes": volumes(proxied=proxied, own=True),
            **({"initContainers": init} if init else {}),
            "containers": main,
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "serviceAccountName": "default",
            "serviceAccount": "default",
            "nodeName": "node-<pod-digit:3>",
            "securityContext": {},
            "schedulerName": "default-scheduler",
            "tolerations": [
                {"key": f"node.kubernetes.io/{key}", "operator": "Exists",
                 "effect": "NoExecute", "tolerationSeconds": 300}
                for key in ("not-ready", "unreachable")
            ],
            "priority": 0,
            "enableServiceLinks": True,
            "preemptionPolicy": "PreemptLowerPriority",
        },
        "status": _status(main, init),
    }  # fmt: skip


def _status(main: list[Object], init: list[Object]) -> Object:
    conditions = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    found: Object = {
        "phase": "Running",
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None,
             "lastTransitionTime": _TIME}
            for kind in conditions
        ],
        "hostIP": "10.0.<pod-digit:2>.<pod-digit:2>",
        "podIP": "10.1<pod-digit:2>.<pod-digit:2>.7",
        "podIPs": [{"ip": "10.1<pod-digit:2>.<pod-digit:2>.7"}],
        "startTime": _TIME,
        "containerStatuses": [_container_status(c) for c in main],
        "qosClass": "Burstable",
    }  # fmt: skip
    if init:
        found["initContainerStatuses"] = [_container_status(c) for c in init]
    return found


def _container_status(container: Object) -> Object:
    done = container["name"] == "istio-init"
    running = {"running": {"startedAt": _TIME}}
    ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": _TIME,
                            "finishedAt": _TIME,
                            "containerID": "containerd://<pod-hex:64>"}}  # fmt: skip
    return {
        "name": container["name"],
        "state": ended if done else running,
        "lastState": {},
        "ready": True,
        "restartCount": 0,
        "image": container["image"],
        "imageID": "docker.io/istio/proxyv2@sha256:" + "ab12" * 16,
        "containerID": "containerd://<pod-hex:64>",
        "started": not done,
    }


def _managed(containers: list[Object]) -> list[Object]:
    """What the API server notes about who has set which field."""
    spec: Object = {}
    for one in containers:
        spec[f'k:{{"name":"{one["name"]}"}}'] = {".": {}, **_fields(one, depth=2)}
    status: Object = {
        f"f:{key}": {".": {}, "f:ip": {}, 'k:{"ip":"10.1.2.3"}': {".": {}, "f:ip": {}}}
        for key in ("conditions", "containerStatuses", "hostIP", "phase", "podIPs")
    }
    parts = {
        "kube-controller-manager": {
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:ownerReferences": {}},
            "f:spec": {"f:containers": spec, "f:dnsPolicy": {}, "f:volumes": {}},
        },
        "kubelet": {"f:status": status},
    }
    return [
        {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": _TIME,
         "fieldsType": "FieldsV1", "fieldsV1": fields}
        for manager, fields in parts.items()
    ]  # fmt: skip


def _fields(value: Any, depth: int) -> Object:
    """The fields that a value has, as ``fieldsV1`` writes them."""
    if not depth:
        return {}
    if isinstance(value, dict):
        return {f"f:{key}": _fields(one, depth - 1) for key, one in value.items()}
    if isinstance(value, list) and all(map(named, value)):
        return {
            f'k:{{"name":"{one["name"]}"}}': {".": {}, **_fields(one, depth - 1)}
            for one in value
        }
    return {}
