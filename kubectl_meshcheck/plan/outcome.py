"""How a plan went, for each workload."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, unique

import msgspec

from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.plan.values import Item, NoChange, Refused, Standing
from kubectl_meshcheck.workload import Ref


@unique
class Result(Enum):
    """What became of one workload; the values are kubectl's words."""

    PATCHED = "patched"
    CLIENT = "patched (dry run)"
    SERVER = "patched (server dry run)"
    SAME = "patched (no change)"
    MANUAL = "not patched"  #: it has to be done by hand
    REFUSED = "refused"
    FAILED = "failed"  #: written, and it did not take effect
    TAKEN_BACK = "rolled back"  #: failed, and restored
    UNKNOWN = "unknown"  #: whether it was written, or worked, cannot be told
    SKIPPED = "skipped"  #: not reached, or the user said no


#: results that end in these exit codes; the first that occurs counts
_CODES = (
    ((Result.FAILED, Result.TAKEN_BACK), ExitCode.INEFFECTIVE),
    ((Result.REFUSED,), ExitCode.REFUSED),
    ((Result.UNKNOWN,), ExitCode.UNREADABLE),
    ((Result.MANUAL, Result.SKIPPED), ExitCode.FOUND),
)


class Outcome(msgspec.Struct, frozen=True):
    """What became of one workload."""

    item: Item
    result: Result
    said: str = ""  #: one clause: why, or how the new pods start
    hint: str = ""  #: what to do next
    diff: str = ""  #: from the live object to the one that was, or would be, written

    @property
    def ref(self) -> Ref:
        return self.item.ref


class Fixed(msgspec.Struct, frozen=True):
    """The answer to one ``--fix``."""

    outcomes: tuple[Outcome, ...] = ()
    problems: tuple[Problem, ...] = ()  #: what could not be looked at
    fail: bool = True  #: whether what is left to do by hand counts as a finding

    @property
    def exit_code(self) -> ExitCode:
        """The same whatever the format."""
        results = {outcome.result for outcome in self.outcomes}
        for some, code in _CODES:
            if not results.isdisjoint(some):
                if code is ExitCode.FOUND and (self.problems or not self.fail):
                    continue
                return code
        return ExitCode.UNREADABLE if self.problems else ExitCode.CLEAN


_LEFT = {
    Standing.GOOD: Result.SAME,
    Standing.MANUAL: Result.MANUAL,
    Standing.UNKNOWN: Result.UNKNOWN,
}


def untouched(items: Sequence[Item]) -> list[Outcome]:
    """The outcomes of workloads that nothing is written to."""
    return [_untouched(item) for item in items]


def _untouched(item: Item) -> Outcome:
    if isinstance(item, NoChange):
        return Outcome(item, _LEFT[item.standing], item.reason, item.instead)
    if isinstance(item, Refused):
        return Outcome(item, Result.REFUSED, item.reason, item.instead)
    return Outcome(item, Result.SKIPPED)
