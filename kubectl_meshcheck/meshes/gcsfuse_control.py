"""GKE's gcsfuse webhook, its settings, and what it makes of one pod.

It makes a native sidecar where the server and all nodes are of 1.29 or newer, unless
the pod's annotation says otherwise; no setting of its own decides the start order.  On
GKE it runs outside the cluster (GoogleCloudPlatform/gcs-fuse-csi-driver:
pkg/webhook/injection.go ``injectAsNativeSidecar``, pkg/webhook/parsers.go,
deploy/base/webhook/ @5fcdc04a; the annotation came with 1.5.0).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck.control import (
    ControlPlane,
    Given,
    Injection,
    Mode,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import gcsfuse, injector, kubelets, webhooks
from kubectl_meshcheck.meshes.control_base import (
    Control,
    annotation,
    built_in,
    first_said,
)
from kubectl_meshcheck.meshes.injector import Injector, Knob

NATIVE = Knob(Topic.NATIVE, "enable-native-sidecar", True, annotation=gcsfuse.NATIVE)


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    name = "gcs-fuse-csi-driver-webhook"
    program = injector.program(objects, one, injector.deployments(one), name)
    return ControlPlane(
        mesh="gcsfuse",
        namespace=one.namespace,
        version=program.version,
        flavour="GKE" if one.url else "",
        injector=one.address,
        webhooks=one.webhooks,
        settings=(_native(objects),),
        order="the sidecar has no startup probe and nobody waits for it; an access "
        "that comes too early blocks until the bucket is mounted",
    )


def _native(objects: MeshObjects) -> Setting:
    known = kubelets.every(objects)
    if known is None:
        why = objects.kubelets_unknown if objects.kubelets is None else "there are none"
        unknown = f"auto, by the nodes' versions: {why}"
        return Setting(
            NATIVE.topic,
            NATIVE.name,
            origin=built_in("the nodes' versions"),
            unknown=unknown,
            overridden_by=NATIVE.stronger,
        )
    why = "all nodes are of Kubernetes 1.29 or newer"
    if not known:
        # a pod cannot ask for it then
        why = "a node is older than Kubernetes 1.29"
        return Setting(NATIVE.topic, NATIVE.name, False, built_in(why), True)
    return injector.fixed(NATIVE, True, why)


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection | None:
    """Only where the pod's annotation asks for it."""
    asked = gcsfuse.asked(placed.pod, placed.namespace_labels)
    return webhooks.on_request("gcsfuse", found, placed, asked, "gke-gcsfuse")


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """The annotation can only switch it off; one that is no boolean does not count."""
    off = placed.pod.annotations.get(gcsfuse.NATIVE, "").lower() == "false"
    told = (Given(annotation(gcsfuse.NATIVE), False),) if off else ()
    return tuple(
        first_said(
            one.topic, one.name, (*told, *one.given), Given(one.origin, one.value)
        )
        if told and one.overridden_by
        else one
        for one in plane.settings
    )


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Nobody waits for it; it keeps early accesses waiting itself."""
    return Outlook(Mode.RACE, "an access that comes too early blocks, it does not fail")


GCSFUSE_CONTROL = Control(
    mesh="gcsfuse",
    wanted=injector.wanted("gcsfuse", injector.deployments),
    planes=injector.planes("gcsfuse", _plane),
    injection=injection,
    settings=settings,
    outlook=outlook,
)
