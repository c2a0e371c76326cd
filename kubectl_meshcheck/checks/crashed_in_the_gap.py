"""An application has died between its own start and its proxy's readiness.

## Why it matters

This is the race, seen: the container ended with an error within a few seconds of
its proxy's start, or was refused a connection that only the proxy can refuse.
It was started again until the proxy happened to be ready, so minutes later
nothing is to be seen any more but the number of restarts.

What is seen are the container's last termination and the proxy's start, each to
the second; with `--logs` the very lines, and the exact time between them.  A
proxy that was itself started again proves nothing, and is not counted; nor
is a run that ended with 0, was killed for its memory, or could not be run.

## How it is fixed

As app-starts-before-proxy (MC001) is: the application is made to wait for its
proxy.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import evidence
from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.evidence import Kind, Strength
from kubectl_meshcheck.model import State
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    proxy = subject.judgement.proxy
    if proxy is None:
        return
    for one in evidence.harm(subject):
        if one.kind is Kind.CRASH and one.strength is Strength.STRONG:
            exposed = one.container in subject.judgement.named(State.EXPOSED)
            # for those MC001 or MC002 says it already
            cure = "" if exposed else remedy.hold(subject, proxy)
            yield Finding(one.text, one.container, next=cure)


CHECK = Check(
    id="MC011",
    name="crashed-in-the-gap",
    severity=Severity.ERROR,
    find=find,
    page=__doc__,
)
