"""The whole way on a real control plane: scan, plan, write, watch, prove, take back."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from tests.fix.space import (
    CONFIG,
    HOLD,
    Space,
    fields,
    intent,
    managers,
    template,
    workload,
)

pytestmark = pytest.mark.e2e

ROLLING: dict[str, tuple[str, dict[str, Any], int]] = {
    "Deployment": ("deployment.apps/app", {"replicas": 2}, 2),
    "StatefulSet": ("statefulset.apps/app", {"replicas": 2}, 2),
    "DaemonSet": ("daemonset.apps/app", {}, 2),
}


def _ours(path: tuple[str, ...]) -> dict[str, Any]:
    """What the manager meshcheck may hold, and nothing else."""
    inner: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{CONFIG}": {}}}}
    for step in reversed(path):
        inner = {f"f:{step}": inner}
    own: dict[str, Any] = {"f:kubernetes.io/change-cause": {}, "f:meshcheck/fix": {}}
    return {"f:metadata": {"f:annotations": own}, **inner}


@pytest.mark.parametrize("kind", ROLLING)
def test_pods_are_held_afterwards_and_racing_again_after_undo(
    space: Space, kind: str
) -> None:
    name, spec, pods = ROLLING[kind]
    short = {"Deployment": "deploy", "StatefulSet": "sts", "DaemonSet": "ds"}[kind]
    before = space.create(workload(kind, **spec))
    space.wait_for_pods(pods)
    assert space.run(f"{short}/app").code == 1

    fixed = space.run(f"{short}/app", "--fix", "--yes")
    assert fixed.code == 0, fixed
    assert fixed.out.splitlines()[-2:] == [
        f"{name} patched",
        "  all 2 new pods are HELD",
    ]
    after = space.get(kind, "app")
    assert template(after)["metadata"]["annotations"][CONFIG] == HOLD
    assert fields(after, "meshcheck") == [_ours(("spec", "template"))]
    assert managers(after) == [("meshcheck", "Apply"), ("somebody", "Update")]
    assert space.run(f"{short}/app").code == 0

    again = space.run(f"{short}/app", "--fix", "--yes")
    assert (again.code, again.out.splitlines()[-1]) == (
        0,
        f"{name} patched (no change)",
    )

    undone = space.run("undo", f"{short}/app", "--yes")
    assert (undone.code, undone.out) == (0, f"{name} rolled back\n"), undone
    now = space.get(kind, "app")
    assert intent(now) == intent(before)
    assert managers(now) == [("somebody", "Update")]
    assert space.run("undo", f"{short}/app", "--yes").out == (
        f"{name} rolled back (no change)\n"
    )


def test_a_cron_job_waits_from_its_next_run_on(space: Space) -> None:
    before = space.create(workload("CronJob"))
    fixed = space.run("cronjob/app", "--fix", "--yes")
    assert fixed.code == 0, fixed
    assert fixed.out.splitlines()[-2:] == [
        "cronjob.batch/app patched",
        "  nothing now; it takes effect with the next run",
    ]
    after = space.get("CronJob", "app")
    path = ("spec", "jobTemplate", "spec", "template")
    assert fields(after, "meshcheck") == [_ours(path)]
    assert space.run("undo", "--all", "--yes").out == "cronjob.batch/app rolled back\n"
    assert intent(space.get("CronJob", "app")) == intent(before)


def test_a_lone_replica_set_keeps_its_pods(space: Space) -> None:
    space.create(workload("ReplicaSet", replicas=1))
    space.wait_for_pods(1)
    fixed = space.run("rs/app", "--fix", "--yes")
    assert fixed.out.splitlines()[-2:] == [
        "replicaset.apps/app patched",
        "  nothing by itself: delete the pods of rs/app one by one",
    ]


def test_a_bare_pod_is_explained(space: Space) -> None:
    pod = workload("Deployment")["spec"]["template"]
    pod = {**pod, "apiVersion": "v1", "kind": "Pod"}
    space.create({**pod, "metadata": {**pod["metadata"], "name": "app"}})
    space.wait_for_pods(1)
    ran = space.run("pod/app", "--fix", "--yes")
    assert ran.code == 1
    assert ran.out == (
        f"pod/app in namespace {space.name}\n"
        "  by hand:   app starts before istio-proxy; a bare pod is injected when it is "
        "created, and only then\n"
        f"  instead:   create it anew with the pod annotation {CONFIG}: '{HOLD}'\n\n"
    )


def test_a_value_is_merged_and_restored_to_the_byte(space: Space) -> None:
    text = "# tuned by team a\nconcurrency: 2\nproxyMetadata: {A: '1'}\n"
    before = space.create(workload("Deployment", config=text, replicas=0))
    refused = space.run("deploy/app", "--fix", "--yes")
    assert refused.code == 4
    assert refused.err == (
        f"error: deploy/app is not changed: {CONFIG} is held by the field manager "
        "somebody\n  --force-conflicts takes the field from it\n"
    )
    assert space.get("Deployment", "app")["metadata"]["generation"] == 1

    fixed = space.run("deploy/app", "--fix", "--yes", "--force-conflicts")
    assert fixed.code == 0, fixed
    after = space.get("Deployment", "app")
    assert template(after)["metadata"]["annotations"][CONFIG] == f"{text}{HOLD}\n"

    undone = space.run("undo", "deploy/app", "--yes")
    assert (undone.code, undone.out) == (0, "deployment.apps/app rolled back\n")
    now = space.get("Deployment", "app")
    assert intent(now) == intent(before)
    assert managers(now) == [("somebody", "Update")]


def test_undo_refuses_what_somebody_has_changed(space: Space) -> None:
    space.create(workload("Deployment", replicas=0))
    assert space.run("deploy/app", "--fix", "--yes").code == 0
    notes = {"metadata": {"annotations": {CONFIG: "concurrency: 1"}}}
    space.patch("Deployment", "app", {"spec": {"template": notes}}, "eve")
    before = space.get("Deployment", "app")
    undone = space.run("undo", "deploy/app", "--yes")
    assert undone.code == 4
    assert undone.err == (
        f"error: {CONFIG} of deploy/app was changed by eve since it was fixed\n"
        "  nothing was taken back; change it where that value comes from\n"
    )
    assert intent(space.get("Deployment", "app")) == intent(before)


@pytest.mark.parametrize(
    ("where", "code", "last"),
    [
        ("client", 3, "  instead:   --dry-run=server asks it"),
        ("server", 0, "deployment.apps/app patched (server dry run)"),
    ],
)
def test_dry_runs_write_nothing(space: Space, where: str, code: int, last: str) -> None:
    before = space.create(workload("Deployment", replicas=0))
    ran = space.run("deploy/app", "--fix", f"--dry-run={where}")
    assert (ran.code, ran.out.strip("\n").splitlines()[-1]) == (code, last)
    now = space.get("Deployment", "app")
    assert (intent(now), managers(now)) == (intent(before), managers(before))


def test_nothing_is_written_without_a_word(space: Space) -> None:
    before = space.create(workload("Deployment", replicas=0))
    ran = space.run("deploy/app", "--fix")
    assert ran.code == 4
    assert ran.err == (
        "error: --fix asks before it changes something, and there is nobody to ask\n"
        "  look with --dry-run=server, then add --yes\n"
    )
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_a_rollout_that_cannot_work_is_taken_back(space: Space) -> None:
    stuck = workload("Deployment", replicas=1)
    stuck["spec"]["template"]["metadata"]["annotations"] |= {
        "kubelet.meshcheck.test/proxy": "never-ready"
    }
    before = space.create(stuck)
    ran = space.run("deploy/app", "--fix", "--yes", "--rollback-on-failure")
    assert ran.code == 5, ran
    assert "deployment.apps/app rolled back" in ran.out.splitlines()
    assert intent(space.get("Deployment", "app")) == intent(before)


def _kubectl(space: Space, *words: str) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("there is no kubectl on PATH")
    subprocess.run(
        [kubectl, f"--kubeconfig={space.plane.kubeconfig}", "-n", space.name, *words],
        check=True,
        capture_output=True,
    )


def test_kubectl_rollout_undo_is_understood(space: Space) -> None:
    """It replaces template and annotations at once, with a ReplicaSet's copies."""
    before = space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    assert space.run("deploy/app", "--fix", "--yes").code == 0
    _kubectl(space, "rollout", "undo", "deploy/app")
    assert intent(space.get("Deployment", "app")) == intent(before)
    undone = space.run("undo", "deploy/app", "--yes")
    assert undone.out == "deployment.apps/app rolled back (no change)\n"

    _kubectl(space, "rollout", "undo", "deploy/app")
    again = space.get("Deployment", "app")
    assert "meshcheck/fix" in again["metadata"]["annotations"]
    undone = space.run("undo", "deploy/app", "--yes", "--no-wait")
    assert undone.out.splitlines() == [
        "deployment.apps/app rolled back",
        f"  {CONFIG} stays: somebody else has set it as well",
    ]
    now = space.get("Deployment", "app")
    assert "meshcheck/fix" not in now["metadata"]["annotations"]
    assert fields(now, "meshcheck") == []
