"""The kinds that make pods: their names, where the API keeps them, what they are."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubectl_meshcheck.errors import ExitCode, MeshcheckError

#: a DNS label (kubernetes: apimachinery/pkg/util/validation ``IsDNS1123Label``); a
#: longer one does no harm, and ``{}`` is a placeholder of completion's
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?|\{\}")


class Kind(NamedTuple):
    """One kind as the API and kubectl name it."""

    kind: str  #: "Deployment"
    group: str  #: "apps"; empty for the core group
    version: str
    plural: str
    short: str  #: as kubectl abbreviates it
    #: listed on every scan; the others only when a pod points at one
    always: bool = False
    #: pods end by themselves, so a sidecar that does not is in the way
    ends: bool = False

    @property
    def resource(self) -> str:
        """``deployments.apps``, as in RBAC rules and error messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def qualified(self) -> str:
        """``deployment.apps``, as ``kubectl -o name`` prints it."""
        singular = self.kind.lower()
        return f"{singular}.{self.group}" if self.group else singular

    @property
    def names(self) -> tuple[str, ...]:
        """Everything a user may call it."""
        singular = self.kind.lower()
        return (self.short, singular, self.plural, self.qualified, self.resource)

    def path(self, namespace: str = "") -> str:
        """The list path; of every namespace when none is given."""
        if namespace and not _NAME.fullmatch(namespace):
            what = f"{namespace!r} is no name for a namespace"
            hint = "names hold lower-case letters, digits and dashes"
            raise MeshcheckError(what, hint, code=ExitCode.USAGE)
        root = f"/apis/{self.group}/{self.version}" if self.group else "/api/v1"
        return (
            f"{root}/namespaces/{namespace}/{self.plural}"
            if namespace
            else (f"{root}/{self.plural}")
        )


POD = Kind("Pod", "", "v1", "pods", "pod", always=True)
REPLICA_SET = Kind("ReplicaSet", "apps", "v1", "replicasets", "rs")
JOB = Kind("Job", "batch", "v1", "jobs", "job", always=True, ends=True)

KINDS: tuple[Kind, ...] = (
    POD,
    Kind("Deployment", "apps", "v1", "deployments", "deploy", always=True),
    Kind("StatefulSet", "apps", "v1", "statefulsets", "sts", always=True),
    Kind("DaemonSet", "apps", "v1", "daemonsets", "ds", always=True),
    REPLICA_SET,
    Kind("ReplicationController", "", "v1", "replicationcontrollers", "rc"),
    JOB,
    Kind("CronJob", "batch", "v1", "cronjobs", "cronjob", always=True, ends=True),
    Kind("DeploymentConfig", "apps.openshift.io", "v1", "deploymentconfigs", "dc"),
    Kind("Rollout", "argoproj.io", "v1alpha1", "rollouts", "rollout"),
    Kind("Revision", "serving.knative.dev", "v1", "revisions", "revision"),
    Kind("Configuration", "serving.knative.dev", "v1", "configurations", "config"),
    Kind("Service", "serving.knative.dev", "v1", "services", "ksvc"),
)

_BY_KIND = {(kind.kind, kind.group): kind for kind in KINDS}
_BY_NAME = {name: kind for kind in KINDS for name in kind.names} | {
    "po": POD,
    "cj": _BY_KIND["CronJob", "batch"],
    "ro": _BY_KIND["Rollout", "argoproj.io"],
    # not Kubernetes' own Service, which makes no pods
    "service": _BY_KIND["Service", "serving.knative.dev"],
}
#: groups from which kinds have moved, and OpenShift's kinds of before 3.6
_FORMER = {"extensions": "apps", "apps": "apps", "": "apps.openshift.io"}


def kind_of(kind: str, api_version: str = "") -> Kind:
    """The kind by its own name; one that is not known keeps the name it has."""
    group, _, version = api_version.rpartition("/")
    found = _BY_KIND.get((kind, group)) or _BY_KIND.get((kind, _FORMER.get(group, "")))
    if found:
        return found
    plural = kind.lower() + "s"
    return Kind(kind, group, version or "v1", plural, kind.lower())


def known(kind: Kind) -> Kind:
    """The one object that stands for a kind, for one that came from elsewhere."""
    return _BY_KIND.get((kind.kind, kind.group), kind)


def named(name: str) -> Kind | None:
    """The kind that a user calls ``name``; None when there is none."""
    return _BY_NAME.get(name.lower())


def kind_names() -> list[str]:
    """What a user may call the kinds, for completion and for hints."""
    return [kind.short for kind in KINDS]
