"""Lines of logs: refused connections, readiness, secrets; any text at all.

The lines are our own, in the words of the runtimes and proxies that are named.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck import logs
from kubectl_meshcheck.logs import Heard, Line
from kubectl_meshcheck.moment import moment

AWAY = [
    "dial tcp 10.14.228.89:9825: connect: connection refused",  # Go
    "dial tcp [2001:db8::1]:80: connect: connection refused",
    'Get "http://db:80/": dial tcp 10.0.0.1:80: connect: connection refused',
    "read udp 10.1.2.3:40000->10.96.0.10:53: read: connection refused",
    "java.net.ConnectException: Connection refused (Connection refused)",  # Java
    "java.net.ConnectException: Connection refused: no further information",
    "AnnotatedConnectException: Connection refused: db.shop/10.1.1.1:5432",
    "PSQLException: Connection to 10.0.0.1:5432 refused. Check that the hostname",
    "Error: connect ECONNREFUSED 10.0.0.1:5432",  # Node
    "Error: connect ECONNREFUSED 2001:db8::1:5432",
    "ConnectionRefusedError: [Errno 111] Connection refused",  # Python
    "OSError: [Errno 111] Connect call failed ('10.0.0.1', 5432)",
    "OSError: Multiple exceptions: [Errno 111] Connect call failed ('2001:db8::1', 1)",
    "Connection refused (os error 111)",  # Rust
    "2024/05/14 09:14:18 [error] 7#7: *1 connect() failed (111: Connection refused) "
    'while connecting to upstream, client: 127.0.0.1, upstream: "http://10.2.3.4:80/"',
    "curl: (7) Failed to connect to 10.0.0.1 port 80: Connection refused",
    "curl: (7) Failed to connect to db port 80 after 0 ms: Couldn't connect to server",
    "curl: (7) Failed to connect to db port 80 after 3 ms: Could not connect to server",
    "could not connect to server: Connection refused",  # libpq
    'connection to server at "10.0.0.1", port 5432 failed: Connection refused',
    'connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused',
]
HERE = [
    "dial tcp 127.0.0.1:3500: connect: connection refused",
    "dial tcp [::1]:3500: connect: connection refused",
    "Connection refused: localhost/127.0.0.1:6379",
    "Error: connect ECONNREFUSED ::1:5432",
    "[Errno 111] Connect call failed ('127.0.0.1', 5432)",
    "[Errno 111] Connect call failed ('::1', 5432, 0, 0)",
    "curl: (7) Failed to connect to localhost port 80: Connection refused",
    'connection to server at "localhost" (::1), port 5432 failed: Connection refused',
    "peer=10.0.0.9:80 dial tcp 127.0.0.1:3500: connect: connection refused",
]
FINE = [
    "listening on 10.0.0.1:80",
    "will retry on connection refused",
    "connections: open=3 refused=0",
    "connection reset by peer",
    "ECONN",
    "",
]
CASES = [
    *[(line, True, False) for line in AWAY],
    *[(line, False, True) for line in HERE],
    *[(line, False, False) for line in FINE],
]


@pytest.mark.parametrize(("line", "away", "here"), CASES)
def test_who_was_refused(line: str, away: bool, here: bool) -> None:
    said = (
        logs.refused_in(line, local=False),
        logs.refused_in(line, local=True),
    )
    # where the line does not say where, it is not taken for the pod's own
    assert said == (away, here)


READY = {
    "2024-05-14T09:14:20Z\tinfo\tEnvoy proxy is ready": True,
    "[     0.012s]  INFO ThreadId(02) daemon:identity: linkerd_app: Certified identity "
    "id=default.shop.serviceaccount.identity.linkerd.cluster.local": True,
    "[info][config] [listener_manager_impl.cc:930] all dependencies initialized. "
    "starting workers": True,  # Envoy, and so Kuma
    "2024-01-01T00:00:00.000Z+00:00 [info] envoy.config(15) all dependencies "
    "initialized. starting workers": True,  # Consul
    'level=info msg="dapr initialized. Status: Running. Init Elapsed 21ms"': True,
    "warn\tEnvoy proxy is NOT ready: config not received from Pilot": False,
    "Failed to certify identity: grpc-status: Unknown": False,
    "[info][main] starting main dispatch loop": False,
}


@pytest.mark.parametrize("line", READY)
def test_readiness(line: str) -> None:
    found = logs.first_ready(
        f"2024-05-14T09:14:19Z booting\n2024-05-14T09:14:20Z {line}"
    )
    assert (found and found.at) == (1715678060.0 if READY[line] else None)


def test_istio_is_ready_when_it_says_so_not_when_its_envoy_is() -> None:
    text = (
        "2024-05-14T09:14:01Z all dependencies initialized. starting workers\n"
        "2024-05-14T09:14:03Z Envoy proxy is ready\n"
        "2024-05-14T09:14:09Z Envoy proxy is ready\n"
    )
    assert logs.first_ready(text) == Line(1715678043.0, "Envoy proxy is ready")


REFUSED = "dial tcp 10.0.0.1:80: connect: connection refused"
APP = f"2024-05-14T09:14:18.1Z starting\n2024-05-14T09:14:18.2Z {REFUSED}\n"
PROXY = "2024-05-14T09:14:21.05Z Envoy proxy is ready\n"
QUIET = "2024-05-14T09:14:18.1Z starting\n"


def _heard(app: str | None, proxy: str | None, died: bool) -> Heard:
    return Heard(
        "app",
        "istio-proxy",
        Line(_at(app), REFUSED) if app else None,
        Line(_at(proxy), "Envoy proxy is ready") if proxy else None,
        died,
    )


def _at(text: str) -> float:
    found = moment(f"2024-05-14T{text}Z")
    assert found is not None
    return found


HEARD: list[tuple[list[tuple[bool, str]], list[str], Heard | None, float | None]] = [
    ([(True, APP)], [PROXY], _heard("09:14:18.2", "09:14:21.05", True), 2.85),
    ([(False, APP)], [PROXY], _heard("09:14:18.2", "09:14:21.05", False), 2.85),
    ([(True, QUIET), (False, APP)], [PROXY], _heard("09:14:18.2", "09:14:21.05", False),
     2.85),
    ([(True, APP)], [QUIET], _heard("09:14:18.2", None, True), None),
    ([(True, QUIET)], [PROXY], _heard(None, "09:14:21.05", False), None),
    ([(True, APP)], ["2024-05-14T09:14:01Z Envoy proxy is ready", PROXY],
     _heard("09:14:18.2", "09:14:01", True), -17.2),
    ([(True, QUIET)], [QUIET], None, None),
    ([], [], None, None),
]  # fmt: skip


@pytest.mark.parametrize(("apps", "proxies", "expected", "gap"), HEARD)
def test_what_two_logs_say_together(
    apps: list[tuple[bool, str]],
    proxies: list[str],
    expected: Heard | None,
    gap: float | None,
) -> None:
    found = logs.hear("app", "istio-proxy", apps, proxies)
    assert found == expected
    assert (found and found.gap) == (gap and pytest.approx(gap))


SECRETS = {
    "Authorization: Bearer abc.def": "Authorization: Bearer ***",
    "authorization=foo x": "authorization=*** x",
    '-H "Authorization: Basic dXNlcjpw"': '-H "Authorization: Basic ***"',
    '{"password":"hun\\"ter2","x":1}': '{"password":***,"x":1}',
    "DB_PASSWORD=hunter2 next": "DB_PASSWORD=*** next",
    "apiKey: 'abc def' next": "apiKey: *** next",
    "x-auth-token: abc": "x-auth-token: ***",
    "key AKIAIOSFODNN7EXAMPLE used": "key *** used",
    "aws_secret_access_key = wJalrXUtnFEMI/K7": "aws_secret_access_key = ***",
    "got eyJhbGciOiJI.eyJzdWIiOiIx.c2ln here": "got *** here",
    "https://u:p@h/x?token=1&b=2": "https://***@h/x?token=***&b=2",
    "postgres://app:p@ss@10.0.0.5/db": "postgres://***@10.0.0.5/db",
    "https://h/?X-Amz-Signature=abc&y=1": "https://h/?X-Amz-Signature=***&y=1",
    "dial tcp 10.0.0.1:80: connect: connection refused": REFUSED,
}


@pytest.mark.parametrize("line", SECRETS)
def test_secrets_are_masked(line: str) -> None:
    assert logs.mask(line) == SECRETS[line]


def test_a_long_line_is_quoted_around_what_matters() -> None:
    quoted = logs.quoted("x" * 3000 + REFUSED + "y" * 3000)
    assert len(quoted) <= 200
    assert "connection refused" in quoted


@settings(deadline=None)
@given(st.text(max_size=600))
def test_any_text_is_a_log(text: str) -> None:
    logs.hear("a", "b", [(True, text)], [text])
    assert len(logs.quoted(text)) <= 200
    assert logs.mask(logs.mask(text)) is not None


_WORD = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=6)


@settings(deadline=None)
@given(_WORD, st.sampled_from(["password=%s", "token: %s", "://u:%s@h", "Bearer %s"]))
def test_no_secret_reaches_a_quote(secret: str, form: str) -> None:
    line = f"{REFUSED} with {form % ('Zq' + secret)}"
    assert f"Zq{secret}" not in logs.quoted(line)


def test_a_log_without_end_is_read_up_to_its_bound() -> None:
    line = "2024-05-14T09:14:18Z quiet"
    text = "\n".join([line] * logs.MOST_LINES + [f"2024-05-14T09:14:19Z {REFUSED}"])
    assert logs.first_refused(text) is None
    assert logs.first_refused(text.partition("\n")[2]) == Line(1715678059.0, REFUSED)


MOMENTS = {
    "2024-05-14T09:14:18Z": 1715678058.0,
    "2024-05-14T09:14:18.123456789Z": 1715678058.1234567,
    "2024-05-14T17:14:18.5+08:00": 1715678058.5,
    "2024-05-14T05:14:18-0400": 1715678058.0,
    "2024-02-31T00:00:00Z": None,
    "2024-05-14T25:00:00Z": None,
    "2024-05-14": None,
    "": None,
    "٢٠٢٤-05-14T09:14:18Z": None,
}


@pytest.mark.parametrize("text", MOMENTS)
def test_moments(text: str) -> None:
    assert moment(text) == MOMENTS[text]


@settings(deadline=None)
@given(st.text() | st.from_regex(re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.A)))
def test_any_text_is_a_moment_or_none(text: str) -> None:
    moment(text)
