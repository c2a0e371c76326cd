"""What decides in which order a pod's containers start.  Knows no JSON and no mesh.

The kubelet starts init containers one after another, then the ordinary
containers one after another in list order, and runs each ``postStart`` hook
before it starts the next (kubernetes/kubernetes:
pkg/kubelet/kuberuntime/kuberuntime_manager.go ``SyncPod``,
kuberuntime_container.go ``startContainer``).

Nothing here can be part of a circle, so nothing is looked at for one (``gc=False``):
a big scan keeps 20 such objects a workload, each smaller by a pair of pointers.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique

import msgspec


class Word(Enum):
    """One word of a few.  Its members are hashed as the objects that they are.

    An ``Enum`` is hashed by its name, in Python, and a scan hashes them by the ten
    thousand: they stand in what tells containers and proxies apart.
    """

    __hash__ = object.__hash__


@unique
class Role(Word):
    """Where a container stands in its pod."""

    INIT = "init container"  #: runs to its end before the next starts
    NATIVE = "native sidecar"  #: an init container with ``restartPolicy: Always``
    MAIN = "container"


@unique
class Waits(Word):
    """Whether what follows is known to wait until the proxy is ready."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@unique
class Verdict(Word):
    """The answer for one pod shape; ``rank`` orders them by damage."""

    RACE = "RACE"  #: an application container is exposed
    PARTIAL = "PARTIAL"  #: some application containers wait, some do not
    UNKNOWN = "UNKNOWN"  #: a hook or a shape that cannot be judged
    HELD = "HELD"  #: a classic proxy, and every application container waits
    NATIVE = "NATIVE"  #: a native sidecar that gates
    GATEWAY = "GATEWAY"  #: the proxy is the application
    AMBIENT = "AMBIENT"  #: redirected by the node, no proxy in the pod
    NONE = "NONE"  #: no proxy, or nothing beside it that could race

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}


class Handler(msgspec.Struct, frozen=True, gc=False):
    """What a hook or a probe does."""

    kind: str  #: exec, httpGet, tcpSocket, grpc or sleep
    command: tuple[str, ...] = ()  #: of an exec
    path: str = ""  #: of an httpGet
    port: str = ""  #: of httpGet, tcpSocket and grpc: a number or a name
    seconds: int = 0  #: of a sleep

    def __str__(self) -> str:
        if self.kind == "exec":
            return " ".join(self.command)
        if self.kind == "httpGet":
            return f"GET :{self.port}{self.path or '/'}"
        if self.kind == "sleep":
            return f"sleep {self.seconds}s"
        return f"{self.kind} :{self.port}"


class Probe(msgspec.Struct, frozen=True, gc=False):
    """A probe's action and its patience.  Times are in seconds."""

    action: Handler
    period: int = 10
    failures: int = 3

    def __str__(self) -> str:
        return f"{self.action}, every {self.period}s, {self.failures} failures allowed"


class Container(msgspec.Struct, frozen=True, gc=False):
    """One container as the kubelet will start it."""

    name: str
    role: Role
    image: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    #: literal values only, and of those that decide something
    env: tuple[tuple[str, str], ...] = ()
    post_start: Handler | None = None
    pre_stop: Handler | None = None
    startup: Probe | None = None
    readiness: Probe | None = None
    run_as_user: int | None = None  #: its own, else the pod's
    restart_policy: str = ""  #: as written on the container

    @property
    def runs(self) -> tuple[str, ...]:
        """Command and arguments in one."""
        return self.command + self.args

    def environment(self, name: str) -> str:
        """The literal value of an environment variable; empty when unset."""
        for key, value in self.env:
            if key == name:
                return value
        return ""


class PodStart(msgspec.Struct, frozen=True, gc=False):
    """Everything about a pod that decides its start order."""

    containers: tuple[Container, ...] = ()  #: in the order in which they start
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    host_network: bool = False
    restart_policy: str = "Always"

    def named(self, name: str) -> Container | None:
        """The first container of that name in start order."""
        for container in self.containers:
            if container.name == name:
                return container
        return None


@unique
class Redirect(Word):
    """What sends the pod's traffic through the proxy."""

    INIT = "init container"
    CNI = "CNI plugin"
    NONE = "nothing"


class Capture(msgspec.Struct, frozen=True, gc=False):
    """From when on the pod's traffic is redirected."""

    by: Redirect
    #: index in start order of the container that ends without redirection;
    #: -1 when it is there before the first container
    after: int = -1
    reason: str = ""  #: why nothing is redirected


class Gate(msgspec.Struct, frozen=True, gc=False):
    """Whether the kubelet waits for a proxy before it goes on."""

    waits: Waits
    by: str = "nothing"  #: what makes it wait: "pilot-agent wait", "startup probe"
    reason: str = ""  #: why it does not, or why that cannot be told
    #: index in start order of the container that is the gate; None: the proxy itself
    at: int | None = None


@unique
class Part(Word):
    """What a proxy is to its pod."""

    SIDECAR = "sidecar"
    GATEWAY = "gateway"
    #: a sidecar that serves files or one local port: judged only where no mesh is
    HELPER = "helper"


REFUSED = "connection refused"


class Proxy(msgspec.Struct, frozen=True, gc=False):
    """A proxy that a mesh recognised in a pod."""

    mesh: str
    index: int  #: in start order
    gate: Gate
    capture: Capture
    part: Part = Part.SIDECAR
    native: bool = False  #: a native sidecar; the registry sets it
    version: str = ""  #: from the image tag or the mesh's own mark; empty when unknown
    revision: str = ""
    #: containers that belong to the proxy, not to the user
    helpers: frozenset[str] = frozenset()
    #: the user whose traffic is not redirected; None when there is none
    uid: int | None = None
    #: lets go of a Job whose application has ended
    ends_jobs: bool = False
    #: what the application meets when it starts too early
    symptom: str = REFUSED
    #: what comes too early is kept waiting by it, not refused
    patient: bool = False


@unique
class State(Word):
    """What one container can expect of the proxies when it starts."""

    PROXY = "proxy"
    HELPER = "helper"  #: part of the mesh, not the user's
    EXPOSED = "exposed"  #: can run captured before the proxy is ready
    WAITS = "waits"
    FREE = "free"  #: not captured, or no proxy: nothing to wait for
    UNKNOWN = "unknown"


class Step(msgspec.Struct, frozen=True, gc=False):
    """One container of the start order, judged."""

    container: Container
    state: State
    waits_on: str = "nothing"
    why: str = ""  #: one clause, empty where the state says it all


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """The start order of one pod shape with its verdict."""

    verdict: Verdict
    steps: tuple[Step, ...] = ()
    proxies: tuple[Proxy, ...] = ()  #: those that decide, in start order
    reason: str = ""  #: one clause: why this verdict
    #: each helper beside a mesh, judged as if the mesh were not there
    others: tuple[Judgement, ...] = ()

    @property
    def proxy(self) -> Proxy | None:
        """The proxy that the verdict is about; None without one."""
        return self.proxies[0] if self.proxies else None

    @property
    def found(self) -> tuple[Proxy, ...]:
        """Every proxy of the pod: those that decide, then the helpers beside them."""
        beside = (proxy for other in self.others for proxy in other.proxies)
        return (*self.proxies, *beside)

    def named(self, state: State, *roles: Role) -> tuple[str, ...]:
        """The containers in that state, of any of these roles (all when none)."""
        return tuple(
            step.container.name
            for step in self.steps
            if step.state is state and (not roles or step.container.role in roles)
        )


class Run(msgspec.Struct, frozen=True, gc=False):
    """A run of a container that has ended.  Times as RFC 3339, one second fine."""

    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started: str = ""
    finished: str = ""


class ContainerStatus(msgspec.Struct, frozen=True, gc=False):
    """What the kubelet last said of one container."""

    name: str
    ready: bool = False
    restarts: int = 0
    state: str = ""  #: running, waiting or terminated; empty when not said
    reason: str = ""
    message: str = ""
    started: str = ""  #: when the current run began
    last: Run | None = None  #: the run before
    ended: Run | None = None  #: this run, where it is over

    def __str__(self) -> str:
        return f"{self.state} ({self.reason})" if self.reason else self.state


class Condition(msgspec.Struct, frozen=True, gc=False):
    """A condition of a pod."""

    holds: bool
    since: str = ""  #: RFC 3339, one second fine


class PodEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that the kubelet complained of, and how often.

    Events are kept for an hour by default: that there is none proves nothing.
    """

    pod: str
    reason: str  #: "FailedPostStartHook"; older kubelets append text
    message: str = ""
    container: str = ""  #: empty when it is about the whole pod
    count: int = 1
    last: str = ""  #: when it was seen last, RFC 3339
