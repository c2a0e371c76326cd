"""What the tests of this folder share: items, objects, a way to the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from kubectl_meshcheck.cluster import Cluster
from tests.server import Server


class Meta(msgspec.Struct):
    name: str
    namespace: str = ""


class Item(msgspec.Struct):
    """The part of an object that these tests look at."""

    metadata: Meta
    note: str = ""


def pod(name: str, namespace: str = "shop", note: str = "") -> dict[str, Any]:
    """A pod, as the test server takes it."""
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "note": note}


def pods(count: int, note: str = "") -> list[dict[str, Any]]:
    """That many pods in the order of a list."""
    return [pod(f"pod-{number:05}", note=note) for number in range(count)]


def names(items: Iterator[Item]) -> list[str]:
    """What a list consisted of."""
    return [item.metadata.name for item in items]


class Reach(Protocol):
    """Makes clusters and closes them after the test."""

    def __call__(
        self,
        server: Server,
        *,
        user: dict[str, Any] | None = None,
        entry: dict[str, Any] | None = None,
        **flags: Any,
    ) -> Cluster:
        """A cluster at the server; ``user``, ``entry`` go into the kubeconfig."""
