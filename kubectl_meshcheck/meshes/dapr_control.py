"""Dapr's sidecar injector, its settings, and what it makes of one pod.

The injector reads its environment, and a pod's annotations on top of that (dapr/dapr:
pkg/injector/service/config.go, pkg/injector/service/pod_patch.go, charts/dapr/charts/
dapr_sidecar_injector/templates/ @v1.18.3).
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
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import dapr, injector, webhooks
from kubectl_meshcheck.meshes.base import release
from kubectl_meshcheck.meshes.control_base import Control
from kubectl_meshcheck.meshes.injector import Injector, Knob, text

NATIVE = Knob(
    Topic.NATIVE,
    "NATIVE_SIDECAR_ENABLED",
    False,
    env="NATIVE_SIDECAR_ENABLED",
    read=dapr.is_truthy,
    annotation=dapr.NATIVE,
)
#: beside those of Kubernetes' own controllers; pods that anybody else makes are let
#: through as they are (pkg/injector/service/injector.go, handler.go)
MAKERS = Knob(
    Topic.INJECT,
    "ALLOWED_SERVICE_ACCOUNTS",
    None,
    env="ALLOWED_SERVICE_ACCOUNTS",
    read=text,
)
KNOBS = (NATIVE, MAKERS)
#: the first release with native sidecars (dapr/dapr#9450)
_NATIVE_SINCE = (1, 18)


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    program = injector.program(
        objects, one, injector.deployments(one), "dapr-sidecar-injector"
    )
    version = release(program.version)
    native = injector.setting(program, NATIVE)
    if version and version < _NATIVE_SINCE:
        why = f"Dapr {program.version} has no native sidecars"
        native = injector.fixed(Knob(Topic.NATIVE, NATIVE.name, False), False, why)
    return ControlPlane(
        mesh="dapr",
        namespace=one.namespace,
        version=program.version,
        injector=one.address,
        webhooks=one.webhooks,
        settings=(native, injector.setting(program, MAKERS)),
        order="daprd stands last and nobody waits for it; also as a native sidecar it "
        "has no startup probe, which only shortens the gap",
    )


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection | None:
    """Only where the pod's annotation asks for it."""
    asked = dapr.asked(placed.pod, placed.namespace_labels)
    return webhooks.on_request("dapr", found, placed, asked, "dapr.io")


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """A race, of a native sidecar a shorter one."""
    if placed.pod.named("daprd") is not None:
        return Outlook(reason="it brings a container daprd of its own")
    native = next(one for one in effective if one.topic is Topic.NATIVE)
    if native.value is True:
        return Outlook(Mode.RACE, "Dapr's native sidecar has no startup probe")
    return Outlook(Mode.RACE, "nothing waits for daprd")


DAPR_CONTROL = Control(
    mesh="dapr",
    wanted=injector.wanted("dapr", injector.deployments),
    planes=injector.planes("dapr", _plane),
    injection=injection,
    settings=injector.settings(KNOBS),
    outlook=outlook,
)
