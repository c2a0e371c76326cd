"""Decodes a Kubernetes list while it arrives, in small buffers.

A slice of the buffer that starts at an item and ends before a comma is a run of
whole items exactly when ``[slice]`` is JSON: a tokenizer that comes to the added
``]`` inside a string, an object or an inner array cannot finish there.  So a
boundary may be *guessed* (the last place that looks like the gap between the
first two items) and the decoder proves the guess.  Where guesses fail, brackets
are counted (``json_scan``).  Key order, white space and chunking do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Generic, TypeVar

import msgspec

from kubectl_meshcheck.cluster.decoders import decoder
from kubectl_meshcheck.cluster.json_items import ListMeta, Named, Shape
from kubectl_meshcheck.cluster.json_scan import MORE, end_of_value, skip_space
from kubectl_meshcheck.cluster.json_window import MalformedError, TruncatedError, Window

T = TypeVar("T")
S = TypeVar("S")
Span = tuple[int, int]

BUFFER = 256 * 1024  #: bytes; fit a core's cache, which is what makes it fast
MAX_ITEM = 64 * 1024 * 1024  #: bytes; no object is as large, etcd takes 1.5 MiB
_GUESSES = 3
_UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_FIRST_KEY = re.compile(rb'\{\s*"[^"\\]*"\s*:\s*[{"]?')
_OPEN, _CLOSE = b"[]"
_NAMED = Shape(Named)


class ListReader(Generic[T]):
    """Iterates over the items of one list; the other fields are whole afterwards.

    Items up to and including the key ``after`` are left out: a list that broke off is
    taken up again behind its ``last``.  That needs the API server's order of lists.
    ``on_invalid`` is told, in a sentence, of each item that does not fit; the rest
    goes on.  Raises ``MalformedError``, ``TruncatedError``, and whatever ``read``
    raises.
    """

    def __init__(
        self,
        read: Callable[[], bytes],
        shape: Shape[T],
        on_invalid: Callable[[str], None],
        *,
        after: bytes = b"",
        size: int = BUFFER,
        most: int = MAX_ITEM,
    ) -> None:
        self.kind = ""
        self.meta = ListMeta()
        self.after = after  #: items up to this key are still to be left out
        self._window = Window(read, size, most)
        self._shape = shape
        self._on_invalid = on_invalid
        self._skipped = b""  # key of the last item that was left out
        self._last: tuple[bytearray, Span] | None = None  # where it stands
        self._begun = False
        self._found = False  # the items
        self._in_items = False

    @property
    def last(self) -> bytes:
        """Key of the last item that was handed out; empty before the first."""
        if self._last is None:
            return b""
        data, (start, stop) = self._last
        return self._named(data, start, stop).key()

    def begin(self) -> None:
        """Read up to the first item, past what the list says of itself before.

        Iterating does this, too.
        """
        if self._begun:
            return
        self._begun = True
        if self._window.peek() != ord("{"):
            raise MalformedError("the answer is not a JSON object")
        self._window.start += 1
        self._fields()

    @property
    def empty(self) -> bool:
        """Whether there is no item, as far as ``begin`` has come."""
        return not self._in_items or self._window.peek() == _CLOSE

    def __iter__(self) -> Iterator[T]:
        self.begin()
        while self._in_items:
            yield from self._list()
            self._next_field()
            self._fields()
        self._window.start += 1
        self._window.only_space()
        if not self._found and not self.kind.endswith("List"):
            raise MalformedError(
                f"the answer is no list but {self.kind or 'an object'}"
            )

    def _fields(self) -> None:
        """Read fields up to the items, or to the end of the list's object."""
        window = self._window
        self._in_items = False
        while window.peek() != ord("}"):
            name = _decoded(window.value(), str)
            window.expect(b":")
            if name == "items" and window.peek() == ord("["):
                self._found = self._in_items = True
                window.start += 1
                return
            self._found |= self._keep(name, window.value())
            self._next_field()

    def _next_field(self) -> None:
        if self._window.peek() != ord("}"):
            self._window.expect(b",")

    def _keep(self, name: str, value: bytes) -> bool:
        """Take what is needed of the list's own fields; whether it was the items."""
        if name == "items":
            if value != b"null":
                raise MalformedError("the answer's items are no list")
            return True
        if name == "kind":
            self.kind = _decoded(value, str)
        elif name == "metadata" and value != b"null":
            self.meta = _decoded(value, ListMeta)
        return False

    def _list(self) -> Iterator[T]:
        window = self._window
        if window.peek() == _CLOSE:
            window.start += 1
            return
        closed = False
        while not closed:
            window.peek()
            window.fill()
            batch = self._guess_end()
            closed = batch is not None
            if batch is None:
                batch = self._guess()
            if batch is None:
                batch, closed = self._count()
            yield from batch

    def _guess_end(self) -> list[T] | None:
        """Decode the rest of the list, if all of it is there."""
        window = self._window
        if not window.finished or self.after:
            return None
        at = window.data.rfind(b"]", window.start, window.end)
        if at <= window.start:  # or a comma would precede it
            return None
        try:
            batch = _decode(self._shape, window.data, window.start, at)
        except _UNDECODABLE:
            return None
        self._last = (window.data, (window.start, at))
        window.start = at + 1
        return batch

    def _guess(self) -> list[T] | None:
        """Decode up to the last thing that looks like a gap; ``None`` if it is none."""
        window = self._window
        stop = window.end
        for _ in range(_GUESSES if self._shape.separator and not self.after else 0):
            at = window.data.rfind(self._shape.separator, window.start, stop)
            if at < 0:
                return None
            try:
                batch = _decode(self._shape, window.data, window.start, at + 1)
            except (msgspec.ValidationError, UnicodeDecodeError, RecursionError):
                return None
            except msgspec.DecodeError:
                stop = at + len(self._shape.separator) - 1
                continue
            self._last = (window.data, (window.start, at + 1))
            window.start = at + len(self._shape.gap)
            return batch
        return None

    def _count(self) -> tuple[list[T], bool]:
        """Decode the items that are whole, and say whether the list is at its end."""
        window = self._window
        spans, following, closed = self._spans(0 if self._shape.looked else 2)
        if spans:
            self._look_for_gap(spans)
            batch = self._batch(spans)
            window.start = following
            return batch, closed
        if window.finished:
            raise TruncatedError
        return [], False

    def _spans(self, limit: int) -> tuple[list[Span], int, bool]:
        """Whole items (up to ``limit``; 0: all), what follows, if the list ends."""
        data, end = self._window.data, self._window.end
        at = self._window.start
        spans: list[Span] = []
        while True:
            stop = end_of_value(data, at, end)
            mark = end if stop == MORE else skip_space(data, stop, end)
            if mark == end:
                return spans, at, False
            if stop == at or data[mark] not in b",]":
                raise MalformedError("the answer is not JSON")
            following = skip_space(data, mark + 1, end)
            if data[mark] == _CLOSE:
                return [*spans, (at, stop)], mark + 1, True
            if following == end:
                return spans, at, False
            spans.append((at, stop))
            at = following
            if len(spans) == limit:
                return spans, at, False

    def _look_for_gap(self, spans: list[Span]) -> None:
        if self._shape.looked or len(spans) < 2:
            return
        self._shape.looked = True
        data = self._window.data
        (start, stop), (second, _) = spans[:2]
        this, other = _FIRST_KEY.match(data, start), _FIRST_KEY.match(data, second)
        if this and other and this.group() == other.group():
            self._shape.gap = bytes(data[stop - 1 : second])
            self._shape.separator = self._shape.gap + this.group()

    def _batch(self, spans: list[Span]) -> list[T]:
        start, stop = spans[0][0], spans[-1][1]
        if not self.after:
            try:
                batch = _decode(self._shape, self._window.data, start, stop)
            except _UNDECODABLE:
                pass
            else:
                self._last = (self._window.data, spans[-1])
                return batch
        return [item for span in spans for item in self._single(*span)]

    def _single(self, start: int, stop: int) -> list[T]:
        """The item there, unless it is left out or does not fit."""
        data = self._window.data
        named = self._named(data, start, stop)
        key = named.key()
        if self.after:
            if key < self._skipped:
                raise MalformedError("a list that broke off has no order to go on by")
            self._skipped = key
            if key <= self.after:
                return []
            self.after = b""
        self._last = (data, (start, stop))
        try:
            return _decode(self._shape, data, start, stop)
        except _UNDECODABLE as error:
            self._on_invalid(f"{named}: {_why(error)}")
            return []

    def _named(self, data: bytearray, start: int, stop: int) -> Named:
        """The last item in the slice, as far as its name goes."""
        begins = [start]
        if self._shape.separator:
            at = data.rfind(self._shape.separator, start, stop)
            if at >= 0:
                begins.insert(0, at + len(self._shape.gap))
        for begin in begins:
            # where the separator was found inside an item, the slice is no JSON
            with suppress(*_UNDECODABLE):
                return _decode(_NAMED, data, begin, stop)[-1]
        return Named()


def _decode(shape: Shape[S], data: bytearray, start: int, stop: int) -> list[S]:
    """Decode the items in ``data[start:stop]``; the bytes around are put back."""
    before, behind = data[start - 1], data[stop]
    data[start - 1], data[stop] = _OPEN, _CLOSE
    try:
        # not to be released: a ``msgspec.Raw`` in an item goes on looking at it
        return shape.decode(memoryview(data)[start - 1 : stop + 1])
    finally:
        data[start - 1], data[stop] = before, behind


def _decoded(value: bytes, type_: type[S]) -> S:
    try:
        found: S = decoder(type_)(value)
    except _UNDECODABLE:
        raise MalformedError("the answer is not JSON") from None
    return found


def _why(error: Exception) -> str:
    """The decoder's words, without the list that we put around the item."""
    if isinstance(error, RecursionError):
        return "is nested too deeply"
    return str(error).replace("$[0]", "$")
