"""Control planes for the tests, as their charts write them, from our own hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from kubectl_meshcheck import parse
from kubectl_meshcheck.control import Placed
from kubectl_meshcheck.mesh_objects import (
    ConfigMap,
    MeshObjects,
    Wanted,
    WebhookConfiguration,
)
from kubectl_meshcheck.model import PodStart, Proxy

Object = dict[str, Any]
_PODS = [{"operations": ["CREATE"], "resources": ["pods"]}]


def requirement(key: str, operator: str, *values: str) -> Object:
    """A matchExpression."""
    return {
        "key": key,
        "operator": operator,
        **({"values": list(values)} if values else {}),
    }


NOT_OUT = requirement("sidecar.istio.io/inject", "NotIn", "false")
NO_REV = requirement("istio.io/rev", "DoesNotExist")
NO_INJECTION = requirement("istio-injection", "DoesNotExist")


def webhook(
    name: str,
    namespace: Sequence[Object],
    pod: Sequence[Object],
    client: Object,
) -> Object:
    """One webhook that is called when pods are made."""
    return {
        "name": f"{name}sidecar-injector.istio.io",
        "clientConfig": client,
        "rules": _PODS,
        "namespaceSelector": {"matchExpressions": list(namespace)},
        "objectSelector": {"matchExpressions": list(pod)},
    }


def injector(
    revision: str = "default",
    *,
    namespace: str = "istio-system",
    tag: str = "",
    client: Object | None = None,
    opened: bool = False,
) -> Object:
    """The configuration of one revision or tag, with the selectors of 1.10 to 1.31.

    ``opened``: as KubeSphere patches it.
    """
    suffix = "" if revision == "default" else f"-{revision}"
    service = {"service": {"name": f"istiod{suffix}", "namespace": namespace}}
    client = client or service
    word = tag or revision
    wanted = requirement("istio.io/rev", "In", word)
    objects = [NOT_OUT] if opened else [NOT_OUT, wanted]
    hooks = [
        webhook("rev.namespace.", [wanted, NO_INJECTION], [NOT_OUT], client),
        webhook("rev.object.", [NO_REV, NO_INJECTION], objects, client),
    ]
    if word == "default":
        enabled = requirement("istio-injection", "In", "enabled")
        asked = requirement("sidecar.istio.io/inject", "In", "true")
        hooks += [
            webhook("namespace.", [enabled], [NOT_OUT], client),
            webhook("object.", [NO_INJECTION, NO_REV], [asked, NO_REV], client),
        ]
    name = f"istio-revision-tag-{tag}" if tag else f"istio-sidecar-injector{suffix}"
    labels = {"istio.io/rev": revision, **({"istio.io/tag": tag} if tag else {})}
    return {"metadata": {"name": name, "labels": labels}, "webhooks": hooks}


def config_map(name: str, namespace: str = "istio-system", **data: str) -> Object:
    """A ConfigMap."""
    return {"metadata": {"name": name, "namespace": namespace}, "data": data}


def values(version: str = "1.20.3", proxy: Object | None = None, **more: Any) -> str:
    """The injector's values."""
    tree = {"global": {"tag": version, "proxy": proxy or {}}, **more}
    return json.dumps(tree, indent=2)


def mesh(default_config: Object | None = None) -> str:
    """The mesh's configuration."""
    tree = {"trustDomain": "cluster.local", "defaultConfig": default_config or {}}
    return str(yaml.safe_dump(tree))


def istiod(
    env: Mapping[str, str] | None = None,
    name: str = "istiod",
    namespace: str = "istio-system",
    image: str = "docker.io/istio/pilot:1.20.3",
) -> Object:
    """The control plane's own Deployment."""
    container = {
        "name": "discovery",
        "image": image,
        "env": [{"name": k, "value": v} for k, v in (env or {}).items()],
    }
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [container]}}},
    }


def objects(*found: Object, kubelets: tuple[str, ...] | None = None) -> MeshObjects:
    """What was read, told apart by what it looks like."""
    kept = MeshObjects(kubelets=kubelets, webhooks_unknown="")
    for one in found:
        if "webhooks" in one:
            kept.add_webhooks(parse.convert(one, WebhookConfiguration))
        elif "data" in one:
            kept.add_config_map(parse.convert(one, ConfigMap))
        else:
            meta = one["metadata"]
            wanted = Wanted("Deployment", meta["namespace"], meta["name"])
            template = parse.convert(one, parse.Workload).template
            kept.deployments[wanted] = template or parse.Template()
    return kept


def istio(
    version: str = "1.20.3",
    *,
    proxy: Object | None = None,
    default_config: Object | None = None,
    env: Mapping[str, str] | None = None,
    policy: str = "enabled",
    kubelets: tuple[str, ...] | None = None,
) -> MeshObjects:
    """A whole default revision."""
    image = f"docker.io/istio/pilot:{version}"
    return objects(
        injector(),
        config_map("istio", mesh=mesh(default_config)),
        config_map(
            "istio-sidecar-injector",
            values=values(version, proxy),
            config=f"policy: {policy}\n",
        ),
        istiod(env, image=image),
        kubelets=kubelets,
    )


def placed(
    annotations: Mapping[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    namespace_labels: Mapping[str, str] | None = None,
    namespace: str = "shop",
    host_network: bool = False,
    proxy: Proxy | None = None,
) -> Placed:
    """A pod of one application container."""
    own = dict(labels or {})
    pod = PodStart(
        annotations=dict(annotations or {}), labels=own, host_network=host_network
    )
    inside = (
        {"istio-injection": "enabled"} if namespace_labels is None else namespace_labels
    )
    return Placed(pod, namespace, own, inside, {}, proxy)
