"""Native or not, and what the injector would make of a pod, by version and settings."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.control import ControlPlane, Mode
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.meshes.istio_control import ISTIO_CONTROL, planes
from kubectl_meshcheck.meshes.istio_settings import HOLD
from tests.settings import meshes
from tests.settings.meshes import config_map, injector, mesh, objects, placed

NEW, OLD = ("v1.33.1", "v1.34.0"), ("v1.33.1", "v1.32.9")


def only(found: MeshObjects) -> ControlPlane:
    [plane] = planes(found)
    return plane


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
    native = plane.setting("nativeSidecar")
    assert native is not None
    assert (native.value, str(native.origin)) == (
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


OLDEST, OLDER = ("v1.24.3", "v1.25.1"), ("v1.24.3", "v1.26.0")
PROBED: Any = {"startupProbe": {"enabled": True}}
REFUSED = (
    "the API server is older than Kubernetes 1.29 and takes a native sidecar for an "
    "init container, so it refuses the pod"
)


@pytest.mark.parametrize(
    ("version", "env", "server", "kubelets", "annotation", "mode", "reason"),
    [
        ("1.24.0", "true", "v1.28.15+k3s1", None, None, Mode.UNKNOWN, REFUSED),
        ("1.24.0", "true", "v1.29.0", None, None, Mode.NATIVE, ""),
        ("1.24.0", "true", "v2.0.0", None, None, Mode.NATIVE, ""),
        ("1.24.0", "true", "unheard of", None, None, Mode.NATIVE, ""),
        ("1.24.0", "true", "", None, None, Mode.NATIVE, ""),
        # the server itself was not asked: it is at most three minors newer
        ("1.24.0", "true", "", OLDEST, None, Mode.UNKNOWN, REFUSED),
        ("1.24.0", "true", "", OLDER, None, Mode.NATIVE, ""),
        ("1.24.0", "true", "v1.28.1", NEW, None, Mode.UNKNOWN, REFUSED),
        # only who makes a native sidecar is refused
        ("1.24.0", "false", "v1.28.1", None, "true", Mode.UNKNOWN, REFUSED),
        ("1.24.0", "true", "v1.28.1", None, "false", Mode.HELD, ""),
        ("1.24.0", "false", "v1.28.1", None, None, Mode.HELD, ""),
        ("1.27.0", "auto", "v1.28.1", OLDEST, None, Mode.HELD, ""),
    ],
)
def test_a_native_sidecar_that_the_server_refuses(
    version: str,
    env: str,
    server: str,
    kubelets: tuple[str, ...] | None,
    annotation: str | None,
    mode: Mode,
    reason: str,
) -> None:
    switch = {"ENABLE_NATIVE_SIDECARS": env}
    proxy = {**PROBED, HOLD: True}
    found = meshes.istio(version, proxy=proxy, env=switch, kubelets=kubelets)
    found.server = server
    key = "sidecar.istio.io/nativeSidecar"
    pod = placed({} if annotation is None else {key: annotation})
    explained = controls.explain(planes(found), pod)
    assert explained is not None
    assert (explained.outlook.mode, explained.outlook.reason) == (mode, reason)
