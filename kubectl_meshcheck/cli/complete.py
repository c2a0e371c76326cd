"""Candidates for the shell: quick, and silent when anything goes wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from kubectl_meshcheck import kinds
from kubectl_meshcheck.errors import MeshcheckError

_FLAGS = ("kubeconfig", "context", "cluster", "user", "server", "token", "namespace")
#: one TAB must never hang
_PATIENCE = "2s"


def spaces(ctx: click.Context, _: click.Parameter, word: str) -> list[CompletionItem]:
    """The names of the namespaces."""
    return _items(_names(ctx, "/api/v1/namespaces"), word, ctx.params.get("names"))


def workloads(
    ctx: click.Context, _: click.Parameter, word: str
) -> list[CompletionItem]:
    """The names of the workloads of the command's kind."""
    kind = kinds.named(ctx.info_name or "")
    if kind is None:
        return []
    return _items(_names(ctx, kind.path("{}")), word, ctx.params.get("names"))


def _items(
    names: Iterable[str], word: str, given: Iterable[str] | None
) -> list[CompletionItem]:
    taken = set(given or ())
    return [CompletionItem(n) for n in names if n.startswith(word) and n not in taken]


def _names(ctx: click.Context, path: str) -> list[str]:
    from kubectl_meshcheck import parse
    from kubectl_meshcheck.cluster import Connection, connect

    flags: dict[str, Any] = {name: ctx.params.get(name) or "" for name in _FLAGS}
    try:
        cluster = connect(
            Connection(request_timeout=_PATIENCE, command="completion", **flags)
        )
        where = path.replace("{}", cluster.namespace)
        found = cluster.stream(where, parse.Bare, metadata_only=True)
        return [one.metadata.name for one in found]
    except MeshcheckError:
        return []
