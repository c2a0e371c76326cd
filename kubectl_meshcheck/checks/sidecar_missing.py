"""Injection is asked for, and the running pod has no proxy.

## Why it matters

The pod runs outside the mesh: no mutual TLS, no policy, no metrics.  Either it
is older than the label that asks for injection, or the injector was not there
when it was created, or whoever asked put the mark where nothing reads it.

## How it is fixed

Make the pods anew when the request is in the right place; otherwise move it
there first.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import asked, titled
from kubectl_meshcheck.model import Verdict
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.running or subject.judgement.verdict is not Verdict.NONE:
        return
    if subject.judgement.proxies:
        return
    found = asked(subject.pod, subject.namespace_labels, subject.namespace_annotations)
    if found is None:
        yield from _by_default(subject)
        return
    mesh, request = found
    if request.futile:
        message = f"{mesh.title} is asked for by the {request.by}, but {request.futile}"
        yield Finding(message, next=f"see {mesh.docs}")
    elif refused := _refused(subject, mesh.name):
        message = f"{mesh.title} does not inject it: {refused}"
        yield Finding(message, next=f"see {mesh.docs}")
    else:
        message = f"{mesh.title} is asked for by the {request.by}, and no pod has it"
        message += _unnoticed(subject, mesh.name)
        yield Finding(message, next=remedy.restart(subject))


def _refused(subject: Subject, mesh: str) -> str:
    """Why the injector leaves the pod alone all the same; empty: nobody can tell."""
    injection = subject.explained.injection if subject.explained else None
    if injection is None or injection.mesh != mesh or injection.injected is not False:
        return ""
    return injection.rule


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
    """Why nobody may have noticed that the injector was not there."""
    plane = subject.explained.plane if subject.explained else None
    if plane is None or plane.mesh != mesh or not plane.fails_open:
        return ""
    where = f"{plane.fails_open}, failurePolicy: Ignore"
    return f"; the webhook fails open ({where}), so nobody noticed if it was away"


CHECK = Check(
    id="MC010",
    name="sidecar-missing",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
