"""A few requests to an API server, with nothing but the standard library."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class ApiError(Exception):
    """The server said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


@dataclass
class Client:
    """The user of one kubeconfig that `access` wrote."""

    kubeconfig: Path
    _kinds: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        config = yaml.safe_load(self.kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._server: str = cluster["server"]
        self._token: str | None = user.get("token")
        self._tls = ssl.create_default_context(cafile=cluster["certificate-authority"])
        if "client-certificate" in user:
            self._tls.load_cert_chain(user["client-certificate"], user["client-key"])

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        content: str = "application/json",
    ) -> Any:
        """One request; JSON in, JSON out (text where the answer is none)."""
        headers = {"Content-Type": content, "Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._server + path, data, headers, method=method
        )
        try:
            with urllib.request.urlopen(
                request, timeout=60, context=self._tls
            ) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(
                    error.code, error.read().decode(errors="replace")
                ) from None
        try:
            return json.loads(text)
        except ValueError:
            return text

    def get(self, path: str) -> Any:
        return self.request("GET", path)

    def ready(self) -> bool:
        """Whether the server answers that it is."""
        try:
            return bool(self.get("/readyz") == "ok")
        except (ApiError, OSError):
            return False

    def path(self, item: dict[str, Any]) -> str:
        """Where an object lives: discovery knows the plural and the scope."""
        version, kind, meta = item["apiVersion"], item["kind"], item["metadata"]
        prefix = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._kinds:
            for found in self.get(prefix)["resources"]:
                if "/" not in found["name"]:
                    self._kinds[version, found["kind"]] = (
                        found["name"],
                        found["namespaced"],
                    )
        plural, namespaced = self._kinds[version, kind]
        where = f"/namespaces/{meta.get('namespace', 'default')}" if namespaced else ""
        return f"{prefix}{where}/{plural}/{meta['name']}"

    def apply(self, *items: dict[str, Any], manager: str = "tests") -> list[Any]:
        """Server-side apply, one after another."""
        query = f"?fieldManager={manager}&force=true"
        return [
            self.request("PATCH", self.path(item) + query, item, APPLY)
            for item in items
        ]

    def delete(self, path: str) -> None:
        """Delete it if it is there."""
        try:
            self.request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise
