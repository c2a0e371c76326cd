"""The objects that the server has, and the lists it makes of them."""

from __future__ import annotations

import base64
import bisect
import gzip
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

#: kind -> plural, short names, namespaced
KINDS: dict[str, tuple[str, list[str], bool]] = {
    "Namespace": ("namespaces", ["ns"], False),
    "Node": ("nodes", ["no"], False),
    "Pod": ("pods", ["po"], True),
    "ConfigMap": ("configmaps", ["cm"], True),
    "Event": ("events", ["ev"], True),
    "Service": ("services", ["svc"], True),
    "ReplicationController": ("replicationcontrollers", ["rc"], True),
    "Deployment": ("deployments", ["deploy"], True),
    "StatefulSet": ("statefulsets", ["sts"], True),
    "DaemonSet": ("daemonsets", ["ds"], True),
    "ReplicaSet": ("replicasets", ["rs"], True),
    "Job": ("jobs", [], True),
    "CronJob": ("cronjobs", ["cj"], True),
    "MutatingWebhookConfiguration": ("mutatingwebhookconfigurations", [], False),
}
#: what every server has, whether there are such objects or not
ALWAYS = {
    "v1": ["Namespace", "Node", "Pod", "ConfigMap", "Event", "Service",
           "ReplicationController"],
    "apps/v1": ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"],
    "batch/v1": ["Job", "CronJob"],
}  # fmt: skip

_TYPE = re.compile(rb'\{"apiVersion": ?"[^"]*", ?"kind": ?"[^"]*",? ?')


class _Meta(msgspec.Struct):
    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = {}


class _Head(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    metadata: _Meta


@dataclass(frozen=True)
class Item:
    """One object; ``body`` is its JSON behind apiVersion and kind, without a brace."""

    meta: _Meta = field(hash=False)
    body: bytes = field(repr=False)

    @property
    def key(self) -> bytes:
        """What lists are sorted by, as in etcd."""
        return f"{self.meta.namespace}/{self.meta.name}".encode()


@dataclass(eq=False)
class Resource:
    """All objects of one kind."""

    api_version: str
    kind: str
    items: list[Item] = field(default_factory=list)

    @property
    def plural(self) -> str:
        """The name in URLs."""
        return KINDS[self.kind][0] if self.kind in KINDS else f"{self.kind.lower()}s"

    @property
    def namespaced(self) -> bool:
        """Unknown kinds are, if an object of theirs is."""
        if self.kind in KINDS:
            return KINDS[self.kind][2]
        return any(item.meta.namespace for item in self.items)


@dataclass(frozen=True)
class Query:
    """A list request."""

    namespace: str = ""
    labels: str = ""
    fields: str = ""
    limit: int = 0
    token: str = ""
    metadata_only: bool = False


class State:
    """Everything that is served at one moment."""

    def __init__(self, file: Path, version: int, options: dict[str, Any]) -> None:
        self.version = version
        self._options = options
        self.resources: dict[tuple[str, str], Resource] = {}
        for api_version, kinds in ALWAYS.items():
            for kind in kinds:
                self._resource(api_version, kind)
        head = msgspec.json.Decoder(_Head)
        with file.open("rb") as lines:
            for line in lines:
                one = head.decode(line)
                start = _TYPE.match(line)
                assert start is not None, "an object must begin with apiVersion, kind"
                item = Item(one.metadata, line[start.end() :].rstrip())
                self._resource(one.api_version, one.kind).items.append(item)
        for resource in self.resources.values():
            resource.items.sort(key=lambda item: item.key)
        #: pages are made once, so that benchmarks measure the client
        self.page: Callable[[Resource, Query], bytes] = lru_cache(256)(self._page)
        self.compressed: Callable[[Resource, Query], bytes] = lru_cache(None)(
            self._gzip
        )
        self._selected = lru_cache(64)(self._select)

    def _resource(self, api_version: str, kind: str) -> Resource:
        key = (api_version, kind)
        if key not in self.resources:
            self.resources[key] = Resource(api_version, kind)
        return self.resources[key]

    def find(self, group_version: str, plural: str) -> Resource | None:
        """The resource that a URL means."""
        for resource in self.resources.values():
            if (resource.api_version, resource.plural) == (group_version, plural):
                return resource
        return None

    def one(self, resource: Resource, namespace: str, name: str) -> bytes | None:
        """The JSON of one object."""
        for item in resource.items:
            if (item.meta.namespace, item.meta.name) == (namespace, name):
                return _typed(resource, item)
        return None

    def go_on(self, token: str) -> str:
        """A token for the same place in today's list."""
        return _token(self.version, _place(token)[1])

    def _gzip(self, resource: Resource, query: Query) -> bytes:
        """The page, compressed; empty where it is too small for that."""
        page = self.page(resource, query)
        if len(page) < self._options["gzip_from"]:
            return b""
        return gzip.compress(page, self._options["gzip_level"])

    def _select(
        self, resource: Resource, namespace: str, labels: str, fields: str
    ) -> list[Item]:
        wanted = [
            pair.replace("==", "=").partition("=") for pair in labels.split(",") if pair
        ]
        named = [pair.partition("=") for pair in fields.split(",") if pair]
        return [
            item
            for item in resource.items
            if (not namespace or item.meta.namespace == namespace)
            and all(item.meta.labels.get(key) == value for key, _, value in wanted)
            and all(_field(item, key) == value for key, _, value in named)
        ]

    def _page(self, resource: Resource, query: Query) -> bytes:
        found = self._selected(resource, query.namespace, query.labels, query.fields)
        start = 0
        if query.token:
            after = _place(query.token)[1]
            start = bisect.bisect_right(found, after, key=lambda item: item.key)
        end = start + query.limit if query.limit else len(found)
        meta: dict[str, object] = {"resourceVersion": str(self.version)}
        if end < len(found):
            meta["continue"] = _token(self.version, found[end - 1].key)
            meta["remainingItemCount"] = len(found) - end
        return self._write(resource, query, found[start:end], meta)

    def _write(
        self,
        resource: Resource,
        query: Query,
        items: list[Item],
        meta: dict[str, object],
    ) -> bytes:
        kind, version = f"{resource.kind}List", resource.api_version
        bodies: Iterable[bytes] = (b"{" + item.body for item in items)
        if query.metadata_only:
            kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            bodies = map(_partial, items)
        elif self._options["typed_items"]:
            bodies = (_typed(resource, item) for item in items)
        head = json.dumps({"kind": kind, "apiVersion": version}, separators=(",", ":"))
        start = head[:-1].encode()
        metadata = b'"metadata":' + json.dumps(meta, separators=(",", ":")).encode()
        listed = b'"items":[' + b",".join(bodies) + b"]"
        order = (
            (listed, metadata) if self._options["metadata_last"] else (metadata, listed)
        )
        page = start + b"," + b",".join(order) + b"}\n"
        if self._options["indent"]:
            page = json.dumps(json.loads(page), indent=self._options["indent"]).encode()
        return page


def _typed(resource: Resource, item: Item) -> bytes:
    return (
        f'{{"apiVersion":"{resource.api_version}","kind":"{resource.kind}",'.encode()
        + item.body
    )


def _partial(item: Item) -> bytes:
    metadata = msgspec.json.decode(b"{" + item.body)["metadata"]
    whole = {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
    }
    return msgspec.json.encode(whole)


def _field(item: Item, path: str) -> object:
    """The value of a field that a field selector names; None when there is none."""
    here: object = json.loads(b"{" + item.body)
    for step in path.split("."):
        here = here.get(step) if isinstance(here, dict) else None
    return here


def _token(version: int, key: bytes) -> str:
    return base64.urlsafe_b64encode(f"{version}:".encode() + key).decode()


def _place(token: str) -> tuple[int, bytes]:
    """The resourceVersion and key in a token."""
    version, _, key = base64.urlsafe_b64decode(token).partition(b":")
    return int(version), key
