"""Answers the requests of API clients."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.server import discovery
from tests.server.faults import Fault, Faults
from tests.server.state import Query, Resource, State

_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


@dataclass
class Shared:
    """What all connections have in common."""

    options: dict[str, Any]
    objects: Path
    state: State
    faults: Faults = field(default_factory=Faults)
    seen: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    free: float = 0  #: when the link has sent all that it was given

    def queue(self, seconds: float) -> float:
        """How long to wait for the link, which all connections share."""
        with self.lock:
            now = time.monotonic()
            self.free = max(now, self.free) + seconds
            return self.free - now


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    shared: Shared

    def setup(self) -> None:
        """The TLS handshake belongs into the connection's own thread."""
        if hasattr(self.request, "do_handshake"):
            try:
                self.request.do_handshake()
            except OSError:
                # a close with the request unread would be a reset, which takes the
                # alert that says why away from the client
                with suppress(OSError):
                    self.request.shutdown(socket.SHUT_WR)
                    while socket.socket.recv(self.request, 4096):
                        pass
                raise
        super().setup()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests ask for ``Server.requests``."""

    def do_GET(self) -> None:  # the name is http.server's
        """Every method comes here."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._note(body)
        fault = self.shared.faults.take(self.path)
        if fault and fault.silence:
            time.sleep(fault.silence)
        if fault and fault.reset:
            self._reset()
            return
        time.sleep(self.shared.options["delay"])
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        if fault and (fault.status or fault.body is not None):
            self._misbehave(fault, query)
        elif not self._known():
            self._status(401, "Unauthorized", "Unauthorized", fault)
        else:
            self._answer(url.path, query, body, fault)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _note(self, body: bytes) -> None:
        shown: dict[str, Any] | None = getattr(self.request, "getpeercert", dict)()
        names = [v for part in (shown or {}).get("subject", ()) for _, v in part]
        request = {
            "method": self.command,
            "target": self.path,
            "headers": self.headers.items(),
            "body": body.decode(errors="replace"),
            "user": names[0] if names else "",
        }
        with self.shared.lock:
            self.shared.seen.append(request)

    def _token(self) -> str:
        return (self.headers.get("Authorization") or "").removeprefix("Bearer ")

    def _known(self) -> bool:
        tokens = self.shared.options["tokens"]
        return tokens is None or self._token() in tokens

    def _denied(self, verb: str, resource: str, namespace: str) -> bool:
        tokens = self.shared.options["tokens"] or {}
        asked = (verb, resource, namespace)
        return any(
            all(rule in ("*", part) for rule, part in zip(row, asked, strict=True))
            for row in tokens.get(self._token(), ())
        )

    def _answer(
        self, path: str, query: dict[str, str], body: bytes, fault: Fault | None
    ) -> None:
        state = self.shared.state
        found = discovery.document(path, state)
        if found is not None:
            self._send(200, json.dumps(found).encode(), fault)
            return
        place = discovery.place(path)
        resource = state.find(place.group_version, place.plural) if place else None
        if place is None or resource is None:
            self._status(
                404,
                "NotFound",
                "the server could not find the requested resource",
                fault,
            )
            return
        if self._forbid(place, resource, fault):
            return
        if self.command == "POST":
            self._send(201, body, fault)
        elif place.name:
            self._one(resource, place, fault)
        else:
            self._list(resource, place.namespace, query, fault)

    def _forbid(
        self, place: discovery.Place, resource: Resource, fault: Fault | None
    ) -> bool:
        verb = _VERBS.get(self.command) or ("get" if place.name else "list")
        group = place.group_version.rpartition("/")[0]
        full = f"{place.plural}.{group}" if group else place.plural
        if not self._denied(verb, full, place.namespace):
            return False
        scope = (
            f'in the namespace "{place.namespace}"'
            if place.namespace
            else "at the cluster scope"
        )
        self._status(
            403,
            "Forbidden",
            f'{full} is forbidden: User "{self._token()}" cannot {verb} resource '
            f'"{resource.plural}" in API group "{group}" {scope}',
            fault,
        )
        return True

    def _one(
        self, resource: Resource, place: discovery.Place, fault: Fault | None
    ) -> None:
        found = self.shared.state.one(resource, place.namespace, place.name)
        if found is None:
            self._status(
                404, "NotFound", f'{resource.plural} "{place.name}" not found', fault
            )
        else:
            self._send(200, found, fault)

    def _list(
        self,
        resource: Resource,
        namespace: str,
        query: dict[str, str],
        fault: Fault | None,
    ) -> None:
        wanted = Query(
            namespace=namespace,
            labels=query.get("labelSelector", ""),
            fields=query.get("fieldSelector", ""),
            limit=int(query.get("limit", 0)),
            token=query.get("continue", ""),
            metadata_only="PartialObjectMetadataList"
            in (self.headers.get("Accept") or ""),
        )
        state = self.shared.state
        compressed = b""
        if "gzip" in (self.headers.get("Accept-Encoding") or ""):
            compressed = state.compressed(resource, wanted)
        page = compressed or state.page(resource, wanted)
        self._send(200, page, fault, gzip=bool(compressed))

    def _misbehave(self, fault: Fault, query: dict[str, str]) -> None:
        code = fault.status or 200
        if fault.body is not None:
            self._send(code, fault.body.encode(), fault)
            return
        token = ""
        if code == 410 and fault.go_on:
            token = self.shared.state.go_on(query["continue"])
        self._status(
            code, fault.reason or "Fault", fault.message or "it failed", fault, token
        )

    def _status(
        self, code: int, reason: str, message: str, fault: Fault | None, token: str = ""
    ) -> None:
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": token} if token else {},
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": code,
        }
        self._send(code, json.dumps(status).encode(), fault)

    def _send(
        self, code: int, body: bytes, fault: Fault | None, *, gzip: bool = False
    ) -> None:
        fault = fault or Fault()
        if fault.break_gzip == "truncate":
            body = body[:-20]
        elif fault.break_gzip == "corrupt":
            body = body[: len(body) // 2] + b"\xff" * 64 + body[len(body) // 2 :]
        chunked = self.shared.options["chunked"]
        self.send_response(code)
        self.send_header("Content-Type", fault.content_type)
        for name, value in fault.headers.items():
            self.send_header(name, value)
        if gzip:
            self.send_header("Content-Encoding", "gzip")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for piece in self._pieces(body, fault, chunked):
                self.wfile.write(piece)
        except ConnectionError:
            self.close_connection = True

    def _pieces(self, body: bytes, fault: Fault, chunked: int) -> Iterator[bytes]:
        """The body as it goes over the wire, with pauses and cuts."""
        mbit = self.shared.options["mbit"]
        size = chunked or (16384 if mbit else 0)
        if fault.cut >= 0 or fault.stall:
            size = size or 1024
        sent = 0
        for start in range(0, len(body), size) if size else (0,):
            piece = body[start : start + size] if size else body
            if 0 <= fault.cut < sent + len(piece):
                yield piece[: fault.cut - sent]
                # an orderly end, so that what was sent does arrive
                self.close_connection = True
                socket.socket.shutdown(self.request, socket.SHUT_WR)
                return
            yield b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece
            sent += len(piece)
            if mbit:
                time.sleep(self.shared.queue(len(piece) * 8 / mbit / 1e6))
            if fault.stall:
                time.sleep(fault.stall)
                fault.stall = 0
        if chunked:
            yield b"0\r\n\r\n"

    def _reset(self) -> None:
        """Cut the wire: with SO_LINGER 0 the peer sees a reset and no end."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        socket.socket.close(self.request)
