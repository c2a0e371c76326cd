"""Tells the recorded incident with the program's own eyes."""

from __future__ import annotations

import click
from msgspec.structs import replace

from kubectl_meshcheck import demo, hearing, offline
from kubectl_meshcheck.cli import listing, show
from kubectl_meshcheck.cli.compare import compared
from kubectl_meshcheck.cli.rehearsal import rehearse
from kubectl_meshcheck.cli.show import Output
from kubectl_meshcheck.cli.targets import parse
from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.hearing import Wanted
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.report import compared as renderer
from kubectl_meshcheck.workload import Subject

_BEFORE = """\
KubeSphere 3.4, Istio 1.14.6. fireboom cannot reach the network when it starts; from a
shell in the pod it can, and in the namespace sandbox it always could.

$ kubectl meshcheck ns -A --logs
"""
_BETWEEN = """
$ kubectl meshcheck deploy/fireboom -n shop --logs
"""
_THERE = """
$ kubectl meshcheck diff deploy/fireboom -n shop -n sandbox
"""
_MENDED = """
$ kubectl meshcheck deploy/fireboom -n shop --fix --dry-run=client
"""
_AFTER = """
On your own cluster:
  kubectl meshcheck ns                  the namespace of your context
  kubectl meshcheck ns -A               every namespace
  kubectl meshcheck deploy/NAME -n NS   one workload in full
  kubectl meshcheck ns --fix            mend it: shows the plan and asks first
  kubectl meshcheck mesh                every mesh, and where its settings come from
"""
#: shortly after what was recorded, so that the demo says the same every time
_DAY = "2024-05-14T09:30:00Z"


def tell(options: Output) -> ExitCode:
    """Scans the incident; people see it step by step, programs get the report."""
    if not options.for_people:
        return show.run(options, _gather, readers=[_recorded], namespaces=True)
    click.echo(_BEFORE)
    code = listing.run(
        options, lambda _: _gather(), readers=[_recorded], namespaces=True
    )
    click.echo(_BETWEEN)
    show.run(
        replace(options, only_problems=False),
        _gather,
        select=_racing,
        readers=[_recorded],
        detail=True,
    )
    click.echo(_THERE)
    click.echo(_compared(options), nl=False, color=True)
    click.echo(_MENDED)
    click.echo(_mended(options), nl=False, color=True)
    click.echo(_AFTER)
    return code


def _mended(options: Output) -> str:
    """The plan of its fix."""
    inventory, _ = _gather()
    racing = _racing(inventory.subjects())
    return rehearse(str(demo.incident()), racing, _DAY, show.view(options))


def _compared(options: Output) -> str:
    """The namespace where it goes wrong beside the one where it always worked."""
    inventory, _ = _gather()
    subjects, _ = hearing.listen(inventory.subjects(), _recorded)
    places = [("shop", "deploy/fireboom"), ("sandbox", "deploy/fireboom")]
    found = compared(places, subjects, "")
    return renderer.render(found, (), ExitCode.CLEAN, "text", show.view(options))


def _gather() -> tuple[Inventory, list[Problem]]:
    return offline.from_files([str(demo.incident())], label="incident.yaml")


def _recorded(wanted: Wanted) -> str | None:
    return demo.log(
        wanted.namespace, wanted.pod, wanted.container, previous=wanted.previous
    )


def _racing(subjects: list[Subject]) -> list[Subject]:
    [target] = parse(["deploy/fireboom"])
    return [s for s in subjects if target.matches(s) and s.ref.namespace == "shop"]
