"""Which values are Kubernetes objects, and the objects within lists.

As kubectl does it (k8s.io/apimachinery: pkg/apis/meta/v1/unstructured/helpers.go,
``decodeToList``): the items of a ``PodList`` are pods even when they do not say so,
which is how ``kubectl cluster-info dump`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec


class Document(msgspec.Struct, frozen=True):
    """One Kubernetes object and where it was read; never a list of objects."""

    object: dict[str, Any]  #: ``apiVersion`` and ``kind`` are text, the rest is as read
    source: str  #: "shop.yaml", "dump/shop/pods.json", "-" for standard input
    number: int  #: of the document in its source, from 1; a list is one document
    line: int  #: where the object starts, from 1; 0: unknown


class Found(msgspec.Struct, frozen=True):
    """A value that should be an object, and its place in its source."""

    value: Any
    number: int  #: of its document, from 1
    line: int  #: from 1
    item: int = 0  #: position in the list that it stands in, from 1; 0: in none

    def named(self, why: str) -> str:
        """``why``, with the item that it is about."""
        return f"item {self.item} of the list: {why}" if self.item else why


def inherit(item: Any, api_version: str, kind: str) -> Any:
    """``item`` of a list of that kind, with the type that the list implies."""
    if not isinstance(item, dict) or kind == "List":
        return item
    implied = {"apiVersion": api_version, "kind": kind.removesuffix("List")}
    missing = {key: value for key, value in implied.items() if not item.get(key)}
    return {**missing, **item, **missing} if missing else item


def flatten(found: Found, item_lines: Sequence[int] = ()) -> Iterator[Found]:
    """``found``, or if it is a list of objects all those in it.

    ``item_lines`` are those of the items when they are known.
    """
    waiting = [found]
    while waiting:
        found = waiting.pop()
        items = _items(found.value)
        if items is None:
            yield found
            continue
        api_version, kind = found.value.get("apiVersion"), found.value["kind"]
        known = len(item_lines) == len(items)
        lines = item_lines if known else [found.line] * len(items)
        item_lines = ()  # of the outermost list only
        inner = [
            Found(inherit(item, api_version, kind), found.number, line, position)
            for position, (item, line) in enumerate(zip(items, lines, strict=True), 1)
        ]
        waiting.extend(reversed(inner))


def _items(value: Any) -> list[Any] | None:
    """The items of a list of objects, None for everything else."""
    if not isinstance(value, dict) or "items" not in value:
        return None
    kind, items = value.get("kind"), value["items"]
    if not isinstance(kind, str) or not kind.endswith("List"):
        return None
    if items is None:  # how Go writes an empty list
        return []
    return items if isinstance(items, list) else None


def has_type(value: Any) -> bool:
    """Whether it means to be an object: names an apiVersion or a kind."""
    return isinstance(value, dict) and bool(value.keys() & {"apiVersion", "kind"})


def fault(value: Any) -> str:
    """Why ``value`` is no Kubernetes object; empty when it is one."""
    if not isinstance(value, dict):
        return f"it is {_named(value)}, not a Kubernetes object"
    missing = [key for key in ("apiVersion", "kind") if value.get(key) in (None, "")]
    if missing:
        return f"it has no {' and no '.join(missing)}"
    for key in ("apiVersion", "kind"):
        if not isinstance(value[key], str):
            return f"its {key} is {_named(value[key])}, not text"
    if value["kind"].endswith("List") and not isinstance(value.get("items", []), list):
        return f"its items are {_named(value['items'])}, not a list"
    return ""


def _named(value: Any) -> str:
    names: dict[type[Any], str] = {
        str: "text",
        bool: "a truth value",
        list: "a list",
        dict: "a mapping",
        type(None): "null",
    }
    return names.get(type(value), "a number")
