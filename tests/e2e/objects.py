"""Workloads as people write them, for a cluster of any kind.

The images are real and do nothing, so a real kubelet can start them too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]
IMAGE = "busybox:1.36"
PROXY_IMAGE = "docker.io/istio/proxyv2:1.22.0"
WAIT = {"postStart": {"exec": {"command": ["pilot-agent", "wait"]}}}
READY = {"path": "/healthz/ready", "port": 15021}
#: on a pod: dies when it is refused at its start (see tests.controlplane)
DIALS = {"kubelet.meshcheck.test/dials": "true"}
#: on a pod: the hook that waits for the proxy fails
NEVER_READY = {"kubelet.meshcheck.test/proxy": "never-ready"}


def container(name: str = "app", **more: Any) -> Object:
    """A container that does nothing, for long."""
    return {"name": name, "image": IMAGE, "command": ["sleep", "3600"], **more}


def proxy(**more: Any) -> Object:
    """``istio-proxy`` as the injector leaves it, by hand."""
    args = ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local"]
    return {"name": "istio-proxy", "image": PROXY_IMAGE, "args": args, **more}


def held_proxy() -> Object:
    """One that makes those behind it wait."""
    return proxy(lifecycle=WAIT)


def native_proxy() -> Object:
    """A native sidecar, for the init containers."""
    probe = {"httpGet": READY, "periodSeconds": 1, "failureThreshold": 600}
    return proxy(restartPolicy="Always", startupProbe=probe)


def istio_init() -> Object:
    """What redirects the traffic."""
    args = ["istio-iptables", "-p", "15001", "-u", "1337", "-m", "REDIRECT", "-i", "*"]
    return {"name": "istio-init", "image": PROXY_IMAGE, "args": args}


def pod_spec(
    containers: Sequence[Object] = (), init: Sequence[Object] = (), **more: Any
) -> Object:
    """A pod's spec; one idle container where none is given."""
    spec = {"containers": list(containers) or [container()], **more}
    spec["terminationGracePeriodSeconds"] = 0
    return {**spec, "initContainers": list(init)} if init else spec


def template(
    name: str,
    spec: Object,
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """A pod template whose pods are labelled ``app=NAME``."""
    meta: Object = {"labels": {"app": name, **(labels or {})}}
    if annotations:
        meta["annotations"] = dict(annotations)
    return {"metadata": meta, "spec": spec}


def workload(
    kind: str, namespace: str, name: str, pods: Object, replicas: int = 1, **more: Any
) -> Object:
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet of this template."""
    spec: Object = {"selector": {"matchLabels": {"app": name}}, "template": pods}
    if kind != "DaemonSet":
        spec["replicas"] = replicas
    if kind == "StatefulSet":
        spec["serviceName"] = name
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**spec, **more},
    }


def deployment(
    namespace: str,
    name: str,
    spec: Object,
    replicas: int = 1,
    **marks: Mapping[str, str],
) -> Object:
    """A Deployment; ``marks`` are the template's ``annotations`` and ``labels``."""
    pods = template(name, spec, **marks)
    return workload("Deployment", namespace, name, pods, replicas)


def job(namespace: str, name: str, spec: Object) -> Object:
    """A Job that runs once."""
    pods = template(name, {**spec, "restartPolicy": "Never"})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": pods, "backoffLimit": 0},
    }


def cron_job(namespace: str, name: str, spec: Object) -> Object:
    """A CronJob that is years away from its next run."""
    made = job(namespace, name, spec)
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": made["metadata"],
        "spec": {"schedule": "0 0 29 2 0", "jobTemplate": {"spec": made["spec"]}},
    }


def pod(namespace: str, name: str, spec: Object, **meta: Any) -> Object:
    """A pod that stands for itself, or belongs to ``ownerReferences``."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **meta},
        "spec": spec,
    }
