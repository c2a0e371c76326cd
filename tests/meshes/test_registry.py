"""Nothing that a new mesh needs can be forgotten without a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from kubectl_meshcheck import meshes
from kubectl_meshcheck.meshes import MESHES, generic
from kubectl_meshcheck.meshes.base import About, Mesh
from kubectl_meshcheck.model import Gate, PodStart, Proxy, Waits
from tests.meshes.golden import GOLDEN, mesh_cases, subjects_of
from tests.meshes.pods import container, pod, proxy

PACKAGE = Path(meshes.__file__).parent
MESH_IDS = [mesh.name for mesh in MESHES]
#: one container of each mesh, where a fixture's own would be far away
SAMPLES = {
    "istio": container(
        "istio-proxy", "istio/proxyv2:1.20.0", args=["proxy", "sidecar"]
    ),
    "linkerd": container("linkerd-proxy", "cr.l5d.io/linkerd/proxy:stable-2.14.10"),
    "kuma": container("kuma-sidecar", "docker.io/kumahq/kuma-dp:2.9.1"),
    "consul": container("consul-dataplane", "hashicorp/consul-dataplane:1.9.0"),
    "appmesh": container("envoy", "ecr/aws-appmesh-envoy:v1.34.13.3-prod"),
    "osm": container("envoy", "envoyproxy/envoy-distroless:v1.23.1"),
    "nginx": container("nginx-mesh-sidecar", "nsm/nginx-mesh-sidecar:2.0.0"),
    "dapr": container("daprd", "ghcr.io/dapr/daprd:1.18.3"),
    "vault": container("vault-agent", "hashicorp/vault:1.19.0"),
    "cloudsql": container("db", "gcr.io/x/cloud-sql-proxy:2.14.1"),
    "gcsfuse": container("gke-gcsfuse-sidecar", "gke/gcs-fuse-csi-driver-x:v1"),
}


def _pod(mesh: Mesh) -> PodStart:
    labels = {"osm-proxy-uuid": "1"} if mesh.name == "osm" else {}
    return pod(container("app", "x"), SAMPLES[mesh.name], labels=labels)


def test_names_are_unique() -> None:
    assert len(set(MESH_IDS)) == len(MESHES)
    assert len({mesh.title for mesh in MESHES}) == len(MESHES)
    assert generic.NAME not in MESH_IDS


def test_every_module_with_a_mesh_is_listed_and_named_after_it() -> None:
    literal = re.compile(r"^(\w+)(?:: Mesh)? = Mesh\(", re.MULTILINE)
    there = {
        path.stem: literal.findall(path.read_text(encoding="utf-8"))
        for path in PACKAGE.glob("*.py")
    }
    assert {name: found for name, found in there.items() if found} == {
        name: [name.upper()] for name in MESH_IDS
    }


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
def test_a_mesh_says_all_that_is_needed(mesh: Mesh) -> None:
    assert re.fullmatch(r"[a-z]+", mesh.name)
    assert mesh.title
    assert mesh.docs.startswith("https://")
    assert mesh.proxies
    module = __import__(f"kubectl_meshcheck.meshes.{mesh.name}", fromlist=["x"])
    assert getattr(module, mesh.name.upper()) is mesh
    assert module.__doc__
    assert set(mesh.per_pod) <= {key for key, _ in meshes.relevant(_all_set(mesh))}


def _all_set(mesh: Mesh) -> dict[str, str]:
    return dict.fromkeys(mesh.per_pod, "x")


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
def test_its_marks_are_kept_when_a_pod_is_read(mesh: Mesh) -> None:
    keys = (*mesh.template_only, *mesh.namespace_annotations, *mesh.keys)
    kept = {key for key, _ in meshes.relevant(dict.fromkeys(keys, "x"))}
    assert kept == set(keys)


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
def test_its_proxy_is_found_and_can_be_looked_up(mesh: Mesh) -> None:
    found = proxy(_pod(mesh))
    assert found.mesh == mesh.name
    assert meshes.mesh_of(found) is mesh
    assert found.index == 1


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
@pytest.mark.parametrize("written", [pod(), PodStart()], ids=["template", "nothing"])
@pytest.mark.parametrize("waits", Waits, ids=str)
def test_its_remedy_is_an_annotation_or_a_step(
    mesh: Mesh, written: PodStart, waits: Waits
) -> None:
    found: Proxy = replace(proxy(_pod(mesh)), gate=Gate(waits, "x", "y"), index=7)
    for native in (False, True):
        remedy = mesh.hold(written, replace(found, native=native))
        assert bool(remedy.annotations) is not bool(remedy.manual)
        assert set(remedy.annotations) <= set(mesh.template_only)


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
def test_a_plain_pod_is_none_of_its_business(mesh: Mesh) -> None:
    plain = pod()
    assert mesh.asked(plain, None) is None
    assert mesh.asked(plain, {}) is None
    assert list(mesh.bad_settings(plain, "")) == []
    assert mesh.ambient(plain) == ""


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="GOLDEN DATA MISSING")
def test_every_mesh_is_found_in_the_golden_data() -> None:
    found = {
        proxy.mesh
        for case in mesh_cases()
        for subject in subjects_of(case)
        for proxy in subject.judgement.found
    }
    assert found - {generic.NAME} == set(MESH_IDS)


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
def test_every_fact_has_its_source(mesh: Mesh) -> None:
    told = {fact.about for fact in mesh.facts}
    assert {About.RECOGNISED, About.START, About.CAPTURE, About.REMEDY} <= told
    for fact in mesh.facts:
        assert re.match(r"[\w-]+/[\w.-]+(: |#\d)", fact.source), fact
        assert fact.text.endswith("."), fact


@pytest.mark.parametrize("mesh", MESHES, ids=MESH_IDS)
def test_a_mesh_is_asked_about_what_may_be_its_own(mesh: Mesh) -> None:
    names = (*mesh.proxies, *(f"{prefix}-1" for prefix in mesh.proxy_prefixes))
    asked = [meshes._candidates(name, "registry/app:1") for name in names]
    asked += [meshes._candidates("app", f"registry/{one}:1") for one in mesh.images]

    assert asked
    assert all(mesh in one for one in asked)


def test_no_mesh_is_asked_about_any_other_container() -> None:
    app = container("app-1", "registry/app:1")

    assert list(meshes._candidates(app["name"], app["image"])) == []
    assert meshes.plain(pod(app))
    assert not meshes.plain(pod(app, container("istio-proxy", "registry/app:1")))
