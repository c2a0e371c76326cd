"""JSON decoders, each made once and by one thread at a time.

What a type looks like is found out at its first use.  Up to msgspec 0.22 a thread may
then use what another has only begun to find out, and the process crashes (0.23 waits).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

_LOCK = threading.Lock()
_made: dict[Any, Callable[[Any], Any]] = {}


def decoder(type_: Any) -> Callable[[Any], Any]:
    """Decodes bytes or a view of them as this type; raises as msgspec does."""
    with _LOCK:
        found = _made.get(type_)
        if found is None:
            found = _made[type_] = msgspec.json.Decoder(type_).decode
        return found
