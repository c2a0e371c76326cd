"""What a check is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import unique

import msgspec

from kubectl_meshcheck.model import Word
from kubectl_meshcheck.workload import Subject

#: where a check's page is published
DOCS = "https://github.com/meshcheck/kubectl-meshcheck/blob/main/docs/checks"


@unique
class Severity(Word):
    """How bad; ``rank`` grows with it."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


class Finding(msgspec.Struct, frozen=True, gc=False):
    """One bad thing in one workload."""

    message: str  #: subject is the container; lower case, no full stop
    container: str = ""  #: empty when it is about the whole pod
    #: where it differs from the check's own
    severity: Severity | None = None
    next: str = ""  #: the next command to type, or the next thing to do


class Check(msgspec.Struct, frozen=True, gc=False):
    """A check: its literal id for ever, its page, and how it looks."""

    id: str
    name: str
    severity: Severity
    find: Callable[[Subject], Iterator[Finding]]
    page: str

    @property
    def title(self) -> str:
        """The first sentence of the page."""
        return self.page.strip().partition("\n")[0].rstrip(".")

    @property
    def url(self) -> str:
        """Where to read on."""
        return f"{DOCS}/{self.id}.md"


class Found(msgspec.Struct, frozen=True, gc=False):
    """A finding with the check that made it, and why it is ignored if it is."""

    check: Check
    finding: Finding
    ignored: str = ""  #: the reason given; empty when it counts

    @property
    def severity(self) -> Severity:
        return self.finding.severity or self.check.severity
