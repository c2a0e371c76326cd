"""Credentials from a program that the kubeconfig names.

Protocol: kubernetes/client-go: plugin/pkg/client/auth/exec/exec.go.  The program's
stderr always reaches the user; its failure is an error with its own words.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from datetime import datetime
from typing import IO, Any

import msgspec

from kubectl_meshcheck.cluster.kubeconfig import ClusterEntry, ExecEntry
from kubectl_meshcheck.cluster.text import printable
from kubectl_meshcheck.cluster.tls import Pair, authority
from kubectl_meshcheck.errors import MeshcheckError

GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{GROUP}/v1", f"{GROUP}/v1beta1")
TIMEOUT = 60.0  #: seconds for a program that cannot ask anybody
PATIENCE = 600.0  #: seconds for one that may wait for a login in a browser
_AFTER_EXIT = 2.0  #: seconds that children of a finished program may keep its pipes


class _Status(msgspec.Struct, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _Answer(msgspec.Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    status: _Status | None = None


class Issued(msgspec.Struct, frozen=True):
    """What the program gave; never shown."""

    token: str = ""
    pair: Pair | None = None
    expires: float | None = None  #: seconds since 1970

    def __repr__(self) -> str:
        return f"Issued(expires={self.expires})"

    def expired(self) -> bool:
        """Whether it is time to run the program again."""
        return self.expires is not None and time.time() >= self.expires


def issue(entry: ExecEntry, cluster: ClusterEntry) -> Issued:
    """Run the program once and return what it issued."""
    if entry.api_version not in _VERSIONS:
        raise MeshcheckError(
            f"exec plugin: invalid apiVersion {entry.api_version!r}",
            f"known are {' and '.join(_VERSIONS)}; renew the kubeconfig",
        )
    interactive = _interactive(entry)
    output = _run(entry, _environment(entry, cluster, interactive), interactive)
    try:
        answer = msgspec.json.decode(output, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _bad(entry, "did not print an ExecCredential") from None
    if answer.api_version != entry.api_version:
        raise _bad(
            entry,
            f"is configured to use API version {entry.api_version}, "
            f"plugin returned version {printable(answer.api_version)}",
        )
    return _issued(entry, answer.status)


def _issued(entry: ExecEntry, status: _Status | None) -> Issued:
    if status is None:
        raise _bad(entry, "didn't return a status field")
    certificate, key = status.client_certificate_data, status.client_key_data
    if bool(certificate) != bool(key):
        raise _bad(entry, "returned only certificate or key, not both")
    if not status.token and not certificate:
        raise _bad(entry, "didn't return a token or cert/key pair")
    expires = status.expiration_timestamp
    return Issued(
        token=status.token,
        pair=(certificate.encode(), key.encode()) if certificate else None,
        expires=expires.timestamp() if expires else None,
    )


def _bad(entry: ExecEntry, what: str) -> MeshcheckError:
    return MeshcheckError(
        f"getting credentials: exec plugin {entry.command} {what}",
        "run it by hand to see what it prints",
    )


def _interactive(entry: ExecEntry) -> bool:
    """Whether the program may read from the terminal."""
    mode = entry.interactive_mode
    if not mode and entry.api_version.endswith("/v1beta1"):
        mode = "IfAvailable"
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Never":
        return False
    if mode == "IfAvailable":
        return terminal
    if mode == "Always":
        if not terminal:
            raise _bad(
                entry,
                "cannot support interactive mode: standard input is not a terminal",
            )
        return True
    raise _bad(entry, f"has an invalid interactiveMode {mode!r}")


def _environment(
    entry: ExecEntry, cluster: ClusterEntry, interactive: bool
) -> dict[str, str]:
    environment = dict(os.environ)
    # a frozen build points this at its own libraries; other programs need theirs
    if "LD_LIBRARY_PATH_ORIG" in environment:
        environment["LD_LIBRARY_PATH"] = environment.pop("LD_LIBRARY_PATH_ORIG")
    elif getattr(sys, "frozen", False):
        environment.pop("LD_LIBRARY_PATH", None)
    for pair in entry.env:
        environment[pair.get("name", "")] = pair.get("value", "")
    spec: dict[str, Any] = {"interactive": interactive}
    if entry.provide_cluster_info:
        spec["cluster"] = _cluster_info(cluster)
    info = {"kind": "ExecCredential", "apiVersion": entry.api_version, "spec": spec}
    environment["KUBERNETES_EXEC_INFO"] = msgspec.json.encode(info).decode()
    return environment


def _cluster_info(cluster: ClusterEntry) -> dict[str, Any]:
    """client-go: tools/auth/exec/exec.go, pkg/apis/clientauthentication/types.go."""
    info: dict[str, Any] = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": base64.b64encode(authority(cluster)).decode(),
        "proxy-url": cluster.proxy_url,
        "disable-compression": cluster.disable_compression,
    }
    for extension in cluster.extensions:
        if extension.get("name") == f"{GROUP}/exec":
            info["config"] = extension.get("extension")
    return {key: value for key, value in info.items() if value}


def _run(entry: ExecEntry, environment: dict[str, str], interactive: bool) -> bytes:
    """The program's stdout.  A terminal as stderr is handed on as it is."""
    shown = sys.stderr is not None and sys.stderr.isatty()
    program = shutil.which(entry.command, path=environment.get("PATH"))
    if program is None:
        raise MeshcheckError(
            f"getting credentials: exec: executable {entry.command} not found",
            printable(entry.install_hint, keep="\n").strip()
            or "install it, or put its folder into PATH",
        )
    try:
        process = subprocess.Popen(  # noqa: S603  # the user's own kubeconfig names it
            [program, *entry.args],
            env=environment,
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if shown else subprocess.PIPE,
        )
    except OSError as error:
        raise _bad(entry, f"cannot be run: {error.strerror}") from error
    output: deque[bytes] = deque()
    words: deque[bytes] = deque(maxlen=20)
    _collect(entry, process, output, words, PATIENCE if interactive else TIMEOUT)
    if process.returncode:
        said = printable(b"".join(words).decode(errors="replace").strip(), keep="\n")
        raise MeshcheckError(
            f"getting credentials: exec: executable {entry.command} failed "
            f"with exit code {process.returncode}" + (f": {said}" if said else ""),
            "run it by hand, or log in again",
        )
    return b"".join(output)


def _collect(
    entry: ExecEntry,
    process: subprocess.Popen[bytes],
    output: deque[bytes],
    words: deque[bytes],
    timeout: float,
) -> None:
    """Wait for the program and for its pipes, but not for its children for ever."""
    threads = [
        threading.Thread(target=_drain, args=(process.stdout, output), daemon=True)
    ]
    if process.stderr:
        threads.append(
            threading.Thread(target=_tee, args=(process.stderr, words), daemon=True)
        )
    for thread in threads:
        thread.start()
    try:
        process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise _bad(entry, f"did not finish within {timeout:.0f} seconds") from None
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        for thread in threads:
            thread.join(_AFTER_EXIT)


def _drain(pipe: IO[bytes], into: deque[bytes]) -> None:
    with pipe:
        while piece := os.read(pipe.fileno(), 65536):
            into.append(piece)


def _tee(pipe: IO[bytes], into: deque[bytes]) -> None:
    """Pass on at once: it may be a prompt."""
    with pipe:
        while piece := os.read(pipe.fileno(), 65536):
            into.append(piece)
            sys.stderr.write(piece.decode(errors="replace"))
            sys.stderr.flush()
