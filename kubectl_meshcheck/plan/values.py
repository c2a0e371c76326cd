"""The words of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any

import msgspec

from kubectl_meshcheck.model import Judgement, PodStart, Verdict
from kubectl_meshcheck.ownership import Owner
from kubectl_meshcheck.workload import Ref

Object = Mapping[str, Any]
#: the verdicts of a pod whose application waits
GOOD = (Verdict.HELD, Verdict.NATIVE)
#: the verdicts that a fix is for
BAD = (Verdict.RACE, Verdict.PARTIAL)


class Edit(msgspec.Struct, frozen=True):
    """One annotation of the pod template."""

    key: str
    before: str | None  #: None: it was not there
    after: str


class Restart(msgspec.Struct, frozen=True):
    """What is made anew when the change is written."""

    how: str  #: one clause: which pods, and by which strategy
    #: what makes it more than a plain rolling update, each as a clause
    notes: tuple[str, ...] = ()
    paused: str = ""  #: why nothing can roll out now


class Foreseen(msgspec.Struct, frozen=True):
    """The cluster's own answer to "what would the next pod be?"."""

    pod: PodStart | None = None  #: as its injector would make it
    judgement: Judgement | None = None
    rejected: str = ""  #: why no such pod can be created at present
    unknown: str = ""  #: why the cluster could not be asked


class Change(msgspec.Struct, frozen=True):
    """One workload's change, complete: nothing is decided after this."""

    ref: Ref
    uid: str
    path: tuple[str, ...]  #: of the pod template in the object
    edits: tuple[Edit, ...]
    why: str  #: one clause: what is wrong today
    live: Object  #: the object as it was read
    body: Object  #: what is sent
    after: Object  #: the object as it will be
    restart: Restart
    risks: tuple[str, ...] = ()
    owners: tuple[Owner, ...] = ()
    holders: tuple[str, ...] = ()  #: field managers of a value that is replaced
    snippet: str = ""  #: the same change for Git, as YAML
    command: str = ""  #: the same change as a kubectl command
    #: the verdict on the next pod, and who says so
    expected: str = ""
    time: str = ""  #: RFC 3339
    #: an earlier run has written it; what is left is to watch and to prove
    written: bool = False


@unique
class Standing(Enum):
    """How a workload stands that is not changed."""

    GOOD = "no change"  #: there is nothing to do
    MANUAL = "by hand"  #: it cannot be done here; ``instead`` says how it can
    UNKNOWN = "not known"  #: there was nothing to judge it by


class NoChange(msgspec.Struct, frozen=True):
    """A workload that is left alone, and why."""

    ref: Ref
    reason: str  #: one clause
    instead: str = ""  #: what to do
    standing: Standing = Standing.GOOD


class Refused(msgspec.Struct, frozen=True):
    """A change that could be written and is not."""

    ref: Ref
    reason: str
    instead: str = ""
    change: Change | None = None  #: None when there is none to show


Item = Change | NoChange | Refused


class Allowed(msgspec.Struct, frozen=True):
    """What the user has agreed to beforehand."""

    drift: bool = False  #: changes that will be reverted
    conflicts: bool = False  #: taking a field from its manager
