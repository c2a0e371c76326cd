"""Open Service Mesh's control plane: nothing in it configures the start order.

What it leaves out of the redirection does matter to an application that cannot wait:
MeshConfig ``osm-mesh-config``, to which a pod's annotations add (openservicemesh/osm:
pkg/apis/config/v1alpha2/mesh_config.go, pkg/injector/exclusions.go, pkg/injector/
webhook.go @v1.2.4).
"""

from __future__ import annotations

from collections.abc import Sequence
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
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import injector, osm, webhooks
from kubectl_meshcheck.meshes.control_base import (
    Control,
    annotation,
    at,
    first_said,
    listed,
)
from kubectl_meshcheck.meshes.injector import Injector

_RESOURCE = "config.openservicemesh.io/v1alpha2/meshconfigs"
#: of MeshConfig's spec.traffic, and the annotation of a pod that adds to it
_LISTS = {
    "outboundPortExclusionList": "openservicemesh.io/outbound-port-exclusion-list",
    "outboundIPRangeExclusionList": (
        "openservicemesh.io/outbound-ip-range-exclusion-list"
    ),
    "outboundIPRangeInclusionList": (
        "openservicemesh.io/outbound-ip-range-inclusion-list"
    ),
}
#: where the add-on of Azure's keeps its control plane
_AKS = "kube-system"


def _config(one: Injector) -> Wanted:
    return Wanted("MeshConfig", one.namespace, "osm-mesh-config", _RESOURCE)


def _more(one: Injector) -> tuple[Wanted, ...]:
    return (_config(one),)


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    program = injector.program(objects, one, injector.deployments(one), "osm-injector")
    config = _config(one)
    spec = objects.custom(config)
    unknown = "" if spec is not None else objects.why_absent(config)
    return ControlPlane(
        mesh="osm",
        namespace=one.namespace,
        version=program.version,
        flavour="AKS" if one.namespace == _AKS else "",
        injector=one.address,
        webhooks=one.webhooks,
        settings=tuple(_setting(config, spec, name, unknown) for name in _LISTS),
        order="no setting decides it: envoy always stands last and nobody waits for it",
        notes=("a pod's annotations add to the lists of the MeshConfig",),
    )


def _setting(config: Wanted, spec: Any, name: str, unknown: str) -> Setting:
    origin = Origin(
        config.kind, config.namespace, config.name, path=("spec", "traffic", name)
    )
    given = Given(origin, listed(at(spec, "traffic", name)), unknown)
    return first_said(Topic.CAPTURE, name, (given,), Given(origin))


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection:
    """By an annotation of the pod or its namespace, in a namespace of the mesh's."""
    around = webhooks.around(placed, osm.INJECT)
    asked = osm.asked(placed.pod, around)
    unknown = ""
    if placed.namespace_annotations is None:
        unknown = f"the annotations of namespace {placed.namespace} are not known"
    domain = "openservicemesh.io"
    return webhooks.injection("osm", found, placed, asked, domain, unknown)


def settings(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
    """The plane's, and what the pod's annotations add to them."""
    added = (
        Setting(Topic.CAPTURE, key.partition("/")[2], value, annotation(key))
        for key in _LISTS.values()
        if (value := placed.pod.annotations.get(key))
    )
    return (*plane.settings, *added)


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Always a race."""
    return Outlook(Mode.RACE, "Open Service Mesh cannot hold an application")


OSM_CONTROL = Control(
    mesh="osm",
    wanted=injector.wanted("osm", injector.deployments, _more),
    planes=injector.planes("osm", _plane),
    injection=injection,
    settings=settings,
    outlook=outlook,
)
