"""The cluster of the session, and what the tests share in it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane import ControlPlane, Istio, UnavailableError, binaries
from tests.e2e.cluster import LABEL, Cluster
from tests.e2e.place import Place, settle
from tests.shell import KUBECTL

THEIRS = os.environ.get("MESHCHECK_E2E_KUBECONFIG", "")
KUBERNETES = os.environ.get("MESHCHECK_E2E_KUBERNETES") or None
#: instances of the control plane; a run takes the first that no other has
NAMES = ("e2e", "e2e-2", "e2e-3")
HERE = Path(__file__).parent
_TOLD = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_TOLD] = []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these tests need a real API server."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """What is worth more than a dot: why nothing was run, the matrix."""
    for text in config.stash[_TOLD]:
        terminalreporter.write_line(text)


@pytest.fixture(scope="session")
def tell(request: pytest.FixtureRequest) -> list[str]:
    """What is appended here is printed at the end of the run."""
    return request.config.stash[_TOLD]


def _no(tell: list[str], why: str) -> None:
    """Skip everything, and say so once."""
    told = f"e2e tests were NOT run: {why}"
    tell.append(told)
    pytest.skip(told)


@pytest.fixture(scope="session")
def cluster(
    tmp_path_factory: pytest.TempPathFactory, tell: list[str]
) -> Iterator[Cluster]:
    """The cluster of MESHCHECK_E2E_KUBECONFIG, else a control plane of our own."""
    folder = tmp_path_factory.mktemp("home")
    if not KUBECTL:
        _no(tell, "there is no kubectl on PATH")
    if THEIRS:
        yield from _theirs(Cluster.of(Path(THEIRS).absolute(), folder))
        return
    with _free() as name:
        if not name:
            _no(tell, f"other runs use the control planes {', '.join(NAMES)}")
        plane = ControlPlane(name)
        plane.down()  # what a run that was killed has left
        try:
            plane.up(KUBERNETES)
        except UnavailableError as error:
            _no(tell, f"no control plane: {error}")
        try:
            yield Cluster.of(plane.kubeconfig, folder, plane)
        finally:
            plane.down()


@contextlib.contextmanager
def _free() -> Iterator[str]:
    """An instance that no other run uses, or none; the lock ends with the process."""
    binaries.root().mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        with (binaries.root() / f"{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield name
            return
    yield ""


def _theirs(cluster: Cluster) -> Iterator[Cluster]:
    answer = cluster.shell.run("kubectl version")
    if answer.code:
        pytest.fail(f"MESHCHECK_E2E_KUBECONFIG leads nowhere: {answer.err}")
    yield cluster
    for kind in ("namespaces", "crd", "clusterroles", "clusterrolebindings"):
        cluster.kubectl(f"delete {kind} -l {LABEL} --wait=false")


@pytest.fixture(scope="session")
def plane(cluster: Cluster) -> ControlPlane:
    """Our own control plane, for what needs its processes."""
    if cluster.plane is None:
        pytest.skip("it needs a control plane of our own, and this cluster is not")
    return cluster.plane


@pytest.fixture(scope="session")
def injected(cluster: Cluster) -> dict[str, str]:
    """The labels of a namespace that Istio injects into."""
    if cluster.plane:
        Istio(cluster.plane).install()
        return {"istio-injection": "enabled"}
    found = cluster.get("mutatingwebhookconfigurations -l app=sidecar-injector")
    for item in found["items"]:
        revision = item["metadata"]["labels"].get("istio.io/rev", "")
        if revision == "default":
            return {"istio-injection": "enabled"}
        if revision:
            return {"istio.io/rev": revision}
    pytest.skip("it needs Istio, which this cluster has not")


@pytest.fixture(scope="session")
def place(cluster: Cluster) -> Iterator[Place]:
    """A namespace for users with few rights."""
    made = settle(cluster)
    yield made
    cluster.kubectl(f"delete clusterroles,clusterrolebindings -l {LABEL}")
    cluster.kubectl(f"delete ns {made.name} --wait=false")
