"""The application waits by itself until the proxy is ready.

## Why it matters

A wrapper like linkerd-await, or a loop on the proxy's readiness page, does what
the mesh can do: where the mesh holds the application, it is one thing less to
maintain.  Where the mesh does not, the wait may be all that keeps the application
from crashing, and then it matters whether it is enough: one that looks once, sleeps
for some seconds or gives up after a while is not.

The kubelet knows nothing of it, so the verdict stays what it is.

## How it is fixed

Let the mesh hold the application, and drop the wait.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import mismatch, waiting
from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.model import Role, State
from kubectl_meshcheck.waiting import Wait
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    proxy = mismatch.proxy_of(subject)
    if proxy is None:
        return
    for step in subject.judgement.steps:
        if step.container.role is not Role.MAIN:
            continue
        if step.state not in (State.WAITS, State.EXPOSED):
            continue
        wait = waiting.found(step.container)
        # a held application may still have to wait for others
        if wait is None or (step.state is State.WAITS and not wait.for_proxy):
            continue
        cure = "drop the wait"
        if step.state is State.EXPOSED:
            cure = remedy.hold(subject, proxy)
        yield Finding(_told(wait, step.state), step.container.name, next=cure)


def _told(wait: Wait, state: State) -> str:
    if state is State.WAITS:
        return f"waits by itself ({wait.by}), and the mesh holds it already"
    if wait.lacks:
        return f"waits by itself ({wait.by}), which is not enough: {wait.lacks}"
    return f"waits by itself ({wait.by}), which is enough as long as it stays"


CHECK = Check(
    id="MC013",
    name="redundant-wait",
    severity=Severity.INFO,
    find=find,
    page=__doc__,
)
