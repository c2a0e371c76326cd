"""A copy that ends before its time, and one that is not wanted any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kubectl_meshcheck import twin
from kubectl_meshcheck.errors import MeshcheckError
from kubectl_meshcheck.inventory import Inventory
from tests.twin.pods import cut, fleet, page, pod
from tests.twin.reading import directly, read, result

FLEET = list(fleet(130))
PAGES = cut(FLEET, 30)
LARGE = [pod(f"cart-{n}", args=["x" * 100_000]) for n in range(30)]
Child = Callable[[], int]


def _stopped(pid: int) -> None:
    """Takes the copy's time away from it."""
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED)


def _killed(number: int, pid: int) -> None:
    """Ends the copy and waits until it is dead, which nobody has been told yet."""
    os.kill(pid, number)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=str)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_a_copy_that_is_killed_is_an_error(
    number: signal.Signals, before: int, child: Child
) -> None:
    """Whatever it has done by then; what the first process has read is there."""
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        for one in range(before):
            copy.take(page(one, PAGES[one]))
        if before:
            assert copy.join() == []
        _killed(number, child())
        copy.take(page(3, PAGES[3]))
        assert not copy.free()
        copy.here(4)
        assert read(inventory, page(4, PAGES[4])) == []
        with pytest.raises(MeshcheckError) as caught:
            copy.join()

    what = f"the process that read some of the pods was ended by signal {int(number)}"
    assert (caught.value.what, caught.value.hint) == (what, "run it again")
    assert result(inventory, []) == directly([*PAGES[:before], PAGES[4]])


def test_a_copy_that_is_killed_with_pages_under_way_is_an_error(child: Child) -> None:
    """It has one page, and the next one fills the pipe until it is dead."""
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        _stopped(child())
        copy.take(page(0, PAGES[0]))
        with _killed_while_we_wait(child()):
            copy.take(page(1, LARGE))
        with pytest.raises(MeshcheckError) as caught:
            copy.join()

    what = "the process that read some of the pods was ended by signal 9"
    assert (caught.value.what, result(inventory, [])) == (what, (0, [], []))


_WATCH = """
import os, sys
us, pid = sys.argv[1:]
print(flush=True)
while open(f"/proc/{us}/stat").read().rpartition(")")[2].split()[0] != "S":
    os.sched_yield()
os.kill(int(pid), 9)
"""


@contextmanager
def _killed_while_we_wait(pid: int) -> Iterator[None]:
    """Another process kills the copy as soon as this one sleeps (proc(5))."""
    command = [sys.executable, "-c", _WATCH, str(os.getpid()), str(pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    assert process.returncode == 0


def test_a_copy_that_fails_is_an_error(
    child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(twin, "_read")  # the copy is made of what is here
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        copy.take(page(0, FLEET))
        with pytest.raises(MeshcheckError) as caught:
            copy.join()

    what = "the process that read some of the pods ended with 1"
    assert (caught.value.what, result(inventory, [])) == (what, (0, [], []))


class _LeftError(BaseException):
    """Stands for whatever ends a ``with`` early."""


def _leave(pages: int, error: BaseException) -> None:
    with twin.of(Inventory(), wanted=True) as copy:
        assert copy is not None
        for number in range(pages):
            copy.take(page(number, FLEET))
        raise error


@pytest.mark.usefixtures("child")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, MeshcheckError, _LeftError])
@pytest.mark.parametrize("pages", [0, 1, 2])
def test_leaving_early_leaves_nothing(kind: type[BaseException], pages: int) -> None:
    with pytest.raises(kind):
        _leave(pages, kind("left"))


def test_a_copy_that_does_nothing_is_ended_all_the_same(child: Child) -> None:
    with twin.of(Inventory(), wanted=True):
        _stopped(child())


def test_an_interrupt_of_both_is_for_the_first(child: Child) -> None:
    """A terminal sends it to both: the copy goes on until it is told to end."""
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        copy.take(page(0, PAGES[0]))
        assert copy.join() == []  # it has begun
        os.kill(child(), signal.SIGINT)
        copy.take(page(1, PAGES[1]))
        assert copy.join() == []

    assert result(inventory, []) == directly(PAGES[:2])


_FIRST = """
import os, signal, sys
from kubectl_meshcheck import twin
from kubectl_meshcheck.inventory import Inventory
from tests.twin.pods import fleet, page
with twin.of(Inventory(), wanted=True) as copy:
    if sys.argv[1] == "busy":
        for number in range(3):
            copy.take(page(number, list(fleet(400))))
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("when", ["idle", "busy"])
def test_a_copy_ends_with_the_first(when: str, child: Child) -> None:
    """A pipe that both hold is at its end when neither is there any more."""
    ends, held = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", _FIRST, when], pass_fds=[held], check=False
    )
    os.close(held)
    with os.fdopen(ends, "rb") as pipe:
        assert (done.returncode, pipe.read()) == (-signal.SIGKILL, b"")
