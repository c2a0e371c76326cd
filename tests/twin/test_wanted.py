"""Where a copy of the process is made, and where it would do harm or no good."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from kubectl_meshcheck import twin
from kubectl_meshcheck.inventory import Inventory

pytestmark = pytest.mark.usefixtures("child")


def _made(*, wanted: bool = True) -> bool:
    with twin.of(Inventory(), wanted=wanted) as copy:
        return copy is not None


def test_one_is_made_where_it_is_wanted() -> None:
    assert (_made(), _made(wanted=False)) == (True, False)


def test_none_is_made_where_there_are_threads() -> None:
    """Its locks would be as another thread held them at that moment."""
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    beside = _made()
    ended.set()
    other.join()

    assert (beside, _made()) == (False, True)


def test_none_is_made_for_the_same_processor() -> None:
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        alone = _made()
    finally:
        os.sched_setaffinity(0, allowed)

    assert (alone, _made()) == (False, True)


def test_one_is_waited_for_where_children_are_not_asked_after() -> None:
    """A program inherits that from whoever starts it (sigaction(2), SA_NOCLDWAIT)."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        made = _made()
    finally:
        signal.signal(signal.SIGCHLD, before)

    assert made
