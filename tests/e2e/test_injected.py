"""Pods that Istio's own injector changed, and what the stand-in for the kubelet saw.

The settings are on the pods themselves, so that this holds on any cluster with Istio;
``test_conformance.py`` has the injector's own switches.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.controlplane import wait_for
from tests.e2e.cluster import Cluster, Object, Row, rows
from tests.e2e.objects import (
    DIALS,
    NEVER_READY,
    container,
    cron_job,
    deployment,
    istio_init,
    job,
    pod,
    pod_spec,
    proxy,
    template,
    workload,
)

CLASSIC = {"sidecar.istio.io/nativeSidecar": "false"}
HOLD = {
    **CLASSIC,
    "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true",
}
OFF = {"sidecar.istio.io/inject": "false"}
RACE = ("istio-init > [app istio-proxy]", "nothing", "RACE")
WAITS = ("istio-init > istio-proxy > app", "pilot-agent wait", "HELD")


@dataclass(frozen=True)
class Space:
    """A namespace that Istio injects into."""

    cluster: Cluster
    name: str

    def deploy(
        self,
        name: str,
        notes: Mapping[str, str],
        labels: Mapping[str, str] | None = None,
    ) -> Object:
        """One Deployment of one pod."""
        own = labels or {}
        return deployment(self.name, name, pod_spec(), annotations=notes, labels=own)


@pytest.fixture(scope="module")
def space(cluster: Cluster, injected: dict[str, str]) -> Iterator[Space]:
    name = cluster.namespace("injected", injected)
    space = Space(cluster, name)
    spec = pod_spec()
    classic = template("db", spec, CLASSIC)
    bare = pod(name, "bare", spec, annotations=HOLD)
    work = job(name, "work", spec)
    work["spec"]["template"]["metadata"]["annotations"] = HOLD
    cluster.apply(
        space.deploy("racing", CLASSIC),
        space.deploy("held", HOLD),
        space.deploy("out", {}, OFF),
        workload("StatefulSet", name, "db", classic, 2),
        work,
        cron_job(name, "later", spec),
        bare,
    )
    cluster.settled(name, 7)
    yield space
    cluster.kubectl(f"delete ns {name} --wait=false")


def _rows() -> list[Row]:
    return [
        # nobody injects a template: what is judged is what its author wrote
        ("CronJob/later", 0, "app", "-", "NONE", ()),
        ("Deployment/held", 1, *WAITS, ()),
        ("Deployment/out", 1, "app", "-", "NONE", ()),
        ("Deployment/racing", 1, *RACE, ("MC001",)),
        ("Job/work", 1, *WAITS, ("MC007",)),
        ("Pod/bare", 1, *WAITS, ()),
        ("StatefulSet/db", 2, *RACE, ("MC001",)),
    ]


def test_live_injected_pods_are_judged(space: Space) -> None:
    report = space.cluster.report(f"ns {space.name}")

    assert rows(report) == _rows()
    assert report["problems"] == []


def test_saved_objects_with_the_mesh_s_give_the_same(space: Space) -> None:
    kinds = "ns,pods,deploy,rs,sts,ds,jobs,cronjobs"
    mesh = "mutatingwebhookconfigurations,nodes"
    get = space.cluster.kubectl
    texts = [
        get(f"get {kinds} -n {space.name} -o json"),
        get(f"get {mesh} -o json"),
        get("get cm,deploy -n istio-system -o json"),
    ]
    items = [item for text in texts for item in json.loads(text)["items"]]
    dump = json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    live = space.cluster.report(f"deploy racing held -n {space.name}")
    saved = space.cluster.report("file -f -", dump)

    assert rows(saved, [space.name]) == _rows()
    names = "racing", "held"
    told = [one for one in saved["workloads"] if one["name"] in names]
    found = {one["name"]: one for one in told if one["namespace"] == space.name}
    for one in live["workloads"]:
        other = found[one["name"]]
        for key in ("injection", "settings", "proxies", "containers", "verdict"):
            assert other[key] == one[key], (one["name"], key)


def test_a_proxy_of_the_template_s_own_is_not_taken_for_a_stale_one(
    space: Space,
) -> None:
    """As ``istioctl kube-inject`` leaves it, where no webhook is called."""
    spec = pod_spec([container(), proxy()], [istio_init()])
    name = space.cluster.namespace("by-hand")
    space.cluster.apply(deployment(name, "written", spec))
    space.cluster.settled(name, 1)
    report = space.cluster.report(f"ns {name}")
    space.cluster.kubectl(f"delete ns {name} --wait=false")

    assert rows(report) == [("Deployment/written", 1, *RACE, ("MC001",))]
    told = report["workloads"][0]["injection"]
    assert (told["injected"], told["newPods"], told["newPodsReason"]) == (
        False,
        "race",
        "istio-proxy is written in the template",
    )


def test_the_mesh_and_who_uses_it(space: Space) -> None:
    ran = space.cluster.meshcheck("mesh")

    assert ran.code == 0, ran
    assert ran.out.startswith("MESH")
    assert "holdApplicationUntilProxyStarts: false" in ran.out
    assert f"used in namespace {space.name}: " in ran.out


def test_two_workloads_and_what_makes_the_difference(space: Space) -> None:
    ran = space.cluster.meshcheck(f"diff deploy/racing deploy/held -n {space.name}")

    first, second, _, why, *_ = ran.out.splitlines()
    assert (first, second) == (
        f"--- deploy/racing in namespace {space.name}",
        f"+++ deploy/held in namespace {space.name}",
    )
    assert why.endswith(
        "and true (pod template, annotation proxy.istio.io/config: "
        "holdApplicationUntilProxyStarts)"
    )
    assert "\nverdict\n- RACE\n+ HELD\n" in ran.out


def test_a_dry_run_of_the_next_pod(space: Space) -> None:
    """``--preview`` asks the cluster's injector, and nothing is stored."""
    space.cluster.apply(cron_job(space.name, "previewed", pod_spec()))
    before = space.cluster.get(f"pods -n {space.name}")["items"]
    report = space.cluster.report(f"ns {space.name} --preview")
    after = space.cluster.get(f"pods -n {space.name}")["items"]
    found = {one["name"]: one for one in report["workloads"]}

    assert found["racing"]["verdict"] == "RACE"
    assert found["held"]["verdict"] == "HELD"
    assert found["out"]["verdict"] == "NONE"
    assert found["previewed"]["injected"]
    assert [p["metadata"]["uid"] for p in after] == [
        p["metadata"]["uid"] for p in before
    ]


@pytest.mark.usefixtures("plane")
def test_a_crash_in_the_gap_is_seen(space: Space) -> None:
    space.cluster.apply(
        space.deploy("dialling", CLASSIC | DIALS),
        space.deploy("patient", HOLD | DIALS),
    )
    line = f"deploy dialling patient -n {space.name}"

    def crashed() -> bool:
        found = space.cluster.report(line)["workloads"]
        return {one["name"]: one["pods"]["ready"] for one in found} == {
            "dialling": 1,
            "patient": 1,
        } and any(one["pods"]["restarts"] for one in found)

    wait_for("the crash, and the end of it", crashed)
    report = space.cluster.report(line)
    found = {one["name"]: one for one in report["workloads"]}
    checks = {name: [f["id"] for f in one["findings"]] for name, one in found.items()}
    assert checks == {"dialling": ["MC001", "MC011"], "patient": []}
    assert found["patient"]["pods"]["restarts"] == 0
    (crash, *_) = found["dialling"]["evidence"]
    assert (crash["kind"], crash["container"]) == ("crash", "app")
    # what hurts comes first
    first = space.cluster.meshcheck(f"ns {space.name} --no-headers").out
    assert first.startswith("deploy/dialling")


@pytest.mark.usefixtures("plane")
def test_a_hook_that_failed_is_seen(space: Space) -> None:
    space.cluster.apply(space.deploy("hooked", HOLD | NEVER_READY))
    line = f"deploy hooked -n {space.name}"

    def failed() -> bool:
        (found,) = space.cluster.report(line)["workloads"]
        return "MC009" in [one["id"] for one in found["findings"]]

    wait_for("FailedPostStartHook", failed)
    ran = space.cluster.meshcheck(line)
    assert (ran.code, "MC009 wait-hook-failed" in ran.out) == (1, True)


@pytest.mark.usefixtures("plane")
def test_logs_are_read_of_racing_workloads_only(space: Space) -> None:
    line = f"ns {space.name} -l 'app in (racing, held)' --logs -v 6"
    ran = space.cluster.meshcheck(line)

    read = [one.split("/pods/")[1] for one in ran.err.splitlines() if "/log?" in one]
    assert {(one.partition("-")[0], "200 OK" in one) for one in read} == {
        ("racing", True)
    }
    assert ran.code == 1
