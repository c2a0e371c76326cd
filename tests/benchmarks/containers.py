"""The containers and the volumes of the benchmarks' pods."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
_DEFAULTS: Object = {
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "imagePullPolicy": "IfNotPresent",
}
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME = "kube-api-access-<pod-volume:5>"
_PROXY = "docker.io/istio/proxyv2:1.27.3"
#: what the proxy is told of its pod, and of its place in the mesh
_OF_ITS_POD = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "INSTANCE_IP": "status.podIP",
    "SERVICE_ACCOUNT": "spec.serviceAccountName",
    "HOST_IP": "status.hostIP",
    "ISTIO_META_NODE_NAME": "spec.nodeName",
}
_OF_THE_MESH = {
    "PILOT_CERT_PROVIDER": "istiod",
    "CA_ADDR": "istiod-1-27.istio-system.svc:15012",
    "PROXY_CONFIG": '{"discoveryAddress":"istiod-1-27.istio-system.svc:15012"}\n',
    "ISTIO_META_POD_PORTS": '[\n    {"containerPort":8080,"protocol":"TCP"}\n]',
    "ISTIO_META_APP_CONTAINERS": "app",
    "ISTIO_META_CLUSTER_ID": "Kubernetes",
    "ISTIO_META_INTERCEPTION_MODE": "REDIRECT",
    "ISTIO_META_WORKLOAD_NAME": "APP-0000000",
    "ISTIO_META_OWNER": "kubernetes://apis/apps/v1/namespaces/SPACE/deployments/"
    "APP-0000000",
    "ISTIO_META_MESH_ID": "cluster.local",
    "TRUST_DOMAIN": "cluster.local",
}
_MOUNTS = (
    "workload-socket",
    "credential-socket",
    "workload-certs",
    "istiod-ca-cert",
    "istio-data",
    "istio-envoy",
    "istio-token",
    "istio-podinfo",
)


def named(value: Any) -> bool:
    """Whether Kubernetes tells such values of a list apart by name."""
    return isinstance(value, dict) and "name" in value


def application(*, mounted: bool) -> Object:
    """The application; ``mounted``: as it is in a pod."""
    kinds = ("<own-hex:16>", "the same in every pod", "0")
    env = [{"name": f"SETTING_{i}", "value": kinds[i % 3]} for i in range(16)]
    mounts = [{"name": f"volume-{i}", "mountPath": f"/mnt/{i}"} for i in range(4)]
    return {
        "name": "app",
        "image": "registry.example/shop/APP-0000000:1.9.3",
        "args": ["serve", "--port=8080"],
        "ports": [{"containerPort": 8080, "protocol": "TCP"}],
        "env": env,
        "resources": {
            "limits": {"memory": "512Mi"},
            "requests": {"cpu": "100m", "memory": "512Mi"},
        },
        "volumeMounts": [*mounts, _account()] if mounted else mounts,
        "livenessProbe": _probe("/live", 8080),
        "readinessProbe": _probe("/ready", 8080),
        **_DEFAULTS,
    }


def injected(shape: str) -> tuple[Object, Object]:
    """What the injector adds: istio-init, and the proxy in that shape."""
    rights: Object = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsGroup": 1337,
        "runAsNonRoot": True,
        "runAsUser": 1337,
    }
    init = {
        "name": "istio-init",
        "image": _PROXY,
        "args": ["istio-iptables", "-p", "15001", "-z", "15006", "-u", "1337", "-m",
                 "REDIRECT", "-i", "*", "-x", "", "-b", "*", "-d",
                 "15090,15021,15020", "--log_output_level=default:info"],
        "resources": _resources(),
        "volumeMounts": [_account()],
        "securityContext": rights | {"runAsNonRoot": False, "runAsUser": 0},
        **_DEFAULTS,
    }  # fmt: skip
    proxy = {
        "name": "istio-proxy",
        "image": _PROXY,
        "args": ["proxy", "sidecar", "--domain", "$(POD_NAMESPACE).svc.cluster.local",
                 "--proxyLogLevel=warning", "--proxyComponentLogLevel=misc:error",
                 "--log_output_level=default:info"],
        "ports": [{"name": "http-envoy-prom", "containerPort": 15090,
                   "protocol": "TCP"}],
        "env": _environment(),
        "resources": _resources(),
        "volumeMounts": [
            *({"name": name, "mountPath": f"/var/run/secrets/{name}"}
              for name in _MOUNTS),
            _account(),
        ],
        "readinessProbe": _probe("/healthz/ready", 15021),
        "securityContext": rights,
        **_DEFAULTS,
    }  # fmt: skip
    if shape == "held":
        command = ["pilot-agent", "wait"]
        proxy["lifecycle"] = {"postStart": {"exec": {"command": command}}}
    if shape == "native":
        proxy["restartPolicy"] = "Always"
        proxy["startupProbe"] = _probe("/healthz/ready", 15021)
    return init, proxy


def volumes(*, proxied: bool = False, own: bool = False) -> list[Object]:
    """A pod's volumes; ``own``: with the one for its service account."""
    found: list[Object] = [
        {"name": f"volume-{i}", "configMap": {"name": f"config-{i}",
                                              "defaultMode": 420}}
        for i in range(4)
    ]  # fmt: skip
    if proxied:
        found = [*({"name": name, "emptyDir": {}} for name in _MOUNTS), *found]
    sources: list[Object] = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt",
                       "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {
            "apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]  # fmt: skip
    if own:
        access = {"sources": sources, "defaultMode": 420}
        found.append({"name": _VOLUME, "projected": access})
    return found


def _account() -> Object:
    return {"name": _VOLUME, "readOnly": True, "mountPath": _ACCOUNT}


def _environment() -> list[Object]:
    ours = [
        {"name": name, "valueFrom": {"fieldRef": {"apiVersion": "v1",
                                                  "fieldPath": path}}}
        for name, path in _OF_ITS_POD.items()
    ]  # fmt: skip
    return [*ours, *({"name": n, "value": v} for n, v in _OF_THE_MESH.items())]


def _resources() -> Object:
    return {
        "limits": {"cpu": "2", "memory": "1Gi"},
        "requests": {"cpu": "10m", "memory": "40Mi"},
    }


def _probe(path: str, port: int) -> Object:
    return {
        "httpGet": {"path": path, "port": port, "scheme": "HTTP"},
        "timeoutSeconds": 3,
        "periodSeconds": 15,
        "successThreshold": 1,
        "failureThreshold": 4,
    }
