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

from kubectl_meshcheck.files.objects import inherit
from kubectl_meshcheck.files.text import UnreadableError, printable

MAX_DEPTH = 200
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
    text: bytearray, start: int, end: int
) -> Iterator[tuple[Any, int] | UnreadableError]:
    """The document's value, or its items one after another if it is a list.

    Each with its line from 1, counted from ``start``.  What cannot be decoded
    comes out as the error, and the rest of the list follows.
    """
    listed = _listed(memoryview(text)[start:end])
    if listed is None or listed.items is None or not listed.kind.endswith("List"):
        yield _decoded(memoryview(text)[start:end], 1)
        return
    line = 1
    for number, raw in enumerate(listed.items, 1):
        view = memoryview(raw)
        found = text.find(view, start, end)
        if found >= 0:  # always, unless the list has two keys "items"
            line += text.count(b"\n", start, found)
            start = found
        item = _decoded(view, line)
        if isinstance(item, UnreadableError):
            why = f"item {number} of the list: {item.why}"
            yield UnreadableError(why, item.hint, line=item.line)
        else:
            yield inherit(item[0], listed.api_version, listed.kind), line


def _listed(view: memoryview) -> _List | None:
    """The document as a list, None when it has another shape."""
    try:
        return _decode_list(view)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _decoded(view: memoryview, line: int) -> tuple[Any, int] | UnreadableError:
    try:
        value = _decode(view)
        _refuse_depth(value, view)
    except msgspec.MsgspecError as error:
        broken = _malformed(error, view)
    except UnicodeDecodeError:
        broken = UnreadableError("a text in it is not UTF-8")
    except RecursionError:
        broken = _too_deep()
    except UnreadableError as error:
        broken = error
    else:
        return value, line
    broken.line = line + max(broken.line - 1, 0)
    return broken


def _malformed(error: msgspec.MsgspecError, view: memoryview) -> UnreadableError:
    """msgspec's words, with the line instead of the byte."""
    located = _BYTE.search(str(error))
    if located:
        before = bytes(view[: int(located[2])])
        line = 1 + before.count(b"\n")
        return UnreadableError(f"malformed JSON: {printable(located[1])}", line=line)
    if "truncated" in str(error):
        line = 1 + bytes(view).rstrip().count(b"\n")
        return UnreadableError("the JSON is cut off", line=line)
    return UnreadableError(f"malformed JSON: {printable(str(error))}", line=1)


def _refuse_depth(value: Any, view: memoryview) -> None:
    """Level by level, without recursion; most objects have too few brackets."""
    if len(view) <= 2 * MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) in (dict, list)
        ]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> UnreadableError:
    return UnreadableError(f"nested more than {MAX_DEPTH} levels deep")
