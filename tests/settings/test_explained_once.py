"""Workloads that are alike in their marks are explained once, for every mesh.

That is right as long as no mesh's explanation looks at a container that no mesh knows,
or at a label that no selector names.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubectl_meshcheck.control import ControlPlane, Placed
from kubectl_meshcheck.meshes import MESHES, controls, plain
from kubectl_meshcheck.meshes.registry import REGISTRY
from kubectl_meshcheck.model import Container, PodStart, Role
from tests.settings import injectors, meshes
from tests.settings.test_injectors import scanned

_KEYS = sorted(
    {key for mesh in MESHES for key in (*mesh.template_only, *mesh.keys)}
    | {mesh.opt_in.key for mesh in MESHES if mesh.opt_in}
    | {"istio.io/rev", "linkerd.io/inject", "config.linkerd.io/proxy-await"}
)
_VALUES = ("true", "false", "enabled", "disabled", "default", "1-22", "", "nonsense",
           "holdApplicationUntilProxyStarts: true")  # fmt: skip
_marks = st.dictionaries(st.sampled_from(_KEYS), st.sampled_from(_VALUES), max_size=3)
_own = st.dictionaries(st.sampled_from(["app", "tier", "x/y"]), st.just("cart"))
_APP = Container("cart", Role.MAIN, image="shop/cart:1.2.3", args=("serve",))
_JOB = Container("migrate", Role.INIT, image="shop/cart:1.2.3")


@pytest.fixture(scope="module")
def planes() -> Mapping[str, tuple[ControlPlane, ...]]:
    """Every mesh's control planes, all in one cluster."""
    told = list(scanned(*injectors.everything()).control_planes())
    told += controls.planes(meshes.istio("1.27.1"))
    found: dict[str, tuple[ControlPlane, ...]] = {}
    for plane in told:
        found[plane.mesh] = (*found.get(plane.mesh, ()), plane)
    return found


def test_there_is_nearly_every_mesh(
    planes: Mapping[str, tuple[ControlPlane, ...]],
) -> None:
    """What the other test says something of."""
    assert REGISTRY.keys() - planes.keys() <= {"linkerd", "kuma"}


@settings(max_examples=200, deadline=None)
@given(_marks, _marks, _own, _marks, st.booleans(), st.sampled_from([(), (_JOB,)]))
def test_own_containers_and_labels_explain_nothing(
    planes: Mapping[str, tuple[ControlPlane, ...]],
    annotations: dict[str, str],
    labels: dict[str, str],
    own: dict[str, str],
    around: dict[str, str],
    host_network: bool,
    more: tuple[Container, ...],
) -> None:
    pod = PodStart((*more, _APP), annotations, labels, host_network=host_network)
    assert plain(pod)
    whole = Placed(pod, "shop", labels | own, around, around)
    bare = replace(whole, pod=replace(pod, containers=()), labels=labels)
    for mesh, found in planes.items():
        control = controls.control_of(mesh)
        assert control is not None
        assert control.injection(found, whole) == control.injection(found, bare)
        for plane in found:
            told = control.settings(plane, whole)
            assert told == control.settings(plane, bare)
            assert control.outlook(plane, whole, told) == control.outlook(
                plane, bare, told
            )
    everything = [plane for found in planes.values() for plane in found]
    assert controls.explain(everything, whole) == controls.explain(everything, bare)


def test_a_container_of_a_mesh_is_looked_at() -> None:
    """The proxy that a template brings along stands in the way of another."""
    proxy = Container("istio-proxy", Role.MAIN, image="istio/proxyv2:1.27.1")
    pod = PodStart((_APP, proxy))
    placed = Placed(pod, "shop", {}, {"istio-injection": "enabled"}, {})
    (plane,) = controls.planes(meshes.istio("1.27.1"))
    explainer = controls.Explainer([plane], "")
    told = [explainer.explain(replace(placed, pod=PodStart((_APP,)))),
            explainer.explain(placed)]  # fmt: skip

    assert not plain(pod)
    assert told[0] != told[1]
