"""Looks again and again: a table that stays, or the rows that change.

One list of pods a look, and one of events where they may tell more; owners and
settings are read anew once in a while.  Looks are further apart where they take long
or fail, and never all at the same moment.
"""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Callable
from typing import Protocol

import click
from msgspec.structs import replace

from kubectl_meshcheck import report
from kubectl_meshcheck.cli import show
from kubectl_meshcheck.cli.show import Gathered, Output
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report.text import View, cut, safe
from kubectl_meshcheck.scan import Report, Row

#: looks at the pods alone between two at everything
_LOOKS = 11
_LONGEST = 120.0  #: seconds between two looks, also after many failures
#: how many times as long as a look took, at least, until the next
_SPARE = 4


class Looks:
    """Gathers everything at first and once in a while, in between only the pods."""

    def __init__(
        self,
        first: Callable[[], Gathered],
        again: Callable[[Inventory], Gathered],
    ) -> None:
        self._first, self._again = first, again
        self._before: Inventory | None = None
        self._left = 0

    def next(self) -> Gathered:
        """What there is now."""
        if self._before is None or not self._left:
            self._before = None
            found = self._first()
            self._left = _LOOKS
        else:
            self._left -= 1
            found = self._again(self._before)
        self._before = found[0]
        return found


def pause(interval: float, took: float, failures: int) -> float:
    """Seconds until the next look, before chance is added."""
    usual = max(interval, _SPARE * took)
    longest = max(_LONGEST, interval)
    return min(longest, usual * 2.0 ** min(failures, 10))


class _Shows(Protocol):
    def show(self, found: Report) -> None: ...
    def failed(self, error: MeshcheckError, wait: float) -> None: ...
    def close(self) -> None: ...


def watch(
    options: Output, look: Callable[[], Report], interval: float, *, namespaces: bool
) -> ExitCode:
    """Shows what ``look`` finds until interrupted; never returns otherwise.

    The first look fails as any scan does; later ones are tried again.
    """
    found = look()
    shows: _Shows
    if sys.stdout.isatty():
        shows = _Screen(options, interval, namespaces)
    else:
        shows = _Lines(options, namespaces)
    failures, took = 0, 0.0
    try:
        shows.show(found)
        while True:
            wait = pause(interval, took, failures)
            time.sleep(wait * random.uniform(0.9, 1.1))  # noqa: S311  # no secret
            began = time.monotonic()
            try:
                found = look()
            except MeshcheckError as error:
                failures += 1
                shows.failed(error, pause(interval, took, failures))
            else:
                failures = 0
                shows.show(found)
            took = time.monotonic() - began
    finally:
        shows.close()


class _Screen:
    """The table in the terminal's other buffer, drawn over itself when it changes."""

    def __init__(self, options: Output, interval: float, namespaces: bool) -> None:
        self._options, self._namespaces = options, namespaces
        self._every = f"every {interval:g}s, Ctrl-C ends"
        self._table = ""
        self._drawn: list[str] = []
        click.echo("\x1b[?1049h", nl=False, color=True)

    def show(self, found: Report) -> None:
        view = show.view(self._options, self._namespaces)
        self._table = report.render(found, self._options.output, view)
        said = [f"error: {problem.what}" for problem in found.problems]
        self._draw([*said, self._every])

    def failed(self, error: MeshcheckError, wait: float) -> None:
        self._draw([f"cannot look: {error.what}", f"next try in {wait:.0f}s"])

    def _draw(self, below: list[str]) -> None:
        size = shutil.get_terminal_size()
        rows = self._table.splitlines() or ["No resources found."]
        room = max(1, size.lines - len(below) - 2)
        if len(rows) > room:
            more = len(rows) - room + 1
            rows = [*rows[: room - 1], f"... {more} more rows; make the window taller"]
        lines = [*rows, "", *(cut(safe(line), size.columns) for line in below)]
        if lines == self._drawn:
            return
        self._drawn = lines
        text = "".join(f"{line}\x1b[K\n" for line in lines).rstrip("\n")
        # home, each line over the one before, and clear what is left below
        click.echo(f"\x1b[H{text}\x1b[J", nl=False, color=True)

    def close(self) -> None:
        """Back to what was there, with the last table below it."""
        click.echo(f"\x1b[?1049l{self._table}", nl=False, color=True)


class _Lines:
    """The table once, then a line for each row that is new, changed or gone."""

    def __init__(self, options: Output, namespaces: bool) -> None:
        self._options = options
        self._view = show.view(options, namespaces)
        self._known: dict[str, str] = {}
        self._said = ""
        self._first = True

    def show(self, found: Report) -> None:
        now = self._rows(found)
        changed = [row for row in found.rows if now[_key(row)] != self._old(row)]
        gone = [key for key in self._known if key not in now]
        view = replace(self._view, headers=self._view.headers and self._first)
        some = replace(found, rows=tuple(changed))
        click.echo(
            report.render(some, self._options.output, view), nl=False, color=True
        )
        for key in gone:
            click.echo(f"gone: {safe(key)}")
        self._complain("; ".join(problem.what for problem in found.problems))
        self._known, self._first = now, False
        sys.stdout.flush()

    def _rows(self, found: Report) -> dict[str, str]:
        view = View(wide=True, headers=False, namespaces=True)
        return {
            _key(row): report.render(replace(found, rows=(row,)), "wide", view)
            for row in found.rows
        }

    def _old(self, row: Row) -> str | None:
        return self._known.get(_key(row))

    def failed(self, error: MeshcheckError, wait: float) -> None:
        self._complain(f"{error.what}; next try in {wait:.0f}s")

    def _complain(self, what: str) -> None:
        if what and what != self._said:
            show.complain(what)
        self._said = what

    def close(self) -> None:
        """Nothing is left to do."""


def _key(row: Row) -> str:
    """Which row it is; pods of one workload that start differently have several."""
    subject = row.subject
    place = f"{subject.ref.namespace}/" if subject.ref.namespace else ""
    shape = start_order(subject.judgement)
    return f"{place}{subject.ref} ({shape})"
