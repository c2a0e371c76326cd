"""A Job has an ordinary sidecar that goes on after the work is done.

## Why it matters

A pod is complete when all its ordinary containers have ended.  A classic proxy
never ends by itself: the Job stays active, the CronJob's next run is blocked or
piles up.

## How it is fixed

Make the proxy a native sidecar, which the kubelet ends after the last ordinary
container; or let the work end the proxy (`POST /quitquitquit` on its admin
port); or leave the Job out of the mesh.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.model import Container, Part, Role
from kubectl_meshcheck.workload import Subject

#: requests that end a proxy: Istio's agent and Envoy, Linkerd, Consul, Dapr
_ENDINGS = ("quitquitquit", "/shutdown", "linkerd-await", "graceful_shutdown")


def find(subject: Subject) -> Iterator[Finding]:
    owners = (subject.ref, *subject.owners)
    if not any(ref.kind.ends for ref in owners):
        return
    for proxy in subject.judgement.found:
        container = subject.pod.containers[proxy.index]
        if proxy.part is Part.GATEWAY or proxy.ends_jobs:
            continue
        if container.role is Role.MAIN and not _ended_by_the_work(subject, container):
            message = "never ends, so the Job never completes"
            cure = f"make {container.name} a native sidecar, or let the work end it"
            yield Finding(message, container.name, next=cure)


def _ended_by_the_work(subject: Subject, proxy: Container) -> bool:
    return any(
        ending in word
        for container in subject.pod.containers
        if container is not proxy
        for word in (*container.runs, *_hook_words(container))
        for ending in _ENDINGS
    )


def _hook_words(container: Container) -> tuple[str, ...]:
    return container.pre_stop.command if container.pre_stop else ()


CHECK = Check(
    id="MC007",
    name="job-never-completes",
    severity=Severity.ERROR,
    find=find,
    page=__doc__,
)
