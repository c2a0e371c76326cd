"""What the tests of this folder share: items, objects, a way to the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
import pytest

from kubectl_meshcheck.cluster import Cluster
from kubectl_meshcheck.errors import MeshcheckError
from tests.server import Server

PODS = "/api/v1/namespaces/shop/pods"
#: the test server's ways to write one and the same list
WAYS: tuple[dict[str, Any], ...] = (
    {"gzip_from": 0},
    {"gzip_from": 0, "chunked": 777},
    {"chunked": 4096, "gzip_from": 10**9},
    {"typed_items": True},
    {"indent": 4},
)


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


def listed(
    server: Server, reach: Reach, user: dict[str, Any], **flags: Any
) -> list[str]:
    """The pods that this user sees."""
    return names(reach(server, user=user, **flags).stream(PODS, Item))


def refused(reach: Reach, user: dict[str, Any], **flags: Any) -> MeshcheckError:
    """What this user reads."""
    with (
        Server.start([pod("a")], tokens={"T": []}) as server,
        pytest.raises(MeshcheckError) as caught,
    ):
        listed(server, reach, user, **flags)
    return caught.value
