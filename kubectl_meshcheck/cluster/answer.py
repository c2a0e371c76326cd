"""The body of an answer, inflated and proven whole while it is read."""

from __future__ import annotations

import http.client
import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import ModuleType, TracebackType

from kubectl_meshcheck.cluster.json_window import MalformedError, TruncatedError

_PIECE = 64 * 1024  #: bytes read from the network at a time, compressed
#: bytes inflated at a time; larger ones come as fresh pages from the kernel each time,
#: which costs a fifth of the whole list
_OUTPUT = 128 * 1024
_GZIP = 31  # a gzip header, and any window
MAX_BODY = 256 * 1024 * 1024  #: bytes; ``read`` is for single objects


class Answer:
    """A context manager; ``done(reusable)`` is called once, at its end.

    ``guard`` is entered around each read.
    """

    def __init__(
        self,
        response: http.client.HTTPResponse,
        done: Callable[[bool], None],
        guard: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.status = response.status
        self.headers = response.headers
        self._response = response
        self._guard = guard
        self._done: Callable[[bool], None] | None = done
        self._inflate: Inflate | None = None
        if response.headers.get("Content-Encoding", "").lower() == "gzip":
            self._inflate = Inflate(self._read)

    def __enter__(self) -> Answer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back if the body was read to its end."""
        self._inflate = None  # which knows us: nobody looks for circles in a scan
        done, self._done = self._done, None
        if done:
            done(self._response.isclosed() and not self._response.will_close)

    def readinto(self, view: memoryview) -> int:
        """Fill ``view`` as far as there is something; 0 is the proven end."""
        if self._inflate:
            return self._inflate.readinto(view)
        return self._read(view)

    def read(self, most: int = MAX_BODY) -> bytes:
        """All of it."""
        data, piece = bytearray(), bytearray(_PIECE)
        while count := self.readinto(memoryview(piece)):
            data += piece[:count]
            if len(data) > most:
                raise MalformedError(f"the answer is larger than {most} bytes")
        return bytes(data)

    def require_json(self) -> None:
        """Raise unless the answer calls itself JSON, or nothing at all."""
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise MalformedError(
                f"the answer is {kind}, not JSON; is this the API server?"
            )

    def _read(self, view: memoryview) -> int:
        with self._guard():
            count = self._response.readinto(view)
            if not count and self._response.length:
                # http.client is silent about a body that is shorter than promised
                raise http.client.IncompleteRead(b"", self._response.length)
        return count


def _zlib() -> ModuleType:
    """zlib, or what does the same at twice the speed where there is a wheel of it.

    Half of a big list's time is inflating.
    """
    with suppress(ImportError):
        return importlib.import_module("isal.isal_zlib")
    return importlib.import_module("zlib")


class Inflate:
    """gzip, piece by piece, never more than the reader has room for."""

    def __init__(self, readinto: Callable[[memoryview], int]) -> None:
        self._readinto = readinto
        self._zlib = _zlib()
        self._inflate = self._zlib.decompressobj(wbits=_GZIP)
        self._piece = bytearray(_PIECE)
        self._rest = b""
        self._pending = False  # zlib may hold more output than there was room for
        self._between = True  # no member of the gzip file has begun

    def readinto(self, view: memoryview) -> int:
        """Fill ``view``; raises ``TruncatedError`` and ``MalformedError``."""
        filled = 0
        while filled < len(view):
            if not self._rest and not self._pending and not self._more():
                break
            room = min(len(view) - filled, _OUTPUT)
            try:
                out = self._inflate.decompress(self._rest, room)
            except self._zlib.error as error:
                raise MalformedError("the answer's compression is corrupt") from error
            view[filled : filled + len(out)] = out
            filled += len(out)
            self._pending = len(out) == room
            self._rest = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._rest = self._inflate.unused_data
                self._inflate = self._zlib.decompressobj(wbits=_GZIP)
                self._pending, self._between = False, True
        return filled

    def _more(self) -> bool:
        count = self._readinto(memoryview(self._piece))
        if not count and not self._between:
            raise TruncatedError
        self._rest = bytes(self._piece[:count])
        self._between = self._between and not count
        return count > 0
