"""The control planes of all meshes, and what they say about one pod."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from msgspec.structs import replace

from kubectl_meshcheck.control import (
    ControlPlane,
    Explained,
    Injection,
    Mode,
    Outlook,
    Placed,
    Setting,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import SIDECARS, plain, registry
from kubectl_meshcheck.meshes.control_base import Control
from kubectl_meshcheck.meshes.declared import Sidecar
from kubectl_meshcheck.model import PodStart

_MOST = 1_000  #: explanations that are kept, for pods that are alike


def control_of(mesh: str) -> Control | None:
    """The mesh's control; None for one that has none that we know.

    Its module is loaded here, so only where something of the mesh is to be seen.
    """
    if mesh in registry.REGISTRY:
        return _loaded(mesh)
    return _declared(SIDECARS[mesh]) if mesh in SIDECARS else None


@cache
def _declared(sidecar: Sidecar) -> Control:
    from kubectl_meshcheck.meshes import declared_control

    return declared_control.control(sidecar)


@cache
def _loaded(mesh: str) -> Control:
    module = importlib.import_module(f"kubectl_meshcheck.meshes.{mesh}_control")
    control: Control = getattr(module, f"{mesh.upper()}_CONTROL")
    return control


def _present(objects: MeshObjects) -> Iterator[Control]:
    seen = (*registry.present(objects), *SIDECARS)
    found = (control_of(mesh) for mesh in seen)
    return (control for control in found if control is not None)


def wanted(objects: MeshObjects) -> Iterator[Wanted]:
    """What is still to be read to know the meshes' settings."""
    for control in _present(objects):
        for one in control.wanted(objects):
            if not objects.has(one):
                yield one


def hint(pod: PodStart, mesh: str = "istio") -> tuple[str, str] | None:
    """The control plane that a pod's own proxy names: revision and namespace.

    Only Istio's does.
    """
    if mesh != "istio" or pod.named("istio-proxy") is None:
        return None
    from kubectl_meshcheck.meshes import istio_planes  # only where one runs

    return istio_planes.hint(pod)


def planes(objects: MeshObjects) -> tuple[ControlPlane, ...]:
    """Every control plane that was found."""
    present = _present(objects)
    return tuple(plane for control in present for plane in control.planes(objects))


def explain(
    found: Sequence[ControlPlane], placed: Placed, webhooks_unknown: str = ""
) -> Explained | None:
    """Why the pod is injected as it is; None where no mesh is to be seen.

    ``webhooks_unknown`` says why the webhooks are not all known; empty: they are.
    """
    return Explainer(found, webhooks_unknown).explain(placed)


class Explainer:
    """Explains many pods; those that say the same have their settings in common."""

    def __init__(self, found: Sequence[ControlPlane], webhooks_unknown: str) -> None:
        by_mesh: dict[str, list[ControlPlane]] = {}
        for plane in found:
            by_mesh.setdefault(plane.mesh, []).append(plane)
        self._planes = [
            (control, own)
            for mesh, own in by_mesh.items()
            if (control := control_of(mesh)) is not None
        ]
        self._unknown = webhooks_unknown
        self._settings: dict[object, tuple[Setting, ...]] = {}
        self._told: dict[object, Explained | None] = {}
        #: the labels of a pod that decide
        self._selected = {key for plane in found for key in plane.selects}

    def explain(self, placed: Placed) -> Explained | None:
        """As the function of that name."""
        if not plain(placed.pod):
            return self._explained(placed)
        labels = placed.labels
        if labels is not None:
            labels = {k: v for k, v in labels.items() if k in self._selected}
        key = _key(placed, labels)
        if key not in self._told:
            if len(self._told) >= _MOST:
                self._told.clear()
            # its own containers say nothing; most workloads are alike in what is left
            pod = replace(placed.pod, containers=())
            self._told[key] = self._explained(replace(placed, pod=pod, labels=labels))
        return self._told[key]

    def _explained(self, placed: Placed) -> Explained | None:
        mesh = placed.proxy.mesh if placed.proxy else ""
        told = (
            self._explain(control, own, placed)
            for control, own in self._planes
            if mesh in ("", control.mesh)
        )
        answers = [one for one in told if one is not None]
        return min(answers, key=_rank) if answers else None

    def _explain(
        self, control: Control, planes: Sequence[ControlPlane], placed: Placed
    ) -> Explained | None:
        answer = _injection(control, planes, placed, self._unknown)
        if answer is None:
            return None
        plane = _of(planes, answer, placed)
        settings = self._settings_of(control, plane, placed) if plane else ()
        if answer.injected is False:
            return Explained(answer, settings, Outlook(Mode.NONE, answer.rule), plane)
        if plane is None:
            nothing = Outlook(reason="its revision is not known")
            return Explained(answer, outlook=nothing)
        return Explained(
            answer, settings, control.outlook(plane, placed, settings), plane
        )

    def _settings_of(
        self, control: Control, plane: ControlPlane, placed: Placed
    ) -> tuple[Setting, ...]:
        """Computed once for pods with the same annotations in the same place."""
        placewise = control.by_labels or bool(placed.namespace_annotations)
        key = (
            id(plane),
            placed.namespace if placewise else "",
            placed.namespace_annotations is None,
            placed.proxy.version if placed.proxy else "",
            tuple(placed.pod.annotations.items()),
        )
        found = self._settings.get(key)
        if found is None:
            if len(self._settings) >= _MOST:
                self._settings.clear()
            found = self._settings[key] = control.settings(plane, placed)
        return found


def _key(placed: Placed, labels: Mapping[str, str] | None) -> object:
    """What tells one pod without containers, and with these labels, from another."""
    pod = placed.pod
    return (
        placed.namespace,
        _items(placed.namespace_labels),
        _items(placed.namespace_annotations),
        pod.host_network,
        pod.restart_policy,
        _items(pod.annotations),
        _items(pod.labels),
        _items(labels),
        placed.proxy,
    )


def _items(marks: Mapping[str, str] | None) -> object:
    return None if marks is None else tuple(marks.items())


def _rank(answer: Explained) -> int:
    """A mesh that injects tells more than one that may, and that than one that not."""
    return (True, None, False).index(answer.injection.injected)


def _injection(
    control: Control,
    planes: Sequence[ControlPlane],
    placed: Placed,
    webhooks_unknown: str,
) -> Injection | None:
    answer = control.injection(planes, placed)
    if answer is None:
        return None
    if webhooks_unknown and answer.injected is not True:
        # a webhook that was not seen may take the pod
        return replace(answer, injected=None, rule="", unknown=webhooks_unknown)
    theirs = placed.proxy.revision if placed.proxy else ""
    if answer.injected is False and theirs not in {"", *(p.revision for p in planes)}:
        why = f"nothing was seen of revision {theirs}, which may take the pod"
        return replace(answer, injected=None, rule="", unknown=why)
    return answer


def _of(
    planes: Sequence[ControlPlane], answer: Injection, placed: Placed
) -> ControlPlane | None:
    """The control plane that injects the pod: as decided, else as its proxy says."""
    revision = answer.revision or (placed.proxy.revision if placed.proxy else "")
    for plane in planes:
        if revision and plane.revision == revision:
            return plane
    return planes[0] if len(planes) == 1 and not revision else None
