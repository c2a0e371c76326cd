"""Tasks beside each other: all are done, at once, and the first error counts."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from kubectl_meshcheck import parallel

_LONGEST = 10  #: seconds after which a task that waits for the others gives up


def _fail(error: Exception) -> None:
    raise error


def test_as_many_run_at_once_as_there_are_threads() -> None:
    meeting = threading.Barrier(parallel.THREADS, timeout=_LONGEST)

    def meet() -> None:
        meeting.wait()

    parallel.run([meet] * parallel.THREADS)

    assert not meeting.broken


def test_more_tasks_than_threads_are_all_done() -> None:
    done: list[int] = []

    parallel.run([partial(done.append, number) for number in range(20)])

    assert sorted(done) == list(range(20))


def test_no_task_is_done_at_once() -> None:
    parallel.run([])


def test_the_first_error_in_the_order_of_the_tasks_counts() -> None:
    later_first = threading.Event()

    def first() -> None:
        assert later_first.wait(_LONGEST)
        raise KeyError("first")

    def second() -> None:
        later_first.set()
        raise ValueError("second")

    with pytest.raises(KeyError, match="first"):
        parallel.run([first, second])


def test_a_failure_leaves_the_rest_to_the_other_threads() -> None:
    done: list[int] = []
    rest = [partial(done.append, number) for number in range(9)]

    failure = parallel.start([partial(_fail, OSError("gone")), *rest])()

    assert repr(failure) == "OSError('gone')"
    assert sorted(done) == list(range(9))
