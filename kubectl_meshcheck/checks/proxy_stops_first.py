"""An application goes on for longer than its proxy when the pod is told to end.

## Why it matters

The end of a pod reaches proxy and application at the same moment.  A classic
Istio proxy drains for five seconds and ends.  An application whose preStop hook
sleeps for longer, so that load balancers forget it in time, is still there:
without a proxy its last requests fail in both directions.

This is seldom what anybody notices, so it is a remark, and made only where the pod
says it itself: a plain sleep in the application's preStop hook that is longer
than the proxy's drain.  What an application does after SIGTERM is not to be seen
in a pod.  Nothing is said where the proxy waits for its connections, sleeps
in a hook of its own that cannot be judged, or is a native sidecar, which the kubelet
ends last.

## How it is fixed

Let the proxy wait until nobody is connected any more (since Istio 1.12), in the
pod template's annotation `proxy.istio.io/config`:

    proxyMetadata:
      EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"

or give it the time with `terminationDrainDuration`, or use native sidecars.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.meshes.hooks import sleeps
from kubectl_meshcheck.model import Part, Proxy, Redirect, Role, State
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    if not any(step.container.pre_stop for step in subject.judgement.steps):
        return
    for proxy in subject.judgement.proxies:
        mesh = mesh_of(proxy)
        if mesh is None or not _in_the_way(proxy):
            continue
        ends = mesh.drains(subject.pod, proxy.index)
        if ends is not None:
            yield from _outlive(subject, proxy, ends)


def _in_the_way(proxy: Proxy) -> bool:
    return proxy.part is Part.SIDECAR and proxy.capture.by is not Redirect.NONE


def _outlive(subject: Subject, proxy: Proxy, ends: float) -> Iterator[Finding]:
    name = subject.pod.containers[proxy.index].name
    for step in subject.judgement.steps:
        hook = step.container.pre_stop
        mine = step.state not in (State.PROXY, State.HELPER)
        if hook is None or not mine or step.container.role is not Role.MAIN:
            continue
        sleep = sleeps(hook)
        if sleep is not None and sleep > ends:
            gone = f"{name} is gone after {ends:g}s"
            message = f"sleeps for {sleep:g}s when the pod ends, {gone}"
            cure = (
                "set EXIT_ON_ZERO_ACTIVE_CONNECTIONS in proxyMetadata, "
                f"or terminationDrainDuration: {sleep + 5:g}s"
            )
            yield Finding(message, step.container.name, next=cure)


CHECK = Check(
    id="MC008",
    name="proxy-stops-first",
    severity=Severity.INFO,
    find=find,
    page=__doc__,
)
