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
from kubectl_meshcheck.meshes import asked
from kubectl_meshcheck.model import Verdict
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.running or subject.judgement.verdict is not Verdict.NONE:
        return
    if subject.judgement.proxies:
        return
    found = asked(subject.pod, subject.namespace_labels, subject.namespace_annotations)
    if found is None:
        return
    mesh, request = found
    if request.futile:
        message = f"{mesh.title} is asked for by the {request.by}, but {request.futile}"
        yield Finding(message, next=f"see {mesh.docs}")
    else:
        message = f"{mesh.title} is asked for by the {request.by}, and no pod has it"
        yield Finding(message, next=remedy.restart(subject))


CHECK = Check(
    id="MC010",
    name="sidecar-missing",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
