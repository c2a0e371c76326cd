"""Adds to each workload why its pods are injected as they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from kubectl_meshcheck import meshes
from kubectl_meshcheck.control import (
    ControlPlane,
    Explained,
    Outlook,
    Placed,
    mode_of,
)
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.workload import Subject


class Explaining:
    """Explains subjects as they come, by the control planes that were found."""

    def __init__(
        self, planes: Sequence[ControlPlane], webhooks_unknown: str = ""
    ) -> None:
        self._explainer = controls.Explainer(planes, webhooks_unknown)
        self._planes = planes

    def all(self, subjects: Iterable[Subject]) -> list[Subject]:
        """The subjects with their explanation; as they were where no mesh is seen."""
        if not self._planes:
            return list(subjects)
        explainer = self._explainer
        return [replace(one, explained=_explained(explainer, one)) for one in subjects]


def _explained(explainer: controls.Explainer, subject: Subject) -> Explained | None:
    """With the helpers beside the mesh, each by its own mesh's settings."""
    found = _main(explainer, subject)
    if found is None or not subject.judgement.others:
        return found
    base = placed(subject)
    helpers = (p for other in subject.judgement.others for p in other.proxies)
    told = (explainer.explain(replace(base, proxy=helper)) for helper in helpers)
    return replace(found, beside=tuple(one for one in told if one is not None))


def _main(explainer: controls.Explainer, subject: Subject) -> Explained | None:
    """With the proxy that the template brings along, where nothing injects another."""
    found = explainer.explain(placed(subject))
    if found is None or found.injection.injected is not False:
        return found
    if subject.template is None or subject.judgement.proxy is None:
        return found
    own = meshes.judge(subject.template)
    if own.proxy is None:
        return found
    name = subject.template.containers[own.proxy.index].name
    outlook = Outlook(mode_of(own.proxy), f"{name} is written in the template")
    return replace(found, outlook=outlook)


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
