"""Sidecars of the user's own, declared in the config file: first-class like any mesh.

No mark tells that a container is somebody's proxy (``generic`` guesses from none), so
the user names it and says what is known to wait for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import msgspec

from kubectl_meshcheck.meshes.base import Hold, Mesh, version_of
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.model import (
    Capture,
    Handler,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Waits,
)

DOCS = "https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/"


class Sidecar(msgspec.Struct, frozen=True):
    """One declaration; ``container`` and ``image`` are shell patterns."""

    name: str  #: as it is shown in place of a mesh
    container: str = ""
    image: str = ""
    #: how a postStart command begins that waits until it is ready
    waits: tuple[str, ...] = ()
    #: the path of a startup probe that means ready; empty: any probe does
    ready: str = ""
    #: the init container that redirects the pod's traffic to it; empty: nothing does
    redirected_by: str = ""
    source: str = ""  #: the config file

    def matches(self, name: str, image: str) -> bool:
        """Whether a container of that name and image is meant."""
        wanted = [(self.container, name), (self.image, image)]
        given = [(pattern, value) for pattern, value in wanted if pattern]
        return bool(given) and all(fnmatchcase(v, p) for p, v in given)


def mesh(sidecar: Sidecar) -> Mesh:
    """The declaration as a mesh of its own."""

    def recognise(pod: PodStart, index: int) -> Proxy | None:
        container = pod.containers[index]
        if not sidecar.matches(container.name, container.image):
            return None
        return Proxy(
            mesh=sidecar.name,
            index=index,
            gate=gate(container, waits, ready),
            capture=_capture(sidecar, pod),
            part=Part.SIDECAR,
            version=version_of(container.image),
            helpers=frozenset(filter(None, [sidecar.redirected_by])),
            symptom=f"{sidecar.name} does not answer yet",
        )

    def waits(command: Sequence[str]) -> Waits:
        known = sidecar.waits
        begins = bool(known) and tuple(command[: len(known)]) == known
        return Waits.YES if begins else Waits.UNKNOWN

    def ready(action: Handler) -> Waits:
        if not sidecar.ready or action.path == sidecar.ready:
            return Waits.YES
        return Waits.UNKNOWN

    return Mesh(
        name=sidecar.name,
        title=sidecar.name,
        docs=DOCS,
        proxies=(),
        recognise=recognise,
        domains=(),
        hold=lambda pod, proxy: _hold(sidecar),
    )


def _capture(sidecar: Sidecar, pod: PodStart) -> Capture:
    for index, container in enumerate(pod.containers):
        if sidecar.redirected_by and container.name == sidecar.redirected_by:
            return Capture(Redirect.INIT, after=index)
    return Capture(Redirect.NONE, reason="nothing redirects to it")


def _hold(sidecar: Sidecar) -> Hold:
    hook = f" ({' '.join(sidecar.waits)})" if sidecar.waits else ""
    return Hold(
        manual=f"list {sidecar.name} first with a postStart hook that waits{hook}, "
        "or make it an init container with restartPolicy: Always and a startup probe"
    )
