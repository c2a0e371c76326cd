"""Stands between the program and the API server and breaks what a test wants broken."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import yaml


@dataclass(frozen=True)
class Passing:
    """A request on its way."""

    method: str
    target: str

    @property
    def dry(self) -> bool:
        return "dryRun=All" in self.target

    def __str__(self) -> str:
        path = self.target.partition("?")[0]
        return f"{self.method} {path}{' (dry run)' if self.dry else ''}"


#: what happens to a request: None passes it on
Break = Callable[[Passing], "str | Callable[[], None] | None"]


@dataclass
class Relay:
    """Plain HTTP towards the program, TLS with the administrator's rights behind.

    ``breaks`` answers for each request: None, "cut" (hang up, nothing is sent on),
    "lose" (send it on, hang up instead of the answer), "kill" and "kill after" (the
    program is killed before, or after, it is sent on), a status such as "500", or a
    function that is called before the request is sent on.
    """

    upstream: str
    tls: ssl.SSLContext
    breaks: Break = lambda _: None
    seen: list[Passing] = field(default_factory=list)
    victim: int = 0  #: process id
    _server: ThreadingHTTPServer | None = None

    @classmethod
    def start(cls, kubeconfig: Path) -> Relay:
        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        tls.load_cert_chain(user["client-certificate"], user["client-key"])
        relay = cls(urlsplit(cluster["server"]).netloc, tls)
        relay._server = _Server(("127.0.0.1", 0), relay)
        threading.Thread(target=relay._server.serve_forever, daemon=True).start()
        return relay

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def kubeconfig(self, path: Path) -> Path:
        """A kubeconfig that leads here."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "relay", "cluster": {"server": self.url}}],
            "users": [{"name": "relay", "user": {}}],
            "contexts": [
                {"name": "relay", "context": {"cluster": "relay", "user": "relay"}}
            ],
            "current-context": "relay",
        }
        path.write_text(json.dumps(config))
        return path

    def kill(self) -> None:
        os.kill(self.victim, signal.SIGKILL)

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], relay: Relay) -> None:
        super().__init__(address, _Handler)
        self.relay = relay

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed program hangs up: no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def _relay(self) -> None:
        relay = self.server.relay
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length) if length else None
        passing = Passing(self.command, self.path)
        relay.seen.append(passing)
        what = relay.breaks(passing)
        if callable(what):
            what()
            what = None
        if what == "kill":
            relay.kill()
        if what in ("cut", "kill"):
            self.close_connection = True
            return
        if what and what.isdigit():
            self._answer(int(what), [], _status(int(what)))
            return
        answer, text = self._forward(relay, body)
        if what == "kill after":
            relay.kill()
        if what in ("lose", "kill after"):
            self.close_connection = True
            return
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() in _KEPT]
        self._answer(answer.status, kept, text)

    def _forward(
        self, relay: Relay, body: bytes | None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        upstream = http.client.HTTPSConnection(relay.upstream, context=relay.tls)
        headers = {
            k: v
            for k, v in self.headers.items()
            if k.lower() not in ("host", "connection")
        }
        upstream.request(self.command, self.path, body, headers)
        answer = upstream.getresponse()
        text = answer.read()
        upstream.close()
        return answer, text

    def _answer(self, status: int, headers: list[tuple[str, str]], text: bytes) -> None:
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = _relay  # noqa: N815 - the base class's names


_KEPT = ("content-type", "content-encoding", "warning")


def _status(code: int) -> bytes:
    reasons = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError"}
    reason = reasons.get(code, "")
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": "broken on purpose",
        "reason": reason,
        "code": code,
    }
    return json.dumps(status).encode()
