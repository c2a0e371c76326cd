"""By what each mesh's control plane is recognised, without loading what reads it.

A line here and a module ``<mesh>_control.py`` beside it are all that a control plane
needs: the module is loaded, and anything read, only where one of its webhooks is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from kubectl_meshcheck.mesh_objects import MeshObjects, WebhookEntry


class Entry(msgspec.Struct, frozen=True):
    """One mesh's marks; a ``*`` stands for what an installation chooses."""

    #: names of the webhooks that inject into pods
    webhooks: tuple[str, ...]
    #: keys of a ConfigMap's data that configure it
    config_keys: tuple[str, ...] = ()
    #: kinds of its own that configure it
    kinds: tuple[str, ...] = ()


#: in the order in which they are asked about a pod and shown
REGISTRY: Mapping[str, Entry] = {
    "istio": Entry(("*sidecar-injector.istio.io",), ("mesh", "values")),
    "linkerd": Entry(("linkerd-proxy-injector.linkerd.io",), ("values",)),
    "kuma": Entry(("*kuma-injector.kuma.io",), ("config.yaml",)),
    "consul": Entry(("*-connect-injector.consul.hashicorp.com",)),
    "appmesh": Entry(("mpod.appmesh.k8s.aws",)),
    "osm": Entry(("osm-inject.k8s.io",), kinds=("MeshConfig",)),
    "nginx": Entry(
        (
            "nginx-mesh-controller.sidecar.injector",
            "nginx-mesh-controller-obj.sidecar.injector",
            "nginx-mesh-api.sidecar.injector",
        ),
        ("mesh-config.json",),
    ),
    "dapr": Entry(("sidecar-injector.dapr.io",)),
    "vault": Entry(("vault.hashicorp.com",)),
    "cloudsql": Entry(("pods.proxy.cloudsql.google.com",)),
    "gcsfuse": Entry(("gcsfuse-sidecar-injector.csi.storage.gke.io",)),
}
_CONFIG_KEYS = frozenset(key for one in REGISTRY.values() for key in one.config_keys)
KINDS = frozenset(kind for one in REGISTRY.values() for kind in one.kinds)


def injects(mesh: str, entry: WebhookEntry) -> bool:
    """Whether a webhook is one that puts the mesh's proxy into new pods."""
    names = REGISTRY[mesh].webhooks
    return any(fnmatchcase(entry.name, name) for name in names) and entry.sees_pods


def injector(webhook: str) -> str:
    """The mesh whose injector's webhook has that name; empty for none that we know."""
    for mesh, entry in REGISTRY.items():
        if any(fnmatchcase(webhook, name) for name in entry.webhooks):
            return mesh
    return ""


def present(objects: MeshObjects) -> Iterator[str]:
    """The meshes of which something was read that configures them."""
    seen = {w.name for one in objects.webhooks.values() for w in one.webhooks or ()}
    for mesh, entry in REGISTRY.items():
        if any(fnmatchcase(name, w) for w in entry.webhooks for name in seen):
            yield mesh
        elif mesh == "istio" and (objects.hints or objects.config_maps):
            yield mesh  # its pods and its ConfigMaps tell of it as well


def is_config(found: Mapping[str, Any]) -> bool:
    """Whether a ConfigMap may configure a mesh."""
    parts = (found.get("data"), found.get("binaryData"))
    return any(isinstance(p, dict) and not _CONFIG_KEYS.isdisjoint(p) for p in parts)
