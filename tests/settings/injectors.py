"""The injectors of all other meshes for the tests, as their charts write them.

From our own hand; each beside one pod that it has made.  Names and flags are those of
the charts that the modules under ``meshes/`` name.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

Object = dict[str, Any]
_ADMISSION = "admissionregistration.k8s.io/v1"
APP = {"name": "app", "image": "shop/app:1"}


def webhook(
    configuration: str,
    name: str,
    service: tuple[str, str] | str,
    *,
    policy: str = "Fail",
    namespaces: Object | None = None,
    pods: Object | None = None,
    labels: Mapping[str, str] | None = None,
) -> Object:
    """A configuration with one webhook; ``service``: namespace and name, or a URL."""
    client: Object = {"url": service}
    if not isinstance(service, str):
        client = {"service": {"namespace": service[0], "name": service[1]}}
    entry = {
        "name": name,
        "clientConfig": client,
        "failurePolicy": policy,
        "rules": [{"operations": ["CREATE"], "resources": ["pods"]}],
        **({"namespaceSelector": namespaces} if namespaces else {}),
        **({"objectSelector": pods} if pods else {}),
    }
    return {
        "apiVersion": _ADMISSION,
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": configuration, "labels": dict(labels or {})},
        "webhooks": [entry],
    }


def deployment(
    namespace: str,
    name: str,
    image: str,
    *,
    container: str = "",
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    env: Mapping[str, str | None] | None = None,
) -> Object:
    """The injector's own; a variable that is None comes from a Secret."""
    secret = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    program = {
        "name": container or name,
        "image": image,
        "command": list(command),
        "args": list(args),
        "env": [
            {"name": key, **(secret if value is None else {"value": value})}
            for key, value in (env or {}).items()
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [program]}}},
    }


def namespace(
    name: str,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Object:
    """A namespace."""
    meta = {
        "name": name,
        "labels": dict(labels or {}),
        "annotations": dict(annotations or {}),
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def workload(
    namespace: str,
    name: str,
    *containers: Object,
    init: Sequence[Object] = (),
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    marks: Mapping[str, str] | None = None,
    pod_labels: Mapping[str, str] | None = None,
) -> list[Object]:
    """A Deployment whose template is the plain application, and its injected pod.

    ``annotations`` and ``labels`` stand on the template, ``marks`` and ``pod_labels``
    only on the pod, where the injector wrote them.
    """
    own = {"annotations": dict(annotations or {}), "labels": dict(labels or {})}
    template = {"metadata": own, "spec": {"containers": [APP]}}
    spec = {
        "containers": list(containers or [APP]),
        **({"initContainers": list(init)} if init else {}),
    }
    meta = {"name": name, "namespace": namespace}
    owner = {"controller": True, "kind": "ReplicaSet", "apiVersion": "apps/v1"}
    pod_meta = {
        "name": f"{name}-6d4-x",
        "namespace": namespace,
        "annotations": {**(annotations or {}), **(marks or {})},
        "labels": {**(labels or {}), **(pod_labels or {}), "pod-template-hash": "6d4"},
        "ownerReferences": [{**owner, "name": f"{name}-6d4"}],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {"template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": pod_meta,
            "spec": spec,
            "status": {"phase": "Running"},
        },
    ]


def node(version: str = "v1.33.2") -> Object:
    """A node with a kubelet of that version."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "a"},
        "status": {"nodeInfo": {"kubeletVersion": version}},
    }


# -- consul-k8s ------------------------------------------------------------

_CONSUL_FLAGS = {
    "default-inject": "false",
    "consul-dataplane-image": '"hashicorp/consul-dataplane:1.9.11"',
    "default-enable-transparent-proxy": "true",
    "enable-cni": "false",
    "allow-k8s-namespace": '"*"',
    "default-enable-sidecar-proxy-lifecycle": "true",
    "default-sidecar-proxy-lifecycle-shutdown-grace-period-seconds": "30",
    "default-sidecar-proxy-lifecycle-startup-grace-period-seconds": "0",
    "default-sidecar-proxy-startup-failure-seconds": "0",
    "default-enable-consul-dataplane-as-sidecar": "false",
}


def consul(version: str = "1.9.11", policy: str = "Fail", **flags: str) -> list[Object]:
    """The chart's, whose command is a shell script; ``flags`` with underscores."""
    given = {key.replace("_", "-"): value for key, value in flags.items()}
    told = {**_CONSUL_FLAGS, **given}
    lines = [f"-{key}={value}" for key, value in told.items() if value]
    script = "exec consul-k8s-control-plane inject-connect \\\n  " + " \\\n  ".join(
        lines
    )
    name = "consul-connect-injector"
    own = {
        "matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["consul"]}]
    }
    return [
        webhook(
            name,
            f"{name}.consul.hashicorp.com",
            ("consul", name),
            policy=policy,
            pods=own,
        ),
        deployment(
            "consul",
            name,
            f"hashicorp/consul-k8s-control-plane:{version}",
            container="sidecar-injector",
            command=["/bin/sh", "-ec", f"{script}\n"],
        ),
    ]


def consul_pod(annotations: Mapping[str, str], native: bool = False) -> list[Object]:
    """A pod with the dataplane first, as the lifecycle has it."""
    key = "consul.hashicorp.com"
    init = {
        "name": "consul-connect-inject-init",
        "image": "hashicorp/consul-k8s-control-plane:1.9.11",
    }
    proxy: Object = {
        "name": "consul-dataplane",
        "image": "hashicorp/consul-dataplane:1.9.11",
    }
    if native:
        probe = ["/usr/local/bin/consul-dataplane", "-check-proxy-health"]
        proxy |= {
            "restartPolicy": "Always",
            "startupProbe": {"exec": {"command": probe}},
        }
    return workload(
        "bank",
        "cashier",
        *([APP] if native else [proxy, APP]),
        init=[init, proxy] if native else [init],
        annotations={f"{key}/{name}": value for name, value in annotations.items()},
        marks={
            f"{key}/connect-inject-status": "injected",
            f"{key}/transparent-proxy-status": "enabled",
            f"{key}/consul-k8s-version": "v1.9.11",
        },
    )


# -- App Mesh --------------------------------------------------------------


def appmesh(version: str = "v1.13.3", **flags: str) -> list[Object]:
    """The chart's controller; ``flags`` with underscores."""
    told = {
        "sidecar-image-tag": "v1.34.13.3-prod",
        "prestop-delay": "20",
        "poststart-timeout": "180",
        "poststart-interval": "5",
        "envoy-admin-access-port": "9901",
        "wait-until-proxy-ready": "false",
    }
    told |= {key.replace("_", "-"): value for key, value in flags.items()}
    marked = {
        "matchExpressions": [
            {
                "key": "appmesh.k8s.aws/sidecarInjectorWebhook",
                "operator": "In",
                "values": ["enabled", "disabled"],
            }
        ]
    }
    place = ("appmesh-system", "appmesh-controller-webhook-service")
    return [
        webhook(
            "appmesh-controller-mutating-webhook-configuration",
            "mpod.appmesh.k8s.aws",
            place,
            namespaces=marked,
        ),
        deployment(
            "appmesh-system",
            "appmesh-controller",
            f"602401143452.dkr.ecr.eu-west-1.amazonaws.com/appmesh-controller:{version}",
            container="controller",
            command=["/controller"],
            args=[f"--{key}={value}" for key, value in told.items() if value],
        ),
        namespace("cloud", {"appmesh.k8s.aws/sidecarInjectorWebhook": "enabled"}),
    ]


def appmesh_pod() -> list[Object]:
    """A pod with Envoy last."""
    envoy = {
        "name": "envoy",
        "image": "840364872350.dkr.ecr.us-west-2.amazonaws.com/aws-appmesh-envoy:"
        "v1.34.13.3-prod",
        "env": [{"name": "APPMESH_VIRTUAL_NODE_NAME", "value": "mesh/m/virtualNode/n"}],
    }
    init = {"name": "proxyinit", "image": "aws-appmesh-proxy-route-manager:v7-prod"}
    return workload("cloud", "bill", APP, envoy, init=[init])


# -- Open Service Mesh -----------------------------------------------------


def osm(traffic: Object | None = None, where: str = "osm-system") -> list[Object]:
    """The chart's injector, its MeshConfig and a namespace of the mesh."""
    selector = {
        "matchLabels": {"openservicemesh.io/monitored-by": "osm"},
        "matchExpressions": [
            {"key": "openservicemesh.io/ignore", "operator": "DoesNotExist"}
        ],
    }
    config = {
        "apiVersion": "config.openservicemesh.io/v1alpha2",
        "kind": "MeshConfig",
        "metadata": {"name": "osm-mesh-config", "namespace": where},
        "spec": {"traffic": traffic or {}, "sidecar": {"logLevel": "error"}},
    }
    return [
        webhook(
            "osm-webhook-osm",
            "osm-inject.k8s.io",
            (where, "osm-injector"),
            namespaces=selector,
            labels={"app.kubernetes.io/version": "v1.2.4"},
        ),
        deployment(where, "osm-injector", "openservicemesh/osm-injector:v1.2.4"),
        config,
        namespace(
            "books",
            {"openservicemesh.io/monitored-by": "osm"},
            {"openservicemesh.io/sidecar-injection": "enabled"},
        ),
    ]


def osm_pod(**annotations: str) -> list[Object]:
    """A pod with Envoy last."""
    envoy = {"name": "envoy", "image": "envoyproxy/envoy-distroless:v1.23.1"}
    init = {"name": "osm-init", "image": "openservicemesh/init:v1.2.4"}
    given = {
        f"openservicemesh.io/{key.replace('_', '-')}": value
        for key, value in annotations.items()
    }
    marks = {"osm-proxy-uuid": "b5a9"}
    return workload(
        "books", "store", APP, envoy, init=[init], annotations=given, pod_labels=marks
    )


# -- NGINX Service Mesh ----------------------------------------------------


def nginx() -> list[Object]:
    """2.0: the webhooks' selectors decide."""
    selector = {"matchLabels": {"injector.nsm.nginx.com/auto-inject": "enabled"}}
    name = "nginx-mesh-controller"
    return [
        webhook(
            "sidecar-injector-webhook-cfg.internal.builtin.nsm.nginx",
            f"{name}.sidecar.injector",
            ("nginx-mesh", "nginx-mesh-webhook"),
            namespaces=selector,
        ),
        deployment(
            "nginx-mesh",
            name,
            "docker-registry.nginx.com/nsm/nginx-mesh-controller:2.0.0",
        ),
        namespace("web", {"injector.nsm.nginx.com/auto-inject": "enabled"}),
    ]


def old_nginx(**injection: Any) -> list[Object]:
    """1.7: the ConfigMap decides, which keeps its text as binary data."""
    text = json.dumps({"injection": injection})
    name = "nginx-mesh-api"
    return [
        webhook(
            "sidecar-injector-webhook-cfg.internal.builtin.nsm.nginx",
            f"{name}.sidecar.injector",
            ("nginx-mesh", "nginx-mesh-webhook"),
        ),
        deployment(
            "nginx-mesh", name, "docker-registry.nginx.com/nsm/nginx-mesh-api:1.7.0"
        ),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "mesh-config", "namespace": "nginx-mesh"},
            "binaryData": {
                "mesh-config.json": base64.b64encode(text.encode()).decode()
            },
        },
        namespace("web"),
    ]


def nginx_pod() -> list[Object]:
    """A pod with the sidecar last."""
    image = "docker-registry.nginx.com/nsm/nginx-mesh-sidecar:2.0.0"
    init = {"name": "nginx-mesh-init", "image": "nsm/nginx-mesh-init:2.0.0"}
    sidecar = {"name": "nginx-mesh-sidecar", "image": image}
    return workload("web", "front", APP, sidecar, init=[init])


# -- Dapr ------------------------------------------------------------------


def dapr(
    version: str = "1.18.3", policy: str = "Ignore", **env: str | None
) -> list[Object]:
    """The chart's injector."""
    name = "dapr-sidecar-injector"
    return [
        webhook(name, "sidecar-injector.dapr.io", ("dapr-system", name), policy=policy),
        deployment(
            "dapr-system",
            name,
            f"ghcr.io/dapr/injector:{version}",
            command=["/injector"],
            args=["--log-level", "info"],
            env={"NATIVE_SIDECAR_ENABLED": "false", **env},
        ),
    ]


def dapr_pod(**annotations: str) -> list[Object]:
    """A pod with daprd last."""
    daprd = {"name": "daprd", "image": "ghcr.io/dapr/daprd:1.18.3"}
    given = {"enabled": "true", "app-id": "orders", **annotations}
    keys = {f"dapr.io/{key.replace('_', '-')}": value for key, value in given.items()}
    return workload("orders", "orders", APP, daprd, annotations=keys)


# -- Vault -----------------------------------------------------------------


def vault(
    name: str = "vault-agent-injector", policy: str = "Ignore", **env: str | None
) -> list[Object]:
    """The chart's injector."""
    return [
        webhook(
            "vault-agent-injector-cfg",
            "vault.hashicorp.com",
            ("vault", "vault-agent-injector-svc"),
            policy=policy,
        ),
        deployment(
            "vault",
            name,
            "hashicorp/vault-k8s:1.7.2",
            container="sidecar-injector",
            args=["agent-inject", "2>&1"],
            env={
                "AGENT_INJECT_REVOKE_ON_SHUTDOWN": "false",
                "AGENT_INJECT_TEMPLATE_CONFIG_EXIT_ON_RETRY_FAILURE": "true",
                **env,
            },
        ),
    ]


def vault_pod(**annotations: str) -> list[Object]:
    """A pod with the agent last and its init container."""
    agent = {"name": "vault-agent", "image": "hashicorp/vault:2.0.4"}
    init = {"name": "vault-agent-init", "image": "hashicorp/vault:2.0.4"}
    given = {"agent-inject": "true", **annotations}
    keys = {
        f"vault.hashicorp.com/{key.replace('_', '-')}": value
        for key, value in given.items()
    }
    marks = {"vault.hashicorp.com/agent-inject-status": "injected"}
    return workload(
        "safe", "keys", APP, agent, init=[init], annotations=keys, marks=marks
    )


# -- Cloud SQL operator and gcsfuse ----------------------------------------


def cloudsql(version: str = "1.8.1") -> list[Object]:
    """The operator, as its manifests name things."""
    name = "cloud-sql-proxy-operator"
    place = f"{name}-system"
    return [
        webhook(
            f"{name}-mutating-core-webhook-configuration",
            "pods.proxy.cloudsql.google.com",
            (place, f"{name}-webhook-service"),
            policy="Ignore",
        ),
        deployment(
            place,
            f"{name}-controller-manager",
            f"gcr.io/cloud-sql-connectors/cloud-sql-operator/{name}:{version}",
            container="manager",
            command=["/manager"],
            args=["--leader-elect"],
        ),
    ]


def cloudsql_pod(name: str = "csql-data-db") -> list[Object]:
    """A pod with the operator's proxy as a native sidecar."""
    proxy = {
        "name": name,
        "image": "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.24.1",
        "restartPolicy": "Always",
        "env": [{"name": "CSQL_PROXY_HEALTH_CHECK", "value": "true"}],
        "startupProbe": {"httpGet": {"path": "/startup", "port": 9801}},
    }
    return workload("data", "stats", APP, init=[proxy])


def gcsfuse(managed: bool = False) -> list[Object]:
    """The driver's webhook; ``managed``: as on GKE, outside the cluster."""
    name, place = "gcs-fuse-csi-driver-webhook", "gcs-fuse-csi-driver"
    hook = "gcsfuse-sidecar-injector.csi.storage.gke.io"
    if managed:
        return [webhook(hook, hook, "https://10.0.0.1:443/inject", policy="Ignore")]
    return [
        webhook(hook, hook, (place, name), policy="Ignore"),
        deployment(place, name, "gke.gcr.io/gcs-fuse-csi-driver-webhook:v1.17.5-gke.0"),
    ]


def gcsfuse_pod(**annotations: str) -> list[Object]:
    """A pod with the sidecar, a native one without a probe."""
    sidecar = {
        "name": "gke-gcsfuse-sidecar",
        "image": "gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter:v1.17.5-gke.0",
        "restartPolicy": "Always",
    }
    given = {"volumes": "true", **annotations}
    keys = {f"gke-gcsfuse/{k.replace('_', '-')}": v for k, v in given.items()}
    return workload("train", "model", APP, init=[sidecar], annotations=keys)


def everything() -> list[Object]:
    """All of them in one cluster."""
    spaces = ("bank", "orders", "safe", "data", "train")
    return [
        *(namespace(name) for name in spaces),
        *consul(),
        *consul_pod({"connect-inject": "true"}),
        *appmesh(),
        *appmesh_pod(),
        *osm({"outboundPortExclusionList": [5432, 6379]}),
        *osm_pod(outbound_port_exclusion_list="9000"),
        *nginx(),
        *nginx_pod(),
        *dapr(),
        *dapr_pod(),
        *vault(),
        *vault_pod(),
        *cloudsql(),
        *cloudsql_pod(),
        *gcsfuse(),
        *gcsfuse_pod(),
        node(),
    ]
