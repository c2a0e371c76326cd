"""Requests beside each other: on a real network the time goes into waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

#: as many as one namespace has lists: a server that takes 0.2 s for each answer is
#: done with it after two of them, and after four where only three are asked for at once
THREADS = 8
Task = Callable[[], None]


def start(tasks: Sequence[Task]) -> Callable[[], BaseException | None]:
    """Begins with the tasks; what it returns waits until all have ended.

    That gives the error of the first task, in their order, that failed.  A thread whose
    task has failed takes no other.
    """
    left = iter(enumerate(tasks))  # to take the next is one step for all threads
    failed: dict[int, BaseException] = {}

    def work() -> None:
        for number, task in left:
            try:
                task()
            except BaseException as error:  # handed over to whoever waits
                failed[number] = error
                return

    count = min(THREADS, len(tasks))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(count)]
    for thread in threads:
        thread.start()

    def join() -> BaseException | None:
        for thread in threads:
            thread.join()
        return failed[min(failed)] if failed else None

    return join


@contextmanager
def beside(tasks: Sequence[Task]) -> Iterator[None]:
    """Does the tasks beside what the block does, and waits for them at its end.

    The block's own error counts before the tasks'.  An interrupt waits for nobody.
    """
    join = start(tasks)
    try:
        yield
    except Exception:
        join()
        raise
    failure = join()
    if failure is not None:
        raise failure


def run(tasks: Sequence[Task]) -> None:
    """All of the tasks; raises the error of the first that failed."""
    with beside(tasks):
        pass
