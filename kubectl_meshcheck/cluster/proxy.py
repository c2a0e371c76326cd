"""Which proxy leads to the server, and how to get through it.

Rules of golang.org/x/net: http/httpproxy/proxy.go, which kubectl uses.  The
standard library's ``proxy_bypass`` knows neither CIDRs nor Go's dots.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import socket
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from kubectl_meshcheck.errors import MeshcheckError

_SCHEMES = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class ProxyRefusedError(OSError):
    """The proxy is there and does not let us through; the text says why."""


def choose(url: SplitResult, configured: str) -> SplitResult | None:
    """The proxy for the server's URL; ``configured`` is the cluster's proxy-url."""
    if configured:
        return _parsed(configured, "proxy-url")
    name = "HTTPS_PROXY" if url.scheme == "https" else "HTTP_PROXY"
    named = os.environ.get(name) or os.environ.get(name.lower())
    if not named or _direct(url.hostname or "", port_of(url)):
        return None
    return _parsed(named, name)


def port_of(url: SplitResult) -> int:
    """The port that a URL means."""
    return url.port or {"https": 443, **_SCHEMES}.get(url.scheme, 80)


def authorization(proxy: SplitResult) -> dict[str, str]:
    """The header that shows the user and password of the proxy's URL."""
    if proxy.username is None:
        return {}
    both = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(both).decode()}"}


def _parsed(text: str, origin: str) -> SplitResult:
    url = urlsplit(text if "://" in text else f"http://{text}")
    try:
        valid = url.scheme in _SCHEMES and url.hostname and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        # never the text itself: it may hold a password
        raise MeshcheckError(
            f"{origin} is not the URL of a proxy",
            "http://, https:// and socks5:// are known",
        )
    return url


def _direct(host: str, port: int) -> bool:
    """Whether ``NO_PROXY`` or common sense keeps the proxies out."""
    address = _address(host)
    if host == "localhost" or (address and address.is_loopback):
        return True
    listed = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    return any(
        _matches(entry.strip().lower(), host.lower().rstrip("."), port, address)
        for entry in listed.split(",")
        if entry.strip()
    )


def _address(
    text: str,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _matches(
    entry: str,
    host: str,
    port: int,
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None,
) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        try:
            return address is not None and address in ipaddress.ip_network(entry, False)
        except ValueError:
            return False
    if _address(entry) is None:
        entry, _, wanted = entry.rpartition(":") if ":" in entry else (entry, "", "")
        entry = entry.strip("[]")
        if wanted and wanted != str(port):
            return False
    if address or _address(entry):
        return address == _address(entry)
    entry = entry.removeprefix("*")
    return host == entry or host.endswith(entry if entry[:1] == "." else f".{entry}")


def tunnel_http(
    sock: socket.socket, host: str, port: int, headers: dict[str, str]
) -> None:
    """Ask an HTTP proxy to connect us (RFC 9110, 9.3.6)."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
    # byte by byte, because what follows the empty line is not ours to read
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        if not byte or len(answer) > 65536:
            raise ProxyRefusedError("it closed the connection")
        answer += byte
    status = answer.split(b"\r\n")[0].decode("latin-1").split(None, 1)
    if len(status) < 2 or not status[1].startswith("2"):
        raise ProxyRefusedError(
            status[1] if len(status) > 1 else "it does not speak HTTP"
        )


def tunnel_socks(sock: socket.socket, proxy: SplitResult, host: str, port: int) -> None:
    """Ask a SOCKS 5 proxy to connect us (RFC 1928, RFC 1929); it resolves the name."""

    def take(count: int) -> bytes:
        return _exactly(sock.recv, count)

    user = unquote(proxy.username or "").encode()
    password = unquote(proxy.password or "").encode()
    sock.sendall(b"\x05\x01" + (b"\x02" if user else b"\x00"))
    version, method = take(2)
    if version != 5 or method == 0xFF:
        raise ProxyRefusedError("it wants another way to log in")
    if method == 2:
        sock.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if take(2)[1]:
            raise ProxyRefusedError("wrong user or password")
    name = host.encode("idna")
    sock.sendall(
        b"\x05\x01\x00\x03" + bytes([len(name)]) + name + port.to_bytes(2, "big")
    )
    _, reply, _, kind = take(4)
    if reply:
        raise ProxyRefusedError(f"SOCKS error {reply}")
    take({1: 4, 4: 16}.get(kind) or take(1)[0])
    take(2)


def _exactly(receive: Callable[[int], bytes], count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = receive(count - len(data))
        if not piece:
            raise ProxyRefusedError("it closed the connection")
        data += piece
    return data
