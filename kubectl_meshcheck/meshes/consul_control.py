"""Consul's injector, its settings, and what it makes of one pod.

Everything is told by flags of Deployment ``NAME-connect-injector``, which the service
of the webhook is named after; most can be overridden by an annotation of the pod
(hashicorp/consul-k8s: control-plane/subcommand/inject-connect/command.go,
control-plane/connect-inject/lifecycle/lifecycle_configuration.go,
charts/consul/templates/connect-inject-deployment.yaml @v1.9.11).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.control import (
    ControlPlane,
    Injection,
    Mode,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import consul, injector, webhooks
from kubectl_meshcheck.meshes.base import Asked, release
from kubectl_meshcheck.meshes.control_base import Control, Failing
from kubectl_meshcheck.meshes.injector import Injector, Knob, number, text
from kubectl_meshcheck.meshes.reading import parse_bool
from kubectl_meshcheck.model import PodStart, Proxy, Waits

DOMAIN = consul.DOMAIN
INJECT, ALLOW, DENY = "default-inject", "allow-k8s-namespace", "deny-k8s-namespace"
LIFECYCLE = "default-enable-sidecar-proxy-lifecycle"
NATIVE = "default-enable-consul-dataplane-as-sidecar"
GRACE = "default-sidecar-proxy-lifecycle-startup-grace-period-seconds"
FAILURE = "default-sidecar-proxy-startup-failure-seconds"
_PROBE = "default-sidecar-probe-"
#: control-plane/connect-inject/webhook/mesh_webhook.go ``kubeSystemNamespaces``
_SYSTEM = ("kube-system", "kube-public")


def _knob(
    topic: Topic, name: str, default: bool, key: str = "", label: str = ""
) -> Knob:
    own = f"{DOMAIN}/{key}" if key else ""
    return Knob(topic, name, default, f"-{name}", annotation=own, label=label)


def _seconds(topic: Topic, name: str, default: int, key: str) -> Knob:
    own = f"{DOMAIN}/{key}"
    return Knob(topic, name, default, flag=f"-{name}", read=number, annotation=own)


def _spaces(name: str) -> Knob:
    return Knob(Topic.INJECT, name, None, flag=f"-{name}", read=text, several=True)


KNOBS = (
    _knob(Topic.INJECT, INJECT, True, "connect-inject"),
    _spaces(ALLOW),
    _spaces(DENY),
    _knob(Topic.NATIVE, NATIVE, False, "enable-consul-dataplane-as-sidecar"),
    _seconds(
        Topic.GATE,
        f"{_PROBE}check-initial-delay-seconds",
        1,
        "sidecar-initial-probe-check-delay-seconds",
    ),
    _seconds(Topic.GATE, f"{_PROBE}period-seconds", 1, "sidecar-probe-period-seconds"),
    _seconds(
        Topic.GATE,
        f"{_PROBE}failure-threshold",
        10,
        "sidecar-probe-failure-threshold",
    ),
    _seconds(
        Topic.GATE,
        f"{_PROBE}check-timeout-seconds",
        5,
        "sidecar-probe-check-timeout-seconds",
    ),
    _knob(Topic.ORDER, LIFECYCLE, False, "enable-sidecar-proxy-lifecycle"),
    _seconds(
        Topic.GATE,
        GRACE,
        0,
        "sidecar-proxy-lifecycle-startup-grace-period-seconds",
    ),
    _seconds(Topic.GATE, FAILURE, 0, "sidecar-proxy-startup-failure-seconds"),
    _seconds(
        Topic.STOP,
        "default-sidecar-proxy-lifecycle-shutdown-grace-period-seconds",
        0,
        "sidecar-proxy-lifecycle-shutdown-grace-period-seconds",
    ),
    _knob(
        Topic.CAPTURE,
        "default-enable-transparent-proxy",
        True,
        "transparent-proxy",
        label=f"{DOMAIN}/transparent-proxy",
    ),
    _knob(Topic.CAPTURE, "enable-cni", False),
)


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    program = injector.program(
        objects, one, injector.deployments(one), "sidecar-injector"
    )
    old = bool(program.version) and not consul.can_be_native(program.version)
    why = f"consul-k8s {program.version} has no native sidecars"
    settings = []
    for knob in KNOBS:
        probe = knob.name.startswith(_PROBE)
        if old and knob.name == NATIVE:
            plain = Knob(knob.topic, knob.name, False)
            settings.append(injector.fixed(plain, False, why))
        elif not (old and probe):
            settings.append(injector.setting(program, knob))
    return ControlPlane(
        mesh="consul",
        namespace=one.namespace,
        version=program.version,
        injector=one.address,
        webhooks=one.webhooks,
        settings=tuple(settings),
        order="consul-dataplane as an ordinary container holds nobody, wherever it "
        "stands; only as a native sidecar it gates",
        notes=tuple(_notes(settings)),
    )


def _notes(settings: Sequence[Setting]) -> Iterator[str]:
    by_name = {one.name: one for one in settings}
    if by_name[GRACE].value not in (None, 0):
        yield f"{GRACE} holds nobody: nothing in the pod calls /graceful_startup"
    if by_name[FAILURE].value not in (None, 0):
        yield f"{FAILURE} restarts a proxy that is stuck and holds nobody"


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection:
    """By the pod's annotation, else by default; never outside the allowed namespaces.

    (control-plane/connect-inject/webhook/mesh_webhook.go ``shouldInject``)
    """
    asked = consul.asked(placed.pod, placed.namespace_labels)
    by_name = {one.name: one for one in found[0].settings}
    shut = _shut(by_name, placed.namespace)
    default = by_name[INJECT]
    if shut:
        wanted = f"{asked.by}, but " if asked and asked.wanted else ""
        asked = Asked(False, f"{wanted}{shut}")
    elif asked is None and not default.unknown:
        by = f"{INJECT} is {default.shown} ({default.whence})"
        asked = Asked(default.value is True, by)
    unknown = default.unknown
    return webhooks.injection("consul", found, placed, asked, DOMAIN, unknown)


def _shut(by_name: dict[str, Setting], namespace: str) -> str:
    """Why nothing is injected into a namespace; empty where something may be."""
    if namespace in _SYSTEM:
        return f"nothing is ever injected into {namespace}"
    allow, deny = by_name[ALLOW], by_name[DENY]
    if namespace in str(deny.value or "").split(","):
        return f"namespace {namespace} is shut out by {deny.origin}"
    listed = str(allow.value or "").split(",")
    if not allow.unknown and "*" not in listed and namespace not in listed:
        return f"namespace {namespace} is not among those of {allow.origin}"
    return ""


_EFFECTIVE = injector.settings(KNOBS)


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """With the pod's annotations on top; those of the probe where there is one."""
    found = _EFFECTIVE(plane, placed)
    native = any(one.name == NATIVE and one.value is not False for one in found)
    return tuple(one for one in found if native or not one.name.startswith(_PROBE))


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Held by the native sidecar's startup probe, and by nothing else."""
    if placed.pod.named("consul-dataplane") is not None:
        return Outlook(reason="it brings a container consul-dataplane of its own")
    by_name = {one.name: one for one in effective}
    native = by_name[NATIVE]
    if native.unknown:
        return Outlook(reason=f"whether it is native is not known: {native.unknown}")
    if native.value is not True:
        return Outlook(Mode.RACE, "only a native sidecar of Consul's is waited for")
    if not release(plane.version) and native.origin.kind == "pod template":
        return Outlook(reason="whether this consul-k8s knows native sidecars: unknown")
    return Outlook(Mode.NATIVE)


def asked_by(pod: PodStart) -> str:
    """The annotation that asks for the native sidecar."""
    asked = parse_bool(pod.annotations.get(consul.NATIVE)) is True
    return f"the annotation {consul.NATIVE}" if asked else ""


def failing(pod: PodStart, proxy: Proxy, settings: Sequence[Setting]) -> Failing | None:
    """An older release, or a native sidecar without its probe."""
    if release(proxy.version) and not consul.can_be_native(proxy.version):
        why = f"consul-k8s {proxy.version} has no native sidecars"
        return Failing(why, "upgrade to 1.6.9, 1.7.5, 1.8.2, 1.9.0 or later")
    if proxy.native and proxy.gate.waits is Waits.NO:
        return Failing("consul-dataplane has no startup probe", "have it injected anew")
    return None


CONSUL_CONTROL = Control(
    mesh="consul",
    wanted=injector.wanted("consul", injector.deployments),
    planes=injector.planes("consul", _plane),
    injection=injection,
    settings=settings,
    outlook=outlook,
    by_labels=True,
    asked_by=asked_by,
    failing=failing,
)
