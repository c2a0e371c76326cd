"""Findings that somebody decided to live with, each with the reason why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from kubectl_meshcheck import checks
from kubectl_meshcheck.errors import nearest
from kubectl_meshcheck.workload import Subject

ANNOTATION = "meshcheck/ignore"


class Ignore(msgspec.Struct, frozen=True):
    """One decision: this check, here, because."""

    check: str  #: the id
    reason: str
    namespace: str = "*"  #: a shell pattern
    workload: str = "*"  #: a shell pattern on ``deploy/cart``

    def covers(self, subject: Subject, check: str) -> bool:
        """Whether a finding of ``check`` in this workload is meant."""
        return (
            check == self.check
            and fnmatchcase(subject.ref.namespace, self.namespace)
            and fnmatchcase(str(subject.ref), self.workload)
        )


def parse(text: str) -> list[Ignore]:
    """Reads ``MC007: reason``; several are separated by semicolons or lines.

    Raises ``ValueError`` with what is wrong: no reason, or no such check.
    """
    return [_one(part) for part in re.split(r"[;\n]", text) if part.strip()]


def _one(text: str) -> Ignore:
    word, colon, reason = (part.strip() for part in text.partition(":"))
    check = checks.named(word)
    if check is None:
        near = nearest(word, checks.words())
        raise ValueError(f"no check is called {word!r}{near and '; ' + near}")
    if not colon or not reason:
        raise ValueError(f"{check.id} is ignored without a reason")
    return Ignore(check.id, reason)


def on(subject: Subject) -> tuple[list[Ignore], list[str]]:
    """What the workload's annotations ignore, and what is wrong with them.

    The template's annotation wins over the workload's own.
    """
    text = subject.written.annotations.get(ANNOTATION)
    text = subject.own_marks.get(ANNOTATION, "") if text is None else text
    if not text:
        return [], []
    try:
        return parse(text), []
    except ValueError as error:
        return [], [f"{subject.ref}: annotation {ANNOTATION}: {error}"]


def reason(rules: Sequence[Ignore], subject: Subject, check: str) -> str:
    """Why a finding of ``check`` is ignored here; empty when it counts."""
    found: Iterator[str] = (r.reason for r in rules if r.covers(subject, check))
    return next(found, "")
