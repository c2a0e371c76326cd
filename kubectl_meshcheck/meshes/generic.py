"""Hand-written sidecars: no mesh, the same race.

No mark says that a container is somebody's proxy, so none is guessed from a
name.  Only what the author wrote into the pod counts: a native sidecar, a
postStart loop that waits for a local port, or ``restartPolicy: Always`` on an
ordinary container, which is not a native sidecar (KEP-753; kubernetes/
kubernetes: ContainerRestartRules).
"""

from __future__ import annotations

from kubectl_meshcheck.meshes.hooks import command_waits, gate
from kubectl_meshcheck.model import (
    Capture,
    Container,
    Gate,
    PodStart,
    Proxy,
    Redirect,
    Role,
    Waits,
)

NAME = "no mesh"


def proxies(pod: PodStart) -> tuple[Proxy, ...]:
    """The hand-written sidecars of a pod in which no mesh has a proxy."""
    return tuple(
        Proxy(NAME, index, _gate(container), Capture(Redirect.NONE, reason="no mesh"))
        for index, container in enumerate(pod.containers)
        if _is_sidecar(container)
    )


def _is_sidecar(container: Container) -> bool:
    if container.role is Role.NATIVE:
        return True
    if container.role is Role.INIT:
        return False
    if container.restart_policy == "Always":
        return True
    hook = container.post_start
    if hook is None or hook.kind != "exec":
        return False
    return command_waits(hook.command, _never) is Waits.YES


def _never(_: object) -> Waits:
    return Waits.UNKNOWN


def _gate(container: Container) -> Gate:
    return gate(container, _never)
