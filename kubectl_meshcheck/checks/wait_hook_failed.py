"""The hook that holds the application has failed, and it was started all the same.

## Why it matters

The proxy was not ready in the time that its postStart hook waits: 60 seconds
with Istio, two minutes with Linkerd, three with Kuma.  The kubelet then kills the
proxy's container and goes on to start the next one.  So the application runs in
a pod that looks held, without a proxy: every connection is refused.

What is seen is the event FailedPostStartHook or the state PostStartHookError.
When both are gone, a proxy that ended at the moment at which the application was
started tells the same, less surely: then the finding is a warning.

## How it is fixed

Find out why the proxy was not ready: its log says what it waited for, most often
the control plane.  Then make the pods anew.  Waiting longer only helps where the
proxy is slow, not where it is stuck.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from kubectl_meshcheck import evidence
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.evidence import Evidence, Kind, Strength
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    for one in evidence.harm(subject):
        if one.kind is Kind.HOOK:
            severity = None if one.strength is Strength.STRONG else Severity.WARNING
            yield Finding(one.text, one.container, severity, _look(subject, one))


def _look(subject: Subject, one: Evidence) -> str:
    """The log of the run that has failed."""
    words = ["kubectl", "logs", one.pod or str(subject.ref), "-c", one.container]
    if subject.ref.namespace:
        words += ["-n", subject.ref.namespace]
    return shlex.join([*words, "--previous"])


CHECK = Check(
    id="MC009",
    name="wait-hook-failed",
    severity=Severity.ERROR,
    find=find,
    page=__doc__,
)
