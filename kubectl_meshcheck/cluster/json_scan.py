"""Where a JSON value ends, found without decoding it.

Only brackets and strings decide that, so nothing else is looked at: whether the
slice really is JSON is for the decoder to say.
"""

from __future__ import annotations

import re

# A string without escapes in one token; otherwise up to its first backslash.
_TOKEN = re.compile(rb'"[^"\\]*["\\]|["{}\[\]]')
_SCALAR = re.compile(rb"[^\s,\]}:]*")
_SPACE = re.compile(rb"[ \t\r\n]*")
_AFTER_ESCAPE = re.compile(rb'["\\]')

MORE = -1  #: the value is not complete in these bytes


def skip_space(data: bytearray, start: int, end: int) -> int:
    """The first byte from ``start`` that is no JSON whitespace, or ``end``."""
    found = _SPACE.match(data, start, end)
    assert found is not None  # it matches nothing, too
    return found.end()


def end_of_value(data: bytearray, start: int, end: int) -> int:
    """The index behind the value that begins at ``start``; ``MORE`` if it has no end.

    A number or literal that touches ``end`` counts as incomplete.
    """
    if start == end:
        return MORE
    if data[start] not in b'"{[':
        scalar = _SCALAR.match(data, start, end)
        assert scalar is not None
        return MORE if scalar.end() == end else scalar.end()
    depth = 0
    at = start
    while True:
        token = _TOKEN.search(data, at, end)
        if token is None:
            return MORE
        at = token.end()
        first, last = data[token.start()], data[at - 1]
        if first == 0x22:  # a string
            if last != 0x22 or at - token.start() == 1:
                at = _end_of_string(data, token.start() + 1, end)
                if at == MORE:
                    return MORE
        else:
            depth += 1 if first in b"{[" else -1
        if depth <= 0:
            return at


def _end_of_string(data: bytearray, start: int, end: int) -> int:
    """The index behind the quote that closes the text which begins at ``start``."""
    while True:
        found = _AFTER_ESCAPE.search(data, start, end)
        if found is None:
            return MORE
        if data[found.start()] == 0x22:
            return found.end()
        start = found.end() + 1
