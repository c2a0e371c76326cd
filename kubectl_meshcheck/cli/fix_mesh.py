"""``mesh --fix``: the hold for a whole mesh, and the restarts that bring it about."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click
import msgspec

from kubectl_meshcheck.apply import meshwide
from kubectl_meshcheck.cli import show
from kubectl_meshcheck.cli.watching import Watching
from kubectl_meshcheck.cluster import Cluster
from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.plan import meshwide as plans
from kubectl_meshcheck.plan.meshwide import MeshChange, MeshLeft
from kubectl_meshcheck.plan.values import BAD
from kubectl_meshcheck.plan.where import changeable
from kubectl_meshcheck.report.fixing import name
from kubectl_meshcheck.report.text import safe
from kubectl_meshcheck.workload import Ref


class NothingFoundError(MeshcheckError):
    """There is no mesh, or no such revision."""


class MeshFixing(msgspec.Struct, frozen=True):
    """The options, as typed."""

    revision: str = ""
    dry_run: str = "none"
    yes: bool = False
    wait: bool = True
    timeout: float = 600
    allow_drift: bool = False
    restart: bool = False


def carry_out(cluster: Cluster, inventory: Inventory, fixing: MeshFixing) -> ExitCode:
    """Plans, asks, writes, and restarts where that is wanted."""
    planned = [
        _planned(cluster, plane, fixing)
        for plane in _chosen(inventory.control_planes(), fixing.revision)
    ]
    racing = _racing(inventory)
    for one in planned:
        click.echo(_shown(one, racing))
    changes = [one for one in planned if isinstance(one, MeshChange)]
    refused = any(isinstance(one, MeshLeft) and one.refused for one in planned)
    code = ExitCode.REFUSED if refused else ExitCode.CLEAN
    if not changes:
        return code
    if fixing.dry_run == "none" and not _agreed(changes, fixing):
        return ExitCode.FOUND
    for change in changes:
        _write(cluster, change, fixing)
    if fixing.dry_run == "none" and fixing.restart:
        return max(code, _restarts(cluster, changes, racing, fixing))
    return code


def _chosen(planes: Sequence[ControlPlane], revision: str) -> list[ControlPlane]:
    named = [p for p in planes if revision in ("", p.revision, *p.tags)]
    if not named:
        known = [word for p in planes for word in (p.revision, *p.tags)]
        what = f"no revision {revision} was found" if revision else "no mesh was found"
        hint = nearest(revision, known) or "kubectl meshcheck mesh lists them"
        hint = hint if revision else "kubectl meshcheck ns --fix mends workloads alone"
        raise NothingFoundError(what, hint)
    return named


def _planned(
    cluster: Cluster, plane: ControlPlane, fixing: MeshFixing
) -> MeshChange | MeshLeft:
    where = plans.place(plane)
    if isinstance(where, MeshLeft):
        return where
    change = plans.change(where, meshwide.read(cluster, where))
    if isinstance(change, MeshLeft):
        return change
    lost = None if fixing.allow_drift else plans.lost(change)
    if lost is None and fixing.dry_run != "client":
        meshwide.write(cluster, change, dry=True)
    return lost or change


Racing = dict[tuple[str, str], list[Ref]]


def _racing(inventory: Inventory) -> Racing:
    """The workloads that race, by mesh and revision of what would inject them next."""
    found: Racing = {}
    for subject in inventory.subjects():
        told = subject.explained
        plane = told.plane if told else None
        if plane is None or subject.judgement.verdict not in BAD:
            continue
        refs = found.setdefault((plane.mesh, plane.revision), [])
        if subject.keeper not in refs and changeable(subject.keeper.kind):
            refs.append(subject.keeper)
    return found


def _shown(one: MeshChange | MeshLeft, racing: Racing) -> str:
    plane = one.place.plane if isinstance(one, MeshChange) else one.plane
    title = f"{plane.mesh} {plane.revision}".strip()
    lines = [f"{title} in namespace {plane.namespace}"]
    if isinstance(one, MeshLeft):
        lines.append(f"  {'refused:' if one.refused else 'no change:':<11}{one.reason}")
        lines += [f"  {'instead:':<11}{one.instead}"] if one.instead else []
        return "\n".join(safe(line) for line in lines) + "\n"
    lines += [
        f"  {'writes:':<11}{name(one.place.ref)}, {one.place.key}",
        f"  {'today:':<11}{one.today}",
        f"  {'then:':<11}every pod made from then on waits, unless it says otherwise",
    ]
    for owner in one.owners:
        lines.append(f"  {'owner:':<11}{owner}: the change {owner.fate.value}")
    lines.append(f"  {'for good:':<11}{one.for_good}")
    refs = racing.get((plane.mesh, plane.revision), [])
    lines.append(f"  {'restarts:':<11}nothing by itself; racing until made anew:")
    lines += [f"    kubectl rollout restart {ref} -n {ref.namespace}" for ref in refs]
    lines += [] if refs else ["    nothing"]
    return "\n".join(safe(line) for line in (*lines, "", *one.diff.splitlines(), ""))


def _agreed(changes: Sequence[MeshChange], fixing: MeshFixing) -> bool:
    if fixing.yes:
        return True
    if not sys.stdin.isatty():
        what = "--fix asks before it changes something, and there is nobody to ask"
        hint = "look with --dry-run=server, then add --yes"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
    names = ", ".join(safe(name(change.place.ref)) for change in changes)
    click.echo(f"This changes {names}, for the whole mesh.", err=True)
    click.echo("Do you want to continue? (y/N): ", err=True, nl=False)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    click.echo("Nothing was changed.", err=True)
    return False


_SAID = {"client": " (dry run)", "server": " (server dry run)", "none": ""}


def _write(cluster: Cluster, change: MeshChange, fixing: MeshFixing) -> None:
    if fixing.dry_run == "none":
        meshwide.write(cluster, change)
    verb = "patched" if change.live else "created"
    click.echo(f"{safe(name(change.place.ref))} {verb}{_SAID[fixing.dry_run]}")


def _restarts(
    cluster: Cluster, changes: Sequence[MeshChange], racing: Racing, fixing: MeshFixing
) -> ExitCode:
    """Restarts what races, once the injector has read the new setting."""
    for change in changes:
        plane = change.place.plane
        refs = racing.get((plane.mesh, plane.revision), [])
        late = meshwide.wait_for_injector(cluster, refs[0]) if refs else ""
        if late:
            show.complain(f"nothing was restarted: {late}", "look at istiod's log")
            return ExitCode.INEFFECTIVE
        watching = Watching()
        done = meshwide.restart(cluster, refs, fixing.timeout, watching)
        for ref, said, well in done:
            watching.close()
            click.echo(f"{safe(name(ref))} {'restarted' if well else 'failed'}")
            click.echo(f"  {safe(said)}")
            if not well:
                return ExitCode.INEFFECTIVE
    return ExitCode.CLEAN
