"""``diff``: two places of a workload, what differs, and what explains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kubectl_meshcheck.cli import options, plain
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, Problem

if TYPE_CHECKING:
    from kubectl_meshcheck.comparison import Comparison
    from kubectl_meshcheck.workload import Subject

Place = tuple[str, str]  #: namespace, possibly empty, and TYPE/NAME


@click.command(
    cls=options.Command,
    short_help="Two places side by side: why it works there.",
    epilog="""\
\b
Examples:
  kubectl meshcheck diff deploy/cart -n shop deploy/cart -n sandbox
  kubectl meshcheck diff deploy/cart -n shop -n sandbox
  kubectl meshcheck diff pod/cart-1 pod/cart-2 -n shop
  kubectl meshcheck diff shop/deploy/cart sandbox/deploy/cart -f dump.json
""",
)
@click.argument("names", nargs=-1, required=True, metavar="TYPE/NAME [TYPE/NAME]")
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="One for both, or one for each in their order; by default the context's.",
)
@plain.files
@plain.output("text", "json", "yaml")
@options.connection
def diff(
    names: tuple[str, ...],
    namespaces: tuple[str, ...],
    output: str,
    color: str,
    **given: Any,
) -> ExitCode:
    """Compare two workloads or pods: injection, order, gates, settings.

    NAMESPACE/TYPE/NAME works too, and one TYPE/NAME with two namespaces. Exit code 0:
    nothing differs; 1: something does.
    """
    from kubectl_meshcheck.cli import show
    from kubectl_meshcheck.report import compared as renderer

    places = _places(names, namespaces)
    offline = bool(given["filenames"])
    given["namespace"] = places[0][0]
    found: Comparison | None = None
    problems: list[Problem] = []
    try:
        wanted = [place[0] for place in places]
        (inventory, problems), default = plain.read("diff", given, wanted)
        subjects = inventory.subjects()
        found = compared(places, subjects, "" if offline else default)
    except MeshcheckError as error:
        people = output == "text" and not problems  # else it must not hide these
        if people or error.code is not ExitCode.UNREADABLE:
            raise
        problems = [*problems, show.beside(error, problems)]
    code = _code(found, problems)
    view = plain.view(output, color)
    if found or output != "text":
        text = renderer.render(found, tuple(problems), code, output, view)
        click.echo(text, nl=False, color=True)
    show.complain_of(problems)
    return code


def _code(found: Comparison | None, problems: Sequence[Problem]) -> ExitCode:
    if problems or found is None:
        return ExitCode.UNREADABLE
    return ExitCode.FOUND if found.differences else ExitCode.CLEAN


def _places(names: Sequence[str], namespaces: Sequence[str]) -> list[Place]:
    """The two places that the words mean; raises for any other number."""
    places = [_place(name) for name in names]
    if len(places) == 1 and len(namespaces) == 2:
        places *= 2
    if len(places) != 2:
        raise click.UsageError(
            f"diff takes two of TYPE/NAME, or one and two namespaces; got {len(names)}"
        )
    if len(namespaces) > 2:
        raise click.UsageError("diff takes at most two namespaces")
    given = (*namespaces, *namespaces, "", "")[:2]
    return [
        (own or wanted, name) for (own, name), wanted in zip(places, given, strict=True)
    ]


def _place(word: str) -> Place:
    """``NAMESPACE/TYPE/NAME`` or ``TYPE/NAME``."""
    namespace, _, rest = word.partition("/")
    return (namespace, rest) if rest.count("/") == 1 else ("", word)


def compared(
    places: Sequence[Place], subjects: list[Subject], default: str
) -> Comparison:
    """The two places, found among ``subjects``; ``default`` is their namespace."""
    from kubectl_meshcheck import scan
    from kubectl_meshcheck.comparison import compare

    left, right = (_one(place, subjects, default) for place in places)
    rows = [scan.scan([one]).rows[0] for one in (left, right)]
    return compare(*rows)


def _one(place: Place, subjects: list[Subject], default: str) -> Subject:
    """The pods that are meant; of several shapes the one that fares worst."""
    from kubectl_meshcheck import scan
    from kubectl_meshcheck.cli import targets

    namespace = place[0] or default
    there = [s for s in subjects if not namespace or s.ref.namespace == namespace]
    [target] = targets.parse([place[1]])
    found = targets.selector([target], namespace or "of the files")(there)
    spaces = sorted({one.ref.namespace for one in found})
    if len(spaces) > 1:
        what = f"{place[1]} is in several namespaces: {', '.join(spaces)}"
        hint = f"write {spaces[0]}/{place[1]}, or -n {spaces[0]}"
        raise MeshcheckError(what, hint, code=ExitCode.USAGE)
    return scan.scan(found).rows[0].subject
