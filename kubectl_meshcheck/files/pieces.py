"""Where one document ends and the next begins, before anything is parsed.

So a broken document cannot take the others with it.  ``---`` and ``...`` at the
start of a line end a document wherever they stand (YAML 1.1, 3.1 and 9.1.2: even
inside a block of text), and cannot occur in JSON, whose strings hold no line
breaks.  ``kubectl cluster-info dump`` prints logs between the objects, framed by
lines that are known exactly (kubectl: pkg/cmd/clusterinfo/clusterinfo_dump.go).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

import msgspec

_CANDIDATE = re.compile(rb"\n(?:---|\.\.\.|====)")
_MARKER = re.compile(rb"(?:---|\.\.\.)(?:[ \t\r]+|(?=\n)|\Z)")
_LOGS = re.compile(rb"==== START (logs for container [^\n]*====)")
_SOLID = re.compile(rb"[^ \t\r\n]")
_DIRECTIVES = re.compile(rb"(?:%[^\n]*|[ \t\r]*(?:#[^\n]*)?)(?:\n|\Z)")


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a source with something in it."""

    start: int  #: of its first byte that is no blank
    end: int
    begin: int  #: where it begins, blanks included: indentation matters to YAML
    line: int  #: of ``begin``, from 1
    cut_logs: bool = False  #: nothing but a log whose end is missing


def pieces(text: bytearray) -> Iterator[Piece]:
    """The stretches between separators and logs; blank ones are left out."""
    begin, line = 0, 1
    while begin <= len(text):
        end, following, cut_logs = _stretch(text, begin)
        solid = _SOLID.search(text, begin, end)
        if solid and text.startswith(codecs.BOM_UTF8, solid.start()):
            # Left over where files were put one behind the other.
            line += text.count(b"\n", begin, solid.start())
            begin = solid.start() + len(codecs.BOM_UTF8)
            solid = _SOLID.search(text, begin, end)
        if solid and not _only_directives(text, solid.start(), end):
            yield Piece(solid.start(), end, begin, line)
        if cut_logs:
            at = line + text.count(b"\n", begin, end)
            yield Piece(end, len(text), end, at, cut_logs=True)
        line += text.count(b"\n", begin, following)
        begin = following


def _stretch(text: bytearray, begin: int) -> tuple[int, int, bool]:
    """Where the stretch from ``begin`` ends, where the next begins, logs cut off.

    ``begin`` is the start of a line, or stands right behind a separator.
    """
    at = begin if begin == 0 or text[begin - 1] == ord("\n") else -1
    while True:
        if at >= 0:
            marker = _MARKER.match(text, at)
            if marker:
                return at, marker.end(), False
            logs = _LOGS.match(text, at)
            if logs:
                following = _end_of_logs(text, logs)
                return at, following or len(text) + 1, not following
        candidate = _CANDIDATE.search(text, max(begin, at))
        if candidate is None:
            return len(text), len(text) + 1, False
        at = candidate.start() + 1


def _end_of_logs(text: bytearray, logs: re.Match[bytes]) -> int:
    """Behind the line that ends the logs, 0 if none does.

    A log without a line break at its end has that line glued on.
    """
    last = b"==== END " + logs[1]
    at = text.find(last, logs.end())
    return at + len(last) if at >= 0 else 0


def _only_directives(text: bytearray, start: int, end: int) -> bool:
    """Whether there are only comments and ``%YAML 1.1``, which goes with the next."""
    if text[start] not in b"%#":
        return False
    while start < end:
        line = _DIRECTIVES.match(text, start, end)
        if line is None:
            return False
        start = line.end()
    return True
