"""Every value in a source, with the number of its document and its line.

A document that begins with a brace or bracket is JSON, as kubectl guesses it
(k8s.io/apimachinery: pkg/util/yaml/decoder.go), whatever the file is called; YAML
in that form is tried when it is none.  Beyond kubectl: ``--- {}`` on one line,
documents behind ``...``, ``%YAML`` lines, and ``---`` between JSON documents.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubectl_meshcheck.files import json_text, yaml_text
from kubectl_meshcheck.files.objects import Found, flatten
from kubectl_meshcheck.files.pieces import Piece, pieces
from kubectl_meshcheck.files.text import Broken, UnreadableError

#: Above this a document that begins like JSON and is none is not tried as YAML.
_MAX_FLOW = 1024 * 1024
_TEMPLATE = re.compile(
    rb"\{\{-?\s*(?:[.$(\"`]|/\*|"
    rb"(?:if|else|end|with|range|define|include|template|block|toYaml|tpl|default|"
    rb"printf|quote|required|lookup|fail|int|trunc)\b)"
)
_RENDER = "render it first: helm template ... | kubectl meshcheck file -f -"


def documents(text: bytearray, numbers: Iterator[int]) -> Iterator[Found | Broken]:
    """The values of all documents, lists flattened, and the parts that are broken.

    ``numbers`` gives one number to every document, also to an empty list.
    """
    template = False
    for piece in pieces(text):
        for part in _piece(text, piece, numbers):
            if isinstance(part, Broken) and part.hint == _RENDER:
                if template:
                    continue  # once a source is enough
                template = True
            yield part


def _piece(
    text: bytearray, piece: Piece, numbers: Iterator[int]
) -> Iterator[Found | Broken]:
    if piece.cut_logs:
        yield Broken("the dump is cut off within a log", line=piece.line)
    elif text[piece.start] in b"{[":
        yield from _json(text, piece, numbers)
    else:
        yield from _yaml(text, piece, numbers)


def _yaml(
    text: bytearray, piece: Piece, numbers: Iterator[int]
) -> Iterator[Found | Broken]:
    raw = bytes(memoryview(text)[piece.begin : piece.end])
    try:
        parsed = yaml_text.parse(raw)
    except UnreadableError as error:
        yield _broken(error, raw, next(numbers), piece.line)
        return
    if parsed is not None:
        yield from _flattened(parsed, next(numbers), piece.line)


def _flattened(parsed: yaml_text.Parsed, number: int, begin: int) -> Iterator[Found]:
    lines = [begin - 1 + line for line in parsed.item_lines]
    found = Found(parsed.value, number, begin - 1 + parsed.line)
    yield from flatten(found, lines)


def _json(
    text: bytearray, piece: Piece, numbers: Iterator[int]
) -> Iterator[Found | Broken]:
    """One document after another; behind a broken one, where a line opens the next."""
    start = piece.start
    line = piece.line + text.count(b"\n", piece.begin, start)
    while start < piece.end:
        number = next(numbers)
        try:
            end = json_text.extent(text, start, piece.end)
        except UnreadableError as error:
            parsed = _flow(text, piece) if start == piece.start else None
            if parsed is not None:
                yield from _flattened(parsed, number, piece.line)
                return
            end = json_text.resume(text, start, piece.end)
            yield _broken(error, bytes(memoryview(text)[start:end]), number, line)
        else:
            yield from json_text.values(text, start, end, number, line)
        line += text.count(b"\n", start, end)
        start = end


def _flow(text: bytearray, piece: Piece) -> yaml_text.Parsed | None:
    """What is no JSON as YAML: ``{kind: Pod}``; None when it is neither."""
    if piece.end - piece.begin > _MAX_FLOW:
        return None
    try:
        return yaml_text.parse(bytes(memoryview(text)[piece.begin : piece.end]))
    except UnreadableError:
        return None


def _broken(error: UnreadableError, raw: bytes, number: int, begin: int) -> Broken:
    """With its place in the source; a template is told from a mistake."""
    template = _TEMPLATE.search(raw, 0, _MAX_FLOW)
    if template:
        why = "this is a Helm template, not a manifest"
        line = begin + raw.count(b"\n", 0, template.start())
        return Broken(why, _RENDER, number, line)
    # The end of the stream, where much goes wrong, is behind the last line.
    last = begin + raw.rstrip().count(b"\n")
    return Broken(
        error.why, error.hint, number, min(begin + max(error.line - 1, 0), last)
    )
