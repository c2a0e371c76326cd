"""``ns``: the workloads of namespaces, once or again and again."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kubectl_meshcheck.cli import complete, options
from kubectl_meshcheck.cli.scans import (
    Options,
    connected,
    expect_pods,
    fixing_of,
    mend,
    next_pods,
    reader_of,
    scan_of,
    taken,
)
from kubectl_meshcheck.errors import ExitCode

if TYPE_CHECKING:
    # what a scan needs is imported when one is made: help and completion do not pay
    from kubectl_meshcheck.cli.scans import Select
    from kubectl_meshcheck.cli.show import Gathered, Output
    from kubectl_meshcheck.cluster import Cluster
    from kubectl_meshcheck.hearing import Read
    from kubectl_meshcheck.inventory import Inventory
    from kubectl_meshcheck.live import Done
    from kubectl_meshcheck.scan import Report
    from kubectl_meshcheck.workload import Subject


@click.command(
    cls=options.Command,
    short_help="Scan the workloads of namespaces.",
    epilog="""\
\b
Examples:
  kubectl meshcheck ns                 the context's namespace
  kubectl meshcheck ns shop payments
  kubectl meshcheck ns -A --only-problems
  kubectl meshcheck ns shop -l app=cart -o json
""",
)
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete.spaces)
@click.option("-A", "--all-namespaces", is_flag=True, help="Scan every namespace.")
@click.option(
    "-l",
    "--selector",
    default="",
    metavar="SELECTOR",
    help="Only pods with these labels (app=cart, tier!=web, env in (a,b)).",
)
@options.namespace
@options.watch
@options.proof
@options.preview
@options.output
@options.fix
@options.connection
def ns(
    names: tuple[str, ...],
    all_namespaces: bool,
    selector: str,
    logs: bool,
    preview: bool,
    **given: Any,
) -> ExitCode:
    """Scan the workloads of namespaces: one row a workload.

    What stands in brackets starts without waiting; a star marks a native sidecar.
    Pods of one workload that start differently have a row each.
    """
    if all_namespaces and names:
        raise click.UsageError("a namespace cannot be named together with -A")
    if names and given["namespace"]:
        raise click.UsageError("a namespace cannot be named together with -n")
    if given["watch"] and (given["fix"] or preview or logs):
        what = "--watch only looks at pods: leave out --fix, --preview and --logs"
        raise click.UsageError(what)
    shown, fixing = taken(given), fixing_of(given)
    watched, interval = given.pop("watch"), given.pop("interval")
    if not watched:
        options.alone(("interval",), "watch")
    seen = _Namespaces(names, all_namespaces, selector, logs, given)
    seen.begin()

    from kubectl_meshcheck.cli import listing, show

    output = show.Output(**shown)

    def with_pods(subjects: list[Subject]) -> list[Subject]:
        return [s for s in subjects if s.pods] if selector else subjects

    select: Select = with_pods
    many = all_namespaces or len(names) > 1
    if fixing:
        clusters = seen.clusters
        return mend(output, fixing, seen.gather, clusters, select, namespaces=many)
    if preview:
        seen.at_once = True  # what is asked of the injector is asked in the end
        select = next_pods(seen.clusters, select)
    if watched:
        return _watch(output, interval, seen, select, namespaces=many)
    return listing.run(
        output,
        seen.gather,
        select=select,
        readers=seen.readers,
        namespaces=many,
        nothing=seen.nothing,
    )


class _Namespaces:
    """The namespaces of one call, and how they are read."""

    def __init__(
        self,
        names: tuple[str, ...],
        everywhere: bool,
        selector: str,
        logs: bool,
        given: Options,
    ) -> None:
        self.clusters: list[Cluster] = []  #: filled while it gathers
        self.readers: list[Read] = []  #: likewise, where logs are wanted
        self._names, self._everywhere = names, everywhere
        self._selector, self._logs = selector, logs
        self.at_once = logs  #: everything is wanted together
        self._given = given

    def begin(self) -> None:
        """Asks for the first pods."""
        expect_pods(
            self._cluster, lambda: next(iter(self._places()), ""), self._selector
        )

    def gather(self, done: Done | None = None) -> Gathered:
        """Everything, but what ``done`` was given before."""
        cluster = self._cluster()
        if self._logs and not self.readers:
            self.readers.append(reader_of(cluster))
        places = self._places()
        told = None if places or self.at_once else done
        return scan_of(cluster, places, self._selector, self._logs)(told)

    def again(self, before: Inventory) -> Gathered:
        """The pods alone, a little later."""
        from kubectl_meshcheck import live

        scope = live.Scope(tuple(self._places()), self._selector, self._logs)
        return live.pods_again(self._cluster(), scope, before)

    def nothing(self) -> str:
        """What to say when there is nothing to show, as kubectl says it."""
        places = self._places()
        if len(places) == 1:
            return f"No resources found in {places[0]} namespace."
        return "No resources found"

    def _cluster(self) -> Cluster:
        if not self.clusters:
            self.clusters.append(connected(self._given, "ns"))
        return self.clusters[0]

    def _places(self) -> Sequence[str]:
        if self._everywhere:
            return ()
        return self._names or (self._cluster().namespace,)


def _watch(
    output: Output,
    interval: float,
    seen: _Namespaces,
    select: Select,
    *,
    namespaces: bool,
) -> ExitCode:
    from msgspec.structs import replace

    from kubectl_meshcheck.cli import show, watch

    if not output.for_people:
        raise click.UsageError(f"--watch shows a table, not -o {output.output}")
    gc.enable()  # this one stays for hours
    rules, fail_on = show.rules_of(output)
    looks = watch.Looks(seen.gather, seen.again)

    def look() -> Report:
        found = show.look(looks.next, rules, select, seen.readers)
        return replace(found, fail_on=fail_on)

    return watch.watch(output, look, interval, namespaces=namespaces)
