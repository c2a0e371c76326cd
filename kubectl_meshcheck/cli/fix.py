"""``--fix``: shows the plan, asks, carries it out, and says how it went."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import click
import msgspec

from kubectl_meshcheck import scan
from kubectl_meshcheck.apply import gather, run
from kubectl_meshcheck.cli import differ, show
from kubectl_meshcheck.cli.show import PROGRAM, Gathered, Output
from kubectl_meshcheck.cli.targets import MissingError
from kubectl_meshcheck.cli.watching import Watching
from kubectl_meshcheck.cluster import Cluster
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, Problem
from kubectl_meshcheck.plan import Allowed, Change, Item, Refused, allowed
from kubectl_meshcheck.plan.outcome import Fixed, Outcome, Result, untouched
from kubectl_meshcheck.report import fixing
from kubectl_meshcheck.report.text import View, safe
from kubectl_meshcheck.workload import Subject


class Fixing(msgspec.Struct, frozen=True):
    """The options of ``--fix``, as typed."""

    fix: bool = False
    dry_run: str = "none"
    yes: bool = False
    interactive: bool = False
    wait: bool = True
    timeout: float = 600  #: seconds
    allow_drift: bool = False
    force_conflicts: bool = False
    rollback_on_failure: bool = False

    @property
    def agreed(self) -> Allowed:
        return Allowed(self.allow_drift, self.force_conflicts)

    @property
    def way(self) -> run.Way:
        return run.Way(self.agreed, self.wait, self.timeout, self.rollback_on_failure)


class _Job(msgspec.Struct, frozen=True):
    """One call of ``--fix``."""

    output: Output
    fixing: Fixing
    cluster: Cluster
    view: View

    @property
    def people(self) -> bool:
        return self.output.for_people


def carry_out(
    output: Output,
    fixing: Fixing,
    look: Callable[[], Gathered],
    cluster: Callable[[], Cluster],
    *,
    select: Callable[[list[Subject]], list[Subject]] = lambda all_: all_,
    named: bool = False,
    namespaces: bool = False,
) -> ExitCode:
    """Plans and does it.  ``named``: the user has named the workloads.

    ``look`` fills the inventory; ``cluster`` gives the connection that it opened.
    """
    try:
        job, items, problems = _planned(
            output, fixing, look, cluster, select, (named, namespaces)
        )
        told = len(job.cluster.warnings)
        outcomes = _outcomes(job, items)
    except MeshcheckError as error:
        if error.code is not ExitCode.UNREADABLE or output.for_people:
            raise
        fixed = Fixed(problems=(Problem(error.what, error.hint),))
        _print(output, show.view(output, namespaces), fixed)
        return fixed.exit_code
    fail = show.rules_of(output)[1] is not None
    fixed = Fixed(tuple(outcomes), tuple(problems), fail)
    _print(output, job.view, fixed)
    for warning in job.cluster.warnings[told:]:
        click.echo(f"Warning: {safe(warning)}", err=True)
    return fixed.exit_code


def _planned(
    output: Output,
    fixing: Fixing,
    look: Callable[[], Gathered],
    cluster: Callable[[], Cluster],
    select: Callable[[list[Subject]], list[Subject]],
    shape: tuple[bool, bool],
) -> tuple[_Job, list[Item], list[Problem]]:
    """Looks, and plans; ``shape``: whether workloads are named, and many namespaces."""
    inventory, problems = look()
    rules, _ = show.rules_of(output)
    subjects, problems = show.chosen(select, inventory, problems, all_=True)
    found = scan.scan(subjects, rules)
    job = _Job(output, fixing, cluster(), show.view(output, shape[1]))
    items, more = _plans(job, gather.targets(found.rows, all_=shape[0]))
    return job, items, [*problems, *more]


def _plans(
    job: _Job, targets: Sequence[gather.Target]
) -> tuple[list[Item], list[Problem]]:
    """What to do about each, tried on the server unless that is not wanted."""
    items, problems = [], []
    live = job.fixing.dry_run != "client"
    time = run.now()
    for target in targets:
        item, wrong = gather.plan(job.cluster, target, time, ask=live)
        problems += wrong
        if item is None:
            continue
        if live:
            item = run.tried(job.cluster, item, job.fixing.agreed)
        elif isinstance(item, Change):
            item = allowed(item, job.fixing.agreed)
        items.append(item)
    return items, problems


def _outcomes(job: _Job, items: Sequence[Item]) -> list[Outcome]:
    """Shows the plan and does what the user agrees to."""
    changes = [item for item in items if isinstance(item, Change)]
    rest = untouched([item for item in items if not isinstance(item, Change)])
    if job.people:
        _show(job, items)
    dry = {"client": Result.CLIENT, "server": Result.SERVER}.get(job.fixing.dry_run)
    if dry:
        return [*(Outcome(change, dry) for change in changes), *rest]
    agreed = _agreed(job, changes)
    declined = [change for change in changes if change not in agreed]
    done = _done(job, agreed)
    skipped = [Outcome(one, Result.SKIPPED, "not wanted") for one in declined]
    return [*done, *skipped, *rest]


def _show(job: _Job, items: Sequence[Item]) -> None:
    plans = differ.plan(items, job.view)
    if plans:
        click.echo(plans, color=True)


def _agreed(job: _Job, changes: Sequence[Change]) -> list[Change]:
    """The changes that the user wants.  Raises when nobody can be asked."""
    if job.fixing.yes or all(change.written for change in changes):
        return list(changes)
    if not sys.stdin.isatty():
        what = "--fix asks before it changes something, and there is nobody to ask"
        hint = "look with --dry-run=server, then add --yes"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
    if job.fixing.interactive:
        return [change for change in changes if _yes(f"Fix {fixing.name(change.ref)}?")]
    names = "".join(f"  {safe(fixing.name(c.ref))}\n" for c in changes)
    click.echo(f"This changes, one after the other:\n{names}", err=True, nl=False)
    return list(changes) if _yes("Do you want to continue?") else []


def _yes(question: str) -> bool:
    """kubectl's confirmation: anything but y is no (kubectl: pkg/cmd/delete)."""
    click.echo(f"{question} (y/N): ", err=True, nl=False)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _done(job: _Job, changes: Sequence[Change]) -> list[Outcome]:
    watching = Watching()
    done: list[Outcome] = []
    try:
        for outcome in run.carry_out(job.cluster, changes, job.fixing.way, watching):
            watching.close()
            done.append(outcome)
            if job.people:
                for line in fixing.outcome(outcome, job.view):
                    click.echo(line)
    except KeyboardInterrupt:
        watching.close()
        _interrupted(changes[len(done)], changes[len(done) + 1 :])
        raise
    return done


def _interrupted(current: Change, left: Sequence[Change]) -> None:
    """Says how things stand; the objects are left as they are."""
    words = f"{current.ref} -n {current.ref.namespace}"
    click.echo(
        f"\nstopped watching {safe(fixing.name(current.ref))}; it is not taken back\n"
        f"  {PROGRAM} {safe(words)} --fix   goes on watching\n"
        f"  {PROGRAM} undo {safe(words)}   takes it back",
        err=True,
    )
    if left:
        names = ", ".join(safe(fixing.name(change.ref)) for change in left)
        click.echo(f"not begun: {names}", err=True)


def _print(output: Output, view: View, fixed: Fixed) -> None:
    if output.output == "json":
        click.echo(fixing.as_json(fixed), nl=False)
    elif output.output == "yaml":
        click.echo(fixing.as_yaml(fixed), nl=False)
    elif output.output == "name":
        click.echo(fixing.names(fixed), nl=False)
    else:
        _results(view, fixed)
    show.complain_of(fixed.problems)
    if not fixed.outcomes and not fixed.problems:
        click.echo("Nothing to fix: no workload was found racing.", err=True)
    if output.for_people:
        _complain(fixed)


def _results(view: View, fixed: Fixed) -> None:
    """The lines of what was not told while it was done."""
    told = (Result.CLIENT, Result.SERVER, Result.SAME)
    for outcome in fixed.outcomes:
        done = isinstance(outcome.item, Change) and outcome.result is Result.SAME
        if outcome.result in told and not done:
            click.echo(next(iter(fixing.outcome(outcome, view))))


def _complain(fixed: Fixed) -> None:
    """What was refused, once more where errors stand."""
    for outcome in fixed.outcomes:
        if isinstance(outcome.item, Refused):
            show.complain(f"{outcome.ref} is not changed: {outcome.said}", outcome.hint)


def next_pods(
    cluster: Callable[[], Cluster],
    select: Callable[[list[Subject]], list[Subject]],
) -> Callable[[list[Subject]], list[Subject]]:
    """``--preview``: a selection of the same workloads as their next pods would be."""

    def chosen(subjects: list[Subject]) -> list[Subject]:
        missing: MissingError | None = None
        try:
            picked = select(subjects)
        except MissingError as error:
            picked, missing = error.found, error
        progress = show.Progress()
        found, unasked = gather.foreseen(cluster(), picked, progress)
        progress.close()
        for one in unasked:
            click.echo(f"warning: {safe(one)}", err=True)
        if missing:
            raise MissingError(missing.errors, found)
        return found

    return chosen
