"""Sends requests over a few kept connections, and tries again where that helps."""

from __future__ import annotations

import http.client
import os
import re
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from urllib.parse import quote, urlencode

import msgspec

from kubectl_meshcheck import __version__
from kubectl_meshcheck.cluster import proxy, tls
from kubectl_meshcheck.cluster.access import Access
from kubectl_meshcheck.cluster.answer import Answer
from kubectl_meshcheck.cluster.connection import Connection, seconds
from kubectl_meshcheck.cluster.credentials import Credentials, Headers
from kubectl_meshcheck.cluster.failures import ApiError, no_connection, parse_status
from kubectl_meshcheck.cluster.json_window import MalformedError
from kubectl_meshcheck.cluster.line import STALL, Alarm, Line, Route
from kubectl_meshcheck.cluster.patience import NETWORK, Patience
from kubectl_meshcheck.cluster.text import printable
from kubectl_meshcheck.errors import ExitCode, MeshcheckError

_WARNING = re.compile(r'\d{3} \S+ "((?:[^"\\]|\\.)*)"')
_SECRETS = ("authorization", "proxy-authorization")
_MAX_REFUSAL = 1024 * 1024  #: bytes of a refusal's body that are read


class Request(msgspec.Struct, frozen=True):
    """One request; ``path`` is what stands behind the server's own path prefix."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


class Sent(msgspec.Struct, eq=False):
    """A request that is on its way."""

    request: Request
    line: Line
    alarm: Alarm
    target: str
    authentication: Headers
    headers: Headers
    at: float  #: ``time.monotonic``


class Transport:
    """May be shared by threads."""

    def __init__(
        self,
        access: Access,
        connection: Connection,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.warnings: list[str] = []
        self.limit = seconds(connection.request_timeout)
        self.route = Route(
            access.url,
            proxy.choose(access.url, access.cluster.proxy_url),
            access.cluster.tls_server_name,
        )
        self._access = access
        self._verbosity = connection.verbosity
        self._credentials = Credentials(access.user, access.cluster)
        self._sleep = sleep
        self._lock = threading.Lock()
        self._idle: list[Line] = []
        self._context: tuple[tls.Pair | None, ssl.SSLContext] | None = None
        self._fixed = _fixed_headers(connection, access)

    @property
    def plain(self) -> bool:
        """Whether a request needs nobody but the server."""
        return self._credentials.plain

    def patience(self, request: Request) -> Patience:
        """A fresh count of tries for this request."""
        safe = request.method in ("GET", "HEAD")
        return Patience(safe=safe, limited=bool(self.limit), sleep=self._sleep)

    def ahead(self, request: Request) -> Sent | None:
        """Sends a read whose answer is wanted later, for ``open``; None: did not work.

        The server prepares it while we are busy with what came before.
        """
        if self.limit:  # which is counted from here
            return None
        authentication, line = self._credentials.headers(), self._take(request)
        try:
            return self._put(line, request, authentication)
        except NETWORK:
            line.close()
            return None

    def open(
        self, request: Request, patience: Patience, ahead: Sent | None = None
    ) -> Answer:
        """The answer, its body unread; raises when the server refuses."""
        renewed = False
        while True:
            sent = ahead.authentication if ahead else self._credentials.headers()
            try:
                answer = self._exchange(request, sent, ahead)
            except NETWORK as error:
                ahead = None
                if patience.network(error):
                    continue
                raise self.explain(error) from error
            if answer.status < 300:
                return answer
            ahead = None
            refusal = self._refusal(request, answer)
            if refusal.status == 401 and not renewed:
                renewed = True
                if self._credentials.renew(sent):
                    self.close()  # they may have shown an old certificate
                    continue
            retry_after = answer.headers.get("Retry-After", "")
            if not patience.refusal(refusal.status, retry_after):
                raise refusal

    def fetch(self, request: Request, *, json: bool = True) -> bytes:
        """The whole body; of the answer to a read it is JSON unless said otherwise."""
        patience = self.patience(request)
        while True:
            with self.open(request, patience) as answer:
                try:
                    if json:
                        answer.require_json()
                    return answer.read()
                except MalformedError as error:
                    raise self.explain(error) from error
                except NETWORK as error:
                    if not patience.network(error):
                        raise self.explain(error) from error

    def explain(self, error: Exception) -> MeshcheckError:
        """Our words for what a connection or a body raised."""
        if isinstance(error, MalformedError):
            return MeshcheckError(
                f"the server {self.route.host} did not answer as a Kubernetes API: "
                f"{error}",
                "look at the server of the context: kubectl config view --minify",
            )
        waited = self.limit or (STALL if isinstance(error, TimeoutError) else 0)
        return no_connection(error, self.route, waited)

    def close(self) -> None:
        """Hang up."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.close()

    def _exchange(
        self, request: Request, authentication: Headers, ahead: Sent | None
    ) -> Answer:
        line = ahead.line if ahead else self._take(request)
        try:
            return self._receive(ahead or self._put(line, request, authentication))
        except (ConnectionError, http.client.HTTPException, ssl.SSLError):
            line.close()
            if not line.used:
                raise
        except BaseException:
            line.close()
            raise
        # the server had hung up while the connection was idle
        line = self._dial()
        try:
            return self._receive(self._put(line, request, authentication))
        except BaseException:
            line.close()
            raise

    def _take(self, request: Request) -> Line:
        """A kept connection for reads, which may be sent again should it be dead."""
        if request.method == "GET":
            with self._lock:
                if self._idle:
                    return self._idle.pop()
        return self._dial()

    def _dial(self) -> Line:
        context = None
        if self.route.url.scheme == "https":
            pair = self._credentials.pair()
            with self._lock:
                if self._context is None or self._context[0] != pair:
                    self._context = (pair, tls.context(self._access.cluster, pair))
                context = self._context[1]
        patience = min(STALL, self.limit) if self.limit else STALL
        return Line(self.route, context, patience)

    def _put(self, line: Line, request: Request, authentication: Headers) -> Sent:
        alarm = Alarm(line, self.limit)
        at = time.monotonic()
        headers = [*self._fixed, *authentication, *request.headers]
        prefix = self.route.url.path
        if self.route.absolute:
            prefix = f"{self.route.url.scheme}://{self.route.host}{prefix}"
        if {".", ".."} & set(request.path.split("/")):
            # the server would resolve them and answer for another path
            what = f"{request.path} holds . or .. in place of a name"
            raise MeshcheckError(what, code=ExitCode.USAGE)
        target = prefix + quote(request.path, safe="/%:@!$&'()*+,;=~")
        if request.params:
            target += f"?{urlencode(request.params)}"
        with alarm.guard():
            line.put(request.method, target, headers, request.body)
        return Sent(request, line, alarm, target, authentication, headers, at)

    def _receive(self, sent: Sent) -> Answer:
        line, alarm, method = sent.line, sent.alarm, sent.request.method
        with alarm.guard():
            response = line.getresponse()
        line.used = True
        self._log(sent, response)
        self._warn(response)

        def done(reusable: bool) -> None:
            alarm.off()
            if reusable and method == "GET":
                with self._lock:
                    self._idle.append(line)
            else:
                line.close()

        return Answer(response, done, alarm.guard)

    def _refusal(self, request: Request, answer: Answer) -> ApiError:
        """The error in an answer; its connection can then be used again."""
        with answer:
            try:
                body = answer.read(_MAX_REFUSAL)
            except (MalformedError, *NETWORK):
                body = b""  # the status alone has to do
        status = parse_status(answer.status, body, answer.headers)
        return ApiError(request.method, request.path, answer.status, status)

    def _warn(self, response: http.client.HTTPResponse) -> None:
        """Keep the server's warnings (RFC 7234, 5.5), each once."""
        for value in response.headers.get_all("Warning", []):
            for text in _WARNING.findall(value):
                said = printable(re.sub(r"\\(.)", r"\1", text))
                with self._lock:
                    if said not in self.warnings:
                        self.warnings.append(said)

    def _log(self, sent: Sent, response: http.client.HTTPResponse) -> None:
        """What ``kubectl -v=6`` and ``-v=8`` show."""
        if self._verbosity < 6:
            return
        url, headers = self.route.url, sent.headers
        where = sent.target
        if not self.route.absolute:
            where = f"{url.scheme}://{self.route.host}{where}"
        lines = [
            f"{sent.request.method} {where} {response.status} {response.reason} "
            f"in {(time.monotonic() - sent.at) * 1000:.0f} milliseconds"
        ]
        if self._verbosity >= 8:
            lines += ["Request Headers:", *map(_shown, headers), "Response Headers:"]
            lines += map(_shown, response.headers.items())
        sys.stderr.write("".join(f"{printable(line)}\n" for line in lines))


def _shown(header: tuple[str, str]) -> str:
    name, value = header
    return f"    {name}: {'<masked>' if name.lower() in _SECRETS else value}"


def _fixed_headers(connection: Connection, access: Access) -> Headers:
    """What every request carries; the Kubectl- headers are KEP-859's."""
    machine = os.uname().machine if hasattr(os, "uname") else "unknown"
    encoding = "identity" if access.cluster.disable_compression else "gzip"
    headers = [
        ("User-Agent", f"kubectl-meshcheck/{__version__} ({sys.platform}/{machine})"),
        ("Accept-Encoding", encoding),
        ("Kubectl-Session", str(uuid.uuid4())),
    ]
    if connection.command:
        headers.append(("Kubectl-Command", printable(connection.command)))
    return headers
