"""What the commands that explain have in common: their options, and the reading."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubectl_meshcheck.cli import options

if TYPE_CHECKING:
    from kubectl_meshcheck.cli.show import Gathered
    from kubectl_meshcheck.report.text import View

F = TypeVar("F", bound=Callable[..., Any])


def output(*formats: str) -> Callable[[F], F]:
    """The options of the output, for a command without findings."""

    def decorate(function: F) -> F:
        for option in (
            options.verbosity,
            click.option(
                "--color",
                type=options.Choice(options.WHEN),
                default="auto",
                metavar="WHEN",
                help="Colour: auto, always or never. NO_COLOR is honoured.",
            ),
            click.option(
                "-o",
                "--output",
                type=options.Choice(formats),
                default=formats[0],
                metavar="FORMAT",
                help=f"Output format: {', '.join(formats)}.",
            ),
        ):
            function = option(function)
        return function

    return decorate


def files(function: F) -> F:
    """The options that name files, for a command that can do without a cluster."""
    for option in (
        click.option(
            "-R", "--recursive", is_flag=True, help="Directories with all below them."
        ),
        click.option(
            "--config",
            default="",
            metavar="FILE",
            help="Config file; by default ~/.config/meshcheck/config.yaml.",
        ),
        click.option(
            "-f",
            "--filename",
            "filenames",
            multiple=True,
            metavar="FILE",
            help="Saved objects instead of a cluster: a file, a directory, or - for "
            "stdin; repeatable.",
        ),
    ):
        function = option(function)
    return function


def read(
    command: str,
    given: dict[str, Any],
    namespaces: Sequence[str],
) -> tuple[Gathered, str]:
    """What is in the files that were named, else in the cluster.

    ``given`` are the options of ``files`` and of the connection; ``namespaces`` which
    to read, none: all, an empty one: the context's.  Also the name of that one.
    """
    from kubectl_meshcheck import config

    config.load(given.pop("config"))  # which sidecars the user has declared
    filenames, recursive = given.pop("filenames"), given.pop("recursive")
    if filenames:
        from kubectl_meshcheck import offline

        found = offline.from_files(
            filenames, recursive=recursive, stdin=sys.stdin.buffer
        )
        return found, given["namespace"]
    from kubectl_meshcheck import live
    from kubectl_meshcheck.cli.show import Progress
    from kubectl_meshcheck.cluster import Connection, connect

    cluster = connect(Connection(command=f"kubectl meshcheck {command}", **given))
    wanted = tuple(dict.fromkeys(name or cluster.namespace for name in namespaces))
    progress = Progress()
    try:
        scope = live.Scope(wanted, nodes=True)
        return live.from_cluster(cluster, scope, progress), cluster.namespace
    finally:
        progress.close()
        for warning in cluster.warnings:
            click.echo(f"Warning: {warning}", err=True)


def view(output: str, color: str, headers: bool = True) -> View:
    """How to show it, from the options and the terminal."""
    from kubectl_meshcheck.cli import show

    return show.view(show.Output(output, no_headers=not headers, color=color))
