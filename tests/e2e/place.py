"""A namespace with two workloads, for users with few rights."""

from __future__ import annotations

from dataclasses import dataclass

from tests.e2e.cluster import Cluster
from tests.e2e.objects import (
    container,
    deployment,
    held_proxy,
    istio_init,
    pod_spec,
    proxy,
)
from tests.e2e.users import OWNERS, User, rule, user

RACING = (
    "Deployment/racing",
    1,
    "istio-init > [app istio-proxy]",
    "nothing",
    "RACE",
    ("MC001",),
)
HELD = (
    "Deployment/held",
    1,
    "istio-init > istio-proxy > app",
    "pilot-agent wait",
    "HELD",
    ("MC012",),
)
EVERYTHING = rule("get list", "pods", "namespaces", "events", *OWNERS)


@dataclass(frozen=True)
class Place:
    """A namespace with two workloads, and the administrator."""

    admin: Cluster
    name: str

    def user(self, account: str) -> User:
        """A user who is at home here, without any right."""
        return user(self.admin, self.name, account, self.name)


def settle(cluster: Cluster) -> Place:
    """The namespace with both workloads."""
    name = cluster.namespace("rights")
    racing = pod_spec([container(), proxy()], [istio_init()])
    held = pod_spec([held_proxy(), container()], [istio_init()])
    cluster.apply(
        deployment(name, "racing", racing),
        deployment(name, "held", held),
    )
    cluster.settled(name, 2)
    return Place(cluster, name)
