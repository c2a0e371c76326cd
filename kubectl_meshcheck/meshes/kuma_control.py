"""The control plane of Kuma and Kong Mesh, its settings, and what it makes of a pod.

Its configuration is a file of the chart's (ConfigMap ``NAME-config``), and each key
of it can be set in the environment of the control plane, which is stronger; the
pod's annotation is the strongest (kumahq/kuma: pkg/config/app/kuma-cp/
kuma-cp.defaults.yaml; pkg/plugins/runtime/k8s/containers/factory.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

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
    Webhook,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import kuma, webhooks
from kubectl_meshcheck.meshes.base import release, version_of
from kubectl_meshcheck.meshes.control_base import (
    Control,
    Failing,
    UnreadableError,
    annotation,
    at,
    first_said,
    mapping,
    overridden,
)
from kubectl_meshcheck.meshes.reading import parse_bool
from kubectl_meshcheck.model import PodStart, Proxy, Waits

HOLD = "waitForDataplaneReady"
NATIVE = "sidecarContainers"
_INJECTOR = ("runtime", "kubernetes", "injector", "sidecarContainer", HOLD)
_ENV = {
    HOLD: "KUMA_RUNTIME_KUBERNETES_INJECTOR_SIDECAR_CONTAINER_WAIT_FOR_DATAPLANE_READY",
    NATIVE: "KUMA_EXPERIMENTAL_SIDECAR_CONTAINERS",
}
_PATH = {HOLD: _INJECTOR, NATIVE: ("experimental", NATIVE)}


class _Found(msgspec.Struct, frozen=True):
    """What the webhooks tell."""

    namespace: str
    service: str
    webhooks: tuple[Webhook, ...]

    @property
    def config(self) -> Wanted:
        return Wanted("ConfigMap", self.namespace, f"{self.service}-config")

    @property
    def deployment(self) -> Wanted:
        return Wanted("Deployment", self.namespace, self.service)


def _found(objects: MeshObjects) -> Iterator[_Found]:
    for configuration, entries in webhooks.injectors(objects, "kuma"):
        service = entries[0].client_config.service
        if service is not None:
            hooks = tuple(webhooks.webhook(configuration, one) for one in entries)
            yield _Found(service.namespace, service.name, hooks)


def wanted(objects: MeshObjects) -> Iterator[Wanted]:
    """The configuration, and the Deployment for its environment and version."""
    for one in _found(objects):
        yield one.config
        yield one.deployment


def planes(objects: MeshObjects) -> tuple[ControlPlane, ...]:
    """The control plane of this zone."""
    return tuple(_plane(objects, one) for one in _found(objects))


def _plane(objects: MeshObjects, found: _Found) -> ControlPlane:
    env, version = _deployment(objects, found)
    return ControlPlane(
        mesh="kuma",
        namespace=found.namespace,
        version=version,
        injector=f"{found.namespace}/{found.service}",
        webhooks=found.webhooks,
        settings=overridden(
            (
                _setting(objects, found, Topic.HOLD, HOLD, env, False, ""),
                _setting(objects, found, Topic.NATIVE, NATIVE, env, *_native(version)),
            ),
            {HOLD: (annotation(kuma.WAIT),)},
        ),
    )


def _native(version: str) -> tuple[bool, str]:
    """The default for native sidecars, or why it is not known."""
    known = release(version)
    return known[:2] >= (2, 14), "" if known else "Kuma's version is not known"


def _deployment(
    objects: MeshObjects, found: _Found
) -> tuple[Mapping[str, str] | None, str]:
    """The environment of the control plane, None when not known, and its version."""
    template = objects.deployments.get(found.deployment)
    spec = template.spec if template else None
    if spec is None:
        return None, ""
    env = {
        one.name: one.value or ""
        for container in spec.containers or ()
        for one in container.env or ()
    }
    images = [container.image or "" for container in spec.containers or ()]
    return env, next((v for v in map(version_of, images) if v), "")


def _setting(
    objects: MeshObjects,
    found: _Found,
    topic: Topic,
    name: str,
    env: Mapping[str, str] | None,
    default: bool,
    why: str,
) -> Setting:
    file = _file(objects, found, name)
    place = found.deployment
    origin = Origin("Deployment", place.namespace, place.name, f"env {_ENV[name]}")
    if env is None:
        given = Given(origin, unknown=objects.why_absent(place))
    else:
        given = Given(origin, parse_bool(env.get(_ENV[name])))
    places: tuple[Given, ...] = (given, file)
    if why and not any(one.value is not None or one.unknown for one in places):
        places = (*places, Given(origin, unknown=why))
    return first_said(topic, name, places, Given(file.origin, default))


def _file(objects: MeshObjects, found: _Found, name: str) -> Given:
    place = found.config
    origin = Origin(place.kind, place.namespace, place.name, "config.yaml", _PATH[name])
    data = objects.config_maps.get(place)
    if data is None:
        return Given(origin, unknown=objects.why_absent(place))
    try:
        value: Any = at(mapping(data.get("config.yaml", "")), *_PATH[name])
    except UnreadableError as error:
        return Given(origin, unknown=f"{place}: the key config.yaml {error}")
    return Given(origin, value if isinstance(value, bool) else None)


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection:
    """By the label ``kuma.io/sidecar-injection``, the pod's before the namespace's."""
    asked = kuma.asked(placed.pod, placed.namespace_labels)
    return webhooks.injection("kuma", found, placed, asked, "kuma.io")


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """The plane's, with the pod's annotation on top."""
    changed = []
    for one in plane.settings:
        if one.name == HOLD:
            value = placed.pod.annotations.get(kuma.WAIT)
            own = Given(annotation(kuma.WAIT), _said(value))
            default = Given(one.origin, one.value)
            one = first_said(one.topic, HOLD, (own, *one.given), default)
        changed.append(one)
    return tuple(changed)


def _said(value: str | None) -> bool | None:
    if value in kuma.ON:
        return True
    return False if value in kuma.OFF else None


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """A native sidecar has a startup probe; a classic one waits where it is asked."""
    if placed.pod.named("kuma-sidecar") is not None:
        return Outlook(reason="it brings a container kuma-sidecar of its own")
    if "kuma.io/container-patches" in placed.pod.annotations:
        return Outlook(reason="a ContainerPatch may change its hook")
    by_name = {one.name: one for one in effective}
    hold, native = by_name[HOLD], by_name[NATIVE]
    if native.unknown:
        return Outlook(reason=f"whether it is native is not known: {native.unknown}")
    known = release(plane.version)
    if native.value is True and not (known and known < (2, 7)):
        return Outlook(Mode.NATIVE)
    if hold.unknown:
        return Outlook(reason=f"whether it is held is not known: {hold.unknown}")
    if hold.value is not True:
        return Outlook(Mode.RACE, "nothing asks to hold the application")
    if known and known < (2, 4):
        return Outlook(Mode.RACE, f"Kuma {plane.version} cannot hold an application")
    return Outlook(Mode.HELD)


def asked_by(pod: PodStart) -> str:
    """The annotation that asks to hold."""
    return (
        f"the annotation {kuma.WAIT}"
        if pod.annotations.get(kuma.WAIT) in kuma.ON
        else ""
    )


def failing(pod: PodStart, proxy: Proxy, settings: Sequence[Setting]) -> Failing | None:
    """An older release, or a container in front of the proxy."""
    if release(proxy.version) and release(proxy.version) < (2, 4):
        why = f"Kuma {proxy.version} cannot hold an application"
        return Failing(why, "upgrade to 2.4 or later")
    if proxy.gate.waits is Waits.YES:
        return Failing(
            "another webhook lists a container before the proxy",
            "have that webhook list its container behind kuma-sidecar",
        )
    return None


KUMA_CONTROL = Control(
    mesh="kuma",
    wanted=wanted,
    planes=planes,
    injection=injection,
    settings=settings,
    outlook=outlook,
    asked_by=asked_by,
    failing=failing,
)
