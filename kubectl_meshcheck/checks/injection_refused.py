"""No pod can be created, because the injection of a mesh's proxy fails.

## Why it matters

The API server asks the mesh's injector about each new pod, and where its webhook
fails closed (`failurePolicy: Fail`), no answer means no pod.  What runs goes on
running; a rollout hangs, a node that is lost takes its pods along, and a workload that
is scaled to nothing stays there.  The workload itself shows nothing but fewer pods than
it wants.

Three things are told apart, by the words of the API server in the controller's
condition `ReplicaFailure` or its events `FailedCreate`: the injector cannot be
called; it was called and refuses the pod; or it has made a native sidecar of its proxy
and the API server, older than Kubernetes 1.29, takes that for an ordinary init
container, which may have no probes and no hooks.  Pods that are refused for any other
reason, such as a quota, are no business of this check.

Events are kept for an hour by default, and what they tell of is over when the workload
has all its pods.

## How it is fixed

Bring the injector back; the controllers try again by themselves, though after long
outages it may take them a quarter of an hour (`kubectl rollout restart` makes them
look at once).  Where it refuses the pod, mend what it names.  Where the server is too
old, switch native sidecars off or upgrade Kubernetes.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import refusals
from kubectl_meshcheck.checks.base import Check, Finding, Severity
from kubectl_meshcheck.workload import Subject


def find(subject: Subject) -> Iterator[Finding]:
    found = refusals.read(subject)
    if found is not None:
        yield Finding(f"{found.why}; {found.proof}", next=found.next)


CHECK = Check(
    id="MC014",
    name="injection-refused",
    severity=Severity.ERROR,
    find=find,
    page=__doc__,
)
