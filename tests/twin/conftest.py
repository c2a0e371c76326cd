"""What keeps a test that waits for ever from doing so, and where two can work."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import pytest

_LONGEST = 60  #: seconds of a test here; the slowest takes about three


@pytest.fixture(autouse=True)
def _no_deadlock() -> Iterator[None]:
    """A test that hangs fails, wherever it waits."""

    def late(number: int, frame: object) -> None:
        raise TimeoutError(f"still not done after {_LONGEST} seconds")

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
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor: reading with two processes is NOT tested")
