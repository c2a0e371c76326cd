"""A body that is read twice: once here, and once by whoever it is handed on to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

#: bytes of a body; a larger one is decoded where it arrives.  500 pods take 1 MB
#: compressed and 7 MB as they are
MOST = 16 * 1024 * 1024


class Held:
    """A body that is kept as it comes, until it is known who decodes it."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._pieces: list[bytes] = []
        self._unread: deque[bytes] = deque()  # of these, what the reader has not seen
        self._keeps = True

    def read(self) -> bytes:
        """What comes next for the reader; nothing at the end."""
        if self._unread:
            return self._unread.popleft()
        piece = self._read()
        if self._keeps:
            self._pieces.append(piece)
        return piece

    def whole(self, most: int = MOST) -> bytes | None:
        """All of it, with what the reader has read.

        None where it is larger than ``most`` bytes: then the reader goes on as if
        nothing had been kept.
        """
        size = sum(map(len, self._pieces))
        while size <= most:
            piece = self._read()
            if not piece:
                return b"".join(self._pieces)
            self._pieces.append(piece)
            self._unread.append(piece)
            size += len(piece)
        return None

    def release(self) -> None:
        """Keep nothing more: the reader goes on alone."""
        self._keeps = False
        self._pieces = []
