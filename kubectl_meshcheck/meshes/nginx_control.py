"""NGINX Service Mesh's control plane: nothing in it configures the start order.

Up to 1.7 its ConfigMap ``mesh-config`` says who is injected without asking for it, in
2.0 the webhooks' selectors do (nginxinc/nginx-service-mesh:
helm-chart/templates/nginx-mesh-api.yaml, configs/mesh-config.conf @v1.7.0;
helm-chart/templates/nginx-mesh-controller.yaml @v2.0.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_meshcheck.control import (
    ControlPlane,
    Given,
    Injection,
    Mode,
    Origin,
    Outlook,
    Placed,
    Setting,
    Topic,
    Value,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import injector, nginx, webhooks
from kubectl_meshcheck.meshes.base import Asked
from kubectl_meshcheck.meshes.control_base import (
    Control,
    UnreadableError,
    at,
    first_said,
    listed,
    mapping,
)
from kubectl_meshcheck.meshes.injector import Injector

INJECT, ON, OFF = "isAutoInjectEnabled", "enabledNamespaces", "disabledNamespaces"
_KEY = "mesh-config.json"
_V1 = "nginx-mesh-api"


def _program(one: Injector) -> str:
    """The Deployment, after which the webhooks are named."""
    old = any(webhook.name.startswith(_V1) for webhook in one.webhooks)
    return _V1 if old else "nginx-mesh-controller"


def _config(one: Injector) -> Wanted:
    return Wanted("ConfigMap", one.namespace, "mesh-config")


def _places(one: Injector) -> tuple[Wanted, ...]:
    return injector.deployments(one, _program(one))


def _more(one: Injector) -> tuple[Wanted, ...]:
    """Up to 1.7 the configuration."""
    return (_config(one),) if _program(one) == _V1 else ()


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    name = _program(one)
    program = injector.program(objects, one, _places(one), name)
    return ControlPlane(
        mesh="nginx",
        namespace=one.namespace,
        version=program.version,
        injector=one.address,
        webhooks=one.webhooks,
        settings=tuple(_settings(objects, one)) if name == _V1 else (),
        order="no setting decides it: nginx-mesh-sidecar stands last and nobody waits "
        "for it",
    )


def _settings(objects: MeshObjects, one: Injector) -> Iterator[Setting]:
    config = _config(one)
    tree, unknown = _tree(objects, config)
    for name in (INJECT, ON, OFF):
        path = ("injection", name)
        origin = Origin("ConfigMap", config.namespace, config.name, _KEY, path)
        given = Given(origin, _plain(at(tree, *path)), unknown)
        yield first_said(Topic.INJECT, name, (given,), Given(origin))


def _tree(objects: MeshObjects, config: Wanted) -> tuple[dict[str, Any], str]:
    data = objects.config_maps.get(config)
    if data is None:
        return {}, objects.why_absent(config)
    try:
        return mapping(data.get(_KEY, "")), ""
    except UnreadableError as error:
        return {}, f"{config}: the key {_KEY} {error}"


def _plain(found: Any) -> Value:
    return found if isinstance(found, bool) else listed(found)


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection:
    """By the label, the pod's before the namespace's; up to 1.7 also by default."""
    asked = nginx.asked(placed.pod, placed.namespace_labels)
    by_name = {one.name: one for one in found[0].settings}
    unknown = by_name[INJECT].unknown if by_name else ""
    if asked is None and by_name and not unknown:
        asked = _default(by_name, placed.namespace)
    return webhooks.injection("nginx", found, placed, asked, nginx.DOMAIN, unknown)


def _default(by_name: dict[str, Setting], namespace: str) -> Asked:
    """What becomes of a pod that nobody has labelled."""
    inject, on, off = by_name[INJECT], by_name[ON], by_name[OFF]
    if namespace in str(off.value or "").split(","):
        return Asked(False, f"namespace {namespace} is shut out by {off.origin}")
    if namespace in str(on.value or "").split(","):
        return Asked(True, f"namespace {namespace} is among those of {on.origin}")
    by = f"{INJECT} is {inject.shown} ({inject.whence})"
    return Asked(inject.value is True, by)


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """A race, as far as upstream documents its proxy."""
    return Outlook(Mode.RACE, "NGINX Service Mesh cannot hold an application")


NGINX_CONTROL = Control(
    mesh="nginx",
    wanted=injector.wanted("nginx", _places, _more),
    planes=injector.planes("nginx", _plane),
    injection=injection,
    settings=injector.settings(()),  # a pod has a say in none of them
    outlook=outlook,
)
