"""The objects that configure a mesh, typed: webhooks, ConfigMaps, the injector itself.

Taken one by one as they are read; what could not be read keeps the reason, and
so does what was looked for and is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

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


class _NodeInfo(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    kubelet_version: str = ""


class _NodeStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    node_info: _NodeInfo = _NodeInfo()


class Node(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """A node, for its kubelet's version."""

    metadata: parse.Meta = parse.Meta()
    status: _NodeStatus = _NodeStatus()


#: the keys of ConfigMaps that configure a mesh
_KEYS = frozenset({"mesh", "values", "config.yaml"})


def is_config(found: Mapping[str, Any]) -> bool:
    """Whether a ConfigMap may configure a mesh."""
    data = found.get("data")
    return isinstance(data, dict) and not _KEYS.isdisjoint(data)


#: why an object is absent that was asked for and does not exist
NOT_THERE = "is not there"
WEBHOOKS = "mutatingwebhookconfigurations.admissionregistration.k8s.io"


@dataclass(frozen=True, order=True)
class Wanted:
    """An object that would tell a setting."""

    kind: str  #: ConfigMap or Deployment
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass
class MeshObjects:
    """All that was read of the meshes' own objects."""

    webhooks: dict[str, WebhookConfiguration] = field(default_factory=dict)
    config_maps: dict[Wanted, Mapping[str, str]] = field(default_factory=dict)
    #: the pod templates of the injectors' own Deployments
    deployments: dict[Wanted, parse.Template] = field(default_factory=dict)
    #: why an object is not here, as a clause: "it is not there", "... is forbidden"
    absent: dict[Wanted, str] = field(default_factory=dict)
    #: what is said of an object that nobody looked for
    unread: str = "was not read"
    #: why the webhook configurations are not all here; empty when they are
    webhooks_unknown: str = "the webhook configurations were not read"
    #: versions of the kubelets; None when they were not read
    kubelets: tuple[str, ...] | None = None
    kubelets_unknown: str = "the nodes' versions were not read"
    #: control planes that pods name: revision and namespace, where no webhook tells
    hints: dict[tuple[str, str], None] = field(default_factory=dict)

    def add_webhooks(self, found: WebhookConfiguration) -> None:
        """Keeps one webhook configuration."""
        self.webhooks[found.metadata.name] = found

    def add_config_map(self, found: ConfigMap) -> None:
        """Keeps one ConfigMap."""
        key = Wanted("ConfigMap", found.metadata.namespace, found.metadata.name)
        self.config_maps[key] = found.data or {}

    def add_deployment(self, found: parse.Workload) -> None:
        """Keeps a Deployment."""
        meta = found.metadata
        wanted = Wanted("Deployment", meta.namespace, meta.name)
        self.deployments[wanted] = found.template or parse.Template()

    def add_node(self, found: Node) -> None:
        """Keeps a node's kubelet version."""
        self.kubelets = (*(self.kubelets or ()), found.status.node_info.kubelet_version)

    def has(self, wanted: Wanted) -> bool:
        """Whether nothing more is to be learned about that object."""
        known = wanted in self.config_maps or wanted in self.deployments
        return known or wanted in self.absent

    def why_absent(self, wanted: Wanted) -> str:
        """Why an object is not here, as a clause with the object in it."""
        return f"{wanted} {self.absent.get(wanted, self.unread)}"
