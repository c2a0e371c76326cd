"""``ns --watch``: what it asks for, what it shows, how it ends.

The program runs as a process against the real local server; it is read line by
line, so nothing here waits for a time of its own.  Left out: a window that
changes its size.
"""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from kubectl_meshcheck.cli.watch import pause
from tests.evidence.pods import Json, crashed, died, pod, running
from tests.server import Server

NAMESPACE: Json = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop"},
}
PROXY = running("istio-proxy", 20)
HEALTHY = pod(running("istio-proxy", 4), running("app", 9), held=True, name="held")
RACE = pod(running("app", 18), PROXY, name="race")
DEAD = pod(crashed("app", died(18, 19), 2), PROXY, name="race")


@contextmanager
def watching(
    server: Server, folder: Path, stdout: int | IO[str] = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """The program, watching the namespace once a second."""
    config = server.kubeconfig(folder / "config", namespace="shop")
    words = ["ns", "shop", "--watch", "--interval", "1", "--kubeconfig", str(config)]
    process = subprocess.Popen(
        [sys.executable, "-m", "kubectl_meshcheck", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "TERM": "xterm", "COLUMNS": "200"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def until(pipe: IO[str] | None, pattern: str) -> str:
    """The next line that holds the pattern."""
    assert pipe is not None
    for line in pipe:
        if re.search(pattern, line):
            return " ".join(line.split())
    raise AssertionError(f"it ended without {pattern}")


def test_a_pipe_gets_the_rows_that_change(tmp_path: Path) -> None:
    with (
        Server.start([NAMESPACE, HEALTHY, RACE]) as server,
        watching(server, tmp_path) as process,
    ):
        until(process.stdout, "^WORKLOAD")
        assert "RACE" in until(process.stdout, "pod/race")
        until(process.stdout, "pod/held")
        server.forget()
        server.replace([NAMESPACE, HEALTHY, DEAD])
        # the healthy row has not changed, and is not told again
        line = until(process.stdout, "pod/")
        assert line.endswith("crashed 2x: exit 1, about 1s before proxy start")
        server.replace([NAMESPACE, HEALTHY])
        assert until(process.stdout, "pod/") == (
            "gone: shop/pod/race (istio-init > [app istio-proxy])"
        )
        asked = Counter(r.path.rpartition("/")[2] for r in server.requests)
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
    # owners and settings are not asked for again with every look
    assert set(asked) == {"pods", "events"}


def test_a_failing_server_is_asked_less_often_and_then_again(tmp_path: Path) -> None:
    with (
        Server.start([NAMESPACE, RACE]) as server,
        watching(server, tmp_path) as process,
    ):
        until(process.stdout, "pod/race")
        server.fail(match="/pods", status=403, message="not now", times=1)
        server.replace([NAMESPACE, DEAD])
        assert "not now" in until(process.stderr, "error:")
        until(process.stdout, "crashed 2x")
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130


def test_a_first_look_that_fails_ends_it(tmp_path: Path) -> None:
    with Server.start([]) as server, watching(server, tmp_path) as process:
        assert 'namespaces "shop" not found' in until(process.stderr, "error:")
        assert process.wait() == 3


def test_a_terminal_is_drawn_over_and_left_as_it_was(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with (
        Server.start([NAMESPACE, RACE]) as server,
        os.fdopen(theirs, "w") as terminal,
        watching(server, tmp_path, terminal) as process,
    ):
        seen = _read(ours, b"Ctrl-C ends")
        assert seen.startswith(b"\x1b[?1049h\x1b[H")
        assert b"\x1b[2J" not in seen
        server.replace([NAMESPACE, DEAD])
        # nothing is drawn until something has changed
        changed = _read(ours, b"Ctrl-C ends")
        assert changed.replace(b"\x1b[J", b"").startswith(b"\x1b[H")
        assert b"crashed 2x" in changed
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        last = _read(ours, b"crashed 2x")
    assert b"\x1b[?1049l" in last
    os.close(ours)


def _read(terminal: int, until: bytes) -> bytes:
    """Everything up to that text."""
    seen = b""
    while until not in seen:
        seen += os.read(terminal, 4096)
    return seen


PAUSES: dict[tuple[float, float, int], float] = {
    (5, 0.1, 0): 5,
    (5, 3.0, 0): 12,
    (5, 0.1, 1): 10,
    (5, 0.1, 3): 40,
    (5, 0.1, 99): 120,
    (600, 0.1, 2): 600,
}


@pytest.mark.parametrize("case", PAUSES, ids=str)
def test_looks_are_further_apart_where_they_cost_or_fail(
    case: tuple[float, float, int],
) -> None:
    assert pause(*case) == PAUSES[case]


@pytest.mark.parametrize(
    "words",
    ["-o json", "--fix", "--preview", "--logs", "--interval 0"],
)
def test_what_does_not_go_with_it_is_wrong_usage(words: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "kubectl_meshcheck", "ns", "--watch", *words.split()],
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith("error: ")
