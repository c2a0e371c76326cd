"""Other tools after a fix and after its undo: what was predicted is what happens.

Each tool is played by the server-side apply, or the merge, that it makes; kubectl
and its annotations are real requests of the same form.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane import ApiError
from tests.fix.space import CONFIG, HOLD, Space, managers, template, workload

pytestmark = pytest.mark.e2e
APPLIERS = ("helm", "argocd-controller", "kustomize-controller", "kubectl")


def _source(**more: Any) -> dict[str, Any]:
    """What the tool's source says: no hold."""
    return workload("Deployment", replicas=0, **more)


@pytest.mark.parametrize("manager", APPLIERS)
def test_a_key_that_the_source_does_not_set_stays(space: Space, manager: str) -> None:
    space.apply(_source(), manager)
    fixed = space.run("deploy/app", "--fix", "--yes")
    assert fixed.code == 0, fixed

    space.apply(
        {**_source(), "metadata": {"name": "app", "labels": {"v": "2"}}}, manager
    )
    now = space.get("Deployment", "app")
    assert template(now)["metadata"]["annotations"][CONFIG] == HOLD

    assert space.run("undo", "deploy/app", "--yes").code == 0
    assert managers(space.get("Deployment", "app")) == [(manager, "Apply")]
    # nothing is left in the way of a source that sets the key itself
    space.apply(_source(config="concurrency: 1"), manager)


@pytest.mark.parametrize("manager", APPLIERS)
def test_the_same_value_in_the_source_is_no_conflict(
    space: Space, manager: str
) -> None:
    space.apply(_source(), manager)
    assert space.run("deploy/app", "--fix", "--yes").code == 0
    space.apply(_source(config=HOLD), manager)
    undone = space.run("undo", "deploy/app", "--yes")
    assert undone.out.splitlines() == [
        "deployment.apps/app rolled back",
        f"  {CONFIG} stays: somebody else has set it as well",
    ]
    now = space.get("Deployment", "app")
    assert template(now)["metadata"]["annotations"][CONFIG] == HOLD
    assert managers(now) == [(manager, "Apply")]


HELM = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {
        "meta.helm.sh/release-name": "shop",
        "meta.helm.sh/release-namespace": "shop",
    },
}


def test_helm_4_fails_after_a_forced_fix_and_not_after_its_undo(space: Space) -> None:
    chart = _source(config="concurrency: 2")
    chart["metadata"] |= HELM
    space.apply(chart, "helm")
    refused = space.run("deploy/app", "--fix", "--yes", "--force-conflicts")
    assert refused.code == 4
    assert refused.err == (
        "error: deploy/app is not changed: the change will break the next upgrade: "
        "Helm shop (annotation meta.helm.sh/release-name: shop): helm upgrade (Helm 4) "
        "fails with a conflict on this value\n"
        "  change it in the values of the release shop in namespace shop; "
        "--allow-drift changes it here all the same\n"
    )
    words = ("deploy/app", "--fix", "--yes", "--force-conflicts", "--allow-drift")
    assert space.run(*words).code == 0
    with pytest.raises(ApiError, match='conflict with \\\\"meshcheck\\\\"'):
        space.apply(chart, "helm")

    assert space.run("undo", "deploy/app", "--yes").code == 0
    space.apply(chart, "helm")
    now = space.get("Deployment", "app")
    assert template(now)["metadata"]["annotations"][CONFIG] == "concurrency: 2"
    assert managers(now) == [("helm", "Apply")]


def test_argo_puts_its_own_value_back(space: Space) -> None:
    source = _source(config="concurrency: 2")
    tracked = f"shop:apps/Deployment:{space.name}/app"
    source["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": tracked}
    space.apply(source, "argocd-controller")
    words = ("deploy/app", "--fix", "--yes", "--force-conflicts")
    refused = space.run(*words)
    assert refused.code == 4
    assert "will be reverted: Argo CD shop" in refused.err
    assert space.run(*words, "--allow-drift").code == 0
    space.apply(source, "argocd-controller", force=True)
    now = space.get("Deployment", "app")
    assert template(now)["metadata"]["annotations"][CONFIG] == "concurrency: 2"
    # what somebody has put back is not touched, and the record goes
    assert space.run("undo", "deploy/app", "--yes").code == 0
    now = space.get("Deployment", "app")
    assert template(now)["metadata"]["annotations"][CONFIG] == "concurrency: 2"
    assert managers(now) == [("argocd-controller", "Apply")]


def test_an_operators_deployment_is_left_to_it(space: Space) -> None:
    owner = space.plane.client.get(f"/api/v1/namespaces/{space.name}")
    owned = _source()
    owned["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "shop.example/v1",
            "kind": "Shop",
            "name": "main",
            "uid": owner["metadata"]["uid"],
            "controller": True,
        }
    ]
    space.create(owned, "shop-operator")
    refused = space.run("deploy/app", "--fix", "--yes")
    assert refused.code == 4, refused
    assert (
        "the change will be reverted: Shop main (controller ownerReference Shop/main)"
        in refused.err
    )
