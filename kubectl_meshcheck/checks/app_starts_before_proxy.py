"""An application container can start before its proxy is ready.

## Why it matters

The pod's traffic is already redirected to the proxy.  Until that is ready,
every connection the application opens is refused; it crashes or hangs, and
minutes later everything works from a shell in the same pod.

## How it is fixed

The mesh is asked to hold the application: the proxy starts first and a
postStart hook blocks the rest, or it becomes a native sidecar with a startup
probe.  This changes the pod template, so the workload's pods are made anew.
Where nothing is redirected, connections still work without the proxy: then the
finding is only a remark.  Where a hook cannot be judged the finding is a warning:
it may wait, and nobody should rely on that.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.model import (
    REFUSED,
    Judgement,
    Part,
    Proxy,
    Redirect,
    Role,
    State,
    Verdict,
)
from kubectl_meshcheck.workload import Subject

_LOOK = "see what the hook does; pilot-agent wait and its like are known to wait"


def find(subject: Subject) -> Iterator[Finding]:
    for judged in (subject.judgement, *subject.judgement.others):
        if judged.proxy is None or _plain_native(subject, judged.proxy):
            continue
        if judged.verdict is Verdict.UNKNOWN:
            yield Finding(judged.reason, severity=Severity.WARNING, next=_LOOK)
        else:
            yield from _exposed(subject, judged)


def _exposed(subject: Subject, judged: Judgement) -> Iterator[Finding]:
    for index, step in enumerate(judged.steps):
        if step.container.role is not Role.MAIN or step.state is not State.EXPOSED:
            continue
        proxy = _blamed(judged, index)
        message, severity = step.why, _severity(proxy)
        if severity is Severity.INFO and proxy.part is Part.SIDECAR:
            message = f"{message}, but {proxy.capture.reason}"
        cure = remedy.hold(subject, proxy)
        yield Finding(message, step.container.name, severity, cure)


def _severity(proxy: Proxy) -> Severity | None:
    if proxy.patient:
        return Severity.INFO
    if proxy.part is Part.HELPER or mesh_of(proxy) is None:
        return Severity.WARNING
    # nothing is refused where nothing is redirected
    free = proxy.capture.by is Redirect.NONE and proxy.symptom == REFUSED
    return Severity.INFO if free else None


def _plain_native(subject: Subject, proxy: Proxy) -> bool:
    """A native sidecar of no mesh: nothing says that the application needs it."""
    container = subject.pod.containers[proxy.index]
    return mesh_of(proxy) is None and container.role is Role.NATIVE


def _blamed(judged: Judgement, index: int) -> Proxy:
    """The proxy that this container does not wait for."""
    proxies = judged.proxies
    late = [p for p in proxies if index < p.index or p.gate.waits.value == "no"]
    return (late or list(proxies))[0]


CHECK = Check(
    id="MC001",
    name="app-starts-before-proxy",
    severity=Severity.ERROR,
    find=find,
    page=__doc__,
)
