"""Reads what configures the meshes: one list, then single objects by their names.

Never lists ConfigMaps.  What is denied or breaks off becomes the reason why a
setting is unknown, never a problem: the scan itself did not need it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from kubectl_meshcheck import parallel, parse
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.control import ControlPlane, Topic
from kubectl_meshcheck.errors import MeshcheckError
from kubectl_meshcheck.mesh_objects import (
    NOT_THERE,
    ConfigMap,
    Custom,
    MeshObjects,
    Node,
    Version,
    Wanted,
    WebhookConfiguration,
)
from kubectl_meshcheck.meshes import controls

_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
#: rounds of asking for what the last answers have named
_ROUNDS = 3
#: objects of one scan; more revisions than that are not read
_MOST = 60


def read_webhooks(cluster: Cluster, objects: MeshObjects) -> None:
    """Every webhook configuration, in one list."""
    try:
        for found in cluster.stream(
            _WEBHOOKS, WebhookConfiguration, on_invalid=lambda _: None
        ):
            objects.add_webhooks(found)
    except MeshcheckError as error:
        why = f"the webhook configurations could not be read: {error.what}"
        objects.webhooks_unknown = why
    else:
        objects.webhooks_unknown = ""


def read_settings(cluster: Cluster, objects: MeshObjects) -> None:
    """What the webhooks, or hints, point at, and the API server's version."""
    for turn in range(_ROUNDS):
        wanted = list(dict.fromkeys(controls.wanted(objects)))
        room = _MOST - objects.read
        if not wanted:
            break
        some = wanted[: max(0, room)]
        tasks = [partial(_read, cluster, objects, one) for one in some]
        if not turn and not objects.server:
            tasks.append(partial(_version, cluster, objects))
        parallel.run(tasks)


def _read(cluster: Cluster, objects: MeshObjects, wanted: Wanted) -> None:
    try:
        if wanted.kind == "Deployment":
            path = f"/apis/apps/v1/namespaces/{wanted.namespace}/deployments"
            found = cluster.get(f"{path}/{wanted.name}", parse.Workload)
            objects.deployments[wanted] = found.template or parse.Template()
        elif wanted.resource:
            version, _, plural = wanted.resource.rpartition("/")
            path = f"/apis/{version}/namespaces/{wanted.namespace}/{plural}"
            custom = cluster.get(f"{path}/{wanted.name}", Custom)
            objects.add_custom(wanted.kind, custom)
        else:
            path = f"/api/v1/namespaces/{wanted.namespace}/configmaps"
            kept = cluster.get(f"{path}/{wanted.name}", ConfigMap)
            objects.config_maps[wanted] = kept.texts
    except ApiError as error:
        why = NOT_THERE if error.status == 404 else f"could not be read: {error.what}"
        objects.absent[wanted] = why
    except MeshcheckError as error:
        objects.absent[wanted] = f"could not be read: {error.what}"


def _version(cluster: Cluster, objects: MeshObjects) -> None:
    """The API server's, which decides whether a native sidecar can be had at all.

    A server that does not tell leaves it unknown.
    """
    with suppress(MeshcheckError):
        objects.server = cluster.get("/version", Version).git_version


def read_nodes(
    cluster: Cluster,
    objects: MeshObjects,
    planes: Callable[[], tuple[ControlPlane, ...]],
) -> None:
    """The kubelets' versions, where a control plane makes its mode depend on them."""
    if objects.kubelets is not None or not any(_depends(one) for one in planes()):
        return
    try:
        for node in cluster.stream("/api/v1/nodes", Node, on_invalid=lambda _: None):
            objects.add_node(node)
    except MeshcheckError as error:
        objects.kubelets = None
        objects.kubelets_unknown = f"the nodes could not be read: {error.what}"


def _depends(plane: ControlPlane) -> bool:
    native = plane.topic(Topic.NATIVE)
    return native is not None and native.unknown.startswith("auto")
