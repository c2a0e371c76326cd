"""What kubectl asks before it asks for anything else."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.server.state import KINDS, State

_PATH = re.compile(
    r"^/(?:api/(?P<core>v1)|apis/(?P<group>[^/]+/[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?/(?P<plural>[^/]+)"
    r"(?:/(?P<name>[^/]+))?$"
)


@dataclass(frozen=True)
class Place:
    """What a URL of objects means."""

    group_version: str
    namespace: str
    plural: str
    name: str


def place(path: str) -> Place | None:
    """The objects that a URL names."""
    found = _PATH.match(path)
    if found is None:
        return None
    return Place(
        found["core"] or found["group"],
        found["namespace"] or "",
        found["plural"],
        found["name"] or "",
    )


def document(path: str, state: State) -> dict[str, Any] | None:
    """The discovery document at this path."""
    versions = sorted({api_version for api_version, _ in state.resources})
    if path == "/version":
        return {"major": "1", "minor": "32", "gitVersion": "v1.32.4"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [_group(v) for v in versions if "/" in v]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
    found = re.fullmatch(r"/(?:api|apis)/(v1|[^/]+/[^/]+)", path)
    if found is None or found[1] not in versions:
        return None
    return {
        "kind": "APIResourceList",
        "groupVersion": found[1],
        "resources": [
            {
                "name": resource.plural,
                "singularName": kind.lower(),
                "namespaced": resource.namespaced,
                "kind": kind,
                "verbs": ["get", "list", "create", "patch"],
                "shortNames": KINDS[kind][1] if kind in KINDS else [],
            }
            for (api_version, kind), resource in state.resources.items()
            if api_version == found[1]
        ],
    }


def _group(api_version: str) -> dict[str, Any]:
    name, _, version = api_version.partition("/")
    one = {"groupVersion": api_version, "version": version}
    return {"name": name, "versions": [one], "preferredVersion": one}
