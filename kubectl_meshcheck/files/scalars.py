"""What an unquoted YAML word means: text, number, truth or nothing.

The rules are kubectl's, so that a manifest means here what it means when it is
applied: YAML 1.1 as go-yaml v2 reads it (sigs.k8s.io/yaml: goyaml.v2/resolve.go)
and then turned into JSON.  They differ from PyYAML's: ``y`` and ``n`` are truth
values, ``0o17`` is a number, ``1:30`` and ``2024-01-01`` are text.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_NAN = (".nan", ".NaN", ".NAN")
_INFINITY = (".inf", ".Inf", ".INF")

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(_NULL, None),
    **dict.fromkeys(_NAN, math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in _INFINITY},
    **{"-" + word: -math.inf for word in _INFINITY},
}

#: What can begin a number; anything else is text without a closer look.
_NUMERIC = frozenset("+-.0123456789")
_INTEGER = re.compile(
    r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)"
)
_GROUPING = re.compile(r"(?<=[0-9])_(?=[0-9])")
_OCTAL = re.compile(r"[-+]?0[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")

#: Longer than any 64-bit number in any base: Python would convert it, Go not.
_LONGEST_INTEGER = 68


def resolve(text: str) -> Scalar:
    """The value of an unquoted word; NaN and infinities are the caller's to refuse."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC:
        return text
    # go-yaml drops every underscore, and behind a leading dot Go's own rules hold.
    plain = _GROUPING.sub("", text) if text[0] == "." else text.replace("_", "")
    integer = _integer(plain)
    if integer is not None:
        return integer
    number = _float(plain)
    return text if number is None else number


def _integer(plain: str) -> int | None:
    if len(plain) > _LONGEST_INTEGER or not _INTEGER.fullmatch(plain):
        return None
    value = int(plain, 8 if _OCTAL.fullmatch(plain) else 0)
    return value if -(2**63) <= value < 2**64 else None


def _float(plain: str) -> int | float | None:
    if not _FLOAT.fullmatch(plain):
        return None
    value = float(plain)
    if math.isinf(value):
        return None
    # Go writes 1e3 and 1.0 into the JSON as 1000 and 1, and reads integers back.
    return int(value) if value.is_integer() and abs(value) < 2**63 else value
