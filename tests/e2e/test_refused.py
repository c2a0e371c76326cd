"""The words with which a real API server and its controllers refuse an injected pod.

A Kubernetes 1.28 of its own: a newer one takes native sidecars.  Left out: an injector
that answers and says no, which Istio's does only to what its own settings forbid.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane import ControlPlane, Istio, UnavailableError, wait_for
from tests.e2e.cluster import Cluster
from tests.e2e.objects import deployment, job, pod_spec, template, workload

NATIVE = "sidecar.istio.io/nativeSidecar"
FORCED = {NATIVE: "true"}
KINDS = ("DaemonSet", "Deployment", "Job", "StatefulSet")
PLAIN = (
    "no pod can be created: Istio's native sidecar is taken for an ordinary init "
    "container, as by an API server before Kubernetes 1.29: spec.initContainers[1]."
    "lifecycle: Forbidden: may not be set for init containers without "
    "restartPolicy=Always"
)
OFF = (
    f"switch nativeSidecar off (pod template, annotation {NATIVE}); a native sidecar "
    "needs Kubernetes 1.29, and that no other webhook drops its restartPolicy"
)
GONE = (
    "no pod can be created: Istio's injector istio-system/istiod cannot be called by "
    "webhook namespace.sidecar-injector.istio.io: "
)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A Kubernetes 1.28 of our own, with Istio."""
    mine = ControlPlane("refused")
    mine.down()
    try:
        mine.up("1.28")
        Istio(mine).install()
    except UnavailableError as error:
        pytest.skip(f"refusals were NOT tried on a Kubernetes 1.28: {error}")
    try:
        yield Cluster.of(mine.kubeconfig, tmp_path_factory.mktemp("home"), mine)
    finally:
        mine.down()


@pytest.fixture(scope="module")
def space(old: Cluster) -> str:
    """A namespace that Istio injects into."""
    return old.namespace("refused", {"istio-injection": "enabled"})


def refused(cluster: Cluster, namespace: str) -> dict[str, tuple[str, str, str]]:
    """Of each workload that is refused: why, by whose word, and what is next."""
    found: dict[str, tuple[str, str, str]] = {}
    report: Any = cluster.report(f"ns {namespace}")
    for row in report["workloads"]:
        for one in row["findings"]:
            if one["id"] == "MC014":
                why, proof = row["why"], one["message"].removeprefix(row["why"])
                # "; event FailedCreate of rs/web-86dd8c846c, seen 12 times, ..."
                source = proof.partition(" of ")[0].removeprefix("; ")
                found[f"{row['kind']}/{row['name']}"] = (why, source, one["next"])
    return found


def test_a_native_sidecar_is_forced_on_an_old_server(old: Cluster, space: str) -> None:
    forced = template("app", pod_spec(), annotations=FORCED)
    once = job(space, "app", pod_spec())
    once["spec"]["template"]["metadata"]["annotations"] = FORCED
    old.apply(
        deployment(space, "app", pod_spec(), annotations=FORCED),
        workload("StatefulSet", space, "app", forced),
        workload("DaemonSet", space, "app", forced),
        once,
    )
    names = {f"{kind}/app" for kind in KINDS}
    wait_for("the refusals", lambda: set(refused(old, space)) == names)

    told = (PLAIN, "event FailedCreate", OFF)
    assert refused(old, space) == dict.fromkeys(names, told)
    [row] = old.report(f"deploy/app -n {space}")["workloads"]
    injection = row["injection"]
    assert (injection["newPods"], injection["newPodsReason"]) == (
        "unknown",
        "the API server is older than Kubernetes 1.29 and takes a native sidecar for "
        "an init container, so it refuses the pod",
    )


def test_the_condition_alone_says_it_too(old: Cluster, space: str) -> None:
    old.kubectl(f"delete events --all -n {space}")
    saved = old.kubectl(f"get deploy -n {space} -o json")
    [row] = old.report("file -f -", saved)["workloads"]
    [one] = [f for f in row["findings"] if f["id"] == "MC014"]

    why = PLAIN.replace("Istio's native", "an injected native")
    assert (row["why"], one["message"].partition(" since ")[0]) == (
        why,
        f"{why}; condition ReplicaFailure of deploy/app",
    )


def test_the_injector_is_gone(old: Cluster, space: str) -> None:
    assert old.plane is not None
    Istio(old.plane).process.stop(3)
    old.apply(deployment(space, "late", pod_spec()))
    wait_for("the refusal", lambda: "Deployment/late" in refused(old, space))

    why, source, following = refused(old, space)["Deployment/late"]
    assert why.startswith(GONE)
    assert why.endswith("connect: connection refused")
    assert (source, following) == (
        "event FailedCreate",
        "kubectl get pods -n istio-system",
    )
