"""Called by a real kubectl: found, run, completed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.shell import BIN, KUBECTL, Shell

pytestmark = pytest.mark.skipif(
    KUBECTL is None, reason="there is no kubectl on PATH: its dispatch is NOT tested"
)


@pytest.fixture
def completed(shop: Shell) -> Shell:
    """A shell with ``kubectl_complete-meshcheck`` installed."""
    place = shop.folder / "bin"
    place.mkdir()
    installed = shop.program("completion", "kubectl")
    script = place / "kubectl_complete-meshcheck"
    script.write_text(installed.out)
    script.chmod(0o755)
    path = os.pathsep.join([str(place), str(BIN), os.environ["PATH"]])
    return Shell(shop.folder, shop.kubeconfig, more={"PATH": path})


def test_kubectl_finds_the_plugin(shop: Shell) -> None:
    ran = shop.run("kubectl plugin list --name-only")

    assert "kubectl-meshcheck" in ran.out.split()


def test_kubectl_hands_everything_through(shop: Shell) -> None:
    by_kubectl = shop.run("kubectl meshcheck file -f - -o json", "kind: Pod\n- x\n")
    directly = shop.program("file", "-f", "-", "-o", "json", stdin="kind: Pod\n- x\n")

    assert by_kubectl == directly
    assert by_kubectl.code == 3


def test_kubectl_does_not_pass_flags_that_stand_before(shop: Shell) -> None:
    ran = shop.run("kubectl -n shop meshcheck ns")

    assert ran.code == 1
    assert "flags cannot be placed before plugin name" in ran.err


@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        ("ns ''", ["billing", "empty", "istio-system", "payments", "sandbox", "shop"]),
        ("ns s", ["sandbox", "shop"]),
        ("ns shop s", ["sandbox"]),
        ("deploy ''", ["cart", "fireboom", "web"]),
        ("deploy -n billing ''", ["orders"]),
        ("sts r", ["redis"]),
        ("checks MC00", None),
        ("ns -o ''", ["json", "name", "table", "wide", "yaml"]),
        ("ns --fail-on ''", ["error", "info", "never", "warning"]),
    ],
)
def test_kubectl_completes(
    words: str, candidates: list[str] | None, completed: Shell
) -> None:
    ran = completed.run(f"kubectl __complete meshcheck {words}")
    *found, directive = ran.out.splitlines()
    names = sorted(line.partition("\t")[0] for line in found)

    assert directive == ":4"  # no file names
    if candidates is None:
        assert "MC001" in names
    else:
        assert set(candidates) <= set(names)
        assert [n for n in names if n not in candidates and "o" not in words] == []


def test_completion_is_silent_without_a_cluster(completed: Shell) -> None:
    shell = Shell(completed.folder, more=completed.more)
    ran = shell.run("kubectl-meshcheck __complete ns ''")

    assert (ran.code, ran.out, ran.err) == (0, ":4\n", "")


def test_completion_installs_itself_beside_the_program(
    shop: Shell, tmp_path: Path
) -> None:
    place = tmp_path / "installed"
    place.mkdir()
    shutil.copy(BIN / "kubectl-meshcheck", place)
    path = os.pathsep.join([str(place), os.environ["PATH"]])
    shell = Shell(shop.folder, shop.kubeconfig, more={"PATH": path})
    ran = shell.run("kubectl-meshcheck completion --install")
    script = place / "kubectl_complete-meshcheck"

    assert (ran.code, ran.out) == (0, f"installed {script}\n")
    assert os.access(script, os.X_OK)
    assert shell.run(f"{script} ns pay").out == "payments\n:4\n"
