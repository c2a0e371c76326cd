"""A second process that groups pods, while the first does the same with other pages.

Decoding keeps one processor busy, and Python's threads would share it (in a list of
20,000 pods a thread that reads ahead makes the scan slower).  So the process is copied
before it has any threads; the copy gets whole pages as they were sent, through a
pipe, and gives back its groups.  It sends nothing to anybody else, and ends with the
pipe.  Only on Linux: macOS' own libraries do not outlive a copy (Python's
documentation, ``multiprocessing``, "Contexts and start methods").
"""

from __future__ import annotations

import os
import select
import signal
import struct
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import msgspec

from kubectl_meshcheck.cluster import Page, Shape
from kubectl_meshcheck.errors import MeshcheckError
from kubectl_meshcheck.grouping import Grouping, Sent
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.listed import ListedPod

#: pages that the copy has at a time: one in work, one in the pipe
_MOST = 2
_PIPE = 1024 * 1024  #: bytes that a pipe may hold without a right to more (pipe(7))
_HEAD = struct.Struct("<Q?Q")  #: of a page: its number, gzip, the bytes that follow
_SIZE = struct.Struct("<Q")  #: of an answer, which follows


class _Answer(msgspec.Struct):
    """What the copy has to say of one page."""

    sent: Sent
    invalid: list[str]  #: a sentence for each item that does not fit
    broken: str = ""  #: why it could not be read to its end


_decode = msgspec.msgpack.Decoder(_Answer).decode


class Twin:
    """The copy, as the first process sees it; an ``Aside`` of a list of pods."""

    def __init__(self, pid: int, pages: int, told: int, inventory: Inventory) -> None:
        self._pid = pid
        self._pages = pages
        self._told = told
        self._inventory = inventory
        self._busy = 0  # pages that it has
        self._answer = bytearray()  # the next one, as far as it has come
        self._invalid: list[str] = []
        self._broken = ""
        self._gone = False

    def free(self) -> bool:
        """Whether it has less to do than it could have."""
        while self._busy and not self._gone:
            if not select.select([self._told], [], [], 0)[0]:
                break
            self._listen()
        return not self._gone and self._busy < _MOST

    def take(self, page: Page) -> None:
        """Hands a page over; listens while the pipe is full."""
        self._busy += 1
        head = _HEAD.pack(page.number, page.gzip, len(page.body))
        for part in (head, page.body):
            left = memoryview(part)
            while left and not self._gone:
                heard, open_, _ = select.select([self._told], [self._pages], [])
                if heard:
                    self._listen()
                if open_:
                    left = left[self._write(left) :]

    def here(self, number: int) -> None:
        """The first process reads this page itself."""
        self._inventory.turn(number)

    def join(self) -> list[str]:
        """Waits for the pages that it still has; the inventory is then whole.

        Gives a sentence for each item that did not fit.  Raises ``MeshcheckError``
        where pages are missing.
        """
        while self._busy and not self._gone:
            self._listen()
        self._inventory.settle()
        if self._gone:
            self._broken = f"the process that read some of the pods {self._ended()}"
        if self._broken:
            raise MeshcheckError(self._broken, "run it again")
        return self._invalid

    def end(self) -> None:
        """Leaves nothing of it behind."""
        for one in (self._pages, self._told):
            os.close(one)
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _write(self, left: memoryview) -> int:
        try:
            return os.write(self._pages, left)
        except BlockingIOError:
            return 0
        except OSError:
            self._gone = True
            return 0

    def _listen(self) -> None:
        """Takes what it says, and waits where it says nothing."""
        said = os.read(self._told, _PIPE)
        self._gone |= not said
        self._answer += said
        while len(self._answer) >= _SIZE.size:
            end = _SIZE.size + _SIZE.unpack_from(self._answer)[0]
            if len(self._answer) < end:
                return
            answer = _decode(memoryview(self._answer)[_SIZE.size : end])
            self._answer = self._answer[end:]
            self._busy -= 1
            self._inventory.join(answer.sent, whole=not answer.broken)
            self._invalid += answer.invalid
            self._broken = self._broken or answer.broken

    def _ended(self) -> str:
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        code = os.waitstatus_to_exitcode(status)
        return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"


@contextmanager
def of(inventory: Inventory, *, wanted: bool) -> Iterator[Twin | None]:
    """A copy of this process for the pods of ``inventory``, where that is possible."""
    found = _start(inventory) if wanted and _possible() else None
    try:
        yield found
    finally:
        if found:
            found.end()


def _possible() -> bool:
    """Whether a copy can be made safely, and would have a processor of its own."""
    return (
        sys.platform == "linux"
        and threading.active_count() == 1
        and len(os.sched_getaffinity(0)) > 1
    )


def _start(inventory: Inventory) -> Twin | None:
    if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:  # as who started us had it
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # or nobody can wait for it
    pipes: list[int] = []
    # an interrupt must not make the copy go on as the first process
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        for _ in range(2):
            pipes += os.pipe()
        pid = os.fork()
        if not pid:
            os.close(pipes[1])
            os.close(pipes[2])
            _serve(pipes[0], pipes[3])
    except OSError:  # no more processes, memory or descriptors
        for one in pipes:
            os.close(one)
        return None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    pages, told = pipes[:2], pipes[2:]
    os.close(pages[0])
    os.close(told[1])
    for pipe in (pages[1], told[0]):
        _widen(pipe)
    os.set_blocking(pages[1], False)
    return Twin(pid, pages[1], told[0], inventory)


def _widen(pipe: int) -> None:
    import fcntl

    with suppress(OSError):  # the user has too many of them
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _serve(pages: int, told: int) -> NoReturn:
    """The copy's whole life."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends us
        with os.fdopen(pages, "rb") as source, os.fdopen(told, "wb") as answers:
            shape = Shape(ListedPod)
            while head := source.read(_HEAD.size):
                number, gzip, size = _HEAD.unpack(head)
                answer = _read(shape, Page(number, gzip, source.read(size)))
                answers.write(_SIZE.pack(len(answer)))
                answers.write(answer)
                answers.flush()
        code = 0
    finally:
        # nothing that the first process has begun may be ended twice
        os._exit(code)


def _read(shape: Shape[ListedPod], page: Page) -> bytes:
    invalid: list[str] = []
    broken = ""
    pods = Grouping(page.number, live=True)
    try:
        for pod in page.items(shape, invalid.append):
            pods.take(pod, invalid.append)
    except MeshcheckError as error:
        broken = error.what
    return msgspec.msgpack.encode(_Answer(pods.sent(), invalid, broken))
