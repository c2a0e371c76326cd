"""Control planes as distributions set them up, and what is known of each."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.mesh_objects import NOT_THERE, MeshObjects, Wanted
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.meshes.istio_control import ISTIO_CONTROL, planes
from kubectl_meshcheck.meshes.istio_settings import HOLD
from tests.settings import meshes
from tests.settings.meshes import config_map, injector, istiod, mesh, objects, placed


def only(found: MeshObjects) -> ControlPlane:
    [plane] = planes(found)
    return plane


def value(plane: ControlPlane, name: str) -> tuple[Any, str]:
    setting = plane.setting(name)
    assert setting is not None
    return setting.value, str(setting.origin)


@pytest.mark.parametrize(
    ("found", "names"),
    [
        (
            objects(injector()),
            [
                "ConfigMap istio-system/istio-sidecar-injector",
                "ConfigMap istio-system/istio",
                "Deployment istio-system/istiod",
            ],
        ),
        (
            objects(injector("1-14-6", namespace="mesh")),
            [
                "ConfigMap mesh/istio-sidecar-injector-1-14-6",
                "ConfigMap mesh/istio-1-14-6",
                "Deployment mesh/istiod-1-14-6",
            ],
        ),
        (
            objects(injector("asm-1-27", namespace="aks-istio-system")),
            [
                "ConfigMap aks-istio-system/istio-sidecar-injector-asm-1-27",
                "ConfigMap aks-istio-system/istio-asm-1-27",
                "Deployment aks-istio-system/istiod-asm-1-27",
                "ConfigMap aks-istio-system/istio-shared-configmap-asm-1-27",
            ],
        ),
        (
            objects(
                injector("asm-managed", client={"url": "https://mesh.example/inject"})
            ),
            [
                "ConfigMap istio-system/istio-asm-managed",
                "ConfigMap istio-system/istio-asm-managed-rapid",
            ],
        ),
        (
            objects(injector("far", client={"url": "https://istiod.example/inject"})),
            [],
        ),
        (
            objects(injector(), istiod({"SHARED_MESH_CONFIG": "ours"})),
            [
                "ConfigMap istio-system/istio-sidecar-injector",
                "ConfigMap istio-system/istio",
                "ConfigMap istio-system/ours",
            ],
        ),
    ],
)
def test_single_objects_are_asked_for_by_name(
    found: MeshObjects, names: list[str]
) -> None:
    assert [str(one) for one in controls.wanted(found)] == names


def test_aks_reads_a_second_mesh_config_and_the_managed_one_wins() -> None:
    parts = (
        injector("asm-1-27", namespace="aks-istio-system"),
        config_map(
            "istio-shared-configmap-asm-1-27",
            "aks-istio-system",
            mesh=mesh({HOLD: True}),
        ),
        config_map(
            "istio-sidecar-injector-asm-1-27",
            "aks-istio-system",
            values=meshes.values("1.27.1"),
            config="policy: enabled",
        ),
    )
    plain = config_map("istio-asm-1-27", "aks-istio-system", mesh=mesh())
    plane = only(objects(*parts, plain))
    assert (plane.flavour, plane.version) == ("AKS", "1.27.1")
    assert value(plane, HOLD) == (
        True,
        "ConfigMap aks-istio-system/istio-shared-configmap-asm-1-27, mesh: "
        "defaultConfig.holdApplicationUntilProxyStarts",
    )
    off = config_map("istio-asm-1-27", "aks-istio-system", mesh=mesh({HOLD: False}))
    assert value(only(objects(*parts, off)), HOLD) == (
        False,
        "ConfigMap aks-istio-system/istio-asm-1-27, mesh: "
        "defaultConfig.holdApplicationUntilProxyStarts",
    )


def google(**config_maps: Any) -> ControlPlane:
    found = objects(
        injector("asm-managed", client={"url": "https://mesh.example/inject"}),
        *(
            config_map(f"istio-{name.replace('_', '-')}", mesh=mesh(config))
            for name, config in config_maps.items()
        ),
    )
    for wanted in controls.wanted(found):
        found.absent[wanted] = NOT_THERE
    return only(found)


def test_googles_values_are_unknowable() -> None:
    plane = google()
    hold = plane.setting(HOLD)
    assert hold is not None
    assert (plane.flavour, plane.injector, hold.value, hold.unknown) == (
        "Google managed",
        "https://mesh.example/inject",
        None,
        "the injector is outside the cluster: https://mesh.example/inject",
    )


def test_googles_mesh_config_counts_where_both_agree() -> None:
    on = {HOLD: True}
    assert value(google(asm_managed=on, asm_managed_rapid=on), HOLD)[0] is True
    hold = google(asm_managed=on).setting(HOLD)
    assert hold is not None
    assert (hold.value, hold.unknown) == (
        None,
        "the injector is outside the cluster: https://mesh.example/inject",
    )


def test_openshift_service_mesh_2_always_has_a_suffix() -> None:
    hook = {
        "metadata": {
            "name": "istiod-default-mesh",
            "labels": {"istio.io/rev": "default"},
        },
        "webhooks": [
            meshes.webhook(
                "",
                [meshes.requirement("maistra.io/member-of", "In", "mesh")],
                [],
                {"service": {"name": "istiod-default", "namespace": "mesh"}},
            )
        ],
    }
    found = objects(
        hook,
        config_map(
            "istio-sidecar-injector-default",
            "mesh",
            values=meshes.values("1.20.8"),
            config="policy: disabled",
        ),
        config_map("istio-default", "mesh", mesh=mesh({HOLD: True})),
    )
    plane = only(found)
    assert (plane.flavour, plane.namespace) == ("OpenShift Service Mesh 2", "mesh")
    assert value(plane, HOLD) == (
        True,
        "ConfigMap mesh/istio-default, mesh: "
        "defaultConfig.holdApplicationUntilProxyStarts",
    )
    member = {"maistra.io/member-of": "mesh"}
    pod = placed({"sidecar.istio.io/inject": "true"}, namespace_labels=member)
    answer = ISTIO_CONTROL.injection([plane], pod)
    assert answer is not None
    assert answer.injected is True


def test_sail_is_told_by_its_owner() -> None:
    hook = injector("default-v1-26-2")
    hook["metadata"]["ownerReferences"] = [
        {"apiVersion": "sailoperator.io/v1", "kind": "IstioRevision", "name": "a"}
    ]
    plane = only(objects(hook))
    assert (plane.flavour, plane.version) == ("Sail operator", "1.26")


def test_a_revision_without_webhooks_is_found_by_its_config_map() -> None:
    plane = only(objects(config_map("istio-sidecar-injector-x", config="", values="")))
    assert (plane.revision, plane.notes) == (
        "x",
        ("no webhook of this revision was seen",),
    )


def test_a_broken_document_is_unknown_and_no_crash() -> None:
    plane = only(
        objects(
            injector(),
            config_map("istio", mesh="a: [", other=""),
            config_map("istio-sidecar-injector", values="{", config="[]"),
        )
    )
    broken = "ConfigMap istio-system/istio-sidecar-injector: the key"
    assert {s.name: s.unknown.partition(broken)[1] for s in plane.settings} == {
        "policy": broken,
        HOLD: broken,
        "nativeSidecar": "",
        "lifecycle": broken,
        "startupProbe": broken,
        "statusPort": broken,
        "terminationDrainDuration": "",
        "EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "",
    }


def test_what_was_forbidden_says_so() -> None:
    found = objects(injector())
    for wanted in controls.wanted(found):
        found.absent[wanted] = "may not be read: forbidden"
    hold = only(found).setting(HOLD)
    assert hold is not None
    assert hold.unknown == (
        "ConfigMap istio-system/istio-sidecar-injector may not be read: forbidden"
    )
    assert Wanted("ConfigMap", "istio-system", "istio") in found.absent
