"""One connection to the server: through a proxy where there is one, under TLS."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import SplitResult

import msgspec

from kubectl_meshcheck.cluster import proxy, tls
from kubectl_meshcheck.cluster.kubeconfig import ClusterEntry

CONNECT = 15.0  #: seconds to reach the server; kubectl waits 30
STALL = 60.0  #: seconds without a byte; the API server itself gives up after 60


class Route(msgspec.Struct, frozen=True):
    """How to get to the server."""

    url: SplitResult
    proxy: SplitResult | None
    server_name: str  #: in the server's certificate

    @property
    def host(self) -> str:
        """The server as error messages name it, "10.0.0.1:6443"."""
        return self.url.netloc.rpartition("@")[2]

    @property
    def absolute(self) -> bool:
        """Whether requests name the whole URL: plain HTTP through an HTTP proxy."""
        return (
            self.proxy is not None
            and self.url.scheme == "http"
            and self.proxy.scheme in ("http", "https")
        )


class Line(http.client.HTTPConnection):
    """Raises ``TimeoutError`` after ``patience`` seconds without a byte."""

    def __init__(
        self, route: Route, context: ssl.SSLContext | None, patience: float
    ) -> None:
        super().__init__(route.url.hostname or "", proxy.port_of(route.url))
        self.route = route
        self.used = False  #: for a request that was answered
        self._context = context
        self._patience = patience
        self._wire: socket.socket | None = None

    def connect(self) -> None:
        """Called by the first request."""
        route = self.route
        first = route.proxy or route.url
        sock = socket.create_connection(
            (_encoded(first.hostname or ""), proxy.port_of(first)),  # type: ignore[arg-type]  # getaddrinfo takes both
            min(CONNECT, self._patience),
        )
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._wire = sock = self._through(sock)
            self.sock = self._secured(sock)
            self.sock.settimeout(self._patience)
        except BaseException:
            sock.close()
            raise

    def put(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]],
        body: bytes | None,
    ) -> None:
        """Send a request; a header may come more than once."""
        self.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers:
            self.putheader(name, value.encode())  # Go, too, sends UTF-8
        if self.route.absolute and self.route.proxy:
            for name, value in proxy.authorization(self.route.proxy).items():
                self.putheader(name, value)
        if body is not None:
            self.putheader("Content-Length", str(len(body)))
        self.endheaders(body)

    def abort(self) -> None:
        """Make every pending read and write fail; for another thread."""
        if self._wire:
            # not the method of ssl's socket: that one would go on in clear text
            with suppress(OSError):
                socket.socket.shutdown(self._wire, socket.SHUT_RDWR)

    def _through(self, sock: socket.socket) -> socket.socket:
        route = self.route
        if route.proxy is None:
            return sock
        host, port = self.host, self.port
        if route.proxy.scheme.startswith("socks5"):
            proxy.tunnel_socks(sock, route.proxy, host, port)
            return sock
        if route.proxy.scheme == "https":
            context = tls.context(ClusterEntry(), None)
            sock = context.wrap_socket(sock, server_hostname=route.proxy.hostname)
        if not route.absolute:
            proxy.tunnel_http(sock, host, port, proxy.authorization(route.proxy))
        return sock

    def _secured(self, sock: socket.socket) -> socket.socket:
        if self._context is None:
            return sock
        name = self.route.server_name or self.host
        if isinstance(sock, ssl.SSLSocket):
            # TLS inside TLS, which the ssl module's sockets cannot do
            from urllib3.util.ssltransport import SSLTransport

            return SSLTransport(sock, self._context, name)  # type: ignore[return-value]
        secured = self._context.wrap_socket(sock, server_hostname=_encoded(name))
        self._wire = secured
        return secured


def _encoded(host: str) -> str | bytes:
    """A host's name without need for the tables of IDNA, which take 4 ms to load."""
    return host.encode() if host.isascii() else host


class Alarm:
    """The user's limit on one request, from sending it to the last byte of the answer.

    A socket's own timeout only counts the silence between two bytes.  ``limit`` is in
    seconds, 0 for none.
    """

    def __init__(self, line: Line, limit: float) -> None:
        self._rang = False
        self._line = line
        self._timer = threading.Timer(limit, self._ring) if limit else None
        if self._timer:
            self._timer.daemon = True
            self._timer.start()

    def off(self) -> None:
        """The answer is complete, or no longer wanted."""
        if self._timer:
            self._timer.cancel()

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Whatever breaks after the alarm rang is a ``TimeoutError``."""
        try:
            yield
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.off()
            if self._rang:
                raise TimeoutError from error
            raise
        if self._rang:
            # what ended without complaint may have been cut by us
            raise TimeoutError

    def _ring(self) -> None:
        self._rang = True
        self._line.abort()
