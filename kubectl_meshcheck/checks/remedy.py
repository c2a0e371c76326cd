"""The next command to type, for the findings that have one."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.meshes.base import Hold
from kubectl_meshcheck.model import Proxy
from kubectl_meshcheck.workload import Subject

#: their pods cannot be changed, only made anew
_FIXED = ("Pod", "Job")
#: kinds whose template ``--fix`` changes
MENDED = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "ReplicaSet",
    "ReplicationController",
)


def hold(subject: Subject, proxy: Proxy) -> str:
    """How this workload's application is made to wait for ``proxy``."""
    mesh = mesh_of(proxy)
    if mesh is None:
        return "give the sidecar a startup probe, or a postStart hook that waits"
    return command(subject, mesh.hold(subject.written, proxy))


def command(subject: Subject, remedy: Hold) -> str:
    """The remedy as a command, or in words where no command does it."""
    if not remedy.annotations:
        return remedy.manual
    if subject.keeper.kind.kind in _FIXED:
        wanted = "; ".join(f"{k}: {v!r}" for k, v in remedy.annotations.items())
        return f"create it anew with the pod annotation {wanted}"
    return fix(subject) or patch(subject, remedy.annotations)


def fix(subject: Subject) -> str:
    """This program's own command, where it can do it; empty elsewhere."""
    keeper = subject.keeper
    if not subject.live or keeper.kind.kind not in MENDED:
        return ""
    place = ["-n", keeper.namespace] if keeper.namespace else []
    return shlex.join(["kubectl", "meshcheck", str(keeper), *place, "--fix"])


def patch(subject: Subject, annotations: Mapping[str, str | None]) -> str:
    """``kubectl patch`` for annotations of the pod template."""
    body: object = {"metadata": {"annotations": dict(annotations)}}
    for step in reversed(_template_path(subject)):
        body = {step: body}
    words = ["kubectl", "patch", *_target(subject), "--type=merge"]
    return f"{shlex.join(words)} -p {shlex.quote(json.dumps(body))}"


def _template_path(subject: Subject) -> tuple[str, ...]:
    if subject.keeper.kind.kind == "CronJob":
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template")


def _target(subject: Subject) -> list[str]:
    keeper = subject.keeper
    kind, name = keeper.kind, keeper.name
    place = ["-n", keeper.namespace] if keeper.namespace else []
    return [f"{kind.resource}/{name}", *place]


def restart(subject: Subject) -> str:
    """How the workload's pods are made anew."""
    keeper = subject.keeper
    kind, namespace = keeper.kind, keeper.namespace
    if kind.kind in ("Deployment", "StatefulSet", "DaemonSet"):
        place = ["-n", namespace] if namespace else []
        return shlex.join(["kubectl", "rollout", "restart", str(keeper), *place])
    return f"create the pods of {keeper} anew"
