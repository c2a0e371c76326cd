"""Holding the application is asked for, and the pod is not held.

## Why it matters

Whoever set it believes that the race is gone.  There are a handful of known
reasons why it does not work: a lifecycle of the mesh's own that takes the hook's
place, a version that does not look there, a container or template of the pod's
own, a native sidecar without a startup probe, another webhook that puts a
container in front, or a proxy that does not answer.

Pods that were made before the setting are not meant: that is MC003.

## How it is fixed

Remove the reason that the finding names, then make the pods anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import mismatch
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.workload import Subject

_UNKNOWN = "for no reason that is known here"
_LOOK = "make the pods anew; if they are not held then, the injector's log says why"


def find(subject: Subject) -> Iterator[Finding]:
    found, proxy = mismatch.ineffective(subject), subject.judgement.proxy
    if found is None or proxy is None:
        return
    reason = found.reason or _UNKNOWN
    message = f"does not hold, though {found.asked} asks for it: {reason}"
    container = subject.pod.containers[proxy.index].name
    yield Finding(message, container, next=found.cure or _LOOK)


CHECK = Check(
    id="MC004",
    name="hold-ineffective",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
