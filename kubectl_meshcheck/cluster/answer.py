"""The body of an answer, inflated and proven whole while it is read."""

from __future__ import annotations

import http.client
import importlib
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import ModuleType, TracebackType

from kubectl_meshcheck.cluster.held import Held
from kubectl_meshcheck.cluster.json_window import MalformedError, TruncatedError

PIECE = 16 * 1024  #: bytes read from the network at a time, compressed
_OUTPUT = 256 * 1024  #: bytes inflated at a time, at most
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
        self.gzip = response.headers.get("Content-Encoding", "").lower() == "gzip"
        self._source: Callable[[], bytes] | None = None
        self._buffer = bytearray(PIECE)

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
        self._source = _nothing  # knows us: nobody looks for circles in a scan
        done, self._done = self._done, None
        if done:
            done(self._response.isclosed() and not self._response.will_close)

    def piece(self) -> bytes:
        """What comes next of the body; nothing is the proven end."""
        if self._source is None:
            self._source = inflated(self._read, gzip=self.gzip)
        return self._source()

    def read(self, most: int = MAX_BODY) -> bytes:
        """All of it."""
        data = bytearray()
        while piece := self.piece():
            data += piece
            if len(data) > most:
                raise MalformedError(f"the answer is larger than {most} bytes")
        return bytes(data)

    def hold(self) -> Held:
        """Keep the body as it was sent; to be called before any of it is read."""
        held = Held(self._read)
        self._source = inflated(held.read, gzip=self.gzip)
        return held

    def require_json(self) -> None:
        """Raise unless the answer calls itself JSON, or nothing at all."""
        kind = self.headers.get_content_type() if "Content-Type" in self.headers else ""
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise MalformedError(
                f"the answer is {kind}, not JSON; is this the API server?"
            )

    def _read(self) -> bytes:
        with self._guard():
            count = self._response.readinto(self._buffer)
            if not count and self._response.length:
                # http.client is silent about a body that is shorter than promised
                raise http.client.IncompleteRead(b"", self._response.length)
        return bytes(memoryview(self._buffer)[:count])


def _nothing() -> bytes:
    return b""


def _zlib() -> ModuleType:
    """zlib, or what does the same at twice the speed where there is a wheel of it.

    Half of a big list's time is inflating.
    """
    with suppress(ImportError):
        return importlib.import_module("isal.isal_zlib")
    return importlib.import_module("zlib")


def inflated(sent: Callable[[], bytes], *, gzip: bool) -> Callable[[], bytes]:
    """Reads the pieces of a body as they are behind their encoding."""
    return Inflate(sent).read if gzip else sent


class Inflate:
    """gzip, piece by piece."""

    def __init__(self, read: Callable[[], bytes]) -> None:
        self._read = read
        self._zlib = _zlib()
        self._inflate = self._zlib.decompressobj(wbits=_GZIP)
        self._rest = b""
        self._pending = False  # zlib may hold more output than there was room for
        self._between = True  # no member of the gzip file has begun

    def read(self) -> bytes:
        """What comes next, nothing at the end.

        Raises ``TruncatedError`` and ``MalformedError``.
        """
        while self._rest or self._pending or self._more():
            try:
                out: bytes = self._inflate.decompress(self._rest, _OUTPUT)
            except self._zlib.error as error:
                raise MalformedError("the answer's compression is corrupt") from error
            self._pending = len(out) == _OUTPUT
            self._rest = self._inflate.unconsumed_tail
            if self._inflate.eof:
                self._rest = self._inflate.unused_data
                self._inflate = self._zlib.decompressobj(wbits=_GZIP)
                self._pending, self._between = False, True
            if out:
                return out
        return b""

    def _more(self) -> bool:
        self._rest = self._read()
        if self._rest:
            self._between = False
        elif not self._between:
            raise TruncatedError
        return bool(self._rest)
