"""Plain JSON objects, typed, and made into the model.

Only the fields that decide something are read; the rest is skipped while it
is decoded.  Never the client's typed models: those drop fields that they do not
know (``restartPolicy`` on containers before client 28), and native sidecars
become invisible.  Names are Kubernetes' own, hence camelCase here and only here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from sys import intern
from typing import Annotated, Any

import msgspec

from kubectl_meshcheck.model import (
    Condition,
    Container,
    ContainerStatus,
    Handler,
    PodEvent,
    PodStart,
    Probe,
    Role,
    Run,
)

Marks = dict[str, str] | None
#: integers as wide as Kubernetes' own; what does not fit is no value of theirs
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Owner(msgspec.Struct, frozen=True, gc=False):
    """An ownerReference."""

    kind: str = ""
    name: str = ""
    apiVersion: str = ""
    controller: bool | None = None


class Meta(msgspec.Struct, frozen=True, gc=False):
    """An object's metadata."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    labels: Marks = None
    annotations: Marks = None
    ownerReferences: tuple[Owner, ...] | None = None
    generateName: str = ""
    deletionTimestamp: str | None = None


class _Exec(msgspec.Struct, frozen=True, gc=False):
    command: tuple[str, ...] | None = None


class _Get(msgspec.Struct, frozen=True, gc=False):
    path: str = ""
    port: str | Int32 = ""


class _Sleep(msgspec.Struct, frozen=True, gc=False):
    seconds: Int64 = 0


class _Action(msgspec.Struct, frozen=True, gc=False):
    exec: _Exec | None = None
    httpGet: _Get | None = None
    tcpSocket: _Get | None = None
    grpc: _Get | None = None
    sleep: _Sleep | None = None


class _Probe(_Action, frozen=True, gc=False):
    periodSeconds: Int32 | None = None
    failureThreshold: Int32 | None = None


class _Lifecycle(msgspec.Struct, frozen=True, gc=False):
    postStart: _Action | None = None
    preStop: _Action | None = None


class _Env(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    value: str | None = None


class _Security(msgspec.Struct, frozen=True, gc=False):
    runAsUser: Int64 | None = None


class _Container(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    image: str | None = None
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    env: tuple[_Env, ...] | None = None
    lifecycle: _Lifecycle | None = None
    startupProbe: _Probe | None = None
    readinessProbe: _Probe | None = None
    restartPolicy: str | None = None
    securityContext: _Security | None = None


class PodSpec(msgspec.Struct, frozen=True, gc=False):
    """The part of a pod's spec that decides its start order."""

    containers: tuple[_Container, ...] | None = None
    initContainers: tuple[_Container, ...] | None = None
    hostNetwork: bool | None = None
    restartPolicy: str | None = None
    securityContext: _Security | None = None


class _Running(msgspec.Struct, frozen=True, gc=False):
    startedAt: str | None = None


class _Waiting(msgspec.Struct, frozen=True, gc=False):
    reason: str | None = None
    message: str | None = None


class _Terminated(msgspec.Struct, frozen=True, gc=False):
    exitCode: Int32 = 0
    reason: str | None = None
    message: str | None = None
    startedAt: str | None = None
    finishedAt: str | None = None


class _State(msgspec.Struct, frozen=True, gc=False):
    running: _Running | None = None
    waiting: _Waiting | None = None
    terminated: _Terminated | None = None


class Status(msgspec.Struct, frozen=True, gc=False):
    """A containerStatus."""

    name: str = ""
    ready: bool = False
    restartCount: Int32 = 0
    state: _State | None = None
    lastState: _State | None = None


class _Condition(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    status: str = ""
    lastTransitionTime: str | None = None


class PodStatus(msgspec.Struct, frozen=True, gc=False):
    """A pod's status."""

    phase: str = ""
    reason: str | None = None
    startTime: str | None = None
    conditions: tuple[_Condition, ...] | None = None
    containerStatuses: tuple[Status, ...] | None = None
    initContainerStatuses: tuple[Status, ...] | None = None


class Pod(msgspec.Struct, frozen=True, gc=False):
    """A pod, as far as its start goes."""

    metadata: Meta = Meta()
    spec: PodSpec = PodSpec()
    status: PodStatus | None = None


class Template(msgspec.Struct, frozen=True, gc=False):
    """A pod template, or what stands in its place in a CronJob."""

    metadata: Meta | None = None
    spec: PodSpec | None = None


class _JobSpec(msgspec.Struct, frozen=True, gc=False):
    template: Template | None = None


class _JobTemplate(msgspec.Struct, frozen=True, gc=False):
    spec: _JobSpec | None = None


class WorkloadSpec(msgspec.Struct, frozen=True, gc=False):
    """The spec of any kind that keeps a pod template."""

    replicas: Int32 | None = None
    template: Template | None = None
    jobTemplate: _JobTemplate | None = None


class _Report(msgspec.Struct, frozen=True, gc=False):
    """A workload's condition, which tells more than a pod's."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    lastTransitionTime: str | None = None


class WorkloadStatus(msgspec.Struct, frozen=True, gc=False):
    """How far a workload's controller has come; of every kind what it tells."""

    replicas: Int32 | None = None
    desiredNumberScheduled: Int32 | None = None
    currentNumberScheduled: Int32 | None = None
    active: Any = None  #: of a Job their number; of a CronJob its Jobs
    succeeded: Int32 | None = None
    failed: Int32 | None = None
    conditions: tuple[_Report, ...] | None = None

    def condition(self, *kinds: str) -> _Report | None:
        """The first condition of these kinds that is true."""
        for one in self.conditions or ():
            if one.type in kinds and one.status == "True":
                return one
        return None


class Workload(msgspec.Struct, frozen=True, gc=False):
    """Any object that makes pods, as it comes from a list or a file."""

    metadata: Meta = Meta()
    spec: WorkloadSpec | None = None
    status: WorkloadStatus | None = None
    kind: str = ""
    apiVersion: str = ""

    @property
    def template(self) -> Template | None:
        """The pod template, wherever this kind keeps it."""
        spec = self.spec
        if spec is None:
            return None
        if spec.jobTemplate is not None:  # CronJob
            job = spec.jobTemplate.spec
            return job.template if job else None
        return spec.template


class _Involved(msgspec.Struct, frozen=True, gc=False):
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    fieldPath: str | None = None


class _Series(msgspec.Struct, frozen=True, gc=False):
    count: Int32 | None = None
    lastObservedTime: str | None = None


class Event(msgspec.Struct, frozen=True, gc=False):
    """An event of ``v1`` or of ``events.k8s.io/v1``, which name half of it anew."""

    metadata: Meta = Meta()
    type: str | None = None
    reason: str | None = None
    involvedObject: _Involved | None = None
    regarding: _Involved | None = None
    message: str | None = None
    note: str | None = None
    count: Int32 | None = None
    deprecatedCount: Int32 | None = None
    series: _Series | None = None
    lastTimestamp: str | None = None
    deprecatedLastTimestamp: str | None = None
    eventTime: str | None = None

    @property
    def about(self) -> _Involved:
        """The object that it is about."""
        return self.involvedObject or self.regarding or _Involved()


class Bare(msgspec.Struct, frozen=True, gc=False):
    """An object of which only the metadata matters: namespaces, ReplicaSets."""

    metadata: Meta = Meta()


def convert(value: Mapping[str, Any], kind: type[Any]) -> Any:
    """A plain object as one of the types above.

    Raises ``ValueError`` with the field's path when a field has another type.
    """
    return msgspec.convert(value, kind)


def controller(meta: Meta) -> Owner | None:
    """The owner that controls an object; None for none."""
    for owner in meta.ownerReferences or ():
        if owner.controller:
            return owner
    return None


NONE: Mapping[str, str] = {}  #: one for all that have none


def pod_start(
    spec: PodSpec,
    annotations: tuple[tuple[str, str], ...] = (),
    labels: tuple[tuple[str, str], ...] = (),
) -> PodStart:
    """What of a pod decides its start order; annotations and labels as chosen."""
    user = spec.securityContext.runAsUser if spec.securityContext else None
    init = [
        _container(c, Role.NATIVE if c.restartPolicy == "Always" else Role.INIT, user)
        for c in spec.initContainers or ()
    ]
    main = [_container(c, Role.MAIN, user) for c in spec.containers or ()]
    return PodStart(
        containers=(*init, *main),
        annotations=marked(*annotations),
        labels=marked(*labels),
        host_network=bool(spec.hostNetwork),
        restart_policy=spec.restartPolicy or "Always",
    )


def _container(found: _Container, role: Role, user: int | None) -> Container:
    own = found.securityContext.runAsUser if found.securityContext else None
    hooks, startup, readiness = (
        found.lifecycle,
        found.startupProbe,
        found.readinessProbe,
    )
    made = Container(
        name=intern(found.name),
        role=role,
        image=intern(found.image or ""),
        command=found.command or (),
        args=found.args or (),
        env=_environment(found.env) if found.env else (),
        post_start=_handler(hooks.postStart) if hooks else None,
        pre_stop=_handler(hooks.preStop) if hooks else None,
        startup=_probe(startup) if startup else None,
        readiness=_probe(readiness) if readiness else None,
        run_as_user=user if own is None else own,
        restart_policy=found.restartPolicy or "",
    )
    return shared(made)


@lru_cache(maxsize=4096)
def shared(container: Container) -> Container:
    """One for all that are equal: a fleet's proxies differ in nothing that is read."""
    return container


@lru_cache(maxsize=4096)
def marked(*marks: tuple[str, str]) -> Mapping[str, str]:
    """Annotations or labels, one for all that are equal."""
    return {intern(key): intern(value) for key, value in marks} or NONE


#: how the environment variables begin that decide something; an application may
#: have hundreds of its own, which would be kept for every workload
ENVIRONMENT = (
    "AGENT_INJECT_",
    "ALLOWED_SERVICE_ACCOUNTS",
    "APPMESH_",
    "CA_ADDR",
    "CSQL_PROXY_",
    "DISABLE_ENVOY",
    "ENABLE_NATIVE_SIDECARS",
    "ENVOY_ADMIN_",
    "EXIT_ON_ZERO_ACTIVE_CONNECTIONS",
    "ISTIO_META_GENERATOR",
    "ISTIO_META_INTERCEPTION_MODE",
    "KUMA_",
    "LINKERD",
    "NATIVE_SIDECAR_ENABLED",
    "PROXY_CONFIG",
    "SHARED_MESH_CONFIG",
    "START_WITHOUT_ENVOY",
    "TERMINATION_DRAIN_DURATION_SECONDS",
)


@lru_cache(maxsize=4096)
def _kept(name: str) -> bool:
    return name.startswith(ENVIRONMENT)


def _environment(found: tuple[_Env, ...]) -> tuple[tuple[str, str], ...]:
    # a list, since a generator is the slower way to make a tuple
    kept = [
        (intern(one.name), one.value)
        for one in found
        if _kept(one.name) and one.value is not None
    ]
    return tuple(kept)


@lru_cache(maxsize=4096)  # a fleet's hooks and probes are few
def _handler(action: _Action | None) -> Handler | None:
    if action is None:
        return None
    if action.exec is not None:
        return Handler("exec", command=action.exec.command or ())
    if action.sleep is not None:
        return Handler("sleep", seconds=action.sleep.seconds)
    for kind in ("httpGet", "tcpSocket", "grpc"):
        found = getattr(action, kind)
        if found is not None:
            return Handler(kind, path=found.path, port=str(found.port))
    return None  # an empty lifecycle is no hook


@lru_cache(maxsize=4096)
def _probe(found: _Probe) -> Probe | None:
    action = _handler(found)
    if action is None:
        return None
    return Probe(
        action,
        # defaults of the API server (kubernetes: pkg/apis/core/v1/defaults.go)
        period=found.periodSeconds or 10,
        failures=found.failureThreshold or 3,
    )


def statuses(status: PodStatus | None) -> dict[str, ContainerStatus]:
    """What the kubelet said of each container, by name.

    Their order says nothing: ``containerStatuses`` is sorted by name
    (kubernetes/kubernetes: pkg/kubelet/kubelet_pods.go).
    """
    if status is None:
        return {}
    told = (status.initContainerStatuses or ()) + (status.containerStatuses or ())
    return {intern(one.name): _status(one) for one in told}


def _status(told: Status) -> ContainerStatus:
    now = told.state or _State()
    before = told.lastState.terminated if told.lastState else None
    state, reason, message, started = "", "", "", ""
    if now.running is not None:
        state, started = "running", intern(now.running.startedAt or "")
    elif now.waiting is not None:
        state, reason = "waiting", now.waiting.reason or ""
        message = now.waiting.message or ""
    elif now.terminated is not None:
        state, reason = "terminated", now.terminated.reason or ""
        message, started = now.terminated.message or "", now.terminated.startedAt or ""
    return ContainerStatus(
        name=intern(told.name),
        ready=told.ready,
        restarts=told.restartCount,
        state=state,
        reason=reason,
        message=message,
        started=started,
        last=_run(before) or (_run(now.terminated) if state == "terminated" else None),
        ended=_run(now.terminated) if state == "terminated" else None,
    )


def _run(ended: _Terminated | None) -> Run | None:
    if ended is None:
        return None
    return Run(
        exit_code=ended.exitCode,
        reason=ended.reason or "",
        message=ended.message or "",
        started=ended.startedAt or "",
        finished=ended.finishedAt or "",
    )


def conditions(status: PodStatus | None) -> dict[str, Condition]:
    """A pod's conditions by type."""
    told = (status.conditions or ()) if status else ()
    return {
        intern(one.type): Condition(
            one.status == "True", intern(one.lastTransitionTime or "")
        )
        for one in told
    }


def pod_event(found: Event) -> PodEvent:
    """An event about a pod, in our words."""
    series = found.series or _Series()
    path = found.about.fieldPath or ""  # spec.containers{istio-proxy}
    return PodEvent(
        pod=found.about.name,
        reason=found.reason or "",
        message=found.message or found.note or "",
        container=path.partition("{")[2].rstrip("}"),
        count=series.count or found.count or found.deprecatedCount or 1,
        last=series.lastObservedTime
        or found.lastTimestamp
        or found.deprecatedLastTimestamp
        or found.eventTime
        or "",
    )
