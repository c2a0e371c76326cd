"""The unread part of a JSON document that is still arriving."""

from __future__ import annotations

from collections.abc import Callable

from kubectl_meshcheck.cluster.json_scan import MORE, end_of_value, skip_space


class MalformedError(Exception):
    """The answer is not what it should be; the text says what it is."""


class TruncatedError(Exception):
    """The answer ended before its JSON did."""


class Window:
    """``data[start:end]`` is what has come and was not used yet.

    ``readinto`` fills a view and returns the number of bytes, 0 at the end.
    ``start`` is never 0: the byte before it is free, for a bracket.
    A single value may take up to ``most`` bytes; the buffer grows to hold it.
    """

    def __init__(
        self, readinto: Callable[[memoryview], int], size: int, most: int
    ) -> None:
        self.data = bytearray(max(size, 8))
        self.start = self.end = 1
        self.finished = False  #: nothing more will come
        self._readinto = readinto
        self._most = most

    def fill(self) -> bool:
        """Read until the buffer is full or nothing comes; whether anything came."""
        if self.finished:
            return False
        rest = self.end - self.start
        self.data[1 : 1 + rest] = self.data[self.start : self.end]
        self.start, self.end = 1, 1 + rest
        if self.end == len(self.data):
            self._grow()
        with memoryview(self.data) as view:
            while self.end < len(view):
                came = self._readinto(view[self.end :])
                if not came:
                    self.finished = True
                    break
                self.end += came
        return self.end > 1 + rest

    def _grow(self) -> None:
        if len(self.data) > self._most:
            raise MalformedError(
                f"one object is larger than {self._most // (1024 * 1024)} MiB"
            )
        self.data.extend(bytes(len(self.data)))

    def peek(self) -> int:
        """The next byte that is no white space, not used up."""
        while True:
            self.start = skip_space(self.data, self.start, self.end)
            if self.start < self.end:
                return self.data[self.start]
            if not self.fill():
                raise TruncatedError

    def expect(self, byte: bytes) -> None:
        """Use up ``byte``, and the white space before it."""
        if self.peek() != byte[0]:
            raise MalformedError("the answer is not JSON")
        self.start += 1

    def value(self) -> bytes:
        """Use up one whole JSON value."""
        self.peek()
        while True:
            end = end_of_value(self.data, self.start, self.end)
            if end != MORE:
                found = bytes(self.data[self.start : end])
                self.start = end
                return found
            if not self.fill():
                raise TruncatedError

    def only_space(self) -> None:
        """Read to the end, where nothing but white space may stand."""
        while True:
            self.start = skip_space(self.data, self.start, self.end)
            if self.start < self.end:
                raise MalformedError("something follows the answer's JSON")
            if not self.fill():
                return
