"""How many processors this process may keep busy at a time (Linux)."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

_CGROUPS = "/sys/fs/cgroup"
_OWN = "/proc/self/cgroup"


def usable() -> int:
    """Those that it may run on, or fewer where a container's limit gives less time."""
    allowed = len(os.sched_getaffinity(0))
    return min([allowed, *(math.ceil(limit) for limit in limits())])


def limits(cgroups: str = _CGROUPS, own: str = _OWN) -> Iterator[float]:
    """The limits of the process's control groups, each in processors.

    ``cpu.max`` in version 2, ``cpu.cfs_quota_us`` in version 1; a group's limit holds
    for those below it (Linux: Documentation/admin-guide/cgroup-v2.rst "CPU Interface
    Files", Documentation/scheduler/sched-bwc.rst).  A container may see itself at the
    top or somewhere that is not mounted, so what is not there is passed over.
    """
    for line in _read(own).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number != "0" and "cpu" not in controllers.split(","):
            continue
        top = cgroups if number == "0" else f"{cgroups}/cpu"
        steps = [step for step in path.split("/") if step not in ("", "..")]
        for depth in range(len(steps) + 1):
            yield from _limit("/".join([top, *steps[:depth]]))


def _limit(group: str) -> Iterator[float]:
    told = _read(f"{group}/cpu.max").split()
    if not told:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        told = [word for name in names for word in _read(f"{group}/{name}").split()]
    # no limit is "max" in version 2, and -1 in version 1
    if len(told) == 2 and all(word.isdecimal() for word in told) and "0" not in told:
        quota, period = map(int, told)
        yield quota / period


def _read(path: str) -> str:
    """A file's text; empty where it cannot be had."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
