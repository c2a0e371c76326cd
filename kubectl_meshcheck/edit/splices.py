"""Pieces of text put in at their places, and what a text's own lines look like."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

#: what ends a line in YAML 1.1, 5.4
BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_REST = re.compile("[^\r\n\x85\u2028\u2029]*")
_BLANK = re.compile(r"[ \t]*")


class Splice(msgspec.Struct, frozen=True):
    """``text`` in the place of what stands from ``start`` to ``end``."""

    start: int
    end: int
    text: str


def apply(text: str, splices: Iterable[Splice]) -> str:
    """The text with all of them put in; they do not overlap."""
    parts, at = [], 0
    for splice in sorted(splices, key=lambda one: (one.start, one.end)):
        parts += [text[at : splice.start], splice.text]
        at = splice.end
    return "".join([*parts, text[at:]])


def end_of_line(text: str, at: int) -> int:
    """Where the line ends in which ``at`` stands, its break not included."""
    rest = _REST.match(text, at)
    return rest.end() if rest else at


def newline(text: str, at: int = 0) -> str:
    """How lines end here: as the next one does, else the first of all."""
    found = BREAK.search(text, at) or BREAK.search(text)
    return found[0] if found else "\n"


def start_of_line(text: str, at: int) -> int:
    """Where the line begins in which ``at`` stands."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def indent(text: str, at: int) -> str:
    """The blanks that the line of ``at`` begins with."""
    start = start_of_line(text, at)
    blank = _BLANK.match(text, start, max(start, at))
    return blank[0] if blank else ""


def first_on_its_line(text: str, at: int) -> bool:
    """Whether nothing but blanks stands before ``at``."""
    start = start_of_line(text, at)
    return not text[start:at].strip(" \t")
