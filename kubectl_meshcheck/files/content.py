"""The bytes of one source: bounded, and UTF-8 or refused with what to do.

A source is held in memory as it is; nothing else of it is, beyond the object
at hand and some hundred bytes for each item of the list that is being read.
"""

from __future__ import annotations

import codecs
from typing import BinaryIO

from kubectl_meshcheck.files.text import UnreadableError

MAX_BYTES = 2 * 1024**3
_BLOCK = 1024 * 1024
_SNIFFED = 64 * 1024

_UNPACK = "unpack it first: {} | kubectl meshcheck file -f -"
#: First bytes of what people hand over packed, and what unpacks it.
_PACKED = {
    b"\x1f\x8b": ("gzip", _UNPACK.format("gzip -dc FILE")),
    b"BZh": ("bzip2", _UNPACK.format("bzip2 -dc FILE")),
    b"\xfd7zXZ": ("xz", _UNPACK.format("xz -dc FILE")),
    b"\x28\xb5\x2f\xfd": ("zstd", _UNPACK.format("zstd -dc FILE")),
    b"PK\x03\x04": ("zip", "unpack it first, then name its directory"),
}
#: The longer mark first: UTF-32's begins like UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def load(stream: BinaryIO, limit: int = MAX_BYTES) -> bytearray:
    """All of ``stream`` as UTF-8 without a byte order mark.

    UTF-16 and UTF-32 are read where they carry their mark, as kubectl's YAML
    parser does.  Raises UnreadableError for packed or binary data and for more
    than ``limit`` bytes, OSError when reading fails.
    """
    text = bytearray(stream.read(_SNIFFED))
    encoding = _encoding(text)
    while block := stream.read(_BLOCK):
        text += block
        if len(text) > limit:
            raise UnreadableError(
                f"it is larger than {limit // 1024**2} MiB",
                "save it in parts, one namespace each: kubectl get pods -n NS -o json",
            )
    if encoding:
        return _recoded(text, encoding)
    if text.startswith(codecs.BOM_UTF8):
        del text[: len(codecs.BOM_UTF8)]
    return text


def _encoding(head: bytearray) -> str:
    """The encoding its mark names; empty for UTF-8; what is no text is refused."""
    for magic, (name, hint) in _PACKED.items():
        if head.startswith(magic):
            raise UnreadableError(f"it is packed with {name}", hint)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    if head[257:262] == b"ustar":
        raise UnreadableError(
            "it is a tar archive", "unpack it first, then name its directory"
        )
    if b"\0" in head:
        raise UnreadableError("it is binary data, neither YAML nor JSON")
    return ""


def _recoded(text: bytearray, encoding: str) -> bytearray:
    try:
        return bytearray(text.decode(encoding).removeprefix("\ufeff").encode())
    except UnicodeError:
        name = encoding[:6].upper()
        raise UnreadableError(
            f"it begins like {name} and is not", "save it as UTF-8"
        ) from None
