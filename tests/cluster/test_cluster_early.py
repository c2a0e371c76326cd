"""A list's first page that was asked for before anybody wanted to read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.errors import MeshcheckError
from tests.cluster.support import PODS, Item, Reach, names, pods
from tests.server import Server

ALL = [f"pod-{number:05}" for number in range(600)]


def _asked(server: Server) -> list[str]:
    return [request.path for request in server.requests]


def test_it_is_asked_for_once(reach: Reach) -> None:
    with Server.start(pods(600)) as server:
        cluster = reach(server)
        cluster.expect(PODS)
        cluster.expect(PODS)
        found = names(cluster.stream(PODS, Item))

        assert (found, _asked(server)) == (ALL, [PODS, PODS])  # of two pages


@pytest.mark.parametrize(
    "other", [{"params": {"labelSelector": "app=pod-00003"}}, {"chunk": 7}]
)
def test_another_list_is_not_taken_for_it(reach: Reach, other: dict[str, Any]) -> None:
    with Server.start(pods(5)) as server:
        cluster = reach(server)
        cluster.expect(PODS)
        found = names(cluster.stream(PODS, Item, **other))

        assert found == (["pod-00003"] if "params" in other else ALL[:5])
        assert names(cluster.stream(PODS, Item)) == ALL[:5]


def test_what_stands_against_it_is_told_by_who_reads(tmp_path: Path) -> None:
    with Server.start(pods(1)) as server:
        config = server.kubeconfig(tmp_path / "config")
    cluster = connect(Connection(kubeconfig=str(config)))

    cluster.expect(PODS)
    with pytest.raises(MeshcheckError, match="refused"):
        names(cluster.stream(PODS, Item))


def test_no_plugin_is_run_for_it(reach: Reach, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "/bin/sh",
        "args": ["-c", f"touch {ran}; exit 1"],
    }
    with Server.start(pods(1), tokens={"T": []}) as server:
        reach(server, user={"exec": plugin}).expect(PODS)

        assert (ran.exists(), _asked(server)) == (False, [])
