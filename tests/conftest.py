"""The small cluster of ``tests/clusters/shop.yaml``, served, and a shell at it.

And what a run of the whole suite needs: a process for each processor, and the
conformance table at its end, of what each of them has found.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.meshes.golden import GOLDEN, MISSING, TALLY
from tests.server import Server
from tests.shell import CLUSTERS, Shell

# a shell makes its background jobs deaf to interrupts, and all that they start
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def objects(name: str = "shop.yaml") -> list[dict[str, Any]]:
    """The objects of one of our clusters."""
    text = (CLUSTERS / name).read_text(encoding="utf-8")
    return [document for document in yaml.safe_load_all(text) if document]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """One process for a few files, for a real cluster, and to write the docs anew."""
    some = config.getoption("file_or_dir") or config.getoption("keyword")
    other = config.getoption("markexpr") != "not e2e"
    return 0 if some or other or "MESHCHECK_UPDATE_DOCS" in os.environ else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    told = getattr(session.config, "workeroutput", None)
    if told is not None:
        told["tally"] = TALLY.told()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    TALLY.join(getattr(node, "workeroutput", {}).get("tally", []))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not GOLDEN.is_dir():
        terminalreporter.section("conformance of the meshes", red=True)
        terminalreporter.write_line(MISSING)
    if TALLY.counts:
        terminalreporter.section("conformance of the meshes")
        for line in TALLY.lines():
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def shop_server() -> Iterator[Server]:
    """The cluster, served to everybody; tests that change it start their own."""
    with Server.start(objects()) as server:
        yield server


@pytest.fixture
def shop(shop_server: Server, tmp_path: Path) -> Shell:
    """A shell whose kubeconfig leads to the cluster's namespace ``shop``.

    Its folder holds the same objects as ``shop.yaml``.
    """
    for file in CLUSTERS.iterdir():
        shutil.copy(file, tmp_path)
    config = shop_server.kubeconfig(tmp_path / "kubeconfig", namespace="shop")
    real = shop_server.url.partition("//")[2]
    return Shell(tmp_path, str(config), (real, "shop.example:6443"))


@pytest.fixture
def nowhere(tmp_path: Path) -> Shell:
    """A shell without any cluster, with the objects as ``shop.yaml``."""
    for file in CLUSTERS.iterdir():
        shutil.copy(file, tmp_path)
    return Shell(tmp_path)
