"""Where everything stands in a document: its values, each with its place in the text.

Built from the parser's events, since a document that was read and written anew
would lose its comments, its quoting and its layout.  Places are positions in the
text that was handed over, in characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum, unique
from typing import Any

import msgspec
import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class CannotEditError(Exception):
    """Why a text is left as it is, as a clause; caught within this package."""


@unique
class Shape(Enum):
    """What a node is."""

    MAPPING = "a mapping"
    SEQUENCE = "a list"
    SCALAR = "a scalar"
    ALIAS = "an alias"


class Node(msgspec.Struct, frozen=True):
    """One value and where it stands; anchors and tags belong to it."""

    shape: Shape
    start: int
    end: int  #: of the last thing in it, without what follows on that line
    column: int  #: of ``start``
    text: str = ""  #: a scalar's value, an alias's name
    style: str = ""  #: of a scalar: a quote, ``|``, ``>``; empty: plain
    flow: bool = False  #: in braces or brackets
    anchor: str = ""
    tag: str = ""
    pairs: tuple[tuple[Node, Node], ...] = ()
    items: tuple[Node, ...] = ()

    @property
    def null(self) -> bool:
        """Whether it says in so many words that there is nothing."""
        words = ("", "~", "null", "Null", "NULL")
        plain = self.shape is Shape.SCALAR and not self.style
        return plain and not self.anchor and not self.tag and self.text in words

    def pair(self, name: str) -> tuple[Node, Node] | None:
        """The key of that name with its value; of duplicates the last one counts."""
        for key, value in reversed(self.pairs):
            if key.shape is Shape.SCALAR and key.text == name:
                return key, value
        return None


class _Open(msgspec.Struct):
    """A collection that is still open."""

    event: Any = None
    inside: list[Node] = msgspec.field(default_factory=list)


def of_yaml(text: str) -> Node:
    """The tree of the one YAML document in ``text``.  Raises CannotEditError."""
    stack = [_Open()]
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            _take(stack, event)
    except (yaml.YAMLError, ValueError) as error:
        raise CannotEditError("the YAML cannot be read") from error
    if len(stack[0].inside) != 1:
        raise CannotEditError("there is more than one document")
    return stack[0].inside[0]


def _take(stack: list[_Open], event: Any) -> None:
    if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
        stack[-1].inside.append(_leaf(event))
    elif isinstance(event, yaml.CollectionStartEvent):
        stack.append(_Open(event))
    elif isinstance(event, yaml.CollectionEndEvent):
        closed = stack.pop()
        stack[-1].inside.append(_collection(closed, event))


def _leaf(event: Any) -> Node:
    place = (event.start_mark.index, event.end_mark.index, event.start_mark.column)
    if isinstance(event, yaml.AliasEvent):
        return Node(Shape.ALIAS, *place, text=event.anchor or "")
    return Node(
        Shape.SCALAR,
        *place,
        text=event.value,
        style=event.style or "",
        anchor=event.anchor or "",
        tag=event.tag or "",
    )


def _collection(closed: _Open, last: Any) -> Node:
    first, inside = closed.event, closed.inside
    flow = bool(first.flow_style)
    # a block collection "ends" where the next thing begins, comments behind it
    end = last.end_mark.index if flow or not inside else inside[-1].end
    mapping = isinstance(first, yaml.MappingStartEvent)
    return Node(
        Shape.MAPPING if mapping else Shape.SEQUENCE,
        first.start_mark.index,
        end,
        first.start_mark.column,
        flow=flow,
        anchor=first.anchor or "",
        tag=first.tag or "",
        pairs=tuple(zip(inside[::2], inside[1::2], strict=True)) if mapping else (),
        items=() if mapping else tuple(inside),
    )


_TOKEN = re.compile(
    r'[ \t\r\n]*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:])|([^ \t\r\n{}\[\],:"]+))', re.S
)


def of_json(text: str) -> Node:
    """The tree of the one JSON document in ``text``, which is known to be JSON.

    YAML's parser is no help here: it takes neither tabs nor long keys.
    """
    stack: list[tuple[int, list[Node]]] = [(0, [])]
    for token in _tokens(text):
        start, end = token.span(token.lastindex or 0)
        mark = token[2] or ""
        if mark and mark in "{[":
            stack.append((start, []))
        elif mark and mark in "}]":
            begin, inside = stack.pop()
            stack[-1][1].append(_json_collection(mark, begin, end, tuple(inside)))
        elif not mark:
            value = _unquoted(token[1]) if token[1] else str(token[3])
            style = '"' if token[1] else ""
            leaf = Node(Shape.SCALAR, start, end, 0, text=value, style=style, flow=True)
            stack[-1][1].append(leaf)
    if len(stack) != 1 or len(stack[0][1]) != 1:
        raise CannotEditError("the JSON cannot be read")
    return stack[0][1][0]


def _tokens(text: str) -> Iterator[re.Match[str]]:
    at = 0
    while token := _TOKEN.match(text, at):
        yield token
        at = token.end()


def _unquoted(quoted: str) -> str:
    """The value of a JSON string."""
    try:
        value: str = json.loads(quoted, strict=False)
    except ValueError as error:
        raise CannotEditError("the JSON cannot be read") from error
    return value


def _json_collection(mark: str, start: int, end: int, inside: tuple[Node, ...]) -> Node:
    if mark == "]":
        return Node(Shape.SEQUENCE, start, end, 0, flow=True, items=inside)
    pairs = tuple(zip(inside[::2], inside[1::2], strict=True))
    return Node(Shape.MAPPING, start, end, 0, flow=True, pairs=pairs)
