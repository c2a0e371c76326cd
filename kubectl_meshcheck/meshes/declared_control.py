"""What the config file says of a sidecar of the user's own, as a mesh's settings.

Nothing injects it and no control plane configures it: the file tells what waits for
it, and the pod template how it is started.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.control import (
    ControlPlane,
    Injection,
    Origin,
    Outlook,
    Placed,
    Setting,
    Topic,
    mode_of,
)
from kubectl_meshcheck.meshes.control_base import Control
from kubectl_meshcheck.meshes.declared import Sidecar

_NOTE = "nothing injects it: where it stands is up to each pod template"


def plane(sidecar: Sidecar) -> ControlPlane:
    """The declaration, with the file in the place of a control plane."""
    return ControlPlane(
        mesh=sidecar.name, settings=tuple(_settings(sidecar)), notes=(_NOTE,)
    )


def _settings(sidecar: Sidecar) -> Iterator[Setting]:
    told = (
        (Topic.GATE, "waits", " ".join(sidecar.waits)),
        (Topic.GATE, "ready", sidecar.ready),
        (Topic.CAPTURE, "redirectedBy", sidecar.redirected_by),
    )
    for topic, name, value in told:
        path = ("sidecars", sidecar.name, name)
        origin = Origin("config file", "", sidecar.source, path=path)
        yield Setting(topic, name, value or None, origin, not value)


def control(sidecar: Sidecar) -> Control:
    """How pods with it are explained."""
    return Control(
        mesh=sidecar.name,
        wanted=lambda _: iter(()),
        planes=lambda _: (plane(sidecar),),
        injection=_injection,
        settings=lambda plane, _: plane.settings,
        outlook=_outlook,
    )


def _injection(found: Sequence[ControlPlane], placed: Placed) -> Injection | None:
    mesh = found[0].mesh
    if placed.proxy is None or placed.proxy.mesh != mesh:
        return None
    return Injection(True, mesh, rule="the pod template brings it")


def _outlook(plane: ControlPlane, placed: Placed, _: Sequence[Setting]) -> Outlook:
    """As the pods that run: they are made from the same template."""
    proxy = placed.proxy
    return Outlook(mode_of(proxy), proxy.gate.reason) if proxy else Outlook()
