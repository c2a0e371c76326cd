"""What is known of a workload, and the answers that need no change."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.plan.restarts import Budget
from kubectl_meshcheck.plan.values import Foreseen, NoChange, Object, Standing
from kubectl_meshcheck.workload import Ref, Subject


class Case(msgspec.Struct, frozen=True):
    """Everything that is known about one workload."""

    ref: Ref  #: the object that keeps the template
    subjects: tuple[Subject, ...]  #: its pods, one for each shape
    object: Object  #: as plain JSON; empty when there is none to change
    now: Foreseen  #: a new pod as things stand
    budgets: tuple[Budget, ...] = ()
    time: str = ""  #: RFC 3339
    ignored: str = ""  #: why its findings do not count

    @property
    def worst(self) -> Subject:
        """The pods that are worst off."""
        return min(self.subjects, key=lambda one: one.judgement.verdict.rank)

    @property
    def own(self) -> Subject:
        """The same, as pods of ``ref`` itself: for commands that name it."""
        return replace(self.worst, ref=self.ref, owners=())

    def by_hand(self, reason: str, instead: str) -> NoChange:
        """What cannot be done here."""
        return NoChange(self.ref, reason, instead, Standing.MANUAL)
