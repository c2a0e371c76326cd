"""Judged workloads and what the checks find in them; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from kubectl_meshcheck import evidence, ignore, meshes, refusals
from kubectl_meshcheck.checks import CHECKS
from kubectl_meshcheck.checks.base import Found, Severity
from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.evidence import Kind, Strength
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.model import Verdict
from kubectl_meshcheck.workload import Subject


class Row(msgspec.Struct, frozen=True, gc=False):
    """One workload's pods of one shape, judged and checked."""

    subject: Subject
    why: str = ""  #: one clause for people
    found: tuple[Found, ...] = ()

    @property
    def counted(self) -> tuple[Found, ...]:
        """The findings that nobody decided to live with."""
        return tuple(found for found in self.found if not found.ignored)


class Report(msgspec.Struct, frozen=True, gc=False):
    """The answer to one call of the program."""

    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()  #: what could not be looked at
    warnings: tuple[str, ...] = ()  #: worth knowing, and no problem
    fail_on: Severity | None = Severity.WARNING  #: None: findings never fail

    @property
    def exit_code(self) -> ExitCode:
        """The same whatever the format."""
        if self.problems:
            return ExitCode.UNREADABLE
        if self.fail_on is not None and any(
            found.severity.rank >= self.fail_on.rank
            for row in self.rows
            for found in row.counted
        ):
            return ExitCode.FOUND
        return ExitCode.CLEAN

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """How many rows have which verdict, the worst first."""
        counted = Counter(row.subject.judgement.verdict for row in self.rows)
        return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}


def scan(subjects: Iterable[Subject], rules: Sequence[Ignore] = ()) -> Report:
    """Runs every check on every subject; the rows that hurt most come first."""
    rows: list[tuple[tuple[int, int, str, str, str], Row]] = []
    warnings: list[str] = []
    for subject in subjects:
        own, wrong = ignore.on(subject)
        warnings += wrong
        found = tuple(_found(subject, [*own, *rules]))
        rows.append((_damage(subject), Row(subject, why(subject), found)))
    rows.sort(key=lambda row: row[0])
    ordered = tuple(row for _, row in rows)
    return Report(rows=ordered, warnings=tuple(sorted(set(warnings))))


def _found(subject: Subject, rules: Sequence[Ignore]) -> Iterable[Found]:
    for check in CHECKS:
        for finding in check.find(subject):
            reason = ignore.reason(rules, subject, check.id)
            yield Found(check, finding, reason)


def _damage(subject: Subject) -> tuple[int, int, str, str, str]:
    rank = subject.judgement.verdict.rank
    ref = subject.ref
    return (_proof(subject), rank, ref.namespace, ref.kind.short, ref.name)


def _proof(subject: Subject) -> int:
    """What was seen: that there are no pods at all hurts most, then a crash in the gap,
    then any other, then a failure."""
    if not subject.pods and refusals.read(subject) is not None:
        return -1
    kinds = {(e.kind, e.strength is Strength.STRONG) for e in evidence.harm(subject)}
    order = ((Kind.CRASH, True), (Kind.CRASH, False), (Kind.HOOK, True))
    return next((n for n, one in enumerate(order) if one in kinds), len(order))


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
