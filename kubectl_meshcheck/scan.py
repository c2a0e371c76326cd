"""Judged workloads and what the checks find in them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar

import msgspec

from kubectl_meshcheck import evidence, ignore, meshes, refusals
from kubectl_meshcheck.checks import CHECKS
from kubectl_meshcheck.checks.base import Found, Severity
from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.evidence import Kind, Strength
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.model import Verdict
from kubectl_meshcheck.workload import Ref, Subject

#: what was seen of a race, the worst first, and whether that is proof
_HARM = ((Kind.CRASH, True), (Kind.CRASH, False), (Kind.HOOK, True))
NOTHING = -1  #: a rank below every severity
#: sorts rows, the one that hurts most first
Damage = tuple[int, int, str, str, str]


class Row(msgspec.Struct, frozen=True, gc=False):
    """One workload's pods of one shape, judged and checked."""

    subject: Subject
    why: str = ""  #: one clause for people
    found: tuple[Found, ...] = ()

    @property
    def counted(self) -> tuple[Found, ...]:
        """The findings that nobody decided to live with."""
        return tuple(found for found in self.found if not found.ignored)

    @property
    def worst(self) -> int:
        """The rank of the worst of these; ``NOTHING`` where there is none."""
        ranks = [one.severity.rank for one in self.found if not one.ignored]
        return max(ranks, default=NOTHING)


class Kept(msgspec.Struct, frozen=True, gc=False):
    """What of a row is needed as long as others are looked at; forms add their own."""

    damage: Damage
    ref: Ref
    worst: int  #: the rank of its worst finding that counts


K = TypeVar("K", bound=Kept)
R = TypeVar("R", bound=Row | Kept)


class Outcome(msgspec.Struct, Generic[R], frozen=True, gc=False):
    """The answer to one call of the program, as much of it as is shown."""

    rows: Sequence[R] = ()  #: in the order in which they are shown
    problems: Sequence[Problem] = ()  #: what could not be looked at
    warnings: Sequence[str] = ()  #: worth knowing, and no problem
    fail_on: Severity | None = Severity.WARNING  #: None: findings never fail

    @property
    def exit_code(self) -> ExitCode:
        """The same whatever the format."""
        if self.problems:
            return ExitCode.UNREADABLE
        worst = max((row.worst for row in self.rows), default=NOTHING)
        if self.fail_on is not None and worst >= self.fail_on.rank:
            return ExitCode.FOUND
        return ExitCode.CLEAN


class Report(Outcome[Row], frozen=True, gc=False):
    """The whole of it."""


def scan(subjects: Iterable[Subject], rules: Sequence[Ignore] = ()) -> Report:
    """Runs every check on every subject; the rows that hurt most come first."""
    warnings: set[str] = set()
    found = [(damage(row), row) for row in rows(subjects, rules, warnings)]
    found.sort(key=lambda one: one[0])
    ordered = tuple(row for _, row in found)
    return Report(rows=ordered, warnings=tuple(sorted(warnings)))


def rows(
    subjects: Iterable[Subject], rules: Sequence[Ignore], warnings: set[str]
) -> Iterator[Row]:
    """The same one by one, in the subjects' order; adds to the warnings."""
    for subject in subjects:
        own, wrong = ignore.on(subject)
        warnings.update(wrong)
        found = tuple(_found(subject, [*own, *rules]))
        yield Row(subject, why(subject), found)


def _found(subject: Subject, rules: Sequence[Ignore]) -> Iterable[Found]:
    for check in CHECKS:
        for finding in check.find(subject):
            reason = ignore.reason(rules, subject, check.id)
            yield Found(check, finding, reason)


def damage(row: Row) -> Damage:
    """How much a row hurts; then by its name."""
    subject = row.subject
    rank = subject.judgement.verdict.rank
    ref = subject.ref
    return (_proof(subject), rank, ref.namespace, ref.kind.short, ref.name)


def _proof(subject: Subject) -> int:
    """What was seen: that there are no pods at all hurts most, then a crash in the gap,
    then any other, then a failure."""
    if not subject.pods and refusals.read(subject) is not None:
        return -1
    harm = evidence.harm(subject)
    if not harm:
        return len(_HARM)
    kinds = {(e.kind, e.strength is Strength.STRONG) for e in harm}
    return next((n for n, one in enumerate(_HARM) if one in kinds), len(_HARM))


def why(subject: Subject) -> str:
    """One clause on the verdict: what was seen, else the reason."""
    judgement = subject.judgement
    refused = None if subject.pods else refusals.read(subject)
    if refused is not None:
        return refused.why
    seen = next(iter(evidence.harm(subject)), None)
    if seen is not None and seen.strength is Strength.STRONG:
        return seen.text
    if seen is not None and seen.kind is Kind.CRASH:
        return f"{seen.text}; {judgement.reason}"
    if judgement.verdict is Verdict.NONE and not judgement.proxies:
        return _without(subject)
    return judgement.reason


def _without(subject: Subject) -> str:
    """Why there is no proxy to be seen."""
    found = meshes.asked(
        subject.pod, subject.namespace_labels, subject.namespace_annotations
    )
    if found is None:
        return ""
    mesh, request = found
    if subject.running:
        return f"no proxy, though {mesh.title} is asked for by the {request.by}"
    return f"not injected yet: {mesh.title} is asked for by the {request.by}"
