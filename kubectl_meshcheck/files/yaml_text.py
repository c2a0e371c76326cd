"""One YAML document to plain values: dict, list, str, int, float, bool, None.

Built from the parser's events and not by PyYAML's constructors, for three
reasons: a word means what kubectl takes it for (``scalars``); nesting, aliases
and their expansion are bounded before anything is built (libyaml's own composer
recurses in C); and each item of a list keeps its line.

As in kubectl (sigs.k8s.io/yaml, not strict): of a key given twice the last one
counts; ``<<`` merges; a key that is a number or a truth value becomes text
("1", "true"); a key that is null, a list or a mapping, NaN and infinities are
errors.  Unlike kubectl, which ignores them, tags outside YAML's own are errors:
whoever wrote them expects another program to replace the value.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

import msgspec
import yaml

from kubectl_meshcheck.files.scalars import Scalar, resolve
from kubectl_meshcheck.files.text import MAX_DEPTH, UnreadableError, printable

MAX_BYTES = 16 * 1024 * 1024
MAX_EXPANDED = 100_000  #: values that all aliases of a document may stand for

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_COLLECTION_TAGS = {None, "!", _TAG + "map", _TAG + "seq", _TAG + "set"}
_TAGGED: dict[str, tuple[type[Any], ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}
_NO_KEY = object()
_MERGE = object()


class Parsed(msgspec.Struct, frozen=True):
    """A document's value; lines from 1 within the text."""

    value: Any
    line: int
    item_lines: tuple[int, ...] = ()  #: of the items under a top-level ``items``


class _Frame(msgspec.Struct):
    """A list or mapping that is still open."""

    value: Any
    anchor: str | None = None
    key: Any = _NO_KEY
    merges: list[Any] = msgspec.field(default_factory=list)
    size: int = 1  #: values in it, aliases expanded
    height: int = 1  #: levels in it, aliases expanded


class _Anchored(msgspec.Struct, frozen=True):
    value: Any
    size: int
    height: int


def parse(text: bytes) -> Parsed | None:
    """The one document in ``text``; None when there is nothing but comments.

    Raises UnreadableError with the line, in the parser's own words.
    """
    if len(text) > MAX_BYTES:
        raise UnreadableError(
            f"the YAML document is larger than {MAX_BYTES // 1024**2} MiB",
            "turn it into JSON, of which more is read: yq -o json . FILE",
        )
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise _in_plain_words(error) from error
    except yaml.reader.ReaderError as error:
        raise _undecodable(error, text) from error
    except (ValueError, OverflowError) as error:
        # PyYAML's pure scanner converts escapes like \UFFFFFFFF unchecked.
        raise UnreadableError(printable(str(error)), line=builder.line) from error
    return builder.result()


class _Builder:
    """Takes events, keeps the open collections on a stack of its own."""

    def __init__(self) -> None:
        self.line = 0  #: of the latest event
        self._start = 0
        self._root = _Frame([])
        self._stack = [self._root]
        self._anchors: dict[str, _Anchored | None] = {}
        self._expanded = 0
        self._item_lines: list[int] = []
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
        }

    def take(self, event: Any) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            self.line = event.start_mark.line + 1
            self._start = self._start or self.line
            handler(event)

    def result(self) -> Parsed | None:
        if not self._root.value:
            return None
        return Parsed(self._root.value[0], self._start, tuple(self._item_lines))

    def _scalar(self, event: Any) -> None:
        self._note_item()
        if event.tag is None and event.implicit[0]:
            value: Scalar = resolve(event.value)
            if event.value == "<<" and self._wants_key():
                self._stack[-1].key = _MERGE
                return
        else:
            value = self._tagged(event.tag, event.value)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._error(f"{printable(event.value)} cannot be written as JSON")
        if isinstance(value, str) and not value.isascii():
            self._refuse_surrogates(value)
        size = 1 + len(event.value) // 256
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, size, 0)
        self._add(value, size, 0)

    def _tagged(self, tag: str | None, text: str) -> Scalar:
        if tag in (None, "!", _TAG + "str", _TAG + "timestamp"):
            return text
        name = (tag or "").removeprefix(_TAG)
        if name == "binary":
            return self._binary(text)
        if name not in _TAGGED:
            raise self._unknown_tag(tag)
        value = resolve(text)
        if type(value) not in _TAGGED[name]:
            raise self._error(f"{printable(text[:40])} is no {name}")
        return value

    def _binary(self, text: str) -> str:
        try:
            return base64.b64decode(text).decode(errors="replace")
        except (binascii.Error, ValueError):
            raise self._error("a !!binary value is no base64") from None

    def _alias(self, event: Any) -> None:
        self._note_item()
        name = printable(event.anchor)
        if event.anchor not in self._anchors:
            raise self._error(f"the alias *{name} refers to nothing before it")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise self._error(f"the alias *{name} stands inside what it refers to")
        self._expanded += anchored.size
        if self._expanded > MAX_EXPANDED:
            raise self._error(f"the aliases stand for more than {MAX_EXPANDED} values")
        self._refuse_depth(len(self._stack) - 1 + anchored.height)
        self._add(anchored.value, anchored.size, anchored.height)

    def _open(self, event: Any) -> None:
        self._note_item()
        mapping = type(event) is yaml.MappingStartEvent
        if self._wants_key():
            kind = "mapping" if mapping else "list"
            raise self._error(f"a {kind} cannot be a key")
        if event.tag not in _COLLECTION_TAGS:
            raise self._unknown_tag(event.tag)
        self._refuse_depth(len(self._stack))
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame({} if mapping else [], event.anchor))

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        for merged in frame.merges:
            for key, value in merged.items():
                frame.value.setdefault(key, value)
        if frame.anchor is not None:
            anchored = _Anchored(frame.value, frame.size, frame.height)
            self._anchors[frame.anchor] = anchored
        self._add(frame.value, frame.size, frame.height)

    def _add(self, value: Any, size: int, height: int) -> None:
        frame = self._stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if type(frame.value) is list:
            frame.value.append(value)
        elif frame.key is _NO_KEY:
            frame.key = self._key(value)
        elif frame.key is _MERGE:
            frame.key = _NO_KEY
            self._merge(frame, value)
        else:
            frame.value[frame.key] = value
            frame.key = _NO_KEY

    def _merge(self, frame: _Frame, value: Any) -> None:
        merged = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) for one in merged):
            raise self._error("<< can merge mappings only")
        frame.merges.extend(merged)

    def _key(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return str(value)
        kind = {type(None): "null", dict: "a mapping"}.get(type(value), "a list")
        raise self._error(f"{kind} cannot be a key")

    def _wants_key(self) -> bool:
        frame = self._stack[-1]
        return type(frame.value) is dict and frame.key is _NO_KEY

    def _note_item(self) -> None:
        if len(self._stack) == 3 and self._stack[1].key == "items":
            self._item_lines.append(self.line)

    def _refuse_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._error(f"nested more than {MAX_DEPTH} levels deep")

    def _refuse_surrogates(self, value: str) -> None:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise self._error("half of a surrogate pair is no character") from None

    def _unknown_tag(self, tag: str | None) -> UnreadableError:
        name = printable((tag or "").replace(_TAG, "!!"))
        return self._error(f"the tag {name} is not one that Kubernetes knows")

    def _error(self, why: str) -> UnreadableError:
        return UnreadableError(why, line=self.line)


def _in_plain_words(error: yaml.MarkedYAMLError) -> UnreadableError:
    """``did not find expected key, while parsing a block mapping``."""
    words = ", ".join(part for part in (error.problem, error.context) if part)
    mark = error.problem_mark or error.context_mark
    return UnreadableError(printable(words), line=mark.line + 1 if mark else 0)


def _undecodable(error: yaml.reader.ReaderError, text: bytes) -> UnreadableError:
    line = 1 + text.count(b"\n", 0, max(error.position, 0))
    return UnreadableError(printable(error.reason), line=line)
