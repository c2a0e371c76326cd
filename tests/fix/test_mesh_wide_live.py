"""A whole mesh on a real control plane: its ConfigMap, its restarts, and back.

It changes what the other tests' injector reads, so it puts everything back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane import Istio
from tests.fix.space import Space, fields, workload

pytestmark = pytest.mark.e2e
MAP = "/api/v1/namespaces/istio-system/configmaps/istio"


@pytest.fixture
def istio(space: Space) -> Iterator[Istio]:
    """Its mesh settings are the same again afterwards."""
    before = space.plane.client.get(MAP)["data"]
    yield Istio(space.plane)
    change = {"data": before, "metadata": {"annotations": {"meshcheck/fix": None}}}
    space.plane.client.request("PATCH", MAP, change, "application/merge-patch+json")


def test_a_mesh_holds_and_is_put_back(space: Space, istio: Istio) -> None:
    space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    before: dict[str, Any] = space.plane.client.get(MAP)["data"]

    refused = space.run("mesh", "--fix", "--yes")
    assert refused.code == 4
    assert space.plane.client.get(MAP)["data"] == before

    words = ("mesh", "--fix", "--yes", "--allow-drift", "--restart")
    fixed = space.run(*words)
    assert fixed.code == 0, fixed
    assert fixed.out.splitlines()[-3:] == [
        "configmap/istio patched",
        "deployment.apps/app restarted",
        "  1 new pod is HELD",
    ]
    assert istio.mesh()["defaultConfig"]["holdApplicationUntilProxyStarts"] is True
    assert "no change:" in space.run(*words).out

    undone = Space(space.plane, "istio-system", space.folder).run(
        "undo", "cm/istio", "--yes"
    )
    assert (undone.code, undone.out) == (0, "configmap/istio rolled back\n")
    now = space.plane.client.get(MAP)
    assert now["data"] == before
    assert fields(now, "meshcheck") == []
