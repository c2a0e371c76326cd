"""The objects that configure a mesh, typed: webhooks, ConfigMaps, the injector itself.

Taken one by one as they are read; what could not be read keeps the reason, and
so does what was looked for and is not there.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import parse


class _Service(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str = ""
    namespace: str = ""


class _Client(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    service: _Service | None = None
    url: str | None = None


class _Rule(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    operations: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None


class WebhookEntry(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One webhook of a configuration."""

    name: str = ""
    client_config: _Client = _Client()
    rules: tuple[_Rule, ...] | None = None
    namespace_selector: Any = None
    object_selector: Any = None
    failure_policy: str | None = None
    match_conditions: tuple[Any, ...] | None = None

    @property
    def sees_pods(self) -> bool:
        """Whether it is called when a pod is made."""
        return any(
            {"pods", "*", "*/*", "pods/*"} & set(rule.resources or ())
            and {"CREATE", "*"} & set(rule.operations or ())
            for rule in self.rules or ()
        )


class WebhookConfiguration(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A MutatingWebhookConfiguration."""

    metadata: parse.Meta = parse.Meta()
    webhooks: tuple[WebhookEntry, ...] | None = None


class ConfigMap(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A ConfigMap."""

    metadata: parse.Meta = parse.Meta()
    data: dict[str, str] | None = None
    #: in base64, as the API has it
    binary_data: dict[str, str] | None = None

    @property
    def texts(self) -> dict[str, str]:
        """All of its data as text; what is none comes out mangled."""
        binary = self.binary_data or {}
        decoded = {key: _text(value) for key, value in binary.items()}
        return {**decoded, **(self.data or {})}


def _text(value: str) -> str:
    try:
        return base64.b64decode(value).decode(errors="replace")
    except ValueError:
        return value


class Custom(msgspec.Struct, frozen=True, gc=False):
    """An object of a mesh's own kind, for its specification."""

    metadata: parse.Meta = parse.Meta()
    spec: Any = None


class Version(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What the API server says of itself."""

    git_version: str = ""


class _NodeInfo(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    kubelet_version: str = ""


class _NodeStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    node_info: _NodeInfo = _NodeInfo()


class Node(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A node, for its kubelet's version."""

    metadata: parse.Meta = parse.Meta()
    status: _NodeStatus = _NodeStatus()


#: why an object is absent that was asked for and does not exist
NOT_THERE = "is not there"
WEBHOOKS = "mutatingwebhookconfigurations.admissionregistration.k8s.io"


class Wanted(msgspec.Struct, frozen=True, order=True):
    """An object that would tell a setting."""

    kind: str  #: ConfigMap, Deployment, or a mesh's own
    namespace: str
    name: str
    #: group and version of a mesh's own kind, and its plural: "a.example/v1/things"
    resource: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class MeshObjects(msgspec.Struct):
    """All that was read of the meshes' own objects."""

    webhooks: dict[str, WebhookConfiguration] = msgspec.field(default_factory=dict)
    config_maps: dict[Wanted, Mapping[str, str]] = msgspec.field(default_factory=dict)
    #: the pod templates of the injectors' own Deployments
    deployments: dict[Wanted, parse.Template] = msgspec.field(default_factory=dict)
    #: the specifications of objects of the meshes' own kinds
    customs: dict[Wanted, Any] = msgspec.field(default_factory=dict)
    #: why an object is not here, as a clause: "it is not there", "... is forbidden"
    absent: dict[Wanted, str] = msgspec.field(default_factory=dict)
    #: what is said of an object that nobody looked for
    unread: str = "was not read"
    #: nothing more can be read: these are files
    final: bool = False
    #: why the webhook configurations are not all here; empty when they are
    webhooks_unknown: str = "the webhook configurations were not read"
    #: versions of the kubelets; None when they were not read
    kubelets: tuple[str, ...] | None = None
    kubelets_unknown: str = "the nodes' versions were not read"
    server: str = ""  #: the API server's version; empty when it was not read
    #: control planes that pods name: revision and namespace, where no webhook tells
    hints: dict[tuple[str, str], None] = msgspec.field(default_factory=dict)

    def add_webhooks(self, found: WebhookConfiguration) -> None:
        """Keeps one webhook configuration."""
        self.webhooks[found.metadata.name] = found

    def add_config_map(self, found: ConfigMap) -> None:
        """Keeps one ConfigMap."""
        key = Wanted("ConfigMap", found.metadata.namespace, found.metadata.name)
        self.config_maps[key] = found.texts

    def add_custom(self, kind: str, found: Custom) -> None:
        """Keeps an object of a mesh's own kind."""
        meta = found.metadata
        self.customs[Wanted(kind, meta.namespace, meta.name)] = found.spec

    def custom(self, wanted: Wanted) -> Any:
        """The specification of such an object; None where it was not read."""
        return self.customs.get(replace(wanted, resource=""))

    def add_node(self, found: Node) -> None:
        """Keeps a node's kubelet version."""
        self.kubelets = (*(self.kubelets or ()), found.status.node_info.kubelet_version)

    @property
    def read(self) -> int:
        """How many objects were asked for by their names."""
        there = len(self.config_maps) + len(self.deployments) + len(self.customs)
        return there + len(self.absent)

    def has(self, wanted: Wanted) -> bool:
        """Whether nothing more is to be learned about that object."""
        known = wanted in self.config_maps or wanted in self.deployments
        known = known or replace(wanted, resource="") in self.customs
        return known or wanted in self.absent

    def why_absent(self, wanted: Wanted) -> str:
        """Why an object is not here, as a clause with the object in it."""
        return f"{wanted} {self.absent.get(wanted, self.unread)}"
