"""The connection flags, as the user typed them."""

from __future__ import annotations

import re
from typing import NamedTuple

from kubectl_meshcheck.errors import ExitCode, MeshcheckError


class Connection(NamedTuple):
    """Everything that decides which server is asked, as whom, and how long."""

    kubeconfig: str = ""
    context: str = ""
    cluster: str = ""
    user: str = ""
    namespace: str = ""
    server: str = ""
    token: str = ""
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    as_user_extra: tuple[str, ...] = ()  #: ``key=value``
    certificate_authority: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    request_timeout: str = (
        "0"  #: ``1s``, ``2m``, ``3h``; a number is seconds; 0 is none
    )
    disable_compression: bool = False
    command: str = ""  #: what the user runs, "kubectl meshcheck ns", for audit logs
    verbosity: int = 0  #: from 6 on requests are logged to stderr, from 8 on headers


_UNIT = {
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)", re.ASCII)


def seconds(text: str) -> float:
    """``--request-timeout`` in seconds; 0 for none.

    A bare integer is seconds, anything else a Go duration
    (kubernetes/client-go: tools/clientcmd/config.go, ``ParseTimeout``).
    """
    if text.isascii() and text.isdigit():
        return float(text)
    parts = _DURATION.findall(text)
    if not text or "".join(number + unit for number, unit in parts) != text:
        raise MeshcheckError(
            f"Invalid timeout value {text!r}",
            "a whole number of seconds, or a number with its unit: 1s, 2m, 3h",
            code=ExitCode.USAGE,
        )
    return sum(float(number) * _UNIT[unit] for number, unit in parts)
