"""Further processes that group pods, while the first does the same with other pages.

Decoding keeps one processor busy, and Python's threads would share it (in a list of
20,000 pods a thread that reads ahead makes the scan slower).  So the process is copied
before it has any threads, once for each further processor; a copy gets whole pages as
they were sent, through a pipe, and gives back its groups.  It sends nothing to anybody
else, and ends with the pipe.  Only on Linux: macOS' own libraries do not outlive a copy
(Python's documentation, ``multiprocessing``, "Contexts and start methods").
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

from kubectl_meshcheck import processors
from kubectl_meshcheck.cluster import Page, Shape
from kubectl_meshcheck.errors import MeshcheckError
from kubectl_meshcheck.grouping import Grouping, Sent
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.listed import ListedPod

#: copies at most: the first process has enough to do for as many with what they tell
_COPIES = 3
#: pages that a copy has at a time: one in work, one in the pipe
_MOST = 2
_PIPE = 1024 * 1024  #: bytes that a pipe may hold without a right to more (pipe(7))
_HEAD = struct.Struct("<Q?Q")  #: of a page: its number, gzip, the bytes that follow
_SIZE = struct.Struct("<Q")  #: of an answer, which follows


class _Answer(msgspec.Struct):
    """What the copy has to say of one page."""

    sent: Sent
    invalid: list[str]  #: a sentence for each item that does not fit
    broken: str = ""  #: why it could not be read to its end


class Twin:
    """A copy, as the first process sees it."""

    def __init__(self, pid: int, pages: int, told: int, inventory: Inventory) -> None:
        self.pid = pid  #: 0 when it was seen to have ended
        self.busy = 0  #: pages that it has
        self.gone = False
        self.invalid: list[str] = []  #: a sentence for each item that did not fit
        self.broken: list[tuple[int, str]] = []  #: pages, and why each was not read
        self._pages = pages
        self._told = told
        self._inventory = inventory
        self._answer = bytearray()  # the next one, as far as it has come
        # before there are threads, see cluster/decoders.py
        self._decode = msgspec.msgpack.Decoder(_Answer).decode

    def free(self) -> bool:
        """Whether it has less to do than it could have."""
        while self.busy and not self.gone:
            if not select.select([self._told], [], [], 0)[0]:
                break
            self._listen()
        return not self.gone and self.busy < _MOST

    def take(self, page: Page) -> None:
        """Hands a page over; listens while the pipe is full."""
        self.busy += 1
        head = _HEAD.pack(page.number, page.gzip, len(page.body))
        for part in (head, page.body):
            left = memoryview(part)
            while left and not self.gone:
                heard, open_, _ = select.select([self._told], [self._pages], [])
                if heard:
                    self._listen()
                if open_:
                    left = left[self._write(left) :]

    def wait(self) -> None:
        """Until it has no page any more."""
        while self.busy and not self.gone:
            self._listen()

    def ended(self) -> str:
        """How it has ended, where it is gone."""
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        code = os.waitstatus_to_exitcode(status)
        return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"

    def forget(self) -> None:
        """Lets go of it, as another copy does, which has nothing to do with it."""
        for one in (self._pages, self._told):
            os.close(one)

    def end(self) -> None:
        """Leaves nothing of it behind."""
        self.forget()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def _write(self, left: memoryview) -> int:
        try:
            return os.write(self._pages, left)
        except BlockingIOError:
            return 0
        except OSError:
            self.gone = True
            return 0

    def _listen(self) -> None:
        """Takes what it says, and waits where it says nothing."""
        said = os.read(self._told, _PIPE)
        self.gone |= not said
        self._answer += said
        while len(self._answer) >= _SIZE.size:
            end = _SIZE.size + _SIZE.unpack_from(self._answer)[0]
            if len(self._answer) < end:
                return
            answer = self._decode(memoryview(self._answer)[_SIZE.size : end])
            self._answer = self._answer[end:]
            self.busy -= 1
            self._inventory.join(answer.sent, whole=not answer.broken)
            self.invalid += answer.invalid
            if answer.broken:
                self.broken.append((answer.sent.page, answer.broken))


class Twins:
    """All copies together: an ``Aside`` of a list of pods."""

    def __init__(self, inventory: Inventory) -> None:
        self.all: list[Twin] = []
        self._inventory = inventory

    def free(self) -> bool:
        """Whether any of them has less to do than it could have."""
        free = [one.free() for one in self.all]  # which listens to each
        return any(free)

    def take(self, page: Page) -> None:
        """Hands a page to whoever has least to do."""
        there = [one for one in self.all if not one.gone]
        min(there or self.all, key=lambda one: one.busy).take(page)

    def here(self, number: int) -> None:
        """The first process reads this page itself."""
        self._inventory.turn(number)

    def join(self) -> list[str]:
        """Waits for the pages that they still have; the inventory is then whole.

        Gives a sentence for each item that did not fit.  Raises ``MeshcheckError``
        where pages are missing.
        """
        for one in self.all:
            one.wait()
        self._inventory.settle()
        for one in self.all:
            if one.gone:
                what = f"the process that read some of the pods {one.ended()}"
                raise MeshcheckError(what, "run it again")
        broken = min((told for one in self.all for told in one.broken), default=None)
        if broken:
            raise MeshcheckError(broken[1], "run it again")
        return [sentence for one in self.all for sentence in one.invalid]


@contextmanager
def of(inventory: Inventory, *, wanted: bool) -> Iterator[Twins | None]:
    """Copies of this process for the pods of ``inventory``, where that is possible."""
    found = Twins(inventory)
    try:
        for _ in range(_possible() if wanted else 0):
            made = _start(inventory, found.all)
            if made is None:
                break
            found.all.append(made)
        yield found if found.all else None
    finally:
        for one in found.all:
            one.end()


def _possible() -> int:
    """How many copies can be made safely, and would have a processor of their own."""
    if sys.platform != "linux" or threading.active_count() > 1:
        return 0
    return min(_COPIES, processors.usable() - 1)


def _start(inventory: Inventory, others: list[Twin]) -> Twin | None:
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
            _serve(pipes, others)
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


def _serve(pipes: list[int], others: list[Twin]) -> NoReturn:
    """The copy's whole life."""
    code = 1
    try:
        for other in others:  # whose pipe would not end with the first process
            other.forget()
        pages, _, _, told = pipes
        os.close(pipes[1])
        os.close(pipes[2])
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
