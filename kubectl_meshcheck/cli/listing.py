"""A scan of many workloads; for the table no more is kept of each than that shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

from kubectl_meshcheck import scan
from kubectl_meshcheck.cli import show
from kubectl_meshcheck.cli.show import Gathered, Output, Select
from kubectl_meshcheck.errors import ExitCode
from kubectl_meshcheck.hearing import Read
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.pages import DisorderError
from kubectl_meshcheck.report import table
from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.workload import Subject

Done = Callable[[list[Subject]], None]


def run(
    options: Output,
    gather: Callable[[Done | None], Gathered],
    *,
    select: Select = lambda all_: all_,
    readers: Sequence[Read] = (),
    namespaces: bool = False,
    nothing: Callable[[], str] = lambda: "No resources found.",
) -> ExitCode:
    """Gathers, scans, prints; the parameters are those of ``show.run``.

    ``gather`` may hand workloads over while it goes on, and has the rest in the end.
    """
    if not options.for_people:
        return show.run(
            options,
            lambda: gather(None),
            select=select,
            readers=readers,
            namespaces=namespaces,
            nothing=nothing,
        )
    rules, fail_on = show.rules_of(options)
    view = show.view(options, namespaces)
    kept = _Kept(rules, select, view)
    try:
        gathered = gather(kept.add)
    except DisorderError:  # no API server's, and nothing is sure of what was kept
        kept = _Kept(rules, select, view)
        gathered = gather(None)
    subjects, problems, notes = show.heard(gathered, select, readers)
    kept.scan(subjects)
    lines = kept.sorted()
    shown = [line for line in lines if table.wanted(line.worst, view)]
    click.echo(table.draw(shown, view), nl=False, color=True)
    rows = [(line.worst, line.ref) for line in lines]
    missing = table.left_out(shown, view)
    warnings = (*sorted(kept.warnings), *notes)
    show.tell(rows, problems, warnings, options, nothing, missing)
    worst = max((line.worst for line in lines), default=scan.NOTHING)
    return scan.exit_code(worst, fail_on, problems)


class _Kept:
    def __init__(self, rules: Sequence[Ignore], select: Select, view: View) -> None:
        self.warnings: set[str] = set()
        self._rules, self._select = rules, select
        self._view = table.Lines(view)
        self._lines: list[table.Line] = []

    def add(self, subjects: list[Subject]) -> None:
        """Scans what ``select`` picks of these."""
        self.scan(self._select(subjects))

    def scan(self, subjects: list[Subject]) -> None:
        """Scans all of these."""
        for row in scan.rows(subjects, self._rules, self.warnings):
            self._lines.append(self._view.of(row))

    def sorted(self) -> list[table.Line]:
        """All lines, the one that hurts most first."""
        return sorted(self._lines, key=lambda line: line.damage)
