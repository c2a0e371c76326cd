"""An init container runs with its traffic redirected and no proxy to take it.

## Why it matters

Init containers end before the ordinary containers start, and so before a
classic proxy does.  Holding the application does not help them in any version.
What they send is refused: migrations, secret fetchers and wait-for loops fail,
and the pod hangs in `Init:Error`.

## How it is fixed

Make the proxy a native sidecar where mesh and cluster can; otherwise run the
init container as the proxy's own user, or exclude the ports or ranges that it
talks to from redirection.  For a Vault agent there is `agent-init-first`.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.model import Proxy, Role, State
from kubectl_meshcheck.workload import Subject

#: set when somebody has already thought of it; which ports the container needs
#: cannot be seen from here
_EXCLUDES = ("excludeOutbound", "skip-outbound", "exclude-outbound", "exclusion-list")


def find(subject: Subject) -> Iterator[Finding]:
    proxy = subject.judgement.proxy
    if proxy is None:
        return
    for step in subject.judgement.steps:
        container = step.container
        if container.role is Role.MAIN or step.state is not State.EXPOSED:
            continue
        marks = subject.pod.annotations
        excluded = any(mark in key for key in marks for mark in _EXCLUDES)
        how = "already redirected" if container.role is Role.INIT else "redirected"
        message = f"its traffic is {how} while {_name(subject, proxy)} is not ready"
        if excluded:
            message += "; some ports or ranges are excluded, perhaps those it needs"
        severity = Severity.INFO if excluded else None
        cure = _cure(subject, proxy, container.name)
        yield Finding(message, container.name, severity, cure)


def _name(subject: Subject, proxy: Proxy) -> str:
    return subject.pod.containers[proxy.index].name


def _cure(subject: Subject, proxy: Proxy, container: str) -> str:
    if container == "vault-agent-init":
        return 'set the pod annotation vault.hashicorp.com/agent-init-first: "true"'
    user = f"run {container} as user {proxy.uid}, or " if proxy.uid else ""
    native = subject.pod.containers[proxy.index].role is Role.NATIVE
    if native:
        return f"{user}move {container} behind {_name(subject, proxy)}"
    return f"make {_name(subject, proxy)} a native sidecar, {user}exclude its ports"


CHECK = Check(
    id="MC002",
    name="init-before-proxy",
    severity=Severity.WARNING,
    find=find,
    page=__doc__,
)
