"""Speed and manners, held by facts: what is imported, what is asked for, and how."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from kubectl_meshcheck.cluster.answer import Answer, Inflate
from tests.cluster.support import PODS, Item, Reach, names, pods
from tests.server import Certificates, Server

#: typed models and what else would cost more than the scan
HEAVY = (
    "kubernetes",
    "urllib3",
    "requests",
    "pydantic",
    "asyncio",
    "tabulate",
    "click",
)


def imported(code: str, kubeconfig: Path) -> list[str]:
    """The modules in a fresh interpreter after this code."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            f"{code}\nimport sys; print(*sys.modules)",
        ],
        env={**os.environ, "KUBECONFIG": str(kubeconfig)},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()[-1].split()


def test_a_scan_imports_nothing_heavy(
    certificates: Certificates, tmp_path: Path
) -> None:
    code = (
        "import msgspec\n"
        "from kubectl_meshcheck.cluster import Connection, connect\n"
        "class Pod(msgspec.Struct): kind: str = ''\n"
        "cluster = connect(Connection())\n"
        f"assert len(list(cluster.stream({PODS!r}, Pod))) == 3\n"
        "cluster.close()"
    )
    with Server.start(pods(3), certificates=certificates) as server:
        modules = imported(code, server.kubeconfig(tmp_path / "config"))

    assert [name for name in modules if name.split(".")[0] in HEAVY] == []


def test_the_package_alone_imports_nothing(tmp_path: Path) -> None:
    modules = imported("from kubectl_meshcheck.cluster import Connection", tmp_path)

    assert not {"ssl", "http.client", "yaml", "msgspec", "zlib"} & set(modules)


def test_a_page_leaves_nothing_behind_for_a_collector(reach: Reach) -> None:
    with Server.start(pods(50), gzip_from=0) as server:
        cluster = reach(server)
        gc.collect()
        gc.disable()
        try:
            assert len(names(cluster.stream(PODS, Item, chunk=10))) == 50
            left = [
                one for one in gc.get_objects() if isinstance(one, (Answer, Inflate))
            ]
        finally:
            gc.enable()

    assert left == []


def test_completion_of_contexts_needs_no_network_code(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("contexts: [{name: b}, {name: a}]")
    code = (
        "from kubectl_meshcheck.cluster import Connection, contexts\n"
        "assert contexts(Connection()) == ['a', 'b']"
    )
    modules = imported(code, path)

    assert not {"ssl", "http.client"} & set(modules)


def test_requests_say_who_sends_them(server: Server, reach: Reach) -> None:
    cluster = reach(server, command="kubectl meshcheck ns")
    names(cluster.stream(PODS, Item))

    first, second = server.requests[:2]
    assert first.header("User-Agent").startswith("kubectl-meshcheck/")
    assert first.header("Kubectl-Command") == "kubectl meshcheck ns"
    assert UUID(first.header("Kubectl-Session"))
    assert first.header("Kubectl-Session") == second.header("Kubectl-Session")


@pytest.mark.parametrize("by", ["flag", "kubeconfig"])
def test_compression_can_be_turned_off(by: str, server: Server, reach: Reach) -> None:
    cluster = (
        reach(server, disable_compression=True)
        if by == "flag"
        else reach(server, entry={"disable-compression": True})
    )
    names(cluster.stream(PODS, Item))

    assert server.requests[0].header("Accept-Encoding") == "identity"


def test_kubectl_itself_is_content_with_the_test_server(
    server: Server, tmp_path: Path
) -> None:
    path = server.kubeconfig(tmp_path / "config", namespace="shop")
    try:
        done = subprocess.run(
            ["kubectl", "get", "pods,deploy", "-o", "name"],
            env={**os.environ, "KUBECONFIG": str(path), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        pytest.skip("kubectl is missing: the test server is NOT compared with it")

    assert done.stderr == ""
    assert done.stdout.split()[:2] == ["pod/pod-00000", "pod/pod-00001"]
