"""The commands that look: at namespaces, at workloads, at files, at the demo."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from kubectl_meshcheck import kinds
from kubectl_meshcheck.cli import complete, options
from kubectl_meshcheck.errors import ExitCode, MeshcheckError

if TYPE_CHECKING:
    # what a scan needs is imported when one is made: help and completion do not pay
    from kubectl_meshcheck.cli.show import Gathered, Output
    from kubectl_meshcheck.cluster import Cluster
    from kubectl_meshcheck.hearing import Read
    from kubectl_meshcheck.workload import Subject

    Select = Callable[[list[Subject]], list[Subject]]

_OUTPUT = (
    "output",
    "no_headers",
    "color",
    "only_problems",
    "fail_on",
    "ignores",
    "config",
)
_FIXING = (
    "fix",
    "dry_run",
    "yes",
    "wait",
    "timeout",
    "interactive",
    "allow_drift",
    "force_conflicts",
    "rollback_on_failure",
)
Options = dict[str, Any]


def taken(given: Options) -> Options:
    """The options of the output, out of all of a command."""
    return {name: given.pop(name) for name in _OUTPUT}


def output_of(given: Options) -> Output:
    from kubectl_meshcheck.cli.show import Output

    return Output(**taken(given))


def fixing_of(given: Options) -> Options | None:
    """The options of ``--fix``; None without it.  Raises when one stands alone."""
    taken = {name: given.pop(name) for name in _FIXING}
    if taken["fix"]:
        return taken
    options.alone(_FIXING, "fix")
    return None


def connected(given: Options, command: str) -> Cluster:
    from kubectl_meshcheck.cluster import Connection, connect

    return connect(Connection(command=f"kubectl meshcheck {command}", **given))


def expect_pods(
    cluster: Callable[[], Cluster], place: Callable[[], str], selector: str = ""
) -> None:
    """Asks for the pods: they come while what judges them is imported.

    What goes wrong is met again by who reads them, and told there.
    """
    params = {"labelSelector": selector} if selector else {}
    with suppress(MeshcheckError):
        cluster().expect(kinds.POD.path(place()), params=params)


def scan_of(
    cluster: Cluster,
    names: Sequence[str],
    selector: str,
    proof: bool,
    nodes: bool = False,
) -> Callable[..., Gathered]:
    from kubectl_meshcheck import live
    from kubectl_meshcheck.cli.show import Progress

    def gather(done: live.Done | None = None) -> Gathered:
        progress = Progress()
        try:
            scope = live.Scope(tuple(names), selector, proof, nodes)
            return live.from_cluster(cluster, scope, progress, done)
        finally:
            progress.close()
            for warning in cluster.warnings:
                click.echo(f"Warning: {warning}", err=True)

    return gather


def reader_of(cluster: Cluster) -> Read:
    from kubectl_meshcheck import log_reading

    return log_reading.logs_of(cluster)


def mend(
    output: Output,
    fixing: Options,
    gather: Callable[[], Gathered],
    clusters: list[Cluster],
    select: Select,
    **more: bool,
) -> ExitCode:
    from kubectl_meshcheck.cli import fix

    return fix.carry_out(
        output,
        fix.Fixing(**fixing),
        gather,
        lambda: clusters[0],
        select=select,
        **more,
    )


def next_pods(clusters: list[Cluster], select: Select) -> Select:
    from kubectl_meshcheck.cli import fix

    return fix.next_pods(lambda: clusters[0], select)


def _look(
    words: Sequence[str],
    logs: bool,
    preview: bool,
    fixing: Options | None,
    given: Options,
) -> ExitCode:
    from kubectl_meshcheck.cli import targets

    wanted = targets.parse(words)
    shown = taken(given)
    readers: list[Read] = []
    clusters: list[Cluster] = []

    def cluster() -> Cluster:
        if not clusters:
            clusters.append(connected(given, words[0]))
        return clusters[0]

    def gather() -> Gathered:
        if logs:
            readers.append(reader_of(cluster()))
        place = [cluster().namespace]
        return scan_of(cluster(), place, "", logs, nodes=True)()

    def wanted_ones(subjects: list[Subject]) -> list[Subject]:
        return targets.selector(wanted, cluster().namespace)(subjects)

    select: Select = wanted_ones
    expect_pods(cluster, lambda: cluster().namespace)

    from kubectl_meshcheck.cli import show

    output = show.Output(**shown)
    if fixing:
        return mend(output, fixing, gather, clusters, select, named=True)
    if preview:
        select = next_pods(clusters, select)
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
    @options.preview
    @options.output
    @options.fix
    @options.connection
    def command(
        names: tuple[str, ...],
        logs: bool,
        preview: bool,
        **given: Any,
    ) -> ExitCode:
        words = [kind, *names] if kind else names
        return _look(words, logs, preview, fixing_of(given), given)

    return command


class _Files(options.Command):
    """Knows what becomes of ``-f *.yaml`` in a shell."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "unexpected extra argument" not in error.message:
                raise
            what = f"{error.message.rstrip('.')}; write -f before each file, or -f DIR"
            raise click.UsageError(what, ctx) from error


@click.command("file", cls=_Files, short_help="Scan saved objects, no cluster.")
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
@options.files_fix
@options.output
def file(
    filenames: tuple[str, ...],
    recursive: bool,
    fix: bool,
    dry_run: str | None,
    yes: bool,
    mesh: str,
    **given: Any,
) -> ExitCode:
    """Scan manifests, dumps and must-gather directories, without a cluster.

    \b
      kubectl get pods,deploy -A -o json | kubectl meshcheck file -f -
      kubectl meshcheck file -f manifests/ -R
      kubectl meshcheck file -f must-gather.local.123/

    --fix writes the remedy into the manifests, all else kept byte for byte:

    \b
      kubectl meshcheck file --fix -f shop.yaml --dry-run=client
      kubectl meshcheck file --fix -f manifests/ -R --mesh istio --yes
      helm template ./chart | kubectl meshcheck file --fix -f - > shop.yaml
    """
    from kubectl_meshcheck import offline
    from kubectl_meshcheck.cli import listing

    given.pop("verbosity")
    output = output_of(given)
    if fix:
        from kubectl_meshcheck.cli import fix_files

        wish = (filenames, recursive, dry_run == "client", yes, mesh)
        return fix_files.run(fix_files.Wish(*wish, output))
    if dry_run or yes or mesh:
        raise click.UsageError("--dry-run, --yes and --mesh go with --fix")
    stdin = sys.stdin.buffer

    def gather(_: object) -> Gathered:
        return offline.from_files(filenames, recursive=recursive, stdin=stdin)

    nothing = f"No workloads found in {', '.join(filenames)}."
    return listing.run(output, gather, namespaces=True, nothing=lambda: nothing)


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
    return incident.tell(output_of(given))
