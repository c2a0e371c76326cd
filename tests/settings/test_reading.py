"""What is asked of a server for the settings, and what becomes of a denial.

Left out: what the settings then are, which the tables of the meshes cover.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck import live, offline
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.meshes.istio_settings import HOLD
from tests.server import Server
from tests.settings import meshes

Object = dict[str, Any]
_ADMISSION = "admissionregistration.k8s.io"
_WEBHOOKS = f"/apis/{_ADMISSION}/v1/mutatingwebhookconfigurations"


def typed(api_version: str, kind: str, found: Object) -> Object:
    return {"apiVersion": api_version, "kind": kind, **found}


def cluster(*, config: Object | None = None, version: str = "1.14.6") -> list[Object]:
    """A revision 1-14-6, a namespace of it, and one racing pod."""
    suffix = "1-14-6"
    namespace = {"metadata": {"name": "shop", "labels": {"istio.io/rev": suffix}}}
    return [
        typed(
            f"{_ADMISSION}/v1", "MutatingWebhookConfiguration", meshes.injector(suffix)
        ),
        typed(
            "v1",
            "ConfigMap",
            meshes.config_map(f"istio-{suffix}", mesh=meshes.mesh(config)),
        ),
        typed(
            "v1",
            "ConfigMap",
            meshes.config_map(
                f"istio-sidecar-injector-{suffix}",
                values=meshes.values(version),
                config="policy: enabled",
            ),
        ),
        typed("apps/v1", "Deployment", meshes.istiod(name=f"istiod-{suffix}")),
        typed("v1", "Namespace", namespace),
        typed("v1", "Pod", pod()),
    ]


def pod() -> Object:
    address = {"name": "CA_ADDR", "value": "istiod-1-14-6.istio-system.svc:15012"}
    proxy = {
        "name": "istio-proxy",
        "image": "istio/proxyv2:1.14.6",
        "args": ["proxy", "sidecar"],
        "env": [address],
    }
    return {
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web"}, proxy]},
        "status": {"phase": "Running"},
    }


def scanned(
    server: Server, folder: Path, token: str = "", **scope: Any
) -> tuple[Inventory, list[Problem]]:
    config = server.kubeconfig(folder / "config", token=token, namespace="shop")
    client = connect(Connection(kubeconfig=str(config)))
    try:
        return live.from_cluster(client, live.Scope(("shop",), **scope))
    finally:
        client.close()


def asked(server: Server) -> list[str]:
    """The requests for the settings, in order."""
    words = ("configmaps", "mutatingwebhook", "deployments/", "nodes")
    paths = [request.path for request in server.requests]
    return [path for path in paths if any(word in path for word in words)]


def told(inventory: Inventory) -> tuple[Any, str, str]:
    """The hold of the one workload: value, origin, why unknown."""
    [subject] = [s for s in inventory.subjects() if s.ref.namespace == "shop"]
    assert subject.explained is not None
    found = {one.name: one for one in subject.explained.settings}[HOLD]
    return found.value, found.origin.place, found.unknown


def test_one_list_and_single_objects(tmp_path: Path) -> None:
    with Server.start(cluster(config={HOLD: True})) as server:
        inventory, problems = scanned(server, tmp_path)
        paths = asked(server)
    assert problems == []
    assert told(inventory) == (True, "ConfigMap istio-system/istio-1-14-6", "")
    maps = "/api/v1/namespaces/istio-system/configmaps"
    assert paths[0] == _WEBHOOKS  # then beside each other what it points at
    assert sorted(paths[1:]) == [
        f"{maps}/istio-1-14-6",
        f"{maps}/istio-sidecar-injector-1-14-6",
        "/apis/apps/v1/namespaces/istio-system/deployments/istiod-1-14-6",
    ]


def denied(tmp_path: Path, rules: Sequence[tuple[str, str, str]]) -> Any:
    with Server.start(cluster(), tokens={"reader": rules}) as server:
        inventory, problems = scanned(server, tmp_path, "reader")
    return inventory, problems


def test_a_denied_config_map_is_a_reason_and_no_problem(tmp_path: Path) -> None:
    inventory, problems = denied(tmp_path, [("get", "configmaps", "istio-system")])
    assert problems == []
    value, place, unknown = told(inventory)
    name = "ConfigMap istio-system/istio-sidecar-injector-1-14-6"
    assert (value, place) == (None, name)
    assert unknown.startswith(f"{name} could not be read: ")


def test_denied_webhooks_leave_what_the_pods_name(tmp_path: Path) -> None:
    rules = [("list", f"mutatingwebhookconfigurations.{_ADMISSION}", "")]
    inventory, problems = denied(tmp_path, rules)
    assert problems == []
    assert told(inventory) == (False, "ConfigMap istio-system/istio-1-14-6", "")
    [subject] = [s for s in inventory.subjects() if s.ref.namespace == "shop"]
    assert subject.explained is not None
    injection = subject.explained.injection
    assert injection.injected is None
    assert injection.unknown.startswith("the webhook configurations could not be read")


def test_a_missing_config_map_is_a_reason(tmp_path: Path) -> None:
    objects = [o for o in cluster() if o["metadata"]["name"] != "istio-1-14-6"]
    with Server.start(objects) as server:
        inventory, problems = scanned(server, tmp_path)
    assert problems == []
    why = "ConfigMap istio-system/istio-1-14-6 is not there"
    assert told(inventory) == (None, "ConfigMap istio-system/istio-1-14-6", why)


def test_nodes_are_read_only_where_the_mode_depends_on_them(tmp_path: Path) -> None:
    node = typed(
        "v1",
        "Node",
        {
            "metadata": {"name": "a"},
            "status": {"nodeInfo": {"kubeletVersion": "v1.33.2"}},
        },
    )
    image = "pilot:1.27.1"
    modes = []
    for version in ("1.14.6", "1.27.1"):
        objects = [
            typed(
                "apps/v1",
                "Deployment",
                meshes.istiod(name="istiod-1-14-6", image=image),
            )
            if one["kind"] == "Deployment" and version == "1.27.1"
            else one
            for one in cluster(version=version)
        ]
        with Server.start([*objects, node]) as server:
            inventory, _ = scanned(server, tmp_path, nodes=True)
            [plane] = inventory.control_planes()
            modes.append((plane.mode, "/api/v1/nodes" in asked(server)))
    assert modes == [("classic", False), ("native", True)]


@pytest.mark.parametrize("meshed", [True, False])
def test_the_server_s_version_is_asked_where_there_is_a_mesh(
    meshed: bool, tmp_path: Path
) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    with Server.start(cluster() if meshed else [space]) as server:
        inventory, _ = scanned(server, tmp_path)
        paths = [request.path for request in server.requests]
    told = inventory.mesh_objects.server
    assert (told, paths.count("/version")) == (("v1.32.4", 1) if meshed else ("", 0))


def dump(*objects: Object) -> Inventory:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    inventory, problems = offline.from_files(["-"], stdin=io.BytesIO(text.encode()))
    assert problems == []
    return inventory


def test_files_tell_the_same() -> None:
    assert told(dump(*cluster(config={HOLD: True}))) == (
        True,
        "ConfigMap istio-system/istio-1-14-6",
        "",
    )


def test_files_without_the_config_maps_say_so() -> None:
    objects = [one for one in cluster() if one["kind"] != "ConfigMap"]
    name = "ConfigMap istio-system/istio-sidecar-injector-1-14-6"
    assert told(dump(*objects)) == (None, name, f"{name} is not among the files")


def test_manifests_without_a_mesh_have_no_explanation() -> None:
    deployment = {
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [{"name": "web"}]}}},
    }
    [subject] = dump(typed("apps/v1", "Deployment", deployment)).subjects()
    assert subject.explained is None
