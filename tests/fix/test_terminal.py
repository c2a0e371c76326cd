"""A fix at a terminal: its questions, its bar, and Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from tests.fix.space import Ran, Space, intent, managers, workload

pytestmark = pytest.mark.e2e


def _at_terminal(
    space: Space,
    *words: str,
    typed: str = "",
    when: Callable[[str], bool] = lambda _: False,
) -> Ran:
    """Runs the program with a terminal as stdin and stderr.

    ``typed`` is typed at once; SIGINT is sent as soon as ``when`` says so of what
    the terminal shows.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kubectl_meshcheck", *words, "-n", space.name],
        env={
            "KUBECONFIG": str(space.plane.kubeconfig),
            "HOME": str(space.folder),
            "PATH": "/usr/bin:/bin",
            "TERM": "xterm",
        },
        stdin=theirs,
        stderr=theirs,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    shown: list[str] = []
    reader = threading.Thread(target=_read, args=(ours, shown, process, when))
    reader.start()
    assert process.stdout is not None
    with process.stdout:
        out = process.stdout.read()
    code = process.wait(timeout=120)
    reader.join()
    os.close(ours)
    return Ran(code, out, "".join(shown).replace("\r\n", "\n"))


def _read(
    terminal: int,
    shown: list[str],
    process: subprocess.Popen[str],
    when: Callable[[str], bool],
) -> None:
    sent = False
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            return
        if not data:
            return
        shown.append(data.decode(errors="replace"))
        if not sent and when("".join(shown)):
            sent = True
            process.send_signal(signal.SIGINT)


def test_no_means_no(space: Space) -> None:
    before = space.create(workload("Deployment", replicas=0))
    ran = _at_terminal(space, "deploy/app", "--fix", typed="n\n")
    assert ran.code == 1, ran
    assert "This changes, one after the other:\n  deployment.apps/app\n" in ran.err
    assert "Do you want to continue? (y/N): " in ran.err
    assert intent(space.get("Deployment", "app")) == intent(before)


def test_each_is_asked_for(space: Space) -> None:
    for name in ("one", "two"):
        space.create(workload("Deployment", name, replicas=0))
    words = ("deploy/one", "deploy/two", "--fix", "-i")
    ran = _at_terminal(space, *words, typed="n\ny\n")
    assert "Fix deployment.apps/one? (y/N): " in ran.err
    assert "Fix deployment.apps/two? (y/N): " in ran.err
    fixed = [
        ("meshcheck", "Apply") in managers(space.get("Deployment", name))
        for name in ("one", "two")
    ]
    assert (fixed, ran.code) == ([False, True], 1)


def test_a_bar_counts_the_pods(space: Space) -> None:
    space.create(workload("Deployment", replicas=2))
    space.wait_for_pods(2)
    ran = _at_terminal(space, "deploy/app", "--fix", typed="y\n")
    assert ran.code == 0, ran
    bars = re.findall(r"\[([#-]{20})\] (\d)/2 deployment.apps/app: ", ran.err)
    assert ("#" * 10 + "-" * 10, "1") in bars
    assert ran.err.endswith("\r\x1b[K")


def test_ctrl_c_leaves_the_object_and_says_how_to_go_on(space: Space) -> None:
    before = space.create(workload("Deployment", replicas=2))
    space.wait_for_pods(2)
    ran = _at_terminal(
        space, "deploy/app", "--fix", typed="y\n", when=lambda s: "/2 dep" in s
    )
    assert ran.code == 130, ran
    words = f"deploy/app -n {space.name}"
    assert (
        "stopped watching deployment.apps/app; it is not taken back\n"
        f"  kubectl meshcheck {words} --fix   goes on watching\n"
        f"  kubectl meshcheck undo {words}   takes it back\n"
    ) in ran.err
    again = space.run("deploy/app", "--fix")
    assert (again.code, again.out.splitlines()[-1]) == (0, "  all 2 new pods are HELD")
    assert space.run("undo", "deploy/app", "--yes", "--no-wait").code == 0
    assert intent(space.get("Deployment", "app")) == intent(before)
