"""Control planes as distributions set them up, and what is known of each."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.control import ControlPlane, Mode
from kubectl_meshcheck.mesh_objects import NOT_THERE, MeshObjects, Wanted
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.meshes.istio_control import ISTIO_CONTROL, planes
from kubectl_meshcheck.meshes.istio_settings import HOLD
from tests.settings import meshes
from tests.settings.meshes import config_map, injector, istiod, mesh, objects, placed

NEW, OLD = ("v1.33.1", "v1.34.0"), ("v1.33.1", "v1.32.9")


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
    assert ISTIO_CONTROL.injection([plane], pod).injected is True


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


@pytest.mark.parametrize(
    ("version", "env", "kubelets", "annotation", "native"),
    [
        ("1.18.7", {"ENABLE_NATIVE_SIDECARS": "true"}, NEW, None, False),
        ("1.19.0", {}, NEW, None, False),
        ("1.19.0", {"ENABLE_NATIVE_SIDECARS": "true"}, OLD, None, True),
        ("1.23.0", {"ENABLE_NATIVE_SIDECARS": "true"}, None, "false", True),
        ("1.23.0", {}, None, "true", False),
        ("1.24.0", {}, None, "true", True),
        ("1.24.0", {}, None, "yes", False),
        ("1.24.0", {"ENABLE_NATIVE_SIDECARS": "true"}, None, "yes", False),
        ("1.26.2", {"ENABLE_NATIVE_SIDECARS": "auto"}, NEW, None, False),
        ("1.27.0", {}, NEW, None, True),
        ("1.27.0", {}, OLD, None, False),
        ("1.27.0", {}, (), None, None),
        ("1.27.0", {}, None, None, None),
        ("1.27.0", {}, None, "false", False),
        ("1.27.0", {}, OLD, "yes", True),
        ("1.27.0", {}, OLD, "", False),
        ("1.27.0", {"ENABLE_NATIVE_SIDECARS": "false"}, NEW, None, False),
        ("1.27.0", {"ENABLE_NATIVE_SIDECARS": "maybe"}, NEW, None, False),
    ],
)
def test_native_by_version_environment_kubelets_and_annotation(
    version: str,
    env: dict[str, str],
    kubelets: tuple[str, ...] | None,
    annotation: str | None,
    native: bool | None,
) -> None:
    plane = only(meshes.istio(version, env=env, kubelets=kubelets))
    key = "sidecar.istio.io/nativeSidecar"
    pod = placed({} if annotation is None else {key: annotation})
    found = {one.name: one for one in ISTIO_CONTROL.settings(plane, pod)}
    assert found["nativeSidecar"].value is native


def test_native_is_unknown_without_istiods_environment() -> None:
    parts = (
        injector(),
        config_map("istio", mesh=mesh()),
        config_map(
            "istio-sidecar-injector",
            values=meshes.values("1.24.1"),
            config="policy: enabled",
        ),
    )
    native = only(objects(*parts)).setting("nativeSidecar")
    assert native is not None
    assert native.unknown == "Deployment istio-system/istiod was not read"


def test_the_values_of_newer_charts_tell_the_environment_too() -> None:
    more = {"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": True}}}
    text = meshes.values("1.26.1", **more)
    plane = only(
        objects(
            injector(), config_map("istio-sidecar-injector", values=text, config="")
        )
    )
    assert value(plane, "nativeSidecar") == (
        True,
        "ConfigMap istio-system/istio-sidecar-injector, values: "
        "pilot.env.ENABLE_NATIVE_SIDECARS",
    )


ON = {HOLD: True}


@pytest.mark.parametrize(
    ("version", "proxy", "config", "env", "annotations", "mode", "reason"),
    [
        ("1.14.6", {}, {}, {}, {}, Mode.RACE, "nothing asks to hold the application"),
        ("1.14.6", {}, ON, {}, {}, Mode.HELD, ""),
        ("1.14.6", ON, {}, {}, {}, Mode.HELD, ""),
        (
            "1.14.6",
            {**ON, "lifecycle": {"preStop": {"exec": {"command": ["sleep", "5"]}}}},
            {},
            {},
            {},
            Mode.RACE,
            "values.global.proxy.lifecycle takes the place of the waiting hook",
        ),
        (
            "1.9.0",
            {},
            ON,
            {},
            {},
            Mode.RACE,
            "Istio 1.9.0 lists the proxy last all the same",
        ),
        ("1.9.0", {}, ON, {}, {"proxy.istio.io/config": "{}"}, Mode.HELD, ""),
        ("1.9.1", {}, ON, {}, {}, Mode.HELD, ""),
        (
            "1.14.6",
            ON,
            {},
            {},
            {"status.sidecar.istio.io/port": "0"},
            Mode.UNKNOWN,
            "status port 0 leaves nobody to answer pilot-agent wait",
        ),
        (
            "1.14.6",
            ON,
            {},
            {},
            {"inject.istio.io/templates": "grpc-agent"},
            Mode.UNKNOWN,
            "it names an injection template of its own",
        ),
        (
            "1.24.0",
            {"startupProbe": {"enabled": True}},
            {},
            {"ENABLE_NATIVE_SIDECARS": "true"},
            {},
            Mode.NATIVE,
            "",
        ),
        (
            "1.24.0",
            {"startupProbe": {"enabled": False}, **ON},
            {},
            {"ENABLE_NATIVE_SIDECARS": "true"},
            {},
            Mode.RACE,
            "the startup probe of native sidecars is switched off",
        ),
        # 1.19 and 1.20 give a native sidecar the hook as well
        (
            "1.20.3",
            {"startupProbe": {"enabled": False}, **ON},
            {},
            {"ENABLE_NATIVE_SIDECARS": "true"},
            {},
            Mode.NATIVE,
            "",
        ),
        (
            "1.24.0",
            {"startupProbe": {"enabled": True}, "statusPort": 0},
            {},
            {"ENABLE_NATIVE_SIDECARS": "true"},
            {},
            Mode.RACE,
            "status port 0 leaves the native sidecar without a startup probe",
        ),
        # hold is dropped where the proxy is native, from 1.21 on: nothing is lost
        (
            "1.24.0",
            {"startupProbe": {"enabled": True}, **ON},
            {},
            {"ENABLE_NATIVE_SIDECARS": "true"},
            {},
            Mode.NATIVE,
            "",
        ),
    ],
)
def test_what_the_injector_would_make_of_a_pod(
    version: str,
    proxy: Any,
    config: Any,
    env: Any,
    annotations: Any,
    mode: Mode,
    reason: str,
) -> None:
    found = meshes.istio(version, proxy=proxy, default_config=config, env=env)
    explained = controls.explain(planes(found), placed(annotations))
    assert explained is not None
    assert (explained.outlook.mode, explained.outlook.reason) == (mode, reason)


@pytest.mark.parametrize(
    ("kubelets", "mode"), [(NEW, "native"), (OLD, "classic"), (None, "unknown")]
)
def test_the_default_mode_of_a_control_plane(kubelets: Any, mode: str) -> None:
    assert only(meshes.istio("1.27.1", kubelets=kubelets)).mode == mode


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
