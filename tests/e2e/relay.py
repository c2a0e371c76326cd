"""Stands between the program and a server, so that things happen between requests.

Behind it is ``kubectl proxy``, which brings the user and the TLS::

    with relay(cluster, lambda request: ...) as between:
        cluster.meshcheck(f"ns shop --server {between.url}")
    assert between.answered == [("/api/v1/namespaces/shop", 200), ...]

The function is called with each request before that is passed on, from a thread each.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO
from urllib.parse import parse_qs, urlsplit

from tests.e2e.cluster import Cluster

#: of one connection only, or made anew by whoever passes a message on
_HOP = ("connection", "transfer-encoding", "content-length", "host", "keep-alive")


@dataclass(frozen=True)
class Seen:
    """A request of the program's."""

    path: str
    query: dict[str, list[str]]

    @property
    def continues(self) -> bool:
        """Whether it asks for a further page of a list."""
        return bool(self.query.get("continue"))


@dataclass(frozen=True)
class Relay:
    """How the program reaches it, and what was answered so far."""

    url: str
    answered: list[tuple[str, int]]  #: path and status, in order


Before = Callable[[Seen], object]


@contextlib.contextmanager
def relay(cluster: Cluster, before: Before = lambda _: None) -> Iterator[Relay]:
    """Leads to the cluster, as the user of its kubeconfig."""
    with kubectl_proxy(cluster) as port:
        answered: list[tuple[str, int]] = []
        handler = _handler(port, before, answered)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield Relay(f"http://127.0.0.1:{server.server_port}", answered)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


@contextlib.contextmanager
def kubectl_proxy(cluster: Cluster) -> Iterator[int]:
    """``kubectl proxy`` on a port of loopback that it chooses."""
    with subprocess.Popen(
        ["kubectl", "proxy", "--port=0"],
        env=cluster.shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield _port(process.stdout)
        finally:
            process.terminate()


def _port(told: IO[str]) -> int:
    line = told.readline()  # Starting to serve on 127.0.0.1:44321
    found = re.search(r":(\d+)$", line.strip())
    assert found, f"kubectl proxy: {line}"
    return int(found[1])


def _handler(
    port: int, before: Before, answered: list[tuple[str, int]]
) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            split = urlsplit(self.path)
            before(Seen(split.path, parse_qs(split.query)))
            status, headers, body = _passed_on(port, self.path, dict(self.headers))
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            answered.append((split.path, status))

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _passed_on(
    port: int, target: str, headers: dict[str, str]
) -> tuple[int, list[tuple[str, str]], bytes]:
    """The answer of the server itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    kept = {k: v for k, v in headers.items() if k.lower() not in _HOP}
    with contextlib.closing(connection):
        connection.request("GET", target, headers=kept)
        answer = connection.getresponse()
        given = [(k, v) for k, v in answer.getheaders() if k.lower() not in _HOP]
        return answer.status, given, answer.read()
