"""What a container's log says of the race; pure, and total for any text.

Looked for are two lines: the application's first connection error, and the
proxy's own word that it is ready.  Both carry the kubelet's timestamps, so the time
between them is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address

import msgspec

from kubectl_meshcheck.moment import moment

#: bounds on what is read of one log, from its beginning
MOST_LINES = 2_000
MOST_BYTES = 256 * 1024
#: what is read of one line; longer ones are cut
_LONGEST = 4_096
_QUOTED = 200  #: of a line that is shown


class Line(msgspec.Struct, frozen=True):
    """One line of a log."""

    at: float  #: seconds since 1970, as exact as the container runtime wrote it
    text: str  #: masked, and short enough to be shown


class Heard(msgspec.Struct, frozen=True):
    """What the logs of one pod say; None for what they do not."""

    container: str  #: the application's
    proxy: str
    refused: Line | None = None  #: the application's first connection error
    ready: Line | None = None  #: when the proxy first said so
    #: the error is of the run before, which the container did not survive
    died: bool = False

    @property
    def gap(self) -> float | None:
        """Seconds from the error to the proxy's readiness; negative: it came after."""
        if self.refused is None or self.ready is None:
            return None
        return self.ready.at - self.refused.at


# patterns as text: ``re`` keeps what it has compiled, and few scans read any log
#: how runtimes and clients say that nobody listens.  Go: net/dial.go; Java:
#: java.net.ConnectException, and pgjdbc; Node: libuv's ECONNREFUSED; Python: errno 111
#: and asyncio; Rust: "os error 111"; nginx, libpq: strerror; curl: lib/connect.c
_REFUSED = (
    r"(?i)connection refused"
    r"|econnrefused"
    r"|\berrno 111\b|\bos error 111\b"
    r"|connect call failed \("
    r"|connection to [^\s]{1,253} refused"
    r"|failed to connect to [^\n]{1,253} port \d{1,5}(?: after \d{1,9} ms)?:"
    r" (?:connection refused|couldn't connect|could not connect)"
)
#: what an application says on purpose, and no error at all
_HARMLESS = r"(?i)\bretr(?:y|ies) on connection refused|refused=0\b"
#: an address and a port, in the forms of those clients
_TARGETS = (
    # dial tcp 10.1.2.3:80, [::1]:80, host/10.1.2.3:80, connect ECONNREFUSED ::1:5432
    r"(?i)(?:^|[\s/\"'(=])"
    r"(\[[0-9a-f:.]{2,45}\]|\d{1,3}(?:\.\d{1,3}){3}|localhost|[0-9a-f:.]{2,45})"
    r":\d{1,5}\b",
    # Connect call failed ('10.1.2.3', 5432)
    r"(?i)\('([0-9a-f:.]{2,45}|localhost)', \d{1,5}",
    # Failed to connect to 10.1.2.3 port 80; server at "10.1.2.3", port 5432
    r"(?i)\b(?:to|at) \"?([0-9a-f:.]{2,45}|localhost)\"?,? port",
    # curl and libpq name the host and then the address in brackets
    r"(?i)\"localhost\" \(([0-9a-f:.]{2,45})\)",
)

#: the proxy's own word, in the order of trust.  istio/istio:
#: pilot/cmd/pilot-agent/status/server.go; linkerd/linkerd2-proxy: "Certified
#: identity" opens /ready; envoyproxy/envoy: source/server/server.cc, which Kuma,
#: Consul and App Mesh print as well; dapr/dapr: pkg/runtime/runtime.go
_READY = (
    r"Envoy proxy is ready\b",
    r"\bCertified identity\b",
    r"dapr initialized\. Status: Running",
    r"all dependencies initialized\. starting workers",
)


def lines(text: str) -> Iterator[tuple[float, str]]:
    """The lines that carry a timestamp, each with its time; bounded."""
    for number, line in enumerate(text.split("\n")):
        if number >= MOST_LINES:
            return
        stamp, _, rest = line[:_LONGEST].partition(" ")
        at = moment(stamp)
        if at is not None:
            yield at, rest


@lru_cache(maxsize=512)  # the pods of a workload die with the same words
def refused_in(text: str, *, local: bool) -> bool:
    """Whether a line says that a connection was refused that the proxy stands for.

    Redirected traffic never goes to this pod's own addresses; ``local`` says
    that nothing is redirected and the proxy is talked to there, and there only.
    """
    line = text[:_LONGEST]
    said = re.search(_REFUSED, line)
    if said is None or re.search(_HARMLESS, line):
        return False
    targets = [
        (abs(found.start() - said.start()), here)
        for form in _TARGETS
        for found in re.finditer(form, line)
        if (here := _local(found[1])) is not None
    ]
    if not targets:
        return not local  # nginx and Java often do not say where
    return min(targets)[1] is local  # the nearest is the one that refused


def _local(target: str) -> bool | None:
    """Whether an address is the pod's own; None for what is no address."""
    if target.lower() == "localhost":
        return True
    try:
        return ip_address(target.strip("[]")).is_loopback
    except ValueError:
        return None


def first_refused(text: str, *, local: bool = False) -> Line | None:
    """The first connection error in an application's log."""
    for at, line in lines(text):
        if refused_in(line, local=local):
            return Line(at, quoted(line))
    return None


def first_ready(text: str) -> Line | None:
    """When the proxy first said that it is ready, by the phrasing that tells most."""
    found = list(lines(text))
    for pattern in _READY:
        for at, line in found:
            if re.search(pattern, line):
                return Line(at, quoted(line))
    return None


def hear(
    container: str,
    proxy: str,
    apps: Iterable[tuple[bool, str]],
    proxies: Iterable[str],
    *,
    local: bool = False,
) -> Heard | None:
    """What the logs of an application and its proxy say together.

    ``apps`` are the application's logs with whether the run is over, the earlier
    first; ``proxies`` the proxy's.  None when neither says anything.  A proxy that
    was ready before the error and had to start again proves nothing about the
    first start, so the word that counts is its first.
    """
    said = [line for text in proxies if (line := first_ready(text)) is not None]
    ready = min(said, key=lambda line: line.at, default=None)
    for died, text in apps:
        refused = first_refused(text, local=local)
        if refused is not None:
            return Heard(container, proxy, refused, ready, died)
    return Heard(container, proxy, None, ready) if ready else None


@lru_cache(maxsize=512)
def quoted(line: str) -> str:
    """A line as it may be shown: masked, around what matters, and short."""
    line = mask(line[:_LONGEST]).strip()
    if len(line) <= _QUOTED:
        return line
    found = re.search(_REFUSED, line)
    begin = max(0, min(found.end() - _QUOTED + 3, len(line))) if found else 0
    part = line[begin : begin + _QUOTED - 3]
    return f"...{part}" if begin else f"{part}..."


_MASK = "***"
#: name of what is secret, as in ``password=``, ``"apiKey": "``, ``X-Auth-Token: ``
_NAMES = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key"
    r"|private[-_]?key|signature|credentials?|session[-_]?id|cookie|client[-_]?secret)"
)
_SECRETS: tuple[tuple[str, str], ...] = (
    (r"(?a)\beyJ[\w-]{5,}(?:\.[\w-]*){1,4}", _MASK),
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{12,}", _MASK),
    (r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[\w.~+/=:-]+", r"\1\2***"),
    (r"(?i)(\bauthorization[\"']?\s*[:=]\s*[\"']?)(?!(?:bearer|basic|digest|"
     r"negotiate)\s)[^\s\"',;]+", r"\1***"),
    (r"(://)[^\s/]{1,512}@", r"\1***@"),
    (rf"(?i)({_NAMES}[\w-]{{0,40}}[\"']?\s{{0,3}}[:=]\s{{0,3}})"
     r"(\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s&;,\"'}]+)", r"\1***"),
)  # fmt: skip


def mask(line: str) -> str:
    """The line without what may be secret: tokens, passwords, keys.

    >>> mask("dial postgres://app:hunter2@10.0.0.5/db")
    'dial postgres://***@10.0.0.5/db'
    """
    for pattern, instead in _SECRETS:
        line = re.sub(pattern, instead, line)
    return line
