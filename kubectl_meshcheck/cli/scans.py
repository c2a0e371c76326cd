"""The commands that look: at namespaces, at workloads, at files, at the demo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from kubectl_meshcheck import kinds
from kubectl_meshcheck.cli import complete, options
from kubectl_meshcheck.errors import ExitCode

if TYPE_CHECKING:
    # what a scan needs is imported when one is made: help and completion do not pay
    from kubectl_meshcheck.cli.show import Gathered, Output
    from kubectl_meshcheck.cluster import Cluster
    from kubectl_meshcheck.hearing import Read
    from kubectl_meshcheck.workload import Subject

_OUTPUT = (
    "output",
    "no_headers",
    "color",
    "only_problems",
    "fail_on",
    "ignores",
    "config",
)
Options = dict[str, Any]


def _output(given: Options) -> Output:
    from kubectl_meshcheck.cli.show import Output

    return Output(**{name: given.pop(name) for name in _OUTPUT})


def _connect(given: Options, command: str) -> Cluster:
    from kubectl_meshcheck.cluster import Connection, connect

    return connect(Connection(command=f"kubectl meshcheck {command}", **given))


def _scan(
    cluster: Cluster, names: Sequence[str], selector: str, proof: bool
) -> Callable[[], Gathered]:
    from kubectl_meshcheck import live
    from kubectl_meshcheck.cli.show import Progress

    def gather() -> Gathered:
        progress = Progress()
        try:
            scope = live.Scope(tuple(names), selector, proof)
            return live.from_cluster(cluster, scope, progress)
        finally:
            progress.close()
            for warning in cluster.warnings:
                click.echo(f"Warning: {warning}", err=True)

    return gather


def _reader(cluster: Cluster) -> Read:
    from kubectl_meshcheck import live

    return live.logs_of(cluster)


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
@options.proof
@options.output
@options.connection
def ns(
    names: tuple[str, ...],
    all_namespaces: bool,
    selector: str,
    logs: bool,
    **given: Any,
) -> ExitCode:
    """Scan the workloads of namespaces: one row a workload.

    What stands in brackets starts without waiting; a star marks a native sidecar.
    Pods of one workload that start differently have a row each.
    """
    from kubectl_meshcheck.cli import show

    if all_namespaces and names:
        raise click.UsageError("a namespace cannot be named together with -A")
    output = _output(given)

    def gather() -> Gathered:
        cluster = _connect(given, "ns")
        places.extend(() if all_namespaces else names or (cluster.namespace,))
        if logs:
            readers.append(_reader(cluster))
        return _scan(cluster, places, selector, logs)()

    places: list[str] = []
    readers: list[Read] = []

    def select(subjects: list[Subject]) -> list[Subject]:
        return [s for s in subjects if s.pods] if selector else subjects

    named = names[0] if len(names) == 1 else ""
    if all_namespaces or len(names) > 1:
        nothing = "No resources found"
    elif named or given["namespace"]:
        nothing = f"No resources found in {named or given['namespace']} namespace."
    else:
        nothing = "No resources found in the context's namespace."
    return show.run(
        output,
        gather,
        select=select,
        readers=readers,
        namespaces=all_namespaces or len(names) > 1,
        nothing=nothing,
    )


def _look(words: Sequence[str], logs: bool, given: Options) -> ExitCode:
    from kubectl_meshcheck.cli import show, targets

    wanted = targets.parse(words)
    output = _output(given)
    place: list[str] = []
    readers: list[Read] = []

    def gather() -> Gathered:
        cluster = _connect(given, words[0])
        place.append(cluster.namespace)
        if logs:
            readers.append(_reader(cluster))
        return _scan(cluster, place, "", logs)()

    def select(subjects: list[Subject]) -> list[Subject]:
        return targets.selector(wanted, place[0])(subjects)

    return show.run(output, gather, select=select, readers=readers, detail=True)


def workload_command(kind: str) -> click.Command:
    """The command for one kind; for ``TYPE/NAME`` when ``kind`` is empty."""
    shown = {one.short: one for one in kinds.KINDS}.get(kind)
    title = shown.kind if shown else "workload"

    @click.command(
        kind or "TYPE/NAME",
        cls=options.Command,
        short_help=f"Show a {title} in full.",
        help=f"Show a {title} in full: each container in start order, what it waits "
        "for, its hooks and probes, its state; then the verdict and the findings.",
        hidden=shown is not None and not shown.always,
    )
    @click.argument(
        "names",
        nargs=-1,
        required=True,
        metavar="NAME..." if kind else "TYPE/NAME...",
        shell_complete=complete.workloads,
    )
    @options.namespace
    @options.proof
    @options.output
    @options.connection
    def command(names: tuple[str, ...], logs: bool, **given: Any) -> ExitCode:
        return _look([kind, *names] if kind else names, logs, given)

    return command


@click.command(
    "file", cls=options.Command, short_help="Scan saved objects, no cluster."
)
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A file, a directory, or - for stdin; repeatable.",
)
@click.option(
    "-R", "--recursive", is_flag=True, help="Directories with all below them."
)
@options.output
def file(filenames: tuple[str, ...], recursive: bool, **given: Any) -> ExitCode:
    """Scan manifests, dumps and must-gather directories, without a cluster.

    \b
      kubectl get pods,deploy -A -o json | kubectl meshcheck file -f -
      kubectl meshcheck file -f manifests/ -R
      kubectl meshcheck file -f must-gather.local.123/
    """
    from kubectl_meshcheck import offline
    from kubectl_meshcheck.cli import show

    given.pop("verbosity")
    output = _output(given)
    stdin = sys.stdin.buffer

    def gather() -> Gathered:
        return offline.from_files(filenames, recursive=recursive, stdin=stdin)

    nothing = f"No workloads found in {', '.join(filenames)}."
    return show.run(output, gather, namespaces=True, nothing=nothing)


@click.command(cls=options.Command, short_help="A recorded incident, no cluster.")
@options.output
def demo(**given: Any) -> ExitCode:
    """Scan the incident that ships with the program, without a cluster.

    The application cannot reach the network when it starts; from a shell in the
    pod, in another namespace and as a plain workload it can.

    It is a demonstration, so it ends with 0; --fail-on makes it end as a scan does.
    """
    from kubectl_meshcheck.cli import incident

    given.pop("verbosity")
    given["fail_on"] = given["fail_on"] or "never"
    return incident.tell(_output(given))
