"""What a user without rights is told: what is denied, and no guess beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import objects
from tests.server import Server
from tests.shell import Shell

_DENIED = """\
error: Error from server (Forbidden): cronjobs.batch is forbidden: User "mute" \
cannot list resource "cronjobs" in API group "batch" in the namespace "shop"
  so are daemonsets.apps, deployments.apps, jobs.batch, pods, statefulsets.apps
  kubectl auth can-i --list -n shop
"""
_PODS = """\
error: Error from server (Forbidden): pods is forbidden: User "mute" cannot list \
resource "pods" in API group "" in the namespace "shop"
  kubectl auth can-i list pods -n shop
"""
_CRONJOBS = """\
error: Error from server (Forbidden): cronjobs.batch is forbidden: User "mute" \
cannot list resource "cronjobs" in API group "batch" in the namespace "shop"
  kubectl auth can-i list cronjobs.batch -n shop
"""
_EXPIRED = """\
error: You must be logged in to the server (Unauthorized)
  log in again; `kubectl auth whoami` shows whether it worked
"""
_UNREAD = """\
WORKLOAD         READY  MESH  START ORDER  WAITS ON  VERDICT  WHY
deploy/cart      -      -     cart         ?         UNKNOWN  its pods may not be listed
deploy/fireboom  -      -     fireboom     ?         UNKNOWN  its pods may not be listed
deploy/web       -      -     web          ?         UNKNOWN  its pods may not be listed
sts/redis        -      -     redis        ?         UNKNOWN  its pods may not be listed
"""
_MISSING = """\
error: deployments.apps "cart" not found in namespace shop, as far as it could be read
  kubectl meshcheck ns shop lists what there is
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """It lets nobody list anything."""
    with Server.start(objects(), tokens={"mute": [("list", "*", "*")]}) as found:
        yield found


@pytest.fixture
def mute(server: Server, tmp_path: Path) -> Shell:
    config = server.kubeconfig(tmp_path / "config", token="mute", namespace="shop")
    return Shell(tmp_path, str(config))


def test_what_is_denied_alike_is_told_once(mute: Shell) -> None:
    ran = mute.program("ns")

    assert (ran.code, ran.out, ran.err) == (3, "", _DENIED)


@pytest.mark.parametrize(
    "words",
    ["deploy/cart", "deploy/cart --fix --yes", "diff deploy/cart deploy/web"],
)
def test_what_may_not_be_read_is_not_said_to_be_missing(
    words: str, mute: Shell
) -> None:
    ran = mute.program(*words.split())

    assert (ran.code, ran.out, ran.err) == (3, "", _DENIED + _MISSING)


def test_what_a_template_lacks_is_not_said_of_pods_that_nobody_may_list(
    tmp_path: Path,
) -> None:
    with Server.start(objects(), tokens={"mute": [("list", "pods", "*")]}) as server:
        config = server.kubeconfig(tmp_path / "config", token="mute", namespace="shop")
        shell = Shell(tmp_path, str(config))
        table, fix = (
            shell.program("ns"),
            shell.program("ns", "--fix", "--dry-run=client"),
        )

    assert (table.code, table.out) == (3, _UNREAD)
    assert (fix.code, fix.out.split("\n\n")[0]) == (
        3,
        "deployment.apps/cart in namespace shop\n"
        "  by hand:   its pods may not be listed\n"
        "  instead:   run it with the right to list pods",
    )
    assert table.err == fix.err == _PODS


def test_an_expired_token_is_told_beside_what_was_denied(tmp_path: Path) -> None:
    """``--preview`` asks again when everything was read, or denied, already."""
    denied = [("list", "cronjobs.batch", "*")]
    with Server.start(objects(), tokens={"mute": denied}) as server:
        config = server.kubeconfig(tmp_path / "config", token="mute", namespace="shop")
        server.fail("dryRun", status=401, message="Unauthorized", times=9)
        ran = Shell(tmp_path, str(config)).program("ns", "--preview")

    assert (ran.code, ran.out) == (3, "")
    assert ran.err == _CRONJOBS + _EXPIRED


def test_a_mesh_that_may_not_be_read_is_no_missing_mesh(mute: Shell) -> None:
    ran = mute.program("mesh", "--fix", "--yes")

    assert (ran.code, ran.out) == (3, "")
    assert "error: the webhook configurations could not be read: " in ran.err
    assert ran.err.endswith(
        "error: no mesh was found, as far as it could be read\n"
        "  kubectl meshcheck ns --fix mends workloads alone\n"
    )
