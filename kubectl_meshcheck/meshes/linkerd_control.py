"""Linkerd's control plane, its settings, and what it makes of one pod.

The chart's values stand in ConfigMap ``linkerd-config``; an annotation of the
namespace is stronger, one of the pod template the strongest (linkerd/linkerd2:
pkg/inject/inject.go; charts/linkerd-control-plane/templates/config.yaml).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
from kubectl_meshcheck.meshes import linkerd, webhooks
from kubectl_meshcheck.meshes import linkerd_settings as names
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

HOLD = "proxy-await"
NATIVE = "proxy-enable-native-sidecar"
EXIT = "waitBeforeExitSeconds"
CONFIG = "linkerd-config"


def wanted(objects: MeshObjects) -> Iterator[Wanted]:
    """The one ConfigMap that holds the chart's values."""
    for namespace, _ in _found(objects):
        yield Wanted("ConfigMap", namespace, CONFIG)


def _found(objects: MeshObjects) -> Iterator[tuple[str, list[Any]]]:
    for configuration, entries in webhooks.injectors(objects, "linkerd"):
        service = entries[0].client_config.service
        hooks = [webhooks.webhook(configuration, one) for one in entries]
        yield (service.namespace if service else "linkerd"), hooks


def planes(objects: MeshObjects) -> tuple[ControlPlane, ...]:
    """The control plane; there is one in a cluster."""
    return tuple(
        _plane(objects, namespace, hooks) for namespace, hooks in _found(objects)
    )


def _plane(objects: MeshObjects, namespace: str, hooks: list[Any]) -> ControlPlane:
    place = Wanted("ConfigMap", namespace, CONFIG)
    values, unknown = _values(objects, place)
    version = names.version(str(at(values, "linkerdVersion") or ""), "")
    origin = Origin("ConfigMap", namespace, CONFIG, "values")
    return ControlPlane(
        mesh="linkerd",
        namespace=namespace,
        version=version,
        injector=f"{namespace}/linkerd-proxy-injector",
        webhooks=tuple(hooks),
        settings=overridden(
            (
                _one(Topic.HOLD, HOLD, values, origin, unknown, ("await",), True),
                _one(
                    Topic.NATIVE,
                    NATIVE,
                    values,
                    origin,
                    unknown,
                    ("nativeSidecar",),
                    False,
                ),
                _one(Topic.STOP, EXIT, values, origin, unknown, (EXIT,), 0),
            ),
            _stronger(version),
        ),
    )


def _stronger(version: str) -> dict[str, tuple[Origin, ...]]:
    """Where a pod or its namespace overrides a setting, in this release."""
    native = (k for k in names.NATIVE if names.since(version, *names.NATIVE_SINCE[k]))
    keys = {HOLD: names.AWAIT, NATIVE: next(native, ""), EXIT: names.EXIT}
    return {
        name: (annotation(key), Origin("Namespace", key=f"annotation {key}"))
        for name, key in keys.items()
        if key
    }


def _values(objects: MeshObjects, place: Wanted) -> tuple[Mapping[str, Any], str]:
    data = objects.config_maps.get(place)
    if data is None:
        return {}, objects.why_absent(place)
    try:
        return mapping(data.get("values", "")), ""
    except UnreadableError as error:
        return {}, f"{place}: the key values {error}"


def _one(
    topic: Topic,
    name: str,
    values: Mapping[str, Any],
    origin: Origin,
    unknown: str,
    path: tuple[str, ...],
    default: Value,
) -> Setting:
    place = Origin(
        origin.kind, origin.namespace, origin.name, origin.key, ("proxy", *path)
    )
    value = at(values, "proxy", *path)
    plain = value if isinstance(value, bool | int | str) else None
    given = Given(place, plain, unknown)
    return first_said(topic, name, (given,), Given(place, default))


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection:
    """By the annotation ``linkerd.io/inject``, the pod's before the namespace's."""
    around = webhooks.around(placed, names.INJECT)
    asked = linkerd.asked(placed.pod, around or {})
    return webhooks.injection("linkerd", found, placed, asked, "linkerd.io")


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """The plane's, with the annotations of namespace and pod on top."""
    proxy = placed.proxy.version if placed.proxy else ""
    version = plane.version or proxy
    return tuple(_effective(version, one, placed) for one in plane.settings)


def _effective(version: str, one: Setting, placed: Placed) -> Setting:
    default = Given(one.origin, one.value)
    if one.name == HOLD:
        given = _annotations(placed, names.AWAIT, _await)
        return first_said(one.topic, HOLD, (*given, *one.given), default)
    if one.name == NATIVE:
        key = _native_name(version, placed)
        given = _annotations(placed, key, parse_bool) if key else ()
        return first_said(one.topic, NATIVE, (*given, *one.given), default)
    given = _annotations(placed, names.EXIT, _seconds)
    return first_said(one.topic, one.name, (*given, *one.given), default)


def _seconds(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch(r"\d{1,9}", value) else None


def _await(value: str | None) -> bool | None:
    return {"enabled": True, "disabled": False}.get(value or "")


def _native_name(version: str, placed: Placed) -> str:
    """The name that this release reads, of those that are there."""
    # a namespace's beta name is not read any more (pkg/inject/inject.go)
    final = names.since(version, *names.NATIVE_SINCE[names.NATIVE_GA])
    around = set(placed.namespace_annotations or ())
    around -= {names.NATIVE_BETA} if final else set()
    there = [key for key in names.NATIVE if key in (*placed.pod.annotations, *around)]
    readable = [key for key in there if names.since(version, *names.NATIVE_SINCE[key])]
    return readable[0] if readable else ""


def _annotations(placed: Placed, key: str, read: Any) -> tuple[Given, ...]:
    """The pod's, which hides the namespace's even where it cannot be read.

    (pkg/inject/inject.go ``AppendNamespaceAnnotations``)
    """
    own = Given(annotation(key), read(placed.pod.annotations.get(key)))
    if key in placed.pod.annotations:
        return (own,)
    origin = Origin("Namespace", "", placed.namespace, f"annotation {key}")
    if placed.namespace_annotations is None:
        why = f"the annotations of namespace {placed.namespace} are not known"
        return own, Given(origin, unknown=why)
    return own, Given(origin, read(placed.namespace_annotations.get(key)))


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Held and native by default; ``proxy-await: disabled`` makes either a race."""
    if placed.pod.named("linkerd-proxy") is not None:
        return Outlook(reason="it brings a container linkerd-proxy of its own")
    by_name = {one.name: one for one in effective}
    hold, native = by_name[HOLD], by_name[NATIVE]
    unknown = hold.unknown or native.unknown
    if unknown:
        return Outlook(reason=f"its settings are not known: {unknown}")
    if hold.value is not True:
        return Outlook(Mode.RACE, f"{HOLD} is switched off ({hold.whence})")
    version = plane.version or (placed.proxy.version if placed.proxy else "")
    if native.value is True and names.since(
        version, *names.NATIVE_SINCE[names.NATIVE_ALPHA]
    ):
        return Outlook(Mode.NATIVE)
    if not names.since(version, "2.11", "edge-21.4.4"):
        return Outlook(Mode.RACE, f"Linkerd {version} cannot hold an application")
    port = placed.pod.annotations.get(linkerd.ADMIN, linkerd.ADMIN_PORT)
    if port != linkerd.ADMIN_PORT and not names.since(version, "2.14", "edge-23.6.3"):
        why = f"the hook of Linkerd {version} does not ask port {port}"
        ends = names.since(version, "2.11.2", "edge-22.2.1")
        return Outlook(Mode.RACE if ends else Mode.UNKNOWN, why)
    return Outlook(Mode.HELD)


def asked_by(pod: PodStart) -> str:
    """The annotation that asks to hold; the default is to hold anyway."""
    if pod.annotations.get(names.AWAIT) == "enabled":
        return f"the annotation {names.AWAIT}"
    return ""


def failing(pod: PodStart, proxy: Proxy, settings: Sequence[Setting]) -> Failing | None:
    """An older release, or a container in front of the proxy."""
    if not names.since(proxy.version, "2.11", "edge-21.4.4"):
        why = f"Linkerd {proxy.version} cannot hold an application"
        return Failing(why, "upgrade to 2.11 or later")
    if proxy.gate.waits is Waits.YES:
        return Failing(
            "another webhook lists a container before the proxy",
            "have that webhook list its container behind linkerd-proxy",
        )
    return None


LINKERD_CONTROL = Control(
    mesh="linkerd",
    wanted=wanted,
    planes=planes,
    injection=injection,
    settings=settings,
    outlook=outlook,
    asked_by=asked_by,
    failing=failing,
)
