"""App Mesh's controller, its settings, and what it makes of one pod.

All of them are flags of the controller's Deployment, and a pod has no say in the start
order (aws/aws-app-mesh-controller-for-k8s: pkg/inject/config.go, envoy.go,
config/helm/appmesh-controller/templates/deployment.yaml @v1.13.3).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck.control import (
    ControlPlane,
    Injection,
    Mode,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import appmesh, injector, webhooks
from kubectl_meshcheck.meshes.base import release, version_of
from kubectl_meshcheck.meshes.control_base import Control, Failing
from kubectl_meshcheck.meshes.injector import Injector, Knob, number, text
from kubectl_meshcheck.model import PodStart, Proxy, Waits

HOLD, TAG, PORT = (
    "wait-until-proxy-ready",
    "sidecar-image-tag",
    "envoy-admin-access-port",
)
TIMEOUT = "poststart-timeout"
KNOBS = (
    Knob(Topic.HOLD, HOLD, False, f"--{HOLD}"),
    Knob(Topic.GATE, TAG, None, f"--{TAG}", read=text),
    Knob(Topic.GATE, TIMEOUT, 180, f"--{TIMEOUT}", read=number),
    Knob(Topic.GATE, "poststart-interval", 5, "--poststart-interval", read=number),
    Knob(Topic.GATE, PORT, 9901, f"--{PORT}", read=number),
    Knob(Topic.STOP, "prestop-delay", "20", "--prestop-delay", read=text),
    Knob(
        Topic.CAPTURE,
        "ignored-ips",
        "169.254.169.254",
        "--ignored-ips",
        read=text,
        annotation="appmesh.k8s.aws/egressIgnoredIPs",
    ),
)
#: v1.6.0 is the first that can hold (aws/aws-app-mesh-controller-for-k8s#598)
_HOLDS_SINCE = (1, 6)
_OF_HOLD = (TAG, TIMEOUT, "poststart-interval", PORT)


def _places(one: Injector) -> tuple[Wanted, ...]:
    """As Helm names it, and as the manifests in config/default do."""
    name = one.service.removesuffix("-webhook-service")
    return injector.deployments(one, name, f"{name}-controller")


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    program = injector.program(objects, one, _places(one), "controller")
    version = release(program.version)
    settings = [injector.setting(program, knob) for knob in KNOBS]
    if version and version < _HOLDS_SINCE:
        why = f"App Mesh's controller {program.version} cannot hold an application"
        hold = injector.fixed(KNOBS[0], False, why)
        settings = [hold, *(s for s in settings if s.name not in (HOLD, *_OF_HOLD))]
    return ControlPlane(
        mesh="appmesh",
        namespace=one.namespace,
        version=program.version,
        injector=one.address,
        webhooks=one.webhooks,
        settings=tuple(settings),
        order=f"{HOLD} is for the whole cluster: no annotation overrides it",
    )


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection:
    """By the namespace's label, or the pod's annotation in a labelled namespace."""
    asked = appmesh.asked(placed.pod, placed.namespace_labels)
    return webhooks.injection("appmesh", found, placed, asked, "appmesh.k8s.aws")


_EFFECTIVE = injector.settings(KNOBS)


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """The plane's; those of the hook where there is one."""
    found = _EFFECTIVE(plane, placed)
    held = any(one.name == HOLD and one.value is not False for one in found)
    return tuple(one for one in found if held or one.name not in _OF_HOLD)


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Held where the controller waits, with an Envoy that can be waited for."""
    if placed.pod.named("envoy") is not None:
        return Outlook(reason="it brings a container envoy of its own")
    by_name = {one.name: one for one in effective}
    hold = by_name[HOLD]
    if hold.unknown:
        return Outlook(reason=f"whether it is held is not known: {hold.unknown}")
    if hold.value is not True:
        return Outlook(Mode.RACE, "nothing asks to hold the application")
    tag = str(by_name[TAG].value or "")
    envoy = release(version_of(f":{tag}"))
    if not envoy:
        return Outlook(reason="the hook only waits from Envoy 1.22.2.1 on: not known")
    if envoy < appmesh.WAITS_SINCE:
        return Outlook(Mode.RACE, f"the hook only prints a line with Envoy {tag}")
    if by_name[PORT].value != 9901:
        return Outlook(reason="the hook may ask another port than Envoy's")
    patience = by_name[TIMEOUT].value
    if not isinstance(patience, int) or patience <= 0:
        return Outlook(reason=f"the hook's patience is {by_name[TIMEOUT].shown}")
    return Outlook(Mode.HELD)


def failing(pod: PodStart, proxy: Proxy, settings: Sequence[Setting]) -> Failing | None:
    """An Envoy that cannot be waited for, or a container in front of it."""
    envoy = release(proxy.version)
    if envoy and envoy < appmesh.WAITS_SINCE:
        why = f"the hook only prints a line with Envoy {proxy.version}"
        return Failing(why, "set sidecar.image.tag to Envoy 1.22.2.1 or later")
    if proxy.gate.waits is Waits.YES:
        return Failing(
            "another webhook lists a container before the proxy",
            "have that webhook list its container behind envoy",
        )
    return None


APPMESH_CONTROL = Control(
    mesh="appmesh",
    wanted=injector.wanted("appmesh", _places),
    planes=injector.planes("appmesh", _plane),
    injection=injection,
    settings=settings,
    outlook=outlook,
    failing=failing,
)
