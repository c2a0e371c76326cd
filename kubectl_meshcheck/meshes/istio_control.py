"""Istio's control planes with their settings, and what they make of one pod."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from kubectl_meshcheck.control import (
    ControlPlane,
    Given,
    Mode,
    Origin,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import istio_effective as effective
from kubectl_meshcheck.meshes import (
    istio_failing,
    istio_planes,
    istio_sources,
    kubelets,
)
from kubectl_meshcheck.meshes.control_base import (
    Control,
    annotation,
    at,
    first_said,
    overridden,
)
from kubectl_meshcheck.meshes.istio_injection import injection
from kubectl_meshcheck.meshes.istio_planes import Found
from kubectl_meshcheck.meshes.istio_settings import HOLD, NATIVE, PROXY_CONFIG
from kubectl_meshcheck.meshes.istio_sources import Sources
from kubectl_meshcheck.model import PodStart
from kubectl_meshcheck.selectors import Selector, selector

_NOWHERE = Placed(pod=PodStart())


def planes(objects: MeshObjects) -> tuple[ControlPlane, ...]:
    """Every revision with what it sets for pods that say nothing."""
    return tuple(_plane(objects, found) for found in istio_planes.found(objects))


def _plane(objects: MeshObjects, found: Found) -> ControlPlane:
    sources = istio_sources.read(objects, found)
    version = istio_planes.version(objects, found, sources.values.value)
    injector = found.url or "/".join(p for p in (found.namespace, found.service) if p)
    plane = ControlPlane(
        mesh="istio",
        revision=found.revision,
        tags=tuple(sorted(found.tags)),
        namespace=found.namespace,
        version=version,
        flavour=_flavour(found, sources),
        injector=injector if found.webhooks else "",
        webhooks=tuple(found.webhooks),
        always=_selectors(sources, "alwaysInjectSelector"),
        never=_selectors(sources, "neverInjectSelector"),
        unclear=istio_sources.custom_template(objects, found),
    )
    settings = overridden(_settings(objects, sources, plane), _stronger(plane))
    return replace(plane, settings=settings, notes=tuple(_notes(plane, settings)))


def _flavour(found: Found, sources: Sources) -> str:
    # an opened webhook is KubeSphere's only where the policy leaves it to the pod
    if found.flavour == istio_planes.KUBESPHERE:
        policy = at(sources.config.value, "policy")
        return found.flavour if policy == "disabled" else ""
    return found.flavour


def _selectors(sources: Sources, key: str) -> tuple[Selector, ...]:
    found: Any = at(sources.config.value, key)
    return tuple(selector(one) for one in found) if isinstance(found, list) else ()


def _settings(
    objects: MeshObjects, sources: Sources, plane: ControlPlane
) -> tuple[Setting, ...]:
    version = effective.effective_version(plane.version, _NOWHERE, False)
    rules = effective.effective_version(plane.version, _NOWHERE, _modern(plane))
    policy = sources.config.given("policy")
    native = istio_sources.native(sources, version)
    gates = {
        effective.LIFECYCLE: istio_sources.proxy_value(sources, "lifecycle"),
        effective.PROBE: istio_sources.proxy_value(sources, "startupProbe", "enabled"),
        effective.PORT: istio_sources.proxy_value(sources, "statusPort"),
    }
    return (
        first_said(Topic.INJECT, effective.POLICY, (policy,), Given(policy.origin)),
        effective.hold(rules, istio_sources.hold(sources)),
        effective.native(version, native, objects.kubelets, objects.kubelets_unknown),
        *effective.gates(version, gates),
        *effective.server(kubelets.server(objects)),
        *effective.stops(
            version,
            istio_sources.default_config(sources, effective.DRAIN),
            istio_sources.default_config(
                sources, "proxyMetadata", effective.EXIT_ON_ZERO
            ),
        ),
    )


def _stronger(plane: ControlPlane) -> dict[str, tuple[Origin, ...]]:
    """The annotations that override a setting for one pod."""
    exit_on_zero = ("proxyMetadata", effective.EXIT_ON_ZERO)
    keys = {
        HOLD: annotation(PROXY_CONFIG, HOLD),
        effective.PORT: annotation(effective.STATUS_PORT),
        effective.DRAIN: annotation(PROXY_CONFIG, effective.DRAIN),
        effective.EXIT_ON_ZERO: annotation(PROXY_CONFIG, *exit_on_zero),
    }
    version = effective.effective_version(plane.version, _NOWHERE, False)
    if version[:2] >= (1, 24):
        keys[effective.NATIVE] = annotation(NATIVE)
    return {name: (place,) for name, place in keys.items()}


def _modern(plane: ControlPlane) -> bool:
    return any(webhook.name.startswith("rev.") for webhook in plane.webhooks)


def _notes(plane: ControlPlane, settings: Sequence[Setting]) -> Iterator[str]:
    if plane.flavour == istio_planes.KUBESPHERE:
        yield (
            "its second webhook is called for every pod of a namespace without an "
            "Istio label, and the pod's own mark decides"
        )
    if plane.flavour == istio_planes.OSSM2:
        yield (
            "its operator reverts changes to the ConfigMaps: set it in the "
            "ServiceMeshControlPlane, spec.techPreview.meshConfig.defaultConfig"
        )
    if plane.flavour == istio_planes.SAIL:
        yield (
            "its operator reverts changes to the ConfigMaps: set it in the Istio "
            "resource, spec.values.meshConfig.defaultConfig"
        )
    if plane.flavour == "AKS":
        yield f"set it in ConfigMap {plane.namespace}/{_shared(plane)}, key mesh"
    if not plane.webhooks:
        yield "no webhook of this revision was seen"
    elif not any(_can_match(w.namespaces) for w in plane.webhooks):
        yield "deactivated: its webhooks match nothing"


def _shared(plane: ControlPlane) -> str:
    return f"istio-shared-configmap-{plane.revision}"


def _can_match(namespaces: Selector) -> bool:
    # pkg/util NeverMatch
    return all(r.key != "istio.io/deactivated" for r in namespaces.requirements)


# -- one pod ---------------------------------------------------------------


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """The effective settings of one pod: the plane's with the pod's own on top."""
    version = effective.effective_version(plane.version, placed, False)
    rules = effective.effective_version(plane.version, placed, _modern(plane))
    changed = []
    for one in plane.settings:
        if one.name == HOLD:
            given = list(one.given)
            given.insert(1, effective.from_annotation(placed, HOLD))
            one = effective.hold(rules, given)
        elif one.name == effective.NATIVE:
            if not plane.version:
                one = effective.native(version, one.given, None, "see the mesh")
            one = effective.pod_native(version, one, placed)
        elif one.name == effective.PORT:
            one = effective.pod_port(one, placed)
        elif one.topic is Topic.STOP:
            one = _stop(one, placed)
        changed.append(one)
    return tuple(changed)


def _stop(plane: Setting, placed: Placed) -> Setting:
    path: tuple[str, ...] = (plane.name,)
    if plane.name == effective.EXIT_ON_ZERO:
        path = ("proxyMetadata", plane.name)
    given = (effective.from_annotation(placed, *path), *plane.given)
    default = Given(plane.origin, plane.value)
    return first_said(Topic.STOP, plane.name, given, default)


def outlook(
    plane: ControlPlane, placed: Placed, effective_: Sequence[Setting]
) -> Outlook:
    """What the injector makes of the pod today: held, native or a race."""
    by_name = {one.name: one for one in effective_}
    unclear = plane.unclear or _unusual(placed)
    if unclear:
        return Outlook(reason=unclear)
    native, hold = by_name[effective.NATIVE], by_name[HOLD]
    if native.unknown:
        return Outlook(reason=f"whether it is native is not known: {native.unknown}")
    if hold.unknown:
        return Outlook(reason=f"whether it is held is not known: {hold.unknown}")
    version = effective.effective_version(plane.version, placed, _modern(plane))
    if native.value is True:
        return _native(version, by_name)
    if hold.value is not True:
        return Outlook(Mode.RACE, "nothing asks to hold the application")
    return _held(version, by_name, placed)


def _unusual(placed: Placed) -> str:
    """What makes a pod one that the rules for an ordinary one do not cover."""
    pod = placed.pod
    if "inject.istio.io/templates" in pod.annotations:
        return "it names an injection template of its own"
    if pod.named("istio-proxy") is not None:
        return "it brings a container istio-proxy of its own"
    if "proxy.istio.io/overrides" in pod.annotations:
        return "it overrides the injected container"
    # rejected whatever the stronger places say
    return effective.from_annotation(placed, HOLD).unknown


def _native(version: tuple[int, ...], settings: dict[str, Setting]) -> Outlook:
    probe, port = settings.get(effective.PROBE), settings[effective.PORT]
    server = settings.get(effective.SERVER)
    if server is not None:
        why = f"{server.origin.text} and takes a native sidecar for an init container"
        return Outlook(reason=f"{why}, so it refuses the pod")
    if probe is None or probe.unknown or port.unknown:
        why = probe.unknown if probe and probe.unknown else port.unknown
        return Outlook(reason=f"whether it has a startup probe is not known: {why}")
    if str(port.value) == "0":
        why = "status port 0 leaves the native sidecar without a startup probe"
    elif probe.default and version[:2] < (1, 20):
        return Outlook(reason="the chart of 1.19 does not say whether it is probed")
    elif probe.value is not True:
        why = "the startup probe of native sidecars is switched off"
    else:
        return Outlook(Mode.NATIVE)
    # 1.19 and 1.20 give it the hook all the same
    if version[:2] < (1, 21) and settings[HOLD].value is True:
        return Outlook(Mode.NATIVE)
    return Outlook(Mode.RACE, why)


def _held(
    version: tuple[int, ...], settings: dict[str, Setting], placed: Placed
) -> Outlook:
    lifecycle, port = settings[effective.LIFECYCLE], settings[effective.PORT]
    if lifecycle.unknown:
        return Outlook(reason=f"its hook is not known: {lifecycle.unknown}")
    if not lifecycle.default:
        why = "values.global.proxy.lifecycle takes the place of the waiting hook"
        return Outlook(Mode.RACE, why)
    if version == (1, 9, 0) and PROXY_CONFIG not in placed.pod.annotations:
        mesh_wide = settings[HOLD].origin.key != "values"
        if mesh_wide:
            return Outlook(Mode.RACE, "Istio 1.9.0 lists the proxy last all the same")
    if str(port.value) == "0":
        return Outlook(reason="status port 0 leaves nobody to answer pilot-agent wait")
    return Outlook(Mode.HELD)


ISTIO_CONTROL = Control(
    mesh="istio",
    wanted=istio_planes.wanted,
    planes=planes,
    injection=injection,
    settings=settings,
    outlook=outlook,
    asked_by=istio_failing.asked_by,
    failing=istio_failing.failing,
)
