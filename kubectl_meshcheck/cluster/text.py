"""Text of others, made safe to show."""

from __future__ import annotations


def printable(text: str, *, keep: str = "") -> str:
    """Escape what moves a terminal's cursor or hides text, except ``keep``."""
    if text.isprintable():
        return text
    return "".join(
        char
        if char.isprintable() or char in keep
        else char.encode("unicode_escape").decode()
        for char in text
    )
