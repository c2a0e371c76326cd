"""Points in time, as Kubernetes and the container runtimes write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache

# RFC 3339; the kubelet writes logs with nanoseconds, everything else with seconds
_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d{1,9})?"
    r"(?:[Zz]|([+-])(\d\d):?(\d\d))",
    re.ASCII,
)


@lru_cache(maxsize=4096)  # a rollout starts many containers in one second
def moment(text: str) -> float | None:
    """Seconds since 1970; None for anything that is no point in time.

    >>> moment("2024-05-14T09:14:18.25Z")
    1715678058.25
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    *day, fraction, sign, hours, minutes = found.groups()
    try:
        whole = datetime(*map(int, day), tzinfo=timezone.utc).timestamp()  # type: ignore[arg-type,misc]
    except ValueError:  # no such day
        return None
    ahead = (int(hours) * 3600 + int(minutes) * 60) if sign else 0
    return whole + float(fraction or 0) - (-ahead if sign == "-" else ahead)


def clock(seconds: float) -> str:
    """The time of day in UTC, to the millisecond: ``09:14:18.120``."""
    at = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"
