"""Logs from a server: which are read, how many, and what is said when they are not."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from kubectl_meshcheck import evidence, hearing, logs
from kubectl_meshcheck.cli.namespaces import ns
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.hearing import Wanted
from kubectl_meshcheck.log_reading import logs_of
from tests.evidence.pods import (
    REFUSED,
    crashed,
    died,
    pod,
    running,
    subject,
    subjects,
    waiting,
)
from tests.server import Server

PROXY = running("istio-proxy", 20)
LOOP = waiting("app", "CrashLoopBackOff", restartCount=3) | {
    "lastState": {"terminated": died(58, 59)}
}
APP = f"2024-05-14T10:00:59.117Z starting\n2024-05-14T10:00:59.120Z {REFUSED}\n"
READY = "2024-05-14T10:01:01.930Z info Envoy proxy is ready\n"


def ask(*pods: object) -> list[tuple[str, bool]]:
    """The container and run of each log that is asked for."""
    asked: list[tuple[str, bool]] = []

    def read(wanted: Wanted) -> str | None:
        asked.append((wanted.container, wanted.previous))
        return None

    hearing.listen(subjects(*pods), read)  # type: ignore[arg-type]
    return asked


APP_NOW, APP_BEFORE = ("app", False), ("app", True)
PROXY_NOW, PROXY_BEFORE = ("istio-proxy", False), ("istio-proxy", True)
ASKED = {
    "runs": (pod(running("app", 18), PROXY), [APP_NOW, PROXY_NOW]),
    "runs again": (
        pod(crashed("app", died(18, 19)), PROXY),
        [APP_BEFORE, APP_NOW, PROXY_NOW],
    ),
    "waits to run again": (pod(LOOP, PROXY), [APP_BEFORE, PROXY_NOW]),
    "a proxy that died": (
        pod(running("app", 18), running("istio-proxy", 20, restarts=1)),
        [APP_NOW, PROXY_BEFORE, PROXY_NOW],
    ),
    "held": (pod(running("istio-proxy", 4), running("app", 9), held=True), []),
}


@pytest.mark.parametrize("case", ASKED)
def test_which_logs_are_read(case: str) -> None:
    found, expected = ASKED[case]
    assert ask(found) == expected


def test_the_worst_are_read_when_there_are_too_many() -> None:
    many = hearing.MOST_WORKLOADS + 5
    lucky = [pod(running("app", 18), PROXY, name=f"p{n}") for n in range(many)]
    proof = pod(crashed("app", died(18, 19)), PROXY, name="proof")
    asked = ask(*lucky, proof)
    assert asked[0] == APP_BEFORE
    assert len(asked) == 2 * hearing.MOST_WORKLOADS + 1


def test_the_help_states_the_bounds() -> None:
    text = re.sub(r"\s+", " ", ns.get_help(click.Context(ns)))
    assert f"at most {hearing.MOST_WORKLOADS} of them" in text
    assert f"{logs.MOST_BYTES // 1024} KiB and {logs.MOST_LINES:,} lines" in text


def _listen(server: Server, folder: Path) -> tuple[list[str], list[Problem]]:
    config = server.kubeconfig(folder / "config", namespace="shop")
    cluster = connect(Connection(kubeconfig=str(config)))
    found, problems = hearing.listen([subject(pod(LOOP, PROXY))], logs_of(cluster))
    cluster.close()
    return [one.text for one in evidence.of(found[0])], problems


def test_the_gap_is_exact_with_logs(tmp_path: Path) -> None:
    with Server.start() as server:
        plain = {"content_type": "text/plain"}
        server.fail(match="container=app.*previous=true", body=APP, **plain)
        server.fail(match="container=istio-proxy", body=READY, **plain)
        seen, problems = _listen(server, tmp_path)
        asked = [(r.path, r.query) for r in server.requests]
    words = "crashed 3x: connection refused, 2.8s before proxy ready"
    assert (seen, problems) == ([words], [])
    path = "/api/v1/namespaces/shop/pods/cart-5f7d6-x7k2p/log"
    bounds = {"timestamps": "true", "limitBytes": str(logs.MOST_BYTES)}
    assert asked == [
        (path, {"container": "app", "previous": "true", **bounds}),
        (path, {"container": "istio-proxy", **bounds}),
    ]


def test_a_log_that_is_gone_is_no_problem(tmp_path: Path) -> None:
    with Server.start() as server:
        server.fail(match="container=app", status=400, message="not found")
        server.fail(match="container=istio-proxy", body=READY)
        assert _listen(server, tmp_path) == (["crashed 3x: exit 1"], [])


def test_logs_that_are_denied_are_asked_for_once(tmp_path: Path) -> None:
    with Server.start() as server:
        server.fail(match="/log", status=403, reason="Forbidden", message="no", times=9)
        seen, problems = _listen(server, tmp_path)
        assert len(server.requests) == 1
    [problem] = problems
    assert (problem.verb, problem.resource, problem.namespace) == (
        "get",
        "pods/log",
        "shop",
    )
    assert seen == ["crashed 3x: exit 1"]


def test_logs_that_break_off_are_a_problem_and_the_rest_goes_on(
    tmp_path: Path,
) -> None:
    with Server.start() as server:
        server.fail(match="/log", status=401, times=9)
        seen, [problem] = _listen(server, tmp_path)
    assert problem.what.startswith(
        "the logs of pod/cart-5f7d6-x7k2p could not be read: You must be logged in"
    )
    assert seen == ["crashed 3x: exit 1"]


LATER = APP.replace("10:00:59", "10:01:09")


def test_an_error_after_the_proxy_was_ready_proves_nothing() -> None:
    def read(wanted: Wanted) -> str | None:
        return LATER if wanted.container == "app" else READY

    [found], _ = hearing.listen([subject(pod(LOOP, PROXY))], read)
    seen = [(one.strength.value, one.text) for one in evidence.of(found)]
    assert seen == [("weak", "crashed 3x: connection refused")]


def test_a_container_that_was_refused_and_lives() -> None:
    def read(wanted: Wanted) -> str | None:
        return APP if wanted.container == "app" else READY

    [found], _ = hearing.listen([subject(pod(running("app", 58), PROXY))], read)
    seen = [(one.kind.value, one.text) for one in evidence.of(found)]
    assert seen == [("refused", "connection refused, 2.8s before proxy ready")]
