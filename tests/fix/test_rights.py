"""The shipped roles hold what is needed and not more; with less, the rest is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fix.relay import Relay
from tests.fix.space import Space, intent, workload

pytestmark = pytest.mark.e2e
DOCS = Path(__file__).parent.parent.parent / "docs"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def _role(file: str) -> dict[str, Any]:
    """The first role of the file."""
    role: dict[str, Any] = next(yaml.safe_load_all((DOCS / file).read_text()))
    return role


def _bind(space: Space, *roles: dict[str, Any]) -> None:
    """Gives alice these roles, in this namespace only."""
    client = space.plane.client
    for role in roles:
        name = f"{role['metadata']['name']}-{space.name}"
        role = {**role, "kind": "Role", "metadata": {"name": name}}
        where = f"{RBAC}/namespaces/{space.name}"
        client.request("POST", f"{where}/roles", role)
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name},
            "subjects": [{"kind": "User", "name": "alice"}],
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "Role",
                "name": name,
            },
        }
        client.request("POST", f"{where}/rolebindings", binding)


@pytest.fixture
def alice(space: Space) -> Space:
    """The same namespace as a user without any rights sees it."""
    config = space.plane.kubeconfig_of("alice")
    return Space(space.plane, space.name, space.folder, config)


def _without_pods(role: dict[str, Any]) -> dict[str, Any]:
    rules = [rule for rule in role["rules"] if rule["verbs"] != ["create"]]
    return {**role, "rules": rules}


def test_the_roles_are_enough_for_the_whole_cycle(space: Space, alice: Space) -> None:
    before = space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    _bind(space, _role("rbac-read.yaml"), _role("rbac-fix.yaml"))
    fixed = alice.run("deploy/app", "--fix", "--yes")
    assert (fixed.code, fixed.err.count("error")) == (0, 0), fixed
    assert alice.run("undo", "deploy/app", "--yes", "--no-wait").code == 0
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_without_pod_create_the_rules_answer_and_the_plan_says_so(
    space: Space, alice: Space
) -> None:
    space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    _bind(space, _role("rbac-read.yaml"), _without_pods(_role("rbac-fix.yaml")))
    fixed = alice.run("deploy/app", "--fix", "--yes")
    assert fixed.code == 0, fixed
    assert (
        "  then:      waits, by the mesh's rules alone: you may not create pods in "
        f"namespace {space.name}, even as a dry run"
    ) in fixed.out.splitlines()
    assert fixed.out.splitlines()[-1] == "  1 new pod is HELD"


def test_a_reader_changes_nothing(space: Space, alice: Space) -> None:
    before = space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    _bind(space, _role("rbac-read.yaml"))
    refused = alice.run("deploy/app", "--fix", "--yes")
    assert refused.code == 4
    assert 'cannot patch resource "deployments"' in refused.err
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_a_scan_only_reads(space: Space, relay: Relay) -> None:
    space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    assert space.run("ns", relay=relay).code == 1
    assert {passing.method for passing in relay.seen} == {"GET"}
    assert space.run("ns", "--preview", relay=relay).code == 1
    wrote = [passing for passing in relay.seen if passing.method != "GET"]
    assert [str(passing) for passing in wrote] == [
        f"POST /api/v1/namespaces/{space.name}/pods (dry run)"
    ]
