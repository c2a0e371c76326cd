"""``python -m tests.server FOLDER``; ``tests.server.Server`` starts it.

It prints its URL and that of its control port as JSON, and ends with its parent.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.server.faults import Fault
from tests.server.handler import Handler, Shared
from tests.server.state import State


class _Quiet(ThreadingHTTPServer):
    """Clients that hang up, and those that dislike our certificate, are no news."""

    daemon_threads = True

    def server_bind(self) -> None:
        """As the base class, but without a look-up of our name."""
        super(ThreadingHTTPServer, self).server_bind()

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Control(BaseHTTPRequestHandler):
    """What tests tell the server."""

    shared: Shared

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:  # the name is http.server's
        """The paths are those that ``Server`` posts to."""
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        shared = self.shared
        answer: object = None
        if self.path == "/fault":
            shared.faults.add(Fault(**told))
        elif self.path == "/objects":
            later = shared.state.version + 1
            shared.state = State(shared.objects, later, shared.options)
        elif self.path == "/requests":
            answer = shared.seen
        elif self.path == "/forget":
            shared.seen.clear()
            shared.faults.clear()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())


def main(folder: Path) -> None:
    """Serve until the parent goes away."""
    options = json.loads((folder / "options.json").read_text())
    objects = folder / "objects.jsonl"
    shared = Shared(options, objects, State(objects, 1000, options))
    api = _Quiet(("127.0.0.1", 0), type("Api", (Handler,), {"shared": shared}))
    scheme = "http"
    if options["certificates"]:
        scheme = "https"
        api.socket = _context(options).wrap_socket(
            api.socket, server_side=True, do_handshake_on_connect=False
        )
    control = _Quiet(("127.0.0.1", 0), type("Control", (_Control,), {"shared": shared}))
    for server in (api, control):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    urls = [
        f"{scheme}://127.0.0.1:{api.server_port}",
        f"http://127.0.0.1:{control.server_port}",
    ]
    print(json.dumps(urls), flush=True)
    sys.stdin.read()
    os._exit(0)


def _context(options: dict[str, Any]) -> ssl.SSLContext:
    made = Path(options["certificates"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made / "server.crt", made / "server.key")
    context.load_verify_locations(made / "ca.crt")
    context.verify_mode = (
        ssl.CERT_REQUIRED if options["require_certificate"] else ssl.CERT_OPTIONAL
    )
    return context


if __name__ == "__main__":
    main(Path(sys.argv[1]))
