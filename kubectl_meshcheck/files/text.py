"""Foreign text made safe to show, and the parts of a source that are broken."""

from __future__ import annotations

import msgspec


def printable(text: str) -> str:
    r"""``text`` on one line, without anything that could steer a terminal.

    Whatever is not printable, bytes of a file name that are no UTF-8 included,
    is spelt as in source code: ``\n``, ``\x1b``, ``\udcff``.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


class UnreadableError(Exception):
    """Why a source or a document cannot be read; caught within this package."""

    def __init__(self, why: str, hint: str = "", *, line: int = 0) -> None:
        super().__init__(why)
        self.why = why
        self.hint = hint
        self.line = line  #: in the text that was handed over, from 1; 0: unknown


#: Levels of lists and mappings: beyond any object, within any recursion over one.
MAX_DEPTH = 200


class Broken(msgspec.Struct, frozen=True):
    """A part that could not be read, and where it stands in its source."""

    why: str
    hint: str = ""
    number: int = 0  #: document number from 1; 0: no document in particular
    line: int = 0  #: from 1; 0: unknown
