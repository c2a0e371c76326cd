"""Adds to each workload why its pods are injected as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from kubectl_meshcheck.control import ControlPlane, Placed
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.workload import Subject


def explained(
    subjects: Iterable[Subject],
    planes: Sequence[ControlPlane],
    webhooks_unknown: str = "",
) -> list[Subject]:
    """The subjects with their explanation; as they were where no mesh is seen."""
    if not planes:
        return list(subjects)
    explainer = controls.Explainer(planes, webhooks_unknown)
    return [replace(one, explained=explainer.explain(placed(one))) for one in subjects]


def placed(subject: Subject) -> Placed:
    """The workload's pod as written, and where it runs."""
    return Placed(
        pod=subject.written,
        namespace=subject.ref.namespace,
        labels=subject.labels,
        namespace_labels=subject.namespace_labels,
        namespace_annotations=subject.namespace_annotations,
        proxy=subject.judgement.proxy,
    )
