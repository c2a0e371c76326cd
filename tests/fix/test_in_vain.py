"""Remedies that would not take effect are found out before anything is written."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.controlplane import Istio
from tests.fix.space import Space, intent, workload

pytestmark = pytest.mark.e2e
HOOK = {"postStart": {"exec": {"command": ["sleep", "1"]}}}


@pytest.fixture
def lifecycle(space: Space) -> Iterator[None]:
    """The injector's values replace the proxy's hook (istio/istio#37541)."""
    istio = Istio(space.plane)
    istio.set_values({"global": {"proxy": {"lifecycle": HOOK}}})
    yield
    istio.set_values({"global": {"proxy": {"lifecycle": None}}})


def _wait_for_hook(space: Space) -> None:
    """Until the injector has read its new values."""
    for _ in range(60):
        ran = space.run("deploy/app", "--preview", "-o", "json")
        if '"postStart": "sleep 1"' in ran.out:
            return
    raise AssertionError("the injector does not take its new values")


@pytest.mark.usefixtures("lifecycle")
def test_a_hook_of_the_values_replaces_the_hold(space: Space) -> None:
    before = space.create(workload("Deployment", replicas=0))
    _wait_for_hook(space)
    ran = space.run("deploy/app", "--fix", "--yes")
    assert ran.code in (1, 4), ran
    assert "deployment.apps/app patched" not in ran.out.splitlines()
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_a_hook_of_the_users_own_is_explained(space: Space) -> None:
    own = workload("Deployment", replicas=0)
    proxy = {"name": "istio-proxy", "image": "auto", "lifecycle": HOOK}
    own["spec"]["template"]["spec"]["containers"].append(proxy)
    before = space.create(own)
    ran = space.run("deploy/app", "--fix", "--yes")
    assert ran.code in (1, 4), ran
    assert "sleep" in ran.out
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_a_paused_deployment_is_refused(space: Space) -> None:
    before = space.create(workload("Deployment", replicas=1, paused=True))
    ran = space.run("deploy/app", "--fix", "--yes")
    assert ran.code == 4, ran
    assert ran.err == (
        "error: deploy/app is not changed: it is paused, so nothing would roll out\n"
        f"  kubectl rollout resume deploy/app -n {space.name}\n"
    )
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_a_quota_without_room_is_said(space: Space) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "1"}},
    }
    space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    path = f"/api/v1/namespaces/{space.name}/resourcequotas"
    space.plane.client.request("POST", path, quota)
    for _ in range(60):
        ran = space.run("deploy/app", "--fix", "--dry-run=server")
        if "there is no room for one pod more" in ran.out:
            break
    assert "exceeded quota" in ran.out, ran
    ran = space.run("deploy/app", "--fix", "--yes", "--rollback-on-failure")
    assert ran.code == 5, ran
    assert "its pods cannot be created" in ran.out
