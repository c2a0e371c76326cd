"""Another text in the place of a value: in its quotes, or line by line in its block."""

from __future__ import annotations

import re

import msgspec

from kubectl_meshcheck.edit import scalars, splices
from kubectl_meshcheck.edit.nodes import CannotEditError, Node, Shape
from kubectl_meshcheck.edit.splices import Splice

_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_HEADER = re.compile(r"[|>](?:[+-]?[1-9]?|[1-9][+-]?)")


def replaced(
    text: str, key: Node, value: Node, new: str, *, json: bool
) -> tuple[Splice, ...]:
    """``value`` says ``new`` afterwards; what else stands there is kept.

    Raises CannotEditError for an alias.
    """
    if value.shape is Shape.ALIAS:
        raise CannotEditError(
            f"{key.text} is the alias *{value.text}, so the text is shared with "
            "another place"
        )
    if value.shape is not Shape.SCALAR:
        raise CannotEditError(f"{key.text} is {value.shape.value}, not text")
    if value.style in ("|", ">"):
        return _in_block(text, value, new)
    return (_inline(text, value, new, json=json),)


def _content(text: str, value: Node) -> int:
    """Where the value itself begins, behind its anchor and tag."""
    found = _PROPERTIES.match(text, value.start, value.end)
    return found.end() if found and (value.anchor or value.tag) else value.start


def _inline(text: str, value: Node, new: str, *, json: bool) -> Splice:
    start = _content(text, value)
    if json:
        return Splice(start, value.end, scalars.quoted(new, '"'))
    if value.style:
        return Splice(start, value.end, scalars.quoted(new, value.style))
    lead = " " if start == value.end and text[start - 1 : start] == ":" else ""
    return Splice(start, value.end, lead + scalars.inline(new))


class _Block(msgspec.Struct, frozen=True):
    """A block of text in the source, taken apart."""

    header: int  #: where the ``|`` or ``>`` stands
    header_end: int
    lines: tuple[tuple[int, int], ...]  #: from the first to the last that is not blank


def _block(text: str, value: Node) -> _Block:
    header = _content(text, value)
    found = _HEADER.match(text, header)
    header_end = found.end() if found else header + 1
    spans = []
    at = splices.end_of_line(text, header_end)
    while (broken := splices.BREAK.match(text, at)) and broken.end() < value.end:
        end = splices.end_of_line(text, broken.end())
        spans.append((broken.end(), end))
        at = end
    while spans and not text[slice(*spans[-1])].strip():
        spans.pop()
    return _Block(header, header_end, tuple(spans))


def _in_block(text: str, value: Node, new: str) -> tuple[Splice, ...]:
    block = _block(text, value)
    if not block.lines:
        return (Splice(block.header, block.header_end, scalars.quoted(new, '"')),)
    before, after = _body(value.text), _body(new)
    indent = _indent(text, block, before)
    newline = splices.newline(text, block.lines[0][1])
    header = _header(text[block.header : block.header_end], value.text, new)
    folded = value.style == ">"
    if folded and len(after) > 1:
        header = "|" + header[1:]
    if folded or len(before) != len(block.lines):
        middle = _all(block, after, indent, newline)
    else:
        middle = _middle(block, before, after, indent, newline)
    return (Splice(block.header, block.header_end, header), middle)


def _body(text: str) -> list[str]:
    return text.rstrip("\n").split("\n")


def _header(header: str, before: str, after: str) -> str:
    """The header that gives as many line ends behind the last line as wanted."""
    wanted = len(after) - len(after.rstrip("\n"))
    if wanted == len(before) - len(before.rstrip("\n")):
        return header
    plain = header.replace("+", "").replace("-", "")
    return plain + ("" if wanted else "-")


def _indent(text: str, block: _Block, before: list[str]) -> str:
    """What stands before the content of each line."""
    for (start, end), line in zip(block.lines, before, strict=False):
        if line.strip() and text[start:end].endswith(line):
            return text[start : end - len(line)]
    first = next(text[s:e] for s, e in block.lines if text[s:e].strip())
    return first[: len(first) - len(first.lstrip(" "))]


def _written(lines: list[str], indent: str, newline: str) -> str:
    return newline.join(indent + line if line else "" for line in lines)


def _all(block: _Block, after: list[str], indent: str, newline: str) -> Splice:
    start, end = block.lines[0][0], block.lines[-1][1]
    return Splice(start, end, _written(after, indent, newline))


def _middle(
    block: _Block, before: list[str], after: list[str], indent: str, newline: str
) -> Splice:
    """Only the lines that differ; the others stay byte for byte."""
    least = min(len(before), len(after))
    head = next((i for i in range(least) if before[i] != after[i]), least)
    most = least - head
    tail = next((i for i in range(most) if before[-1 - i] != after[-1 - i]), most)
    old = block.lines[head : len(before) - tail]
    lines = after[head : len(after) - tail]
    written = _written(lines, indent, newline)
    if old:
        return Splice(old[0][0], old[-1][1], written)
    if head:
        at = block.lines[head - 1][1]
        return Splice(at, at, newline + written if lines else "")
    at = block.lines[0][0]
    return Splice(at, at, written + newline if lines else "")
