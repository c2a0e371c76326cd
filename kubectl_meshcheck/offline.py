"""Fills an inventory from manifests, dumps and stdin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from kubectl_meshcheck import files, parse
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.kinds import KINDS, POD, kind_of
from kubectl_meshcheck.mesh_objects import (
    ConfigMap,
    Custom,
    MeshObjects,
    Node,
    WebhookConfiguration,
)
from kubectl_meshcheck.meshes import registry


def from_files(
    paths: Sequence[str],
    *,
    recursive: bool = False,
    stdin: BinaryIO | None = None,
    label: str = "",
) -> tuple[Inventory, list[Problem]]:
    """Reads every pod and owner in the files; broken documents become problems.

    ``label`` stands for the files' names in what is said about their objects.
    """
    inventory = Inventory(live=False)
    problems: list[Problem] = []
    for found in files.read(paths, recursive=recursive, stdin=stdin):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            problems += _take(inventory, found, label or found.source)
    objects = inventory.mesh_objects
    objects.unread, objects.final = "is not among the files", True
    if objects.webhooks:
        objects.webhooks_unknown = ""
    return inventory, problems


def _take(inventory: Inventory, document: files.Document, source: str) -> list[Problem]:
    found = document.object
    kind = kind_of(str(found.get("kind", "")), str(found.get("apiVersion", "")))
    where = f"{source}, document {document.number}"
    try:
        if kind is POD:
            inventory.add_pod(parse.convert(found, parse.Pod), where)
        elif kind.kind == "Namespace":
            inventory.add_namespace(parse.convert(found, parse.Bare).metadata)
        elif kind.kind == "Event":
            inventory.add_event(parse.convert(found, parse.Event))
        elif kind.kind in _OF_MESHES or kind.kind in registry.KINDS:
            _take_mesh(inventory.mesh_objects, kind.kind, found)
        elif kind in KINDS or _has_template(found):
            if kind not in KINDS:  # whose status may be anything
                found = {**found, "status": None}
            workload = parse.convert(found, parse.Workload)
            inventory.add_workload(kind, workload, where)
    except ValueError as error:
        name = _name(found)
        line = f", line {document.line}" if document.line else ""
        what = f"{where}{line}: {kind.kind} {name}: {_plain(error)}"
        hint = "correct the field and try again"
        return [Problem(what, hint, source=document.source)]
    return []


_OF_MESHES = ("MutatingWebhookConfiguration", "ConfigMap", "Node")


def _take_mesh(objects: MeshObjects, kind: str, found: dict[str, Any]) -> None:
    """Keeps what configures a mesh; a dump has many ConfigMaps that do not."""
    if kind == "MutatingWebhookConfiguration":
        objects.add_webhooks(parse.convert(found, WebhookConfiguration))
    elif kind == "Node":
        objects.add_node(parse.convert(found, Node))
    elif kind in registry.KINDS:
        objects.add_custom(kind, parse.convert(found, Custom))
    elif registry.is_config(found):
        objects.add_config_map(parse.convert(found, ConfigMap))


def _has_template(found: dict[str, Any]) -> bool:
    """A kind of somebody's own that keeps a pod template where all keep it."""
    here: Any = found
    for step in ("spec", "template", "spec", "containers"):
        here = here.get(step) if isinstance(here, dict) else None
    return isinstance(here, list)


def _name(found: dict[str, Any]) -> str:
    meta = found.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    return name if isinstance(name, str) else "without a name"


def _plain(error: ValueError) -> str:
    """msgspec's words: ``Expected `str`, got `int` - at `$.spec.replicas```."""
    text, _, path = str(error).partition(" - at ")
    path = path.strip("`").removeprefix("$.")
    text = text.replace("`", "").replace("Expected ", "expected ")
    return f"{path}: {text}" if path else text
