"""Pods that a real API server would refuse, from one that did not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.server import Server
from tests.shell import Shell


def _pod(name: str, env: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"containers": [{"name": "web", "image": "web", "env": env}]},
        "status": {"phase": "Running"},
    }


def test_an_environment_that_is_none_costs_one_pod(tmp_path: Path) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    pods = [_pod("a", [{"name": "A", "value": "1"}]), _pod("b", [{"name": 7}])]
    with Server.start([space, *pods, _pod("c", None)]) as server:
        shell = Shell(tmp_path, str(server.kubeconfig(tmp_path / "config")))
        ran = shell.run("kubectl-meshcheck ns shop -o name")

    assert (ran.code, ran.out) == (3, "pod/a\npod/c\n")
    assert ran.err == (
        "error: shop/b: "
        "Expected `str`, got `int` - at `$.spec.containers[0].env[0].name`\n"
    )
