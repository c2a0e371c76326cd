"""A mesh's control plane: who it injects, and what it sets, each with its origin.

Knows no mesh.  The meshes fill it in from webhooks, ConfigMaps and the injector's
own Deployment; checks and reports read it, and a fix finds here where to write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum, unique

import msgspec

from kubectl_meshcheck.model import PodStart, Proxy, Waits
from kubectl_meshcheck.selectors import Selector

Value = bool | int | str | None


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The place where a setting is written, or would be."""

    #: "ConfigMap", "Deployment", "Namespace", "pod template"; empty: built in
    kind: str
    namespace: str = ""
    name: str = ""
    key: str = ""  #: of a ConfigMap's data; "annotation KEY", "env NAME"
    path: tuple[str, ...] = ()  #: inside the document under that key
    text: str = ""  #: for what is no object: "the default of Istio 1.14"

    @property
    def place(self) -> str:
        """``ConfigMap istio-system/istio``."""
        if not self.kind:
            return self.text
        name = "/".join(part for part in (self.namespace, self.name) if part)
        return f"{self.kind} {name}".strip()

    def __str__(self) -> str:
        """For people: ``ConfigMap istio-system/istio, mesh: defaultConfig.hold``."""
        if not self.kind:
            return self.text
        inside = ": ".join(part for part in (self.key, ".".join(self.path)) if part)
        return f"{self.place}, {inside}" if inside else self.place


@unique
class Topic(Enum):
    """What a setting decides."""

    INJECT = "who is injected"
    HOLD = "whether the application is held"
    NATIVE = "whether the proxy is a native sidecar"
    GATE = "what the hold or the native sidecar needs to work"
    ORDER = "where the proxy stands among the containers"
    CAPTURE = "what is redirected to the proxy"
    STOP = "how the proxy stops"


def in_words(value: Value) -> str:
    """A value as it would be written."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Given(msgspec.Struct, frozen=True, gc=False):
    """What one place says about a setting."""

    origin: Origin
    value: Value = None  #: None: it does not say
    unknown: str = ""  #: why it could not be read, as a clause
    ignored: str = ""  #: why it does not count, as a clause


class Setting(msgspec.Struct, frozen=True, gc=False):
    """A setting's effective value, and where that comes from."""

    topic: Topic
    name: str  #: as upstream writes it
    value: Value = None  #: None: not known
    origin: Origin = Origin("")
    #: nobody set it: ``value`` is what holds then, ``origin`` where to set it
    default: bool = False
    #: the weaker places that say something, the strongest first
    overrode: tuple[Given, ...] = ()
    unknown: str = ""  #: why the value is not known, as a clause
    #: every place that was looked at, the strongest first
    given: tuple[Given, ...] = ()
    #: of a control plane's: the stronger places, where a pod's author can change it
    overridden_by: tuple[Origin, ...] = ()
    #: the value is what would hold anyway, whoever wrote it down
    usual: bool = False

    @property
    def shown(self) -> str:
        """The value in words."""
        return "unknown" if self.unknown else in_words(self.value)

    @property
    def whence(self) -> str:
        """Where the value comes from, or where nobody has set it."""
        if self.default and self.origin.kind:
            return f"not set in {self.origin}"
        return str(self.origin)


class Webhook(msgspec.Struct, frozen=True, gc=False):
    """One mutating webhook that injects."""

    configuration: str  #: the MutatingWebhookConfiguration
    name: str
    namespaces: Selector  #: on the labels of the pod's namespace
    objects: Selector  #: on the labels of the pod
    tag: str = ""  #: the revision tag that it stands for
    failure_policy: str = "Fail"
    #: what else decides and cannot be judged here, as a clause
    unclear: str = ""

    def __str__(self) -> str:
        return f"{self.configuration}/{self.name}"


class ControlPlane(msgspec.Struct, frozen=True, gc=False):
    """One revision of one mesh."""

    mesh: str  #: "istio"
    revision: str = ""  #: "default" where it has no name of its own
    tags: tuple[str, ...] = ()
    namespace: str = ""
    version: str = ""  #: empty when not known
    flavour: str = ""  #: the distribution: "KubeSphere", "AKS"; empty: upstream's
    injector: str = ""  #: the service as namespace/name, or the URL
    webhooks: tuple[Webhook, ...] = ()
    settings: tuple[Setting, ...] = ()  #: what holds for every pod that says nothing
    always: tuple[Selector, ...] = ()  #: pods that are injected whatever the policy
    never: tuple[Selector, ...] = ()
    #: what no setting changes about the start order, as a clause; where there is no
    #: setting to hold the application, this says so
    order: str = ""
    #: why nobody can tell what it makes of a pod, as a clause
    unclear: str = ""
    notes: tuple[str, ...] = ()  #: what else is worth knowing, each as a clause

    @property
    def selects(self) -> frozenset[str]:
        """The keys of the pod labels that anything of it looks at."""
        called = [webhook.objects for webhook in self.webhooks]
        selectors = (*called, *self.always, *self.never)
        return frozenset(r.key for one in selectors for r in one.requirements)

    def setting(self, name: str) -> Setting | None:
        """The setting of that name."""
        return next((one for one in self.settings if one.name == name), None)

    def topic(self, topic: Topic) -> Setting | None:
        """The first setting about that."""
        return next((one for one in self.settings if one.topic is topic), None)

    @property
    def mode(self) -> str:
        """How it injects by default: classic, hold, native, or unknown."""
        native, hold = self.topic(Topic.NATIVE), self.topic(Topic.HOLD)
        if native is not None and native.value is True:
            return "native"
        if native is not None and native.unknown:
            return "unknown"
        if hold is None:  # nothing in it holds, where that is known of it
            return "classic" if self.order else "unknown"
        if hold.unknown:
            return "unknown"
        return "hold" if hold.value else "classic"

    @property
    def policies(self) -> tuple[Setting, ...]:
        """What becomes of a pod that is made while the injector cannot be reached."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.webhooks:
            key = (one.configuration, one.failure_policy)
            found.setdefault(key, []).append(one.name)
        return tuple(
            Setting(Topic.INJECT, "failurePolicy", policy, _of_webhooks(place, names))
            for (place, policy), names in found.items()
        )

    @property
    def fails_open(self) -> str:
        """Whose policy makes pods without a proxy, unnoticed; empty for none."""
        return next((str(p.origin) for p in self.policies if p.value == "Ignore"), "")


def _of_webhooks(configuration: str, names: Sequence[str]) -> Origin:
    key = f"webhook {names[0]}" if len(names) == 1 else f"{len(names)} webhooks"
    if names == [configuration]:
        key = ""
    return Origin("MutatingWebhookConfiguration", "", configuration, key)


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A pod as its author wrote it, and where it is to run."""

    pod: PodStart
    namespace: str = ""
    labels: Mapping[str, str] | None = None  #: all of the pod's; None: not known
    namespace_labels: Mapping[str, str] | None = None
    namespace_annotations: Mapping[str, str] | None = None
    #: the pod as it runs, where it does: its own proxy tells its version
    proxy: Proxy | None = None


class Injection(msgspec.Struct, frozen=True, gc=False):
    """Whether a new pod would be injected, by which rule."""

    injected: bool | None = None  #: None: cannot be told
    mesh: str = ""
    revision: str = ""
    rule: str = ""  #: what decided, as a clause
    webhook: str = ""  #: configuration/name of the webhook that is called
    unknown: str = ""  #: why it cannot be told, as a clause
    also: tuple[str, ...] = ()  #: other revisions that take the pod too


@unique
class Mode(Enum):
    """What the injector would make of a new pod."""

    NONE = "none"  #: no proxy
    HELD = "held"
    NATIVE = "native"
    RACE = "race"
    UNKNOWN = "unknown"


def mode_of(proxy: Proxy) -> Mode:
    """What a proxy is in its pod."""
    if proxy.gate.waits is Waits.UNKNOWN:
        return Mode.UNKNOWN
    if proxy.gate.waits is Waits.NO:
        return Mode.RACE
    return Mode.NATIVE if proxy.native else Mode.HELD


class Outlook(msgspec.Struct, frozen=True, gc=False):
    """What a new pod would be, under today's settings."""

    mode: Mode = Mode.UNKNOWN
    reason: str = ""  #: why this and not what was asked for; or why it is unknown


class Explained(msgspec.Struct, frozen=True, gc=False):
    """All of it for one workload."""

    injection: Injection = msgspec.field(default_factory=Injection)
    settings: tuple[Setting, ...] = ()
    outlook: Outlook = msgspec.field(default_factory=Outlook)
    plane: ControlPlane | None = None  #: the one that injects new pods
    beside: tuple[Explained, ...] = ()  #: the same for the helpers beside the mesh
