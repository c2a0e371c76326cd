"""The whole program on a list of several pages, with one processor and with all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from tests.server import Server
from tests.shell import Ran, Shell
from tests.twin.pods import fleet, owners, pod

pytestmark = pytest.mark.usefixtures("two")

_PODS = 2300  #: in five pages
#: as the program is installed; it says when a copy is made of it
_PROGRAM = """
import os, sys
allowed = list(map(int, sys.argv.pop(1).split(",")))
os.sched_setaffinity(0, allowed[:2])
os.sched_getaffinity = lambda _: allowed
sys.addaudithook(lambda event, _: event == "os.fork" and os.write(2, b"copied\\n"))
from kubectl_meshcheck import processors
processors.limits = lambda: iter(())
from kubectl_meshcheck.__main__ import main
main()
"""
_COMMAND = ("ns", "-A", "-o", "json")
ALONE, BOTH, MANY = "alone", "both", "many"
_COPIES = {ALONE: 0, BOTH: 1, MANY: 3}


@dataclass(frozen=True)
class Scene:
    """A fleet, served, and a shell at it."""

    server: Server
    shell: Shell
    expected: Ran  #: what one processor says where all behave
    pages: list[str]  #: of pods, in their order: regexes for the requests


@pytest.fixture(scope="module", params=["gzip", "plain"])
def whole(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """The fleet, and some pods that are of nobody or do not fit."""
    odd = [
        pod("a-single", None, namespace="team-0050", shape="last"),
        pod("b-env", None, namespace="team-0020", env="no list"),
        pod("c-env", None, namespace="team-0090", env=[{"name": 7}]),
        pod("d-spec", None, namespace="team-0090") | {"spec": {"containers": 7}},
    ]
    objects = [*owners(_PODS), *fleet(_PODS), *odd]
    least = 10_000 if request.param == "gzip" else 10**9
    folder = tmp_path_factory.mktemp("fleet")
    with Server.start(objects, gzip_from=least) as server:
        shell = Shell(folder, str(server.kubeconfig(folder / "kubeconfig")))
        expected = _run(shell, ALONE)
        yield Scene(server, shell, expected, _pages(server))


@pytest.fixture
def scene(whole: Scene) -> Scene:
    """The same, where all behave at first."""
    whole.server.forget()
    return whole


def _run(shell: Shell, who: str) -> Ran:
    """What the program says; that it was copied as often as it should be."""
    processors = sorted(map(str, os.sched_getaffinity(0)))[:2]
    if who == ALONE:
        del processors[1:]
    if who == MANY:  # it may think so
        processors *= 4
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, ",".join(processors), *_COMMAND],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env=shell.environment,
        check=False,
    )
    copied = "copied\n" * _COPIES[who]
    assert done.stderr.startswith(copied)
    err = done.stderr.removeprefix(copied)
    assert "copied" not in err
    return Ran(done.returncode, done.stdout, err)


def _pages(server: Server) -> list[str]:
    """The requests for pods so far, as regexes for them to come."""
    queries = [r.query for r in server.requests if r.path == "/api/v1/pods"]
    return [
        rf"/pods\?limit=500(&continue={re.escape(quote(token, safe=''))})$"
        if (token := query.get("continue", ""))
        else r"/pods\?limit=500$"
        for query in queries
    ]


def test_everybody_is_read(scene: Scene) -> None:
    """What the other tests compare with: all workloads, and what does not fit."""
    report = json.loads(scene.expected.out)

    assert report["summary"] == {
        "workloads": 658,
        "pods": 2301,
        "verdicts": {"RACE": 165, "HELD": 165, "NATIVE": 164, "NONE": 164},
        "findings": {"error": 203, "info": 165},
    }
    assert (scene.expected.code, scene.expected.err) == (
        3,
        "error: team-0020/b-env: "
        "Expected `array | null`, got `str` - at `$.spec.containers[1].env`\n"
        "error: team-0090/c-env: "
        "Expected `str`, got `int` - at `$.spec.containers[1].env[0].name`\n"
        "error: team-0090/d-spec: "
        "Expected `array | null`, got `int` - at `$.spec.containers`\n",
    )


@pytest.mark.parametrize("who", [BOTH, MANY])
def test_it_does_not_show_how_many_have_read(who: str, scene: Scene) -> None:
    assert _run(scene.shell, who) == scene.expected
    assert _pages(scene.server) == scene.pages


@pytest.mark.parametrize("who", [ALONE, BOTH, MANY])
@pytest.mark.parametrize("page", [0, 1, 3, 4])
def test_a_connection_may_be_cut_once(page: int, who: str, scene: Scene) -> None:
    scene.server.fail(scene.pages[page], cut=9_000)

    assert _run(scene.shell, who) == scene.expected
    assert sorted(_pages(scene.server)) == sorted([*scene.pages, scene.pages[page]])


@pytest.mark.parametrize("who", [ALONE, BOTH])
@pytest.mark.parametrize(
    "fault", [{}, {"go_on": True}], ids=["without a token", "with a token"]
)
def test_a_list_may_expire_in_the_middle(
    fault: dict[str, Any], who: str, scene: Scene
) -> None:
    scene.server.fail(scene.pages[3], status=410, reason="Expired", **fault)

    assert _run(scene.shell, who) == scene.expected
    again = scene.pages[3:] if fault else scene.pages
    assert _pages(scene.server) == [*scene.pages[:4], *again]
