"""The proxy is the first container, and `kubectl logs` and `exec` now pick it.

## Why it matters

Without `-c`, kubectl takes the container that the annotation
`kubectl.kubernetes.io/default-container` names, and the first one otherwise.
Holding the application moves the proxy first: scripts that ran `kubectl exec`
into the application now land in the proxy.

## How it is fixed

Name the application in that annotation on the pod template.  Istio writes it by
itself from 1.14 on.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.checks import remedy
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.model import Part, Role, State
from kubectl_meshcheck.workload import Subject

#: kubernetes/kubectl: pkg/cmd/util/podcmd/podcmd.go
DEFAULT = "kubectl.kubernetes.io/default-container"
_FORMER = "kubectl.kubernetes.io/default-logs-container"


def find(subject: Subject) -> Iterator[Finding]:
    main = [
        step for step in subject.judgement.steps if step.container.role is Role.MAIN
    ]
    apps = [s for s in main if s.state not in (State.PROXY, State.HELPER)]
    marks = subject.pod.annotations
    if not apps or main[0].state is not State.PROXY or DEFAULT in marks:
        return
    if _FORMER in marks or subject.judgement.proxies[0].part is Part.GATEWAY:
        return
    first, app = main[0].container.name, apps[0].container.name
    message = f"kubectl logs and exec pick it unless -c {app} is given"
    yield Finding(message, first, next=remedy.patch(subject, {DEFAULT: app}))


CHECK = Check(
    id="MC012",
    name="default-container",
    severity=Severity.INFO,
    find=find,
    page=__doc__,
)
