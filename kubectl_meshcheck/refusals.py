"""Why no pod of a workload can be created, where a mesh's injection is the reason.

What the controllers say of it: the condition ``ReplicaFailure`` of a Deployment and of
a ReplicaSet, and the events ``FailedCreate`` of all (kubernetes/kubernetes:
pkg/controller/replicaset/replica_set_utils.go ``calculateStatus``,
pkg/controller/deployment/progress.go, pkg/controller/controller_utils.go
``createPods``, pkg/controller/statefulset/stateful_pod_control.go ``recordPodEvent``).
The API server's words, which they repeat: staging/src/k8s.io/apiserver
pkg/util/webhook/error.go ``ErrCallingWebhook``, pkg/admission/plugin/webhook/errors/
statuserror.go ``ToStatusErr``, and pkg/apis/core/validation/validation.go
``validateInitContainers``.
"""

from __future__ import annotations

import re

import msgspec

from kubectl_meshcheck import logs, meshes, parse
from kubectl_meshcheck.control import Topic
from kubectl_meshcheck.kinds import Kind
from kubectl_meshcheck.meshes import registry
from kubectl_meshcheck.model import PodEvent
from kubectl_meshcheck.workload import Subject

FAILED = "ReplicaFailure"
_COUNTED = (
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "Rollout",
)
#: conditions of a Job that makes no pods any more, or none for now
_ENDED = ("Complete", "Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet")
#: what a pod needs whose init containers have probes or hooks
NATIVE_NEEDS = (
    "a native sidecar needs Kubernetes 1.29, and that no other webhook drops its "
    "restartPolicy"
)


class Refusal(msgspec.Struct, frozen=True):
    """Why the API server takes no pod, and what to do next."""

    why: str  #: "no pod can be created: ...", masked and short
    proof: str  #: who says so and when
    next: str


def lacks(kind: Kind, found: parse.Workload) -> bool:
    """Whether a workload has less pods than it is to have, by its own status.

    Never by counting pods, of which a selector may leave some out.
    """
    status = found.status
    if status is None:
        return False
    if status.condition(FAILED) is not None:
        return True
    if kind.kind == "Deployment" and status.conditions:
        return False  # its controller would say so
    if kind.kind == "DaemonSet":
        there = status.currentNumberScheduled or 0
        return there < (status.desiredNumberScheduled or 0)
    if kind.kind == "Job":
        made = status.active or status.succeeded or status.failed
        return not made and status.condition(*_ENDED) is None
    if kind.kind not in _COUNTED or found.spec is None:
        return False
    wanted = 1 if found.spec.replicas is None else found.spec.replicas
    return (status.replicas or 0) < wanted


def told(kind: Kind, found: parse.Workload) -> PodEvent | None:
    """What the workload's own condition says; None where it has none."""
    failed = found.status.condition(FAILED) if found.status else None
    if failed is None:
        return None
    name = f"{kind.short}/{found.metadata.name}"
    message, since = failed.message or "", failed.lastTransitionTime or ""
    return PodEvent(name, FAILED, message[:2_048], last=since)


def read(subject: Subject) -> Refusal | None:
    """The refusal, where a mesh's injection is to blame; None for any other."""
    event = subject.refused
    if event is None:
        return None
    text = " ".join(event.message.split())
    found = _webhook(subject, text) or _plain(subject, text)
    if found is None:
        return None
    why, following = found
    new = "new pod" if subject.pods else "pod"
    return Refusal(f"no {new} can be created: {why}", _proof(event), following)


def _proof(event: PodEvent) -> str:
    if event.reason == FAILED:
        since = f" since {event.last}" if event.last else ""
        return f"condition {FAILED} of {event.pod}{since}"
    often = "seen once" if event.count == 1 else f"seen {event.count} times"
    last = f", last at {event.last}" if event.last else ""
    return f"event {event.reason} of {event.pod}, {often}{last}"


# -- the injector is called, and fails -------------------------------------

_NAME = r"[a-zA-Z0-9.*-]{1,253}"
_CALLING = rf'failed calling webhook "({_NAME})"[:;] ?(?:failed to call webhook: )?(.*)'
_DENIED = rf'admission webhook "({_NAME})" denied the request(?:: | )?(.*)'
#: Go's net/http, which has quoted the URL since 1.14
_POST = r'Post "?https://([^\s"]{1,512})"?: (.*)'
#: of a name that may stand in a command
_LABEL = r"([a-z0-9][a-z0-9-]{0,62})"
_SERVICE = rf"{_LABEL}\.{_LABEL}\.svc[:/]"


def _webhook(subject: Subject, text: str) -> tuple[str, str] | None:
    """By the name of the webhook that failed: why, and what to do."""
    for form, tell in ((_CALLING, _unreachable), (_DENIED, _denied)):
        said = re.search(form, text)
        mesh = registry.injector(said[1]) if said else ""
        if said and mesh:
            return tell(subject, mesh, said[1], said[2])
    return None


def _unreachable(
    subject: Subject, mesh: str, webhook: str, text: str
) -> tuple[str, str]:
    url, place = re.match(_POST, text), _place(subject, mesh)
    reason = text
    if url:
        reason, service = url[2], re.match(_SERVICE, url[1])
        place = (service[2], service[1]) if service else place
    who = f" {'/'.join(place)}" if place else ""
    title = meshes.titled(mesh)
    why = f"{title}'s injector{who} cannot be called by webhook {webhook}"
    why += f": {logs.quoted(reason)}" if reason else ""
    if "x509: " in reason:
        return why, "let the webhook's caBundle and the injector's certificate fit"
    if place:
        return why, f"kubectl get pods -n {place[0]}"
    return why, f"see that {title}'s injector runs and can be reached"


def _denied(subject: Subject, mesh: str, webhook: str, text: str) -> tuple[str, str]:
    title, place = meshes.titled(mesh), _place(subject, mesh)
    why = f"{title}'s injector refuses it by webhook {webhook}: {logs.quoted(text)}"
    if place is None:
        return why, "mend what it names"
    return why, f"kubectl logs -n {place[0]} service/{place[1]}"


def _place(subject: Subject, mesh: str) -> tuple[str, str] | None:
    """Namespace and name of the service that the mesh's webhooks call."""
    plane = subject.explained.plane if subject.explained else None
    if plane is None or plane.mesh != mesh:
        return None
    found = re.fullmatch(rf"{_LABEL}/{_LABEL}", plane.injector)
    return (found[1], found[2]) if found else None


# -- a native sidecar is taken for an ordinary init container --------------

#: the rule in the words of 1.28 and later, and of before, where the value stands first
_PLAIN = (
    r"spec\.initContainers\[\d{1,4}\]\."
    r"(?:lifecycle|livenessProbe|readinessProbe|startupProbe): (?:Forbidden|Invalid).*?"
    r"(?:may not be set for init containers without restartPolicy=Always"
    r"|must not be set for init containers)"
)


def _plain(subject: Subject, text: str) -> tuple[str, str] | None:
    """A template cannot have such a container: it would have been refused itself."""
    said = re.search(_PLAIN, text)
    if said is None:
        return None
    explained = subject.explained
    injects = explained is not None and explained.injection.injected is not False
    native = None
    if explained is not None and injects:
        whose = f"{meshes.titled(explained.injection.mesh)}'s native sidecar"
        native = next((s for s in explained.settings if s.topic is Topic.NATIVE), None)
    else:
        whose = "an injected native sidecar"
    why = (
        f"{whose} is taken for an ordinary init container, as by an API server before "
        f"Kubernetes 1.29: {logs.quoted(said[0])}"
    )
    if native is None or native.value is False:
        return why, NATIVE_NEEDS
    return why, f"switch {native.name} off ({native.origin}); {NATIVE_NEEDS}"
