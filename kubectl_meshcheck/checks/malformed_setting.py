"""A mesh setting is rejected by the injector, or silently ignored.

## Why it matters

A value of the wrong type fails the whole injection, and with it the creation of
the pod: the next rollout hangs without a single pod.  A key in the wrong case or
misspelt is dropped without a word, and everybody believes that it works.

## How it is fixed

Write what the finding names, on the pod template.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import MESHES
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not subject.written.annotations and not subject.written.labels:
        return  # none of any mesh's domain, that is
    versions = {proxy.mesh: proxy.version for proxy in subject.judgement.found}
    for mesh in MESHES:
        for bad in mesh.bad_settings(subject.written, versions.get(mesh.name, "")):
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
