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

    ``read`` gives the next piece, of whatever size, and nothing at the end.  At least
    ``size`` bytes are read at a time.  ``start`` is never 0: the byte before it is
    free, for a bracket.  ``data`` is another one after each ``fill``, so that a view of
    it stays good.  A single value may take up to ``most`` bytes, and as much again.
    """

    def __init__(self, read: Callable[[], bytes], size: int, most: int) -> None:
        self.data = bytearray(1)
        self.start = 1
        self.finished = False  #: nothing more will come
        self._read = read
        self._size = size
        self._most = most

    @property
    def end(self) -> int:
        """Behind what has come."""
        return len(self.data)

    def fill(self) -> bool:
        """Read what comes next; whether anything came."""
        if self.finished:
            return False
        pieces: list[bytes | bytearray] = [self.data[self.start - 1 :]]
        rest = size = len(pieces[0])
        if rest > self._most:
            raise MalformedError(
                f"one object is larger than {self._most // (1024 * 1024)} MiB"
            )
        # never less than there is: a large value would be copied again and again
        enough = rest + max(self._size, rest)
        while size < enough:
            piece = self._read()
            if not piece:
                self.finished = True
                break
            pieces.append(piece)
            size += len(piece)
        self.data, self.start = bytearray().join(pieces), 1
        return size > rest

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
