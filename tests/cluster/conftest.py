"""A server, certificates, and an environment without the developer's own cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.cluster import Cluster, Connection, connect, patience
from tests.cluster.support import Reach, pods
from tests.server import Certificates, Server


@pytest.fixture(autouse=True)
def _no_cluster_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(patience, "SHORTEST", 0.01)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A CA, a server and a client."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is missing: TLS is NOT tested")
    return Certificates.make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """1,200 pods in ``shop``, over plain HTTP."""
    with Server.start(pods(1200)) as started:
        yield started


@pytest.fixture(autouse=True)
def _behaved(request: pytest.FixtureRequest) -> None:
    if "server" in request.fixturenames:
        request.getfixturevalue("server").forget()


@pytest.fixture
def reach(tmp_path: Path) -> Iterator[Reach]:
    """See ``Reach``."""
    with ExitStack() as stack:

        def connected(
            server: Server,
            *,
            user: dict[str, Any] | None = None,
            entry: dict[str, Any] | None = None,
            **flags: Any,
        ) -> Cluster:
            path = tmp_path / "kubeconfig"
            server.kubeconfig(path, user=user, cluster=entry)
            cluster = connect(Connection(kubeconfig=str(path), **flags))
            stack.callback(cluster.close)
            return cluster

        yield connected
