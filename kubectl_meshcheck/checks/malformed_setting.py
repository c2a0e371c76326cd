"""A mesh setting is rejected by the injector, or silently ignored.

## Why it matters

A value of the wrong type fails the whole injection, and with it the creation of
the pod: the next rollout hangs without a single pod.  A key in the wrong case or
misspelt is dropped without a word, and everybody believes that it works.

## How it is fixed

Write what the finding names, on the pod template.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import MESHES
from kubectl_meshcheck.model import PodStart
from kubectl_meshcheck.workload import Subject

_Marks = tuple[tuple[str, str], ...]


def find(subject: Subject) -> Iterator[Finding]:
    annotations, labels = subject.written.annotations, subject.written.labels
    if not annotations and not labels:
        return  # none of any mesh's domain, that is
    marks = (tuple(annotations.items()), tuple(labels.items()))
    versions = tuple((one.mesh, one.version) for one in subject.judgement.found)
    yield from _found(*marks, versions)


@lru_cache(maxsize=1024)  # the templates of a fleet ask for few things
def _found(
    annotations: _Marks, labels: _Marks, versions: _Marks
) -> tuple[Finding, ...]:
    """By nothing but the marks, and the version of each mesh that is there."""
    pod = PodStart(annotations=dict(annotations), labels=dict(labels))
    return tuple(_findings(pod, dict(versions)))


def _findings(pod: PodStart, versions: Mapping[str, str]) -> Iterator[Finding]:
    for mesh in MESHES:
        for bad in mesh.bad_settings(pod, versions.get(mesh.name, "")):
            effect = "no pod can be created" if bad.rejected else "it has no effect"
            severity = Severity.ERROR if bad.rejected else None
            message = f"{bad.key}: {bad.trouble}; {effect}"
            yield Finding(message, severity=severity, next=f"write {bad.cure}")


CHECK = Check(
    id="MC006",
    name="malformed-setting",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
