"""A fix from end to end, once: plan, write, rollout, proof, undo.

What can go wrong in between is in tests/fix.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.e2e.cluster import Cluster, Row, rows
from tests.e2e.objects import deployment, pod_spec
from tests.e2e.users import user
from tests.pages import DOCS

CLASSIC = {"sidecar.istio.io/nativeSidecar": "false", "team": "shop"}
RACE = ("istio-init > [app istio-proxy]", "nothing", "RACE", ("MC001",))
HELD = ("istio-init > istio-proxy > app", "pilot-agent wait", "HELD", ())


@pytest.fixture
def space(cluster: Cluster, injected: dict[str, str]) -> Iterator[str]:
    """A namespace with a racing Deployment of two pods."""
    name = cluster.namespace("fix", injected)
    cluster.apply(deployment(name, "cart", pod_spec(), 2, annotations=CLASSIC))
    cluster.kubectl(f"rollout status deploy/cart -n {name} --timeout=2m")
    yield name
    cluster.kubectl(f"delete ns {name} --wait --timeout=2m")


def _cart(cluster: Cluster, space: str) -> Any:
    """The Deployment; what its controller writes left out."""
    found = cluster.get(f"deploy/cart -n {space} --show-managed-fields")
    managers = {one["manager"] for one in found["metadata"]["managedFields"]}
    notes = found["metadata"].get("annotations") or {}
    notes.pop("deployment.kubernetes.io/revision", None)
    return notes, found["spec"], "meshcheck" in managers


def _row(cluster: Cluster, space: str) -> list[Row]:
    return rows(cluster.report(f"deploy cart -n {space}"))


@pytest.mark.usefixtures("plane")
def test_a_fix_is_planned_written_proved_and_taken_back(
    cluster: Cluster, space: str
) -> None:
    before = _cart(cluster, space)
    assert _row(cluster, space) == [("Deployment/cart", 2, *RACE)]

    planned = cluster.meshcheck(f"deploy/cart -n {space} --fix --dry-run=server")
    assert (planned.code, _cart(cluster, space)) == (0, before), planned

    fixed = cluster.meshcheck(f"deploy/cart -n {space} --fix --yes")
    assert fixed.code == 0, fixed
    notes, spec, ours = _cart(cluster, space)
    assert ours
    assert spec["template"]["metadata"]["annotations"] == {
        **CLASSIC,
        "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true",
    }
    assert _row(cluster, space) == [("Deployment/cart", 2, *HELD)]

    again = cluster.meshcheck(f"deploy/cart -n {space} --fix --yes")
    assert (again.code, _cart(cluster, space)) == (0, (notes, spec, ours)), again

    undone = cluster.meshcheck(f"undo deploy/cart -n {space} --yes")
    assert undone.code == 0, undone
    assert _cart(cluster, space) == before
    assert _row(cluster, space) == [("Deployment/cart", 2, *RACE)]


def test_who_may_only_read_fixes_nothing(cluster: Cluster, space: str) -> None:
    reader = user(cluster, space, "reader", space)
    reader.allow(cluster, space, *_shipped("rbac-read.yaml"))
    before = _cart(cluster, space)
    ran = reader.cluster.meshcheck("deploy/cart --fix --yes")

    assert ran.code in (3, 4), ran
    assert "patch" in ran.err
    assert "deployments" in ran.err
    assert _cart(cluster, space) == before


@pytest.mark.usefixtures("plane")
def test_the_shipped_rights_are_enough_for_a_fix(cluster: Cluster, space: str) -> None:
    mender = user(cluster, space, "mender", space)
    rules = _shipped("rbac-read.yaml") + _shipped("rbac-fix.yaml")
    mender.allow(cluster, space, *rules)
    fixed = mender.cluster.meshcheck("deploy/cart --fix --yes")
    undone = mender.cluster.meshcheck("undo deploy/cart --yes")

    assert (fixed.code, undone.code) == (0, 0), (fixed, undone)


def _shipped(page: str) -> list[Any]:
    roles = yaml.safe_load_all((DOCS / page).read_text(encoding="utf-8"))
    return [rule for role in roles if role for rule in role["rules"]]
