"""The meshes and their settings: for people, and as the data of ``mesh -o json``.

docs/mesh.schema.json says what the data holds, and the tests hold both to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubectl_meshcheck import __version__
from kubectl_meshcheck.control import ControlPlane, Webhook
from kubectl_meshcheck.report import data, grid, settings
from kubectl_meshcheck.report.text import View, bold, safe
from kubectl_meshcheck.survey import Plane, Survey

FORMATS = ("table", "wide", "json", "yaml")
_HEADERS = (
    "MESH",
    "REVISION",
    "TAGS",
    "NAMESPACE",
    "VERSION",
    "MODE",
    "WORKLOADS",
    "IN",
)


def render(found: Survey, output: str, view: View) -> str:
    """The survey as text in one of the ``FORMATS``."""
    if output == "json":
        return data.json_text(as_data(found))
    if output == "yaml":
        return data.yaml_text(as_data(found))
    if not found.planes:
        return ""
    return "\n".join([_table(found, view), *_blocks(found, view)]) + "\n"


def _table(found: Survey, view: View) -> str:
    rows = [[safe(cell) for cell in _cells(one)] for one in found.planes]
    return "\n".join(grid.lines([_HEADERS, *rows] if view.headers else rows))


def _cells(found: Plane) -> tuple[str, ...]:
    plane = found.plane
    return (
        plane.mesh,
        plane.revision or "-",
        ",".join(plane.tags) or "-",
        plane.namespace or "-",
        plane.version or "-",
        plane.mode,
        str(found.workloads),
        ",".join(use.namespace for use in found.uses) or "-",
    )


def _blocks(found: Survey, view: View) -> Iterator[str]:
    for one in found.planes:
        yield ""
        yield bold(safe(_title(one.plane)), view)
        for line in _lines(one, view):
            yield f"  {safe(line)}"


def _title(plane: ControlPlane) -> str:
    name = " ".join(part for part in (plane.mesh, plane.revision) if part)
    place = f" in {plane.namespace}" if plane.namespace else ""
    return f"{name}{place}{f' ({plane.flavour})' if plane.flavour else ''}"


def _lines(found: Plane, view: View) -> Iterator[str]:
    plane = found.plane
    if plane.order:
        yield f"start order: {plane.order}"
    for setting in (*plane.settings, *plane.policies):
        yield from settings.lines(setting)
        for place in setting.overridden_by:
            yield f"  overridden by: {place}"
    if plane.fails_open:
        yield "  pods made while the injector cannot be reached have no proxy"
    for use in found.uses:
        workloads = f"{use.workloads} workload{'' if use.workloads == 1 else 's'}"
        pods = f"{use.pods} pod{'' if use.pods == 1 else 's'}"
        yield f"used in namespace {use.namespace}: {workloads}, {pods}"
    if view.wide:
        if plane.injector:
            yield f"injector: {plane.injector}"
        for webhook in plane.webhooks:
            yield from _webhook(webhook)
    for note in plane.notes:
        yield f"note: {note}"


def _webhook(webhook: Webhook) -> Iterator[str]:
    tag = f" (tag {webhook.tag})" if webhook.tag else ""
    yield f"webhook: {webhook}{tag}"
    yield f"  namespaces: {webhook.namespaces}"
    yield f"  pods: {webhook.objects}"
    if webhook.unclear:
        yield f"  {webhook.unclear}"


# -- as data ---------------------------------------------------------------


def as_data(found: Survey) -> dict[str, Any]:
    """The whole survey as what JSON knows."""
    return {
        "apiVersion": data.API_VERSION,
        "kind": "MeshReport",
        "version": __version__,
        "exitCode": int(found.exit_code),
        "meshes": [_plane(one) for one in found.planes],
        "problems": [data.problem(one) for one in found.problems],
        "warnings": list(found.warnings),
    }


def _plane(found: Plane) -> dict[str, Any]:
    plane = found.plane
    return {
        "mesh": plane.mesh,
        "revision": plane.revision,
        "tags": list(plane.tags),
        "namespace": plane.namespace,
        "version": plane.version,
        "distribution": plane.flavour,
        "mode": plane.mode,
        "injector": plane.injector,
        "webhooks": [_webhook_data(one) for one in plane.webhooks],
        "startOrder": plane.order,
        "settings": settings.of_plane((*plane.settings, *plane.policies)),
        "namespaces": [
            {"name": use.namespace, "workloads": use.workloads, "pods": use.pods}
            for use in found.uses
        ],
        "workloads": found.workloads,
        "pods": found.pods,
        "notes": list(plane.notes),
    }


def _webhook_data(webhook: Webhook) -> dict[str, Any]:
    return {
        "configuration": webhook.configuration,
        "name": webhook.name,
        "tag": webhook.tag,
        "failurePolicy": webhook.failure_policy,
        "namespaceSelector": str(webhook.namespaces),
        "objectSelector": str(webhook.objects),
        "unclear": webhook.unclear,
    }
