"""Columns without borders, as kubectl prints them."""

from __future__ import annotations

from collections.abc import Sequence

GAP = 2  #: spaces between two columns


def lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines of aligned columns, without space at their ends.

    The headers are a row like any other: as headers, tabulate pads them.
    """
    # imported when a table is made: it costs as much as the rest of a start
    from tabulate import tabulate

    text = tabulate(rows, tablefmt="plain", disable_numparse=True)
    return [line.rstrip() for line in text.splitlines()]
