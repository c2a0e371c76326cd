"""Which object a mesh-wide fix edits, and which it leaves to its operator."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.control import ControlPlane, Given, Origin, Setting, Topic
from kubectl_meshcheck.meshes.istio_planes import KUBESPHERE, OSSM2, SAIL
from kubectl_meshcheck.meshes.istio_settings import HOLD
from kubectl_meshcheck.plan.meshwide import (
    MeshChange,
    MeshLeft,
    MeshPlace,
    change,
    lost,
    place,
)

SYSTEM = "istio-system"


def _plane(
    revision: str = "default",
    flavour: str = "",
    version: str = "1.14.6",
    value: bool = False,
    **more: Any,
) -> ControlPlane:
    suffix = "" if revision == "default" else f"-{revision}"
    mesh = Origin("ConfigMap", SYSTEM, f"istio{suffix}", "mesh")
    injector = f"istio-sidecar-injector{suffix}"
    values = Origin("ConfigMap", SYSTEM, injector, "values")
    hold = Setting(
        Topic.HOLD,
        HOLD,
        value,
        mesh,
        default=not value,
        given=(Given(values), Given(mesh)),
    )
    settings = more.pop("settings", (hold,))
    return ControlPlane(
        "istio", revision, (), SYSTEM, version, flavour, settings=settings, **more
    )


def _written(found: MeshPlace | MeshLeft) -> str:
    if isinstance(found, MeshLeft):
        return f"{'refused' if found.refused else 'left'}: {found.reason}"
    inside = ".".join(found.inside)
    return f"{found.ref.namespace}/{found.ref.name} {found.key}: {inside}"


NATIVE = Setting(Topic.NATIVE, "nativeSidecar", True)
UNKNOWN = Setting(Topic.HOLD, HOLD, unknown="the ConfigMaps could not be read")
CASES: dict[str, tuple[ControlPlane, str]] = {
    "upstream": (_plane(), "istio-system/istio mesh: defaultConfig"),
    "a revision": (
        _plane("1-14-6", KUBESPHERE),
        "istio-system/istio-1-14-6 mesh: defaultConfig",
    ),
    "istio 1.7 has it in the values only": (
        _plane(version="1.7.8"),
        "istio-system/istio-sidecar-injector values: global.proxy",
    ),
    "AKS: the shared one is the user's": (
        _plane("asm-1-27", "AKS"),
        "istio-system/istio-shared-configmap-asm-1-27 mesh: defaultConfig",
    ),
    "OpenShift Service Mesh 2": (
        _plane("basic", OSSM2),
        "refused: the OpenShift Service Mesh operator would revert an edit of the "
        "ConfigMap",
    ),
    "Sail": (
        _plane("default", SAIL),
        "refused: the Sail operator would revert an edit of the ConfigMap",
    ),
    "held already": (
        _plane(value=True),
        f"left: {HOLD} is true already (ConfigMap istio-system/istio, mesh)",
    ),
    "native": (
        _plane(settings=(_plane().settings[0], NATIVE)),
        "left: its sidecars are native: they need no hold",
    ),
    "unknown": (
        _plane(settings=(UNKNOWN,)),
        "refused: what holds today is not known: the ConfigMaps could not be read",
    ),
    "another mesh": (
        ControlPlane("linkerd"),
        "left: only Istio's ConfigMaps are edited; mesh shows where it is set",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_place_of_the_setting(case: str) -> None:
    plane, expected = CASES[case]
    assert _written(place(plane)) == expected


def _changed(data: dict[str, str] | None, **meta: Any) -> MeshChange | MeshLeft:
    where = place(_plane())
    assert isinstance(where, MeshPlace)
    found = {} if data is None else {"metadata": meta, "data": data}
    return change(where, found)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("rootNamespace: a\n", f"rootNamespace: a\ndefaultConfig:\n  {HOLD}: true\n"),
        (
            "defaultConfig:\n  a: b # c\n",
            f"defaultConfig:\n  a: b # c\n  {HOLD}: true\n",
        ),
        ("", f"defaultConfig:\n  {HOLD}: true"),
    ],
)
def test_the_document_keeps_all_the_rest(before: str, after: str) -> None:
    made = _changed({"mesh": before})
    assert isinstance(made, MeshChange)
    assert (made.before, made.after) == (before, after)


def test_a_config_map_that_is_not_there_is_made() -> None:
    made = _changed(None)
    assert isinstance(made, MeshChange)
    assert (made.live, made.before) == ({}, None)


@pytest.mark.parametrize("text", ["a: [", "- a", "defaultConfig: x"])
def test_a_broken_document_is_not_built_upon(text: str) -> None:
    made = _changed({"mesh": text})
    assert isinstance(made, MeshLeft)
    assert made.refused


def test_helm_will_write_it_again() -> None:
    helm = {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "istiod"},
        "managedFields": [
            {
                "manager": "helm",
                "operation": "Update",
                "fieldsV1": {"f:data": {"f:mesh": {}}},
            }
        ],
    }
    made = _changed({"mesh": "a: b"}, **helm)
    assert isinstance(made, MeshChange)
    left = lost(made)
    assert left is not None
    assert left.instead == (
        f"set meshConfig.defaultConfig.{HOLD}: true in the chart's values; "
        "--allow-drift writes it here all the same"
    )
    assert lost(_changed({"mesh": "a: b"})) is None  # type: ignore[arg-type]
