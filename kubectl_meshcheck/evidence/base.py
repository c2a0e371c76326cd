"""What a piece of evidence is."""

from __future__ import annotations

from enum import Enum, unique

import msgspec


@unique
class Kind(Enum):
    """What was seen."""

    CRASH = "crash"  #: an exposed container died
    REFUSED = "refused"  #: an exposed container was refused, and lives
    HOOK = "hook"  #: the hook that waits has failed
    EXPOSURE = "exposure"  #: it started too early, and may have been lucky
    UNREADY = "unready"  #: the proxy's probes failed
    HOLDING = "holding"  #: it did wait


@unique
class Strength(Enum):
    """What it proves; ``rank`` grows with it."""

    AGAINST = "against"  #: the pod did what it should
    WEAK = "weak"
    STRONG = "strong"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {strength: rank for rank, strength in enumerate(Strength)}


class Gap(msgspec.Struct, frozen=True, gc=False):
    """The time between an error and the proxy, as exact as its source."""

    seconds: float  #: positive: the error came first
    to: str = "start"  #: of the proxy: start or ready
    exact: bool = False  #: from logs; otherwise whole seconds, one more or less

    def __str__(self) -> str:
        if not self.exact and not self.seconds:
            return f"within about 1s of proxy {self.to}"
        side = "before" if self.seconds >= 0 else "after"
        return f"{self.length} {side} proxy {self.to}"

    @property
    def length(self) -> str:
        """``2.8s``, or ``about 3s`` where it is no better known than that."""
        return length(self.seconds, exact=self.exact)


def length(seconds: float, *, exact: bool) -> str:
    """A span of time, never more precise than its source."""
    size = abs(seconds)
    if not exact:
        return f"about {size:.0f}s"
    return f"{size:.1f}s" if size >= 0.1 else f"{size * 1000:.0f}ms"


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """One thing that was seen."""

    kind: Kind
    strength: Strength
    container: str
    text: str  #: a clause whose subject is the container
    pod: str = ""
    gap: Gap | None = None
    source: str = ""  #: where it was read: a field, an event, logs
    quote: str = ""  #: what it says there, masked
    at: float | None = None  #: when it happened, seconds since 1970
