"""Running pods were injected under other settings than today's.

## Why it matters

A pod is injected once, when it is made.  Who changes the mesh's settings or the
annotations sees nothing of it until the pods are made anew: the hold stands in
the ConfigMap, and the pods race all the same.  The other way round is worse: the
pods that run are held, and after the next rollout they are not.

Where only the way of waiting changes, from a held proxy to a native sidecar say,
the finding is a remark.

## How it is fixed

Make the pods anew when the settings are what they should be.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import mismatch, refusals
from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.control import Mode
from kubectl_meshcheck.workload import Subject

_NEW = {
    Mode.HELD: "would hold the application",
    Mode.NATIVE: "would have a native sidecar that gates",
    Mode.RACE: "would not hold the application",
    Mode.NONE: "would have no proxy",
}


def find(subject: Subject) -> Iterator[Finding]:
    found, proxy = mismatch.stale(subject), subject.judgement.proxy
    if found is None or proxy is None or refusals.read(subject) is not None:
        return  # a restart would make pods of which none is taken
    severity = None if found.mends or found.breaks else Severity.INFO
    message = f"is stale, a new pod {_NEW[found.new]}: {found.because}"
    cure = remedy.restart(subject)
    if found.breaks:
        cure = f"before any restart: {remedy.hold(subject, proxy)}"
    container = subject.pod.containers[proxy.index].name
    yield Finding(message, container, severity, cure)


CHECK = Check(
    id="MC003",
    name="stale-pods",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
