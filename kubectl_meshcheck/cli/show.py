"""From a filled inventory to the screen and the exit code."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TextIO

import click
import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import config, hearing, ignore, report, scan
from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.cli.targets import MissingError
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, Problem
from kubectl_meshcheck.hearing import Read
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.report import table
from kubectl_meshcheck.report.text import View, safe
from kubectl_meshcheck.scan import Report
from kubectl_meshcheck.workload import Ref, Subject

PROGRAM = "kubectl meshcheck"
Gathered = tuple[Inventory, list[Problem]]
Gather = Callable[[], Gathered]
Select = Callable[[list[Subject]], list[Subject]]


class Output(msgspec.Struct, frozen=True):
    """The output options, as typed."""

    output: str = "table"
    no_headers: bool = False
    color: str = "auto"
    only_problems: bool = False
    fail_on: str | None = None
    ignores: tuple[str, ...] = ()
    config: str = ""

    @property
    def for_people(self) -> bool:
        """Whether the format is read by people, not by programs."""
        return self.output in ("table", "wide")


def run(
    options: Output,
    gather: Gather,
    *,
    select: Select = lambda all_: all_,
    readers: Sequence[Read] = (),
    detail: bool = False,
    namespaces: bool = False,
    nothing: Callable[[], str] = lambda: "No resources found.",
) -> ExitCode:
    """Gathers, scans, prints; what goes wrong is printed in the same format.

    For what is no table, which ``listing`` prints.  ``readers`` may be filled while it
    gathers: what reads logs, where that is wanted.  ``nothing`` is asked after that:
    what to say when there is nothing to show.
    """
    rules, fail_on = rules_of(options)
    try:
        found = look(gather, rules, select, readers)
    except MeshcheckError as error:
        if error.code is not ExitCode.UNREADABLE or options.for_people:
            raise
        found = Report(problems=(Problem(error.what, error.hint),))
    found = replace(found, fail_on=fail_on)
    shown = view(options, namespaces)
    text = report.render(found, options.output, shown, detail=detail)
    click.echo(text, nl=False, color=True)
    rows = [(row.worst, row.subject.ref) for row in found.rows]
    tell(rows, found.problems, found.warnings, options, nothing)
    return found.exit_code


def look(
    gather: Gather,
    rules: Sequence[Ignore],
    select: Select,
    readers: Sequence[Read] = (),
) -> Report:
    """Gathers, reads logs where that is wanted, and scans."""
    subjects, problems, notes = heard(gather(), select, readers)
    found = scan.scan(subjects, rules)
    warnings = (*found.warnings, *notes)
    return replace(found, warnings=warnings, problems=tuple(problems))


def heard(
    gathered: Gathered, select: Select, readers: Sequence[Read] = ()
) -> tuple[list[Subject], list[Problem], list[str]]:
    """What ``select`` picks, with its logs where wanted; the problems and the notes."""
    inventory, problems = gathered
    subjects, problems = chosen(select, inventory, problems)
    for read in readers:
        subjects, deaf = hearing.listen(subjects, read)
        problems = [*problems, *deaf]
    return subjects, problems, inventory.notes


def chosen(
    select: Select,
    inventory: Inventory,
    problems: list[Problem],
    *,
    all_: bool = False,
) -> tuple[list[Subject], list[Problem]]:
    """What ``select`` picks; ``all_``: nothing, where it misses a target.

    A target that it misses is a problem beside those that it finds.  It may be in what
    could not be read: then, too, it is no error, which would hide why.
    """
    try:
        return select(inventory.subjects()), problems
    except MissingError as error:
        found = [] if all_ else error.found
        if not (problems or found):
            raise
        return found, [*problems, *(beside(one, problems) for one in error.errors)]
    except MeshcheckError as error:
        if error.code is not ExitCode.UNREADABLE or not problems:
            raise
        return [], [*problems, Problem(error.what, error.hint)]


def beside(error: MeshcheckError, problems: Sequence[Problem]) -> Problem:
    """An error as one more problem; these may be why something was not found."""
    return perhaps(error) if problems else Problem(error.what, error.hint)


def perhaps(error: MeshcheckError) -> Problem:
    """Something was not found, and not everything could be read."""
    return Problem(f"{error.what}, as far as it could be read", error.hint)


def rules_of(options: Output) -> tuple[Sequence[Ignore], Severity | None]:
    """The rules for what is ignored, and from which severity on a scan fails."""
    settings = config.load(options.config)
    try:
        rules = [rule for text in options.ignores for rule in ignore.parse(text)]
    except ValueError as error:
        raise MeshcheckError(
            f"--ignore: {error}",
            "write --ignore 'MC007: why it does not matter here'",
            code=ExitCode.USAGE,
        ) from error
    fail_on = settings.fail_on or Severity.WARNING
    if options.fail_on == "never":
        return [*rules, *settings.ignores], None
    if options.fail_on:
        fail_on = Severity(options.fail_on)
    return [*rules, *settings.ignores], fail_on


def view(options: Output, namespaces: bool = False) -> View:
    """How to show it, from the options and the terminal."""
    return View(
        wide=options.output == "wide",
        headers=not options.no_headers,
        namespaces=namespaces,
        color=_color(options.color, sys.stdout),
        width=_width() if sys.stdout.isatty() else 0,
        only_problems=options.only_problems,
        command=PROGRAM,
        invocation=_invocation(),
        ascii=not _carries(sys.stdout, "█░▒✗◄─►▲"),
    )


def _width() -> int:
    import shutil  # a terminal can wait for it, a pipe has no use for it

    return shutil.get_terminal_size().columns


def _invocation() -> str:
    """What was typed, for a report that is read elsewhere; no token in it."""
    ctx = click.get_current_context(silent=True)
    typed = ctx.find_root().obj if ctx else None
    if not isinstance(typed, list):
        return PROGRAM
    shown, secret = [PROGRAM], False
    for word in typed:
        hidden = "--token=***" if word.startswith("--token=") else shlex.quote(word)
        shown.append("***" if secret else hidden)
        secret = word == "--token"
    return " ".join(shown)


def _carries(stream: TextIO, signs: str) -> bool:
    """Whether the stream's encoding knows these signs."""
    try:
        signs.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _color(when: str, stream: TextIO) -> bool:
    if when != "auto":
        return when == "always"
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


def tell(
    rows: Sequence[tuple[int, Ref]],
    problems: Sequence[Problem],
    warnings: Iterable[str],
    options: Output,
    nothing: Callable[[], str],
    missing: Sequence[str] = (),
) -> None:
    """Everything that is not data, on stderr.

    ``rows`` are the ranks of their worst findings and their names, in their order;
    ``missing`` the columns for which the terminal is too narrow.
    """
    for warning in warnings:
        click.echo(f"warning: {safe(warning)}", err=True)
    complain_of(problems)
    if not rows and not problems:
        click.echo(nothing(), err=True)
    silent = options.only_problems and options.for_people and not problems
    hidden = View(only_problems=True)
    if silent and rows and not any(table.wanted(worst, hidden) for worst, _ in rows):
        click.echo("No problems found.", err=True)
    if not options.for_people or not rows or not sys.stdout.isatty():
        return
    hints = [_next(rows)]
    if missing:
        hints.append(f"Too narrow for {', '.join(missing)}: -o wide shows all.")
    told = "\n".join(filter(None, hints))
    if told:
        click.echo(f"\n{told}", err=True)


def _next(rows: Sequence[tuple[int, Ref]]) -> str:
    """What to type next, for a person at a terminal."""
    bad = [ref for worst, ref in rows if worst > scan.NOTHING]
    if not bad or len(rows) == 1:
        return ""
    place = f" -n {bad[0].namespace}" if bad[0].namespace else ""
    shown = safe(f"{PROGRAM} {bad[0]}{place}")
    return f"{len(bad)} of {len(rows)} have findings. Look closer: {shown}"


def complain(what: str, hint: str = "") -> None:
    """One sentence on stderr, and what to do next."""
    click.echo(f"error: {safe(what)}", err=True)
    if hint:
        click.echo(f"  {safe(hint)}", err=True)


def complain_of(problems: Iterable[Problem]) -> None:
    """``complain`` of each; what is denied alike, in one place, is told once."""
    told: dict[object, list[Problem]] = {}
    for one in problems:
        alike = (one.verb, one.namespace) if one.verb and one.resource else one
        told.setdefault(alike, []).append(one)
    for first, *others in told.values():
        if not others:
            complain(first.what, first.hint)
            continue
        complain(first.what)
        where = f" -n {first.namespace}" if first.namespace else ""
        names = ", ".join(one.resource for one in others)
        click.echo(f"  so are {safe(names)}", err=True)
        click.echo(f"  kubectl auth can-i --list{safe(where)}", err=True)


class Progress:
    """Counts pods on a terminal's last line, for scans that take a while."""

    #: seconds before anything is shown
    PATIENCE = 0.5

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._since = time.monotonic()
        self._shown = False

    def __call__(self, pods: int) -> None:
        if self._on and time.monotonic() - self._since > self.PATIENCE:
            self._shown = True
            click.echo(f"\r{pods:,} pods read", err=True, nl=False)

    def close(self) -> None:
        """Clears the line."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)
