"""What can go wrong, in the words the user reads, and the exit code it ends with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum, unique
from typing import NamedTuple


@unique
class ExitCode(IntEnum):
    """How the program ends; the same for every output format."""

    CLEAN = 0  #: nothing found
    FOUND = 1  #: findings at or above ``--fail-on``
    USAGE = 2  #: wrong usage
    UNREADABLE = 3  #: could not look, or only partly
    REFUSED = 4  #: a fix was refused or conflicted
    INEFFECTIVE = 5  #: a fix was applied but did not take effect
    INTERRUPTED = 130  #: stopped by the user


class MeshcheckError(Exception):
    """Ends the program with one sentence and what to do next.

    ``what`` could not be done; ``hint`` is the next step, possibly empty;
    ``code`` is the exit code.
    """

    def __init__(
        self, what: str, hint: str = "", *, code: ExitCode = ExitCode.UNREADABLE
    ) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.code = code


class Problem(NamedTuple):
    """A part that could not be looked at; the rest was.  Ends in exit code 3."""

    what: str  #: one sentence: what could not be read, and why
    hint: str = ""  #: what to do next
    verb: str = ""  #: the denied verb, for an authorisation problem ("list")
    resource: str = ""  #: the denied resource ("pods", "deployments.apps")
    namespace: str = ""  #: where; empty for the whole cluster
    source: str = ""  #: the file and document, for input that could not be read


def nearest(word: str, known: Iterable[str]) -> str:
    """The known words most like ``word``, as a hint; empty when none is close."""
    close = alike(word, list(dict.fromkeys(known)), most=3, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else ""


def alike(word: str, known: Sequence[str], *, most: int, cutoff: float) -> list[str]:
    """The known words most like ``word``; ``cutoff`` is from 0 to 1 for the same."""
    import difflib  # two milliseconds of every start, for who makes a slip

    return difflib.get_close_matches(word, known, most, cutoff)
