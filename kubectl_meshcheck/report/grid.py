"""Columns without borders, as kubectl prints them."""

from __future__ import annotations

import re
from collections.abc import Sequence

GAP = 2  #: spaces between two columns
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


def lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines of aligned columns, without space at their ends.

    tabulate does the same in twenty times the time, and to import it costs as much as
    to read a namespace; the reports that need its other formats use it.
    """
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    return [_line(row, widths) for row in rows]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = (
        cell + " " * (width - _width(cell))
        for cell, width in zip(row, widths, strict=True)
    )
    return (" " * GAP).join(padded).rstrip()


def _width(cell: str) -> int:
    return len(_COLOUR.sub("", cell)) if "\x1b" in cell else len(cell)
