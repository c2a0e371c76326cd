"""The documents of one source, each with its text and the values in it.

The same documents as a scan reads, found by the same rules; what cannot be read is
left out here and named there (``files.documents``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from kubectl_meshcheck.edit import nodes
from kubectl_meshcheck.edit.changes import Language
from kubectl_meshcheck.edit.places import Step
from kubectl_meshcheck.files import json_text, yaml_text
from kubectl_meshcheck.files.objects import inherit
from kubectl_meshcheck.files.pieces import Piece, pieces
from kubectl_meshcheck.files.text import UnreadableError


class Part(msgspec.Struct, frozen=True):
    """One document."""

    begin: int  #: in the bytes of its source
    end: int
    number: int  #: from 1, as a scan counts them
    line: int  #: where it begins, from 1
    text: str
    value: Any
    language: Language


def _yaml_value(text: str) -> Any:
    try:
        parsed = yaml_text.parse(text.encode())
    except UnreadableError as error:
        raise ValueError(error.why) from error
    return parsed.value if parsed else None


def _json_value(text: str) -> Any:
    try:
        return json_text.decoded(memoryview(text.encode()))
    except UnreadableError as error:
        raise ValueError(error.why) from error


YAML = Language(_yaml_value, nodes.of_yaml, json=False)
JSON = Language(_json_value, nodes.of_json, json=True)


def parts(source: bytearray) -> Iterator[Part]:
    """Every document that can be read."""
    number = 1
    for piece in pieces(source):
        if piece.cut_logs:
            continue
        found = (
            list(_json(source, piece, number)) if source[piece.start] in b"{[" else []
        )
        found = found or list(_yaml(source, piece, number))
        yield from (part for part in found if part.value is not None)
        number += max(1, len(found))


def _yaml(source: bytearray, piece: Piece, number: int) -> Iterator[Part]:
    yield from _part(source, piece.begin, piece.end, number, piece.line, YAML)


def _json(source: bytearray, piece: Piece, number: int) -> Iterator[Part]:
    start = piece.start
    line = piece.line + source.count(b"\n", piece.begin, start)
    while start < piece.end:
        try:
            end = json_text.extent(source, start, piece.end)
        except UnreadableError:
            return
        yield from _part(source, start, end, number, line, JSON)
        line += source.count(b"\n", start, end)
        start, number = end, number + 1


def _part(
    source: bytearray, begin: int, end: int, number: int, line: int, language: Language
) -> Iterator[Part]:
    try:
        text = bytes(memoryview(source)[begin:end]).decode()
        value = language.value(text)
    except ValueError:
        return
    yield Part(begin, end, number, line, text, value, language)


def objects(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Each object in a document with the path to it; lists are taken apart."""
    kind = value.get("kind") if isinstance(value, dict) else None
    items = value.get("items") if isinstance(value, dict) else None
    if not (
        isinstance(kind, str) and kind.endswith("List") and isinstance(items, list)
    ):
        yield path, value
        return
    for position, item in enumerate(items):
        inner = inherit(item, value.get("apiVersion"), kind)
        yield from objects(inner, (*path, "items", position))
