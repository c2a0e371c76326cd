"""Words on a terminal: what is safe to print, and in which colour."""

from __future__ import annotations

import re

import msgspec

from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.model import Verdict

#: what a terminal would act upon: C0 and C1 controls, and the marks that turn text
#: around (kubernetes/kubernetes#101695 is the same hole in kubectl)
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_COLOURS = {
    Verdict.RACE: "31;1",
    Verdict.PARTIAL: "31",
    Verdict.UNKNOWN: "33",
    Verdict.HELD: "32",
    Verdict.NATIVE: "32",
    Severity.ERROR: "31;1",
    Severity.WARNING: "33",
    Severity.INFO: "36",
}


class View(msgspec.Struct, frozen=True):
    """How a report is to be shown."""

    wide: bool = False
    headers: bool = True
    namespaces: bool = False  #: a column for the namespace
    color: bool = False
    width: int = 0  #: columns of the terminal; 0: not one
    only_problems: bool = False
    command: str = "kubectl meshcheck"  #: how the program was called
    invocation: str = ""  #: all of what was typed, without secrets
    ascii: bool = False  #: the stream cannot carry more


def safe(text: str) -> str:
    """The text with everything escaped that a terminal would act upon.

    >>> safe("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda m: m[0].encode("unicode_escape").decode(), text)


def safe_json(text: str) -> str:
    """JSON with the same characters escaped as JSON does it; it means the same.

    >>> safe_json('{"a": "\x9b"}')
    '{"a": "\\\\u009b"}'
    """
    return _UNSAFE.sub(lambda m: m[0] if m[0] == "\n" else f"\\u{ord(m[0]):04x}", text)


def paint(text: str, kind: Verdict | Severity, view: View) -> str:
    """The text in the colour of its meaning, where colour is wanted."""
    code = _COLOURS.get(kind)
    return f"\x1b[{code}m{text}\x1b[0m" if view.color and code else text


def bold(text: str, view: View) -> str:
    """The text in bold, where colour is wanted."""
    return f"\x1b[1m{text}\x1b[0m" if view.color else text


def cut(text: str, width: int) -> str:
    """The text, ended by an ellipsis where it is too long."""
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."
