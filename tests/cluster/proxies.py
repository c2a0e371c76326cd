"""Small proxies: HTTP (CONNECT and absolute URLs) and SOCKS 5."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[[socket.socket, list[str]], None]


@contextmanager
def proxy(
    talk: Talk, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
    """``host:port`` of a proxy, and what it was asked for, in order."""
    asked: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                    if tls:
                        client = tls.wrap_socket(client, server_side=True)
                except OSError:
                    return
                threading.Thread(target=talk, args=(client, asked), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        host, port = listener.getsockname()
        yield f"{host}:{port}", asked
        # accept would otherwise go on waiting
        listener.shutdown(socket.SHUT_RDWR)


def http(client: socket.socket, asked: list[str]) -> None:
    """Tunnels, or forwards one request to the host in its URL."""
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(65536)
        asked.append(head.decode())
        method, target, _ = head.split(b" ", 2)
        if method == b"CONNECT":
            host, _, port = target.decode().rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n")
                _join(client, server)
            return
        place = target.decode().removeprefix("http://").partition("/")[0]
        host, _, port = place.rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            server.sendall(head.replace(b"http://" + place.encode(), b"", 1))
            _join(client, server)


def refusing(client: socket.socket, asked: list[str]) -> None:
    """Wants to know who asks."""
    with client:
        asked.append(client.recv(65536).decode())
        client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")


def socks(client: socket.socket, asked: list[str]) -> None:
    """SOCKS 5 with a user and a password."""
    with client:
        client.recv(3)
        client.sendall(b"\x05\x02")
        asked.append(client.recv(512).hex())
        client.sendall(b"\x01\x00")
        request = client.recv(512)
        host, port = request[5:-2].decode(), int.from_bytes(request[-2:], "big")
        asked.append(f"{host}:{port}")
        with socket.create_connection((host, port)) as server:
            client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            _join(client, server)


def _join(one: socket.socket, other: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join(5)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
