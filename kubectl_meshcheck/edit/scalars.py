"""How a text is written as a value: quoted as its neighbours, or as a block."""

from __future__ import annotations

import json
import re

from kubectl_meshcheck.files.scalars import resolve

#: safe without quotes wherever a key or a value may stand
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def plain(text: str) -> bool:
    """Whether the text can stand without quotes and stays a text."""
    return bool(_PLAIN.fullmatch(text)) and isinstance(resolve(text), str)


def quoted(text: str, quote: str) -> str:
    """The text in quotes of that kind; in double ones where only they can hold it."""
    if quote == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=not text.replace("\n", "").isprintable())


def inline(text: str, quote: str = '"') -> str:
    """The text on one line, in quotes only where it needs them."""
    return text if plain(text) else quoted(text, quote)


def block(text: str, indent: str, newline: str) -> str | None:
    """The text as a literal block, header first; None where it cannot be one."""
    body = text.rstrip("\n")
    lines = body.split("\n")
    fits = all(line.isprintable() for line in lines)
    if not body or not fits or body[0] in " \t\n" or text.endswith("\n\n"):
        return None
    header = "|" if text.endswith("\n") else "|-"
    return newline.join([header, *(indent + line if line else "" for line in lines)])
