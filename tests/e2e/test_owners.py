"""Pods under their owners, as the real controllers make them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane import wait_for
from tests.e2e.cluster import LABEL, Cluster, Object, rows
from tests.e2e.objects import (
    container,
    cron_job,
    deployment,
    held_proxy,
    istio_init,
    job,
    pod,
    pod_spec,
    proxy,
    template,
    workload,
)

RACING = pod_spec([container(), proxy()], [istio_init()])
HELD = pod_spec([held_proxy(), container()], [istio_init()])
RACE = ("istio-init > [app istio-proxy]", "nothing", "RACE")
WAITS = ("istio-init > istio-proxy > app", "pilot-agent wait", "HELD")


@pytest.fixture
def space(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    topic = request.node.name.removeprefix("test_").replace("_", "-")[:40].strip("-")
    name = cluster.namespace(topic)
    yield name
    cluster.kubectl(f"delete ns {name} --wait=false")


def _owners(report: Any) -> dict[str, list[str]]:
    return {
        f"{one['kind']}/{one['name']}": [owner["kind"] for owner in one["owners"]]
        for one in report["workloads"]
    }


def test_each_controller_s_pods_are_its_rows(cluster: Cluster, space: str) -> None:
    plain = template("set", RACING)
    cluster.apply(
        deployment(space, "deploy", RACING, 3),
        workload("StatefulSet", space, "sts", template("sts", RACING), 2),
        workload("ReplicaSet", space, "set", plain, 2),
        job(space, "job", HELD),
        cron_job(space, "cron", HELD),
    )
    cluster.kubectl(f"create job by-hand -n {space} --from=cronjob/cron")
    cluster.settled(space, 9)
    report = cluster.report(f"ns {space}")

    checks = ("MC007", "MC012")
    assert rows(report) == [
        ("CronJob/cron", 1, *WAITS, checks),
        ("Deployment/deploy", 3, *RACE, ("MC001",)),
        ("Job/job", 1, *WAITS, checks),
        ("ReplicaSet/set", 2, *RACE, ("MC001",)),
        ("StatefulSet/sts", 2, *RACE, ("MC001",)),
    ]
    assert _owners(report) == {
        "CronJob/cron": ["Job", "CronJob"],
        "Deployment/deploy": ["ReplicaSet", "Deployment"],
        "Job/job": ["Job"],
        "ReplicaSet/set": ["ReplicaSet"],
        "StatefulSet/sts": ["StatefulSet"],
    }


def test_a_rollout_that_is_stuck_has_a_row_for_each_shape(
    cluster: Cluster, space: str
) -> None:
    cluster.apply(deployment(space, "cart", RACING, 2))
    cluster.settled(space, 2)
    # no node is like this, so the new pod never runs and the old ones stay
    stuck = {**HELD, "nodeSelector": {"no-such": "node"}}
    cluster.apply(deployment(space, "cart", stuck, 2))

    def made() -> bool:
        found = cluster.get(f"pods -n {space}")["items"]
        return any("nodeSelector" in one["spec"] for one in found)

    wait_for("the pod of the new template", made)

    # where a mesh is seen, the old ones are told to be stale as well
    assert [one[:-1] for one in rows(cluster.report(f"deploy/cart -n {space}"))] == [
        ("Deployment/cart", 1, *WAITS),
        ("Deployment/cart", 2, *RACE),
    ]


def test_a_rollout_leaves_one_row_and_its_old_replicaset_none(
    cluster: Cluster, space: str
) -> None:
    cluster.apply(deployment(space, "cart", RACING, 2))
    cluster.settled(space, 2)
    cluster.apply(deployment(space, "cart", HELD, 2))
    cluster.kubectl(f"rollout status deploy/cart -n {space} --timeout=2m")
    cluster.settled(space, 2)

    assert rows(cluster.report(f"ns {space}")) == [
        ("Deployment/cart", 2, *WAITS, ("MC012",)),
    ]


def test_a_workload_without_pods_is_judged_by_its_template(
    cluster: Cluster, space: str
) -> None:
    cluster.apply(deployment(space, "asleep", HELD, 0))
    report = cluster.report(f"ns {space}")

    assert rows(report) == [("Deployment/asleep", 0, *WAITS, ("MC012",))]


# -- owners that nobody has heard of ---------------------------------------

GROUP = "e2e.meshcheck.test"
CRD: Object = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"rollouts.{GROUP}", "labels": {LABEL: "true"}},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Rollout", "plural": "rollouts", "singular": "rollout"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def crd(cluster: Cluster) -> Iterator[None]:
    cluster.apply(CRD)
    cluster.kubectl(f"wait --for=condition=Established crd/rollouts.{GROUP}")
    yield
    cluster.kubectl(f"delete crd rollouts.{GROUP} --wait=false")


def _owned_by(cluster: Cluster, space: str, name: str) -> list[Object]:
    uid = cluster.kubectl(
        f"get rollouts.{GROUP} {name} -n {space} -o jsonpath={{.metadata.uid}}"
    )
    return [
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "Rollout",
            "name": name,
            "uid": uid,
            "controller": True,
        }
    ]


@pytest.mark.usefixtures("crd")
def test_pods_and_replicasets_of_a_custom_owner(cluster: Cluster, space: str) -> None:
    meta = {"name": "canary", "namespace": space}
    cluster.apply({"apiVersion": f"{GROUP}/v1", "kind": "Rollout", "metadata": meta})
    owners = _owned_by(cluster, space, "canary")
    own = workload("ReplicaSet", space, "canary-1", template("canary-1", RACING), 2)
    own["metadata"]["ownerReferences"] = owners
    cluster.apply(own, pod(space, "direct", HELD, ownerReferences=owners))
    cluster.settled(space, 3)
    report = cluster.report(f"ns {space}")

    assert rows(report) == [
        ("Rollout/canary", 1, *WAITS, ("MC012",)),
        ("Rollout/canary", 2, *RACE, ("MC001",)),
    ]
    assert {one["group"] for one in report["workloads"]} == {GROUP}
    names = cluster.meshcheck(f"ns {space} -o name").out.split()
    assert names == [f"rollout.{GROUP}/canary"]
    cluster.kubectl(f"get {names[0]} -n {space}")
