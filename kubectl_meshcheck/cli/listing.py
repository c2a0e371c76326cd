"""A scan of many workloads; of each no more is kept than is shown in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, Protocol

import click
from msgspec.structs import replace

from kubectl_meshcheck import scan
from kubectl_meshcheck.cli import show
from kubectl_meshcheck.cli.show import Gathered, Output, Select
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, Problem
from kubectl_meshcheck.hearing import Read
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.pages import DisorderError
from kubectl_meshcheck.scan import K, Outcome, Row
from kubectl_meshcheck.workload import Subject

Done = Callable[[list[Subject]], None]
Gather = Callable[[Done | None], Gathered]
_FORMS = ("table", "wide", "json")


class _Form(Protocol[K]):
    """A format that takes rows one after another."""

    def of(self, row: Row) -> K: ...
    def text(self, found: Outcome[K]) -> Iterator[str]: ...
    def missing(self, found: Outcome[K]) -> tuple[str, ...]: ...


def run(
    options: Output,
    gather: Gather,
    *,
    select: Select = lambda all_: all_,
    readers: Sequence[Read] = (),
    namespaces: bool = False,
    nothing: Callable[[], str] = lambda: "No resources found.",
) -> ExitCode:
    """Gathers, scans, prints; the parameters are those of ``show.run``.

    ``gather`` may hand workloads over while it goes on, and has the rest in the end.
    """
    if options.output not in _FORMS:
        return show.run(
            options,
            lambda: gather(None),
            select=select,
            readers=readers,
            namespaces=namespaces,
            nothing=nothing,
        )
    how = (options, gather, select, readers, nothing)
    view = show.view(options, namespaces)
    # each form is imported when it is asked for: a scan pays for no other's start
    if options.for_people:
        from kubectl_meshcheck.report import table

        return _printed(table.Lines(view), *how)
    from kubectl_meshcheck.report import data

    return _printed(data.Pieces(view), *how)


def _printed(
    form: _Form[K],
    options: Output,
    gather: Gather,
    select: Select,
    readers: Sequence[Read],
    nothing: Callable[[], str],
) -> ExitCode:
    rules, fail_on = show.rules_of(options)
    try:
        found = _scanned(form, gather, rules, select, readers)
    except MeshcheckError as error:
        if error.code is not ExitCode.UNREADABLE or options.for_people:
            raise
        found = Outcome(problems=(Problem(error.what, error.hint),))
    found = replace(found, fail_on=fail_on)
    for text in form.text(found):
        click.echo(text, nl=False, color=True)
    rows = [(row.worst, row.ref) for row in found.rows]
    missing = form.missing(found)
    show.tell(rows, found.problems, found.warnings, options, nothing, missing)
    return found.exit_code


def _scanned(
    form: _Form[K],
    gather: Gather,
    rules: Sequence[Ignore],
    select: Select,
    readers: Sequence[Read],
) -> Outcome[K]:
    kept = _Kept(form, rules)
    try:
        gathered = gather(lambda subjects: kept.add(select(subjects)))
    except DisorderError:  # no API server's, and nothing is sure of what was kept
        kept = _Kept(form, rules)
        gathered = gather(None)
    subjects, problems, notes = show.heard(gathered, select, readers)
    kept.add(subjects)
    rows = sorted(kept.rows, key=lambda row: row.damage)
    return Outcome(rows, problems, (*sorted(kept.warnings), *notes))


class _Kept(Generic[K]):
    def __init__(self, form: _Form[K], rules: Sequence[Ignore]) -> None:
        self.rows: list[K] = []
        self.warnings: set[str] = set()
        self._form, self._rules = form, rules

    def add(self, subjects: list[Subject]) -> None:
        """Scans these."""
        found = scan.rows(subjects, self._rules, self.warnings)
        self.rows += map(self._form.of, found)
