"""Injection is asked for, and the running pod has no proxy.

## Why it matters

The pod runs outside the mesh: no mutual TLS, no policy, no metrics.  Either it
is older than the label that asks for injection, or the injector was not there
when it was created, or whoever asked put the mark where nothing reads it.

The finding says which: a label in the place of an annotation or the other way round,
a mark on the workload instead of its template, a value that the mesh does not know,
a namespace or a pod that the injector leaves alone.  Where the injector wrote an event
about the workload (Linkerd does), its own words are shown.

## How it is fixed

Make the pods anew when the request is in the right place; otherwise move it
there first.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import (
    asked,
    asked_besides,
    mesh_of,
    proxies,
    titled,
)
from kubectl_meshcheck.meshes.base import Asked, Mesh
from kubectl_meshcheck.model import Part, Verdict
from kubectl_meshcheck.workload import Subject

#: Kubernetes' own controllers that make pods
_MAKERS = ("ReplicaSet", "StatefulSet", "DaemonSet", "Job", "ReplicationController")


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.running:
        return
    there = {proxy.mesh for proxy in subject.judgement.found}
    if _meshed(subject):
        if subject.judgement.verdict is Verdict.GATEWAY:  # it names no other
            there = {proxy.mesh for proxy in proxies(subject.pod)}
        around = (subject.namespace_labels, subject.namespace_annotations)
        for mesh, request in asked_besides(subject.pod, *around, there):
            yield _finding(subject, mesh, request)
        return
    own = subject.own_marks if subject.ref.kind.kind != "Pod" else None
    found = asked(
        subject.pod,
        subject.namespace_labels,
        subject.namespace_annotations,
        own,
        there,
    )
    amiss = found is not None and bool(found[1].cure)
    if found is not None and not (amiss and _injected(subject, found[0].name)):
        yield _finding(subject, *found)
    elif not there:
        yield from _by_default(subject)


def _meshed(subject: Subject) -> bool:
    """Whether the pods are in a mesh; helpers and sidecars of no mesh leave it open."""
    judgement = subject.judgement
    return judgement.verdict is Verdict.AMBIENT or any(
        proxy.part is not Part.HELPER and mesh_of(proxy) is not None
        for proxy in judgement.found
    )


def _finding(subject: Subject, mesh: Mesh, request: Asked) -> Finding:
    injected = _injected(subject, mesh.name)
    futile = request.futile or ("" if injected else request.uncalled)
    told = f"; its injector's event says: {subject.skipped}" if subject.skipped else ""
    if not request.futile and injected is False:
        rule = _rule(subject)
        message = f"{mesh.title} does not inject it: {rule}{told}"
        return Finding(message, next=f"see {mesh.docs}")
    if futile:
        message = f"{mesh.title} is asked for by the {request.by}, but {futile}{told}"
        # a namespace asks for all its pods, also for those that cannot be injected
        meant = not (subject.pod.host_network and request.by.startswith("namespace"))
        severity = None if meant else Severity.INFO
        cure = request.cure or f"see {mesh.docs}"
        return Finding(message, severity=severity, next=cure)
    message = f"{mesh.title} is asked for by the {request.by}, and no pod has it{told}"
    message += _unnoticed(subject, mesh.name)
    perhaps = request.perhaps or (request.strangers if _strange(subject) else "")
    if perhaps and not told:
        message += f"; {perhaps}"
    return Finding(message, next=remedy.restart(subject))


def _injected(subject: Subject, mesh: str) -> bool | None:
    """Whether the mesh's own webhook and settings inject new pods; None: not told."""
    injection = subject.explained.injection if subject.explained else None
    return injection.injected if injection and injection.mesh == mesh else None


def _strange(subject: Subject) -> bool:
    """Whether the pods are made by none of Kubernetes' own controllers."""
    return not subject.owners or subject.owners[0].kind.kind not in _MAKERS


def _rule(subject: Subject) -> str:
    return subject.explained.injection.rule if subject.explained else ""


def _by_default(subject: Subject) -> Iterator[Finding]:
    """Nobody asks for it, and the control plane injects into this pod all the same."""
    explained = subject.explained
    if explained is None or explained.injection.injected is not True:
        return
    title = titled(explained.injection.mesh)
    message = f"{title} injects it, since {explained.injection.rule}, and no pod has it"
    message += _unnoticed(subject, explained.injection.mesh)
    yield Finding(message, next=remedy.restart(subject))


def _unnoticed(subject: Subject, mesh: str) -> str:
    """What the webhook's failure policy tells of how the pods came to be."""
    plane = subject.explained.plane if subject.explained else None
    if plane is None or plane.mesh != mesh or not plane.webhooks:
        return ""
    if plane.fails_open:
        where = f"{plane.fails_open}, failurePolicy: Ignore"
        return f"; the webhook fails open ({where}), so nobody noticed if it was away"
    return (
        "; the webhook fails closed, so the pods are older than it, than its settings "
        "or than the request"
    )


CHECK = Check(
    id="MC010",
    name="sidecar-missing",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
