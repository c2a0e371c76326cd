"""``mesh``: the meshes and revisions, their settings, and where each comes from."""

from __future__ import annotations

from typing import Any

import click

from kubectl_meshcheck.cli import options, plain
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, Problem


@click.command(
    cls=options.Command,
    short_help="The meshes found, and where their settings come from.",
    epilog="""\
\b
Examples:
  kubectl meshcheck mesh
  kubectl meshcheck mesh -o wide         the webhooks and their selectors too
  kubectl meshcheck mesh -f dump/ -R     from saved objects, no cluster
""",
)
@click.option("--no-headers", is_flag=True, help="Do not print the table's headers.")
@click.option(
    "-n",
    "--namespace",
    default="",
    metavar="NAME",
    help="Count the workloads of this namespace only; by default of all.",
)
@plain.files
@plain.output("table", "wide", "json", "yaml")
@options.mesh_fix
@options.connection
def mesh(output: str, color: str, no_headers: bool, **given: Any) -> ExitCode:
    """Show every mesh and revision: its tags, version and mode, its settings.

    Each setting stands with the place that it comes from, like git config
    --show-origin, and with what it overrode. What cannot be read is said to be
    unknown, and why.

    --fix makes the whole mesh hold its applications: it edits the ConfigMap of the
    revision and names the workloads to restart.
    """
    wish = _fixing(given)
    if wish:
        if output != "table":
            raise click.UsageError(f"--fix shows a plan, not -o {output}")
        return _fix(wish, given)
    from kubectl_meshcheck.cli import show
    from kubectl_meshcheck.report import planes
    from kubectl_meshcheck.survey import Survey, survey, with_problems

    offline = bool(given["filenames"])
    namespaces = (given["namespace"],) if given["namespace"] else ()
    try:
        (inventory, problems), _ = plain.read("mesh", given, namespaces)
        unknown = inventory.mesh_objects.webhooks_unknown
        subjects = inventory.subjects()
        if offline and namespaces:  # what is in files is read as a whole
            subjects = [s for s in subjects if s.ref.namespace in namespaces]
        found = survey(inventory.control_planes(), subjects)
        found = with_problems(found, problems, "" if offline else unknown)
    except MeshcheckError as error:
        if output in ("table", "wide") or error.code is not ExitCode.UNREADABLE:
            raise
        found = Survey(problems=(Problem(error.what, error.hint),))
    view = plain.view(output, color, not no_headers)
    click.echo(planes.render(found, output, view), nl=False, color=True)
    show.complain_of(found.problems)
    if not found.planes and not found.problems:
        click.echo("No service mesh was found.", err=True)
    return found.exit_code


def _fixing(given: dict[str, Any]) -> dict[str, Any] | None:
    """The options of ``--fix``; None without it.  Raises when one stands alone."""
    names = ("revision", "dry_run", "yes", "wait", "timeout", "allow_drift", "restart")
    wish = {name: given.pop(name) for name in names}
    if given.pop("fix"):
        if given["filenames"]:
            raise click.UsageError("--fix changes a cluster, it goes without -f")
        return wish
    options.alone(names, "fix")
    return None


def _fix(wish: dict[str, Any], given: dict[str, Any]) -> ExitCode:
    from kubectl_meshcheck.cli import fix_mesh, show
    from kubectl_meshcheck.cluster import Connection, connect
    from kubectl_meshcheck.survey import Survey, with_problems

    namespaces = (given["namespace"],) if given["namespace"] else ()
    files = ("config", "filenames", "recursive")
    known = {k: v for k, v in given.items() if k not in files}
    cluster = connect(Connection(command="kubectl meshcheck mesh", **known))
    (inventory, problems), _ = plain.read("mesh", given, namespaces)
    unknown = inventory.mesh_objects.webhooks_unknown
    problems = [*with_problems(Survey(), problems, unknown).problems]
    show.complain_of(problems)
    try:
        code = fix_mesh.carry_out(cluster, inventory, fix_mesh.MeshFixing(**wish))
    except fix_mesh.NothingFoundError as error:
        if not problems:
            raise
        show.complain_of([show.perhaps(error)])
        return error.code
    return max(code, ExitCode.UNREADABLE) if problems and not code else code
