"""What keeps a test that waits for ever from doing so, and what it may leave."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kubectl_meshcheck import processors

_LONGEST = 60  #: seconds of a test here; the slowest takes about three


@pytest.fixture(autouse=True)
def _no_deadlock() -> Iterator[None]:
    """A test that hangs fails, wherever it waits."""

    def late(number: int, frame: object) -> None:
        # no TimeoutError: that is an OSError, which a reader of pipes may expect
        raise AssertionError(f"still not done after {_LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def two() -> None:
    """Where a copy of the process has a processor of its own."""
    if sys.platform != "linux":
        pytest.skip("not Linux: reading with two processes is NOT tested")
    if processors.usable() < 2:
        pytest.skip("one processor: reading with two processes is NOT tested")


@pytest.fixture
def pair(two: None) -> Iterator[None]:
    """The same, and no more processors: then there is one copy."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:2])
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture
def many(two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many processors as there may be copies of use, and more."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(9)))
    monkeypatch.setattr(processors, "limits", lambda: iter(()))


@pytest.fixture
def child(pair: None) -> Iterator[Callable[[], int]]:
    """Tells the process that the test has made.

    Behind the test there must be none, dead or alive, and no file that is open.
    """
    gc.collect()  # what earlier tests have forgotten
    for thread in set(threading.enumerate()) - {threading.main_thread()}:
        thread.join()  # beside which there would be no copy
    processes, files = _children(), _open_files()

    def found() -> int:
        (one,) = _children() - processes
        return one

    yield found
    assert (_children(), _open_files()) == (processes, files)


def _children() -> set[int]:
    """The processes that this one has made and not waited for."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {pid for pid in pids if _parent(pid) == os.getpid()}


def _parent(pid: int) -> int:
    """Of a process, alive or dead (proc(5)); 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _open_files() -> dict[str, str]:
    """What is open, by number; without the folder that is being read for that."""
    found = {name: f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")}
    return {n: os.readlink(path) for n, path in found.items() if os.path.lexists(path)}
