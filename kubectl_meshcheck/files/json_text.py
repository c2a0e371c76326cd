"""JSON documents to plain values, the items of a list one at a time.

As kubectl reads them (k8s.io/apimachinery: pkg/util/yaml/decoder.go): several
documents may follow each other with or without line breaks between them.  Of a
key given twice the last one counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.files.objects import Found, flatten, inherit
from kubectl_meshcheck.files.text import MAX_DEPTH, Broken, UnreadableError, printable

_TRAILING = re.compile(r"trailing characters \(byte (\d+)\)")
_BYTE = re.compile(r"^JSON is malformed: (.*) \(byte (\d+)\)")


class _List(msgspec.Struct, rename="camel"):
    """The outside of a list; its items stay undecoded, views into the source."""

    kind: str = ""
    api_version: str = ""
    items: list[msgspec.Raw] | None = None


_decode_list = msgspec.json.Decoder(_List).decode
_decode_raw = msgspec.json.Decoder(msgspec.Raw).decode
_decode = msgspec.json.Decoder().decode


def extent(text: bytearray, start: int, end: int) -> int:
    """Where the document ends that begins at ``start``.

    Raises UnreadableError, its line counted from ``start``.
    """
    view = memoryview(text)[start:end]
    try:
        _decode_raw(view)
    except msgspec.DecodeError as error:
        trailing = _TRAILING.search(str(error))
        if trailing is None:
            raise _malformed(error, view) from error
        # The position is the one behind the first trailing character.
        return start + max(int(trailing[1]) - 1, 1)
    except RecursionError:
        raise _too_deep() from None
    return end


def resume(text: bytearray, start: int, end: int) -> int:
    """Where to go on behind a broken document: a line that opens another."""
    at = text.find(b"\n{", start, end)
    return at + 1 if at >= 0 else end


def values(
    text: bytearray, start: int, end: int, number: int, line: int
) -> Iterator[Found | Broken]:
    """The values in document ``number``, which begins in ``line``.

    A list is taken apart before its items are decoded, so that no more than one
    is held at a time, and one that cannot be decoded leaves the others.
    """
    listed = _listed(memoryview(text)[start:end])
    if listed is None or listed.items is None or not listed.kind.endswith("List"):
        view = memoryview(text)[start:end]
        yield from _found(view, Found(None, number, line), "", "List")
        return
    for item, raw in enumerate(listed.items, 1):
        view = memoryview(raw)
        at = text.find(view, start, end)
        if at >= 0:  # always, unless the list has two keys "items"
            line += text.count(b"\n", start, at)
            start = at
        place = Found(None, number, line, item)
        yield from _found(view, place, listed.api_version, listed.kind)


def _listed(view: memoryview) -> _List | None:
    """The document as a list, None when it has another shape."""
    try:
        return _decode_list(view)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _found(
    view: memoryview, place: Found, api_version: str, kind: str
) -> Iterator[Found | Broken]:
    """The value of one document or item, of a list of that kind, at that place."""
    try:
        value = inherit(decoded(view), api_version, kind)
    except UnreadableError as error:
        line = place.line + max(error.line - 1, 0)
        yield Broken(place.named(error.why), error.hint, place.number, line)
    else:
        yield from flatten(replace(place, value=value))


def decoded(view: memoryview) -> Any:
    """The value of one document or item.  Raises UnreadableError."""
    try:
        value = _decode(view)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _malformed(error, view) from error
    except RecursionError:
        raise _too_deep() from None
    _refuse_depth(value)
    return value


def _malformed(error: Exception, view: memoryview) -> UnreadableError:
    """msgspec's words, with the line instead of the byte."""
    # since 0.23 it has words of its own for that
    if isinstance(error, UnicodeDecodeError) or "Invalid UTF-8" in str(error):
        return UnreadableError("a text in it is not UTF-8")
    located = _BYTE.search(str(error))
    if located:
        before = bytes(view[: int(located[2])])
        line = 1 + before.count(b"\n")
        return UnreadableError(f"malformed JSON: {printable(located[1])}", line=line)
    if "truncated" in str(error):
        line = 1 + bytes(view).rstrip().count(b"\n")
        return UnreadableError("the JSON is cut off", line=line)
    return UnreadableError(f"malformed JSON: {printable(str(error))}", line=1)


def _refuse_depth(value: Any) -> None:
    """Level by level, without recursion."""
    level = [value] if type(value) in (dict, list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]
    if level:
        raise _too_deep()


def _too_deep() -> UnreadableError:
    return UnreadableError(f"nested more than {MAX_DEPTH} levels deep")
