"""Pods written by hand, for one trap each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.meshes.base import Hold
from kubectl_meshcheck.model import Judgement, PodStart, Proxy, State, Verdict

Container = dict[str, Any]
APP: Container = {"name": "app", "image": "example.test/app:1"}


def container(
    name: str,
    image: str = "",
    *,
    hook: Sequence[str] | None = None,
    startup: Mapping[str, Any] | None = None,
    native: bool = False,
    env: Mapping[str, str] | None = None,
    **more: Any,
) -> Container:
    """One container as a manifest has it."""
    found: Container = {"name": name, "image": image, **more}
    if hook is not None:
        found["lifecycle"] = {"postStart": {"exec": {"command": list(hook)}}}
    if startup is not None:
        found["startupProbe"] = dict(startup)
    if native:
        found["restartPolicy"] = "Always"
    if env:
        found["env"] = [{"name": key, "value": value} for key, value in env.items()]
    return found


def get(path: str, port: int = 80) -> dict[str, Any]:
    """A probe by HTTP."""
    return {"httpGet": {"path": path, "port": port}}


def run(*command: str) -> dict[str, Any]:
    """A probe by a command."""
    return {"exec": {"command": list(command)}}


def pod(
    *main: Container,
    init: Sequence[Container] = (),
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    **spec: Any,
) -> PodStart:
    """A pod as a scan takes it in."""
    whole = {"initContainers": list(init), "containers": list(main or [APP]), **spec}
    return parse.pod_start(
        parse.convert(whole, parse.PodSpec),
        meshes.relevant(annotations),
        meshes.relevant(labels),
    )


def judge(found: PodStart) -> Judgement:
    return meshes.judge(found)


def verdict(found: PodStart) -> Verdict:
    return meshes.judge(found).verdict


def proxy(found: PodStart) -> Proxy:
    """The one proxy in the pod."""
    (only,) = meshes.proxies(found)
    return only


def states(found: PodStart) -> dict[str, State]:
    """What each container can expect."""
    return {step.container.name: step.state for step in judge(found).steps}


def hold(found: PodStart, written: PodStart | None = None) -> Hold:
    """The remedy for a pod whose template is ``written``, or a pod without one."""
    first = meshes.proxies(found)[0]
    mesh = meshes.mesh_of(first)
    assert mesh is not None
    return mesh.hold(found if written is None else written, first)


def troubles(found: PodStart, version: str = "") -> dict[str, bool]:
    """The bad settings of a pod, and whether each is rejected."""
    return {
        bad.key: bad.rejected
        for mesh in meshes.MESHES
        for bad in mesh.bad_settings(found, version)
    }
