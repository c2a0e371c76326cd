"""A small API server in a process of its own, for tests and benchmarks.

It serves real HTTP(S): discovery, lists with paging, selectors and gzip, single
objects, tokens and client certificates with denials, and it misbehaves on demand::

    with Server.start(objects, tokens={"reader": []}) as server:
        server.fail(status=429, headers={"Retry-After": "1"}, times=2)
        server.kubeconfig(tmp_path / "config", token="reader")
        ...
        assert server.requests[0].query["limit"] == "500"

It is no Kubernetes: nothing is defaulted, validated or stored.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.server.certificates import Certificates

__all__ = ["Certificates", "Seen", "Server"]

Object = Mapping[str, Any]
Denied = Sequence[
    tuple[str, str, str]
]  #: verb, resource ("deployments.apps"), namespace
_ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Seen:
    """A request that the server has read."""

    method: str
    path: str
    query: dict[str, str]
    headers: tuple[tuple[str, str], ...]
    body: str
    user: str  #: the common name of the client certificate

    def header(self, name: str) -> str:
        """The header's value, or those of several headers with commas between."""
        return ", ".join(v for k, v in self.headers if k.lower() == name.lower())


class Server:
    """A context manager; see the module."""

    def __init__(
        self, process: subprocess.Popen[str], folder: tempfile.TemporaryDirectory[str]
    ) -> None:
        self._process = process
        self._folder = folder
        assert process.stdout is not None
        ready = process.stdout.readline()
        if not ready:
            process.wait()
            raise RuntimeError("the test server did not start")
        self.url, self._control = json.loads(ready)
        self.pid = process.pid
        self.certificates: Certificates | None = None

    @classmethod
    def start(
        cls,
        objects: Iterable[Object | bytes] = (),
        *,
        tokens: Mapping[str, Denied] | None = None,
        certificates: Certificates | None = None,
        require_certificate: bool = False,
        gzip_from: int = 128 * 1024,
        gzip_level: int = 1,
        chunked: int = 0,
        mbit: float = 0,
        delay: float = 0,
        typed_items: bool = False,
        metadata_last: bool = False,
        indent: int = 0,
    ) -> Server:
        """Start it with these objects, each whole with apiVersion and kind.

        An object may also be JSON ``bytes`` that begin ``{"apiVersion":..,"kind":..,``
        as ``json.dumps`` writes them.  ``tokens`` maps each valid token to what it is
        denied ("*" matches all); without it everybody may do everything.  With
        ``certificates`` it is HTTPS.  ``chunked`` is the size of the body's chunks, 0
        for Content-Length; ``mbit`` limits the bandwidth in Mbit/s; ``delay`` is in
        seconds before each answer.  The last three choose how lists are written.
        """
        folder = tempfile.TemporaryDirectory(prefix="server-")
        options = {
            "tokens": tokens,
            "certificates": str(certificates.folder) if certificates else "",
            "require_certificate": require_certificate,
            "gzip_from": gzip_from,
            "gzip_level": gzip_level,
            "chunked": chunked,
            "mbit": mbit,
            "delay": delay,
            "typed_items": typed_items,
            "metadata_last": metadata_last,
            "indent": indent,
        }
        Path(folder.name, "options.json").write_text(json.dumps(options))
        _write(Path(folder.name, "objects.jsonl"), objects)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.server", folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
        )
        server = cls(process, folder)
        server.certificates = certificates
        return server

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process; idempotent."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait()
        self._folder.cleanup()

    def fail(self, match: str = "", **fault: Any) -> None:
        """Misbehave in the next answer whose target ``match`` (a regex) is found in.

        The keys are the fields of ``tests.server.faults.Fault``.
        """
        self._post("/fault", {"match": match, **fault})

    def replace(self, objects: Iterable[Object]) -> None:
        """Serve these objects from now on, at a later resourceVersion."""
        path = Path(self._folder.name, "objects.jsonl")
        _write(path, objects)
        self._post("/objects", {})

    @property
    def requests(self) -> list[Seen]:
        """All requests so far, in order."""
        seen = []
        for request in self._post("/requests", {}):
            target = urlsplit(request.pop("target"))
            headers = tuple((k, v) for k, v in request.pop("headers"))
            query = dict(parse_qsl(target.query, keep_blank_values=True))
            seen.append(Seen(path=target.path, query=query, headers=headers, **request))
        return seen

    def forget(self) -> None:
        """Empty the list of requests, and drop faults that are left."""
        self._post("/forget", {})

    def kubeconfig(
        self,
        path: Path,
        *,
        token: str = "",
        namespace: str = "",
        user: Mapping[str, Any] | None = None,
        cluster: Mapping[str, Any] | None = None,
    ) -> Path:
        """Write a kubeconfig for this server; ``user`` and ``cluster`` add fields."""
        authority = self.certificates.authority if self.certificates else None
        entry: dict[str, Any] = {"server": self.url}
        if authority:
            entry["certificate-authority"] = str(authority)
        who: dict[str, Any] = {"token": token} if token else {}
        context = {"cluster": "test", "user": "test"}
        if namespace:
            context["namespace"] = namespace
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": context}],
            "clusters": [{"name": "test", "cluster": entry | dict(cluster or {})}],
            "users": [{"name": "test", "user": who | dict(user or {})}],
        }
        path.write_text(json.dumps(config, indent=1))  # JSON is YAML
        return path

    def _post(self, path: str, body: object) -> Any:
        request = urllib.request.Request(
            self._control + path, json.dumps(body).encode(), method="POST"
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            return json.load(answer)


def _write(path: Path, objects: Iterable[Object | bytes]) -> None:
    """One object a line, for the server to read; all of them never in memory here."""
    with path.open("wb") as file:
        for item in objects:
            if isinstance(item, bytes):
                file.write(item.rstrip() + b"\n")
                continue
            rest = {k: v for k, v in item.items() if k not in ("apiVersion", "kind")}
            whole = {"apiVersion": item["apiVersion"], "kind": item["kind"], **rest}
            file.write(json.dumps(whole, separators=(",", ":")).encode() + b"\n")
