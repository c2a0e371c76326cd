"""A mesh annotation stands on the workload instead of its pod template.

## Why it matters

Injectors see pods, and pods inherit the template's annotations, not those of
the workload.  The setting looks right in every listing and does nothing;
`kubectl annotate deploy/x ...` puts it exactly there.

## How it is fixed

Move it to `spec.template.metadata.annotations` (for a CronJob
`spec.jobTemplate.spec.template.metadata.annotations`).  The pods are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import MESHES
from kubectl_meshcheck.workload import Subject

_TEMPLATE_ONLY = frozenset(key for mesh in MESHES for key in mesh.template_only)


def find(subject: Subject) -> Iterator[Finding]:
    if subject.ref.kind.kind == "Pod":
        return
    there = {**subject.written.labels, **subject.written.annotations}
    for key, value in subject.own_marks.items():
        # on both, it works; it is only said twice
        if key in _TEMPLATE_ONLY and key not in there:
            message = f"annotation {key} on the workload itself has no effect"
            yield Finding(message, next=remedy.patch(subject, {key: value}))


CHECK = Check(
    id="MC005",
    name="misplaced-annotation",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
