"""What a scan asks of the server: the pods first, and every list once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import objects
from tests.server import Server
from tests.shell import Shell


@pytest.mark.parametrize(
    "words",
    ["ns shop", "ns shop -l app=cart", "ns -A", "ns", "ns shop billing", "deploy cart"],
)
def test_the_pods_are_asked_for_first_and_every_list_once(
    words: str, tmp_path: Path
) -> None:
    with Server.start(objects()) as server:
        config = server.kubeconfig(tmp_path / "config", namespace="shop")
        ran = Shell(tmp_path, str(config)).run(f"kubectl-meshcheck {words}")
        asked = [(one.path, str(sorted(one.query.items()))) for one in server.requests]

    assert ran.err == ""
    space = "" if words == "ns -A" else "/namespaces/shop"
    assert asked[0][0] == f"/api/v1{space}/pods"
    assert [one for one, times in Counter(asked).items() if times > 1] == []


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (
            "ns shop --ignore MC001",
            "error: --ignore: MC001 is ignored without a reason",
        ),
        ("ns -A --watch -o json", "error: --watch shows a table, not -o json"),
    ],
)
def test_what_is_typed_wrong_is_told_whatever_the_server_says(
    words: str, error: str, tmp_path: Path
) -> None:
    with Server.start(objects(), tokens={"other": []}) as server:
        config = server.kubeconfig(tmp_path / "config", token="mine")
        ran = Shell(tmp_path, str(config)).run(f"kubectl-meshcheck {words}")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(error)
