"""Talks to one API server: configuration, authentication, lists, errors in our words.

The only place that may name ``kubernetes``.  It knows nothing of pods: callers
pass the msgspec Structs that they want items decoded as.

Why the kubeconfig is read here and not by the official client: that one reads
with pure-Python YAML, swallows a failed exec plugin and hides its prompts, knows
neither impersonation nor (before 37) ``proxy-url``, and costs 0.15 s to import, more
than the rest of a small scan.  It is asked for what is hard and rare: a new token
from an OIDC provider (``oidc.py``).  Requests go through ``http.client`` because its
``readinto`` reads in pieces of our size, also from a body that comes in chunks.

Everything is imported when first used, so that ``--help`` does not pay for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kubectl_meshcheck.cluster.client import Cluster, connect
    from kubectl_meshcheck.cluster.connection import Connection
    from kubectl_meshcheck.cluster.failures import ApiError
    from kubectl_meshcheck.cluster.handed import Alone, Aside, Page
    from kubectl_meshcheck.cluster.json_items import Shape
    from kubectl_meshcheck.cluster.kubeconfig import contexts

__all__ = [
    "Alone",
    "ApiError",
    "Aside",
    "Cluster",
    "Connection",
    "Page",
    "Shape",
    "connect",
    "contexts",
]

_HOME = {
    "Alone": "handed",
    "ApiError": "failures",
    "Aside": "handed",
    "Cluster": "client",
    "Connection": "connection",
    "Page": "handed",
    "Shape": "json_items",
    "connect": "client",
    "contexts": "kubeconfig",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module at its first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = found
    return found
