"""Where a kind keeps its pod template, and what stands there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.checks.remedy import MENDED
from kubectl_meshcheck.kinds import Kind
from kubectl_meshcheck.model import PodStart
from kubectl_meshcheck.plan.values import Object

#: kinds that roll their pods by themselves when the template changes
ROLLS = ("Deployment", "StatefulSet", "DaemonSet")


def template_path(kind: Kind) -> tuple[str, ...]:
    """The steps from the object's root to its pod template."""
    if kind.kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template")


def changeable(kind: Kind) -> bool:
    """Whether this program changes templates of that kind."""
    return kind.kind in MENDED and kind.group in ("apps", "batch", "")


def at(found: Object, path: tuple[str, ...]) -> Mapping[str, Any]:
    """The mapping at ``path``; empty when there is none."""
    here: Any = found
    for step in path:
        here = here.get(step) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {}


def marks(found: Object, path: tuple[str, ...] = ()) -> dict[str, str]:
    """The annotations of the object, or of what lies at ``path`` in it."""
    kept = at(found, (*path, "metadata", "annotations"))
    return {key: value for key, value in kept.items() if isinstance(value, str)}


def written(found: Object, path: tuple[str, ...]) -> PodStart:
    """The pod as the template's author wrote it.  Raises ``ValueError``."""
    template = parse.convert(at(found, path), parse.Template)
    return meshes.start_of(template.metadata, template.spec)


def with_annotations(
    found: Object, path: tuple[str, ...], more: Mapping[str, str]
) -> dict[str, Any]:
    """A copy of the object with these annotations added at ``path``."""
    if path:
        step, *rest = path
        inner = found.get(step)
        inner = inner if isinstance(inner, Mapping) else {}
        return {**found, step: with_annotations(inner, tuple(rest), more)}
    meta = found.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    before = meta.get("annotations")
    before = before if isinstance(before, Mapping) else {}
    return {**found, "metadata": {**meta, "annotations": {**before, **more}}}
