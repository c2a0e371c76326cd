"""``undo``: takes back what ``--fix`` wrote, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from kubectl_meshcheck.cli import complete, options
from kubectl_meshcheck.errors import ExitCode, MeshcheckError

if TYPE_CHECKING:
    from kubectl_meshcheck.apply.undo import Undoing
    from kubectl_meshcheck.cluster import Cluster
    from kubectl_meshcheck.workload import Ref


class _Way(NamedTuple):
    """How it is written, as typed."""

    dry_run: str
    yes: bool
    wait: bool
    timeout: float


@click.command(
    cls=options.Command,
    short_help="Take back what --fix wrote.",
    epilog="""\
\b
Examples:
  kubectl meshcheck undo deploy/cart -n shop
  kubectl meshcheck undo -n shop --all --dry-run=server
""",
)
@click.argument(
    "names", nargs=-1, metavar="TYPE/NAME...", shell_complete=complete.workloads
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Everything in the namespace that was fixed.",
)
@options.namespace
@options.writing
@options.connection
@options.verbosity
def undo(names: tuple[str, ...], everything: bool, **given: Any) -> ExitCode:
    """Take back what --fix wrote: the annotations as they were, and its record.

    Refuses where somebody has changed them since. The pods are made anew.
    """
    from kubectl_meshcheck.cluster import Connection, connect

    if everything == bool(names):
        raise click.UsageError("name the workloads, or give --all for a namespace")
    way = _Way(**{key: given.pop(key) for key in _Way._fields})
    cluster = connect(Connection(command="kubectl meshcheck undo", **given))
    maps = [word for word in names if word.partition("/")[0] in _MAPS]
    if maps:
        return _mesh_wide(cluster, maps, names, way)
    refs = _everything(cluster) if everything else _named(names, cluster.namespace)
    undoings, code = _prepared(cluster, refs, quiet=everything)
    if not undoings:
        if everything:
            click.echo("Nothing to undo: no workload carries a fix.", err=True)
        return code
    if not _agreed([one.ref for one in undoings], way):
        return ExitCode.FOUND
    return max(code, *(_undo(cluster, one, way) for one in undoings))


#: what a mesh's ConfigMap may be called
_MAPS = ("cm", "configmap", "configmaps")


def _mesh_wide(
    cluster: Cluster, maps: Sequence[str], names: Sequence[str], way: _Way
) -> ExitCode:
    """Takes back what ``mesh --fix`` wrote."""
    from kubectl_meshcheck.apply import meshwide
    from kubectl_meshcheck.plan.meshwide import CONFIG_MAP
    from kubectl_meshcheck.report.fixing import name
    from kubectl_meshcheck.report.text import safe
    from kubectl_meshcheck.workload import Ref

    if len(maps) != len(names):
        raise click.UsageError("a mesh's ConfigMap goes without workloads")
    refs = [Ref(CONFIG_MAP, cluster.namespace, word.partition("/")[2]) for word in maps]
    if not _agreed(refs, way):
        return ExitCode.FOUND
    said = {"client": " (dry run)", "server": " (server dry run)"}.get(way.dry_run, "")
    for ref in refs:
        done = way.dry_run == "client" or meshwide.undo(
            cluster, ref, dry=way.dry_run == "server"
        )
        click.echo(f"{safe(name(ref))} rolled back{said if done else ' (no change)'}")
    return ExitCode.CLEAN


def _named(names: Sequence[str], namespace: str) -> list[Ref]:
    from kubectl_meshcheck.cli import targets
    from kubectl_meshcheck.plan.where import changeable
    from kubectl_meshcheck.workload import Ref

    wanted = targets.parse(names)
    for target in wanted:
        if not changeable(target.kind):
            what = f"--fix writes nothing to a {target.kind.kind}"
            raise MeshcheckError(what, "name its owner", code=ExitCode.USAGE)
    return [Ref(target.kind, namespace, target.name) for target in wanted]


def _everything(cluster: Cluster) -> list[Ref]:
    """Every workload of the namespace that carries a record."""
    from kubectl_meshcheck import parse
    from kubectl_meshcheck.cluster import ApiError
    from kubectl_meshcheck.kinds import KINDS
    from kubectl_meshcheck.plan.record import RECORD
    from kubectl_meshcheck.plan.where import changeable
    from kubectl_meshcheck.workload import Ref

    found = []
    for kind in KINDS:
        if not changeable(kind):
            continue
        path = kind.path(cluster.namespace)
        try:
            for one in cluster.stream(path, parse.Bare, metadata_only=True):
                owner = parse.controller(one.metadata)
                if owner and owner.kind == "Deployment":
                    continue  # its controller copies annotations to ReplicaSets
                if RECORD in (one.metadata.annotations or {}):
                    found.append(Ref(kind, cluster.namespace, one.metadata.name))
        except ApiError as error:
            if error.status != 403 or kind.always:
                raise
    return found


def _prepared(
    cluster: Cluster, refs: Sequence[Ref], *, quiet: bool
) -> tuple[list[Undoing], ExitCode]:
    """What is to be taken back; what is refused is said and left alone."""
    from kubectl_meshcheck.apply import undo as undoing
    from kubectl_meshcheck.cli import show
    from kubectl_meshcheck.report.fixing import name
    from kubectl_meshcheck.report.text import safe

    found, code = [], ExitCode.CLEAN
    for ref in refs:
        try:
            one = undoing.prepare(ref, _read(cluster, ref))
        except MeshcheckError as error:
            if error.code is not ExitCode.REFUSED and len(refs) == 1:
                raise
            show.complain(error.what, error.hint)
            code = max(code, error.code)
            continue
        if one is not None:
            found.append(one)
        elif not quiet:
            click.echo(f"{safe(name(ref))} rolled back (no change)")
            click.echo("nothing to undo: it carries no fix", err=True)
    return found, code


def _read(cluster: Cluster, ref: Ref) -> dict[str, Any]:
    from kubectl_meshcheck.apply import objects
    from kubectl_meshcheck.cli import targets
    from kubectl_meshcheck.cluster import ApiError

    try:
        return objects.read(cluster, ref)
    except ApiError as error:
        if error.status != 404:
            raise
        raise targets.missing(ref.kind, ref.name, ref.namespace) from error


def _agreed(refs: Sequence[Ref], way: _Way) -> bool:
    """Whether the user wants it.  Raises when nobody can be asked."""
    from kubectl_meshcheck.report.fixing import name
    from kubectl_meshcheck.report.text import safe

    if way.yes or way.dry_run != "none":
        return True
    if not sys.stdin.isatty():
        what = "undo asks before it changes something, and there is nobody to ask"
        hint = "look with --dry-run=server, then add --yes"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
    names = "".join(f"  {safe(name(ref))}\n" for ref in refs)
    question = f"This takes back what was fixed:\n{names}"
    click.echo(f"{question}Do you want to continue? (y/N): ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    click.echo("Nothing was changed.", err=True)
    return False


def _undo(cluster: Cluster, one: Undoing, way: _Way) -> ExitCode:
    """Carries one out and says so; what fails is said too."""
    from kubectl_meshcheck.apply import undo as undoing
    from kubectl_meshcheck.cli import show
    from kubectl_meshcheck.report.fixing import name
    from kubectl_meshcheck.report.text import safe

    title = safe(name(one.ref))
    if way.dry_run == "client":
        click.echo(f"{title} rolled back (dry run)")
        return ExitCode.CLEAN
    try:
        undoing.undo(cluster, one, dry=way.dry_run == "server")
        if way.dry_run == "server":
            click.echo(f"{title} rolled back (server dry run)")
            return ExitCode.CLEAN
        click.echo(f"{title} rolled back")
        for key in one.kept:
            click.echo(f"  {safe(key)} stays: somebody else has set it as well")
        if way.wait:
            _wait(cluster, one, way.timeout)
    except MeshcheckError as error:
        show.complain(error.what, error.hint)
        return error.code
    return ExitCode.CLEAN


def _wait(cluster: Cluster, one: Undoing, timeout: float) -> None:
    from kubectl_meshcheck.apply import run, watch
    from kubectl_meshcheck.cli.watching import Watching
    from kubectl_meshcheck.plan.where import at

    if not run.rolls(one.ref, one.live) or not one.told:
        return
    uid = str(at(one.live, ("metadata",)).get("uid", ""))
    awaited = watch.Awaited(one.ref, uid, one.told, run.now(), timeout, strict=False)
    watching = Watching()
    try:
        watch.rolled_out(cluster, awaited, lambda seen: watching(one.ref, seen))
    finally:
        watching.close()
