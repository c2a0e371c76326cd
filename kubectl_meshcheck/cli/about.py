"""The commands that tell about the program itself."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

import click

from kubectl_meshcheck import __version__
from kubectl_meshcheck.cli import options
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest

SHELLS = ("bash", "zsh", "fish")
#: kubectl runs this for every TAB behind ``kubectl meshcheck``
#: (kubernetes/kubectl: pkg/cmd/plugin/plugin_completion.go, since 1.26)
HELPER = "kubectl_complete-meshcheck"
_SCRIPT = '#!/bin/sh\nexec kubectl-meshcheck __complete "$@"\n'
#: cobra's directive "no file names"
_NO_FILES = ":4"


def _checks(ctx: click.Context, _: click.Parameter, word: str) -> list[str]:
    from kubectl_meshcheck import checks

    return [one for one in checks.words() if one.startswith(word)]


@click.command(cls=options.Command, short_help="The checks; one check's page.")
@click.argument("check", required=False, metavar="[ID]", shell_complete=_checks)
def checks(check: str | None) -> ExitCode:
    """List the checks, or show one check's page: why it matters, how it is fixed."""
    from kubectl_meshcheck import checks as catalogue
    from kubectl_meshcheck.report import grid

    if check is None:
        rows = [(c.id, c.name, c.severity.value, c.title) for c in catalogue.CHECKS]
        click.echo("\n".join(grid.lines([("ID", "NAME", "SEVERITY", "WHAT"), *rows])))
        return ExitCode.CLEAN
    found = catalogue.named(check)
    if found is None:
        hint = nearest(check, catalogue.words()) or "kubectl meshcheck checks lists all"
        what = f"no check is called {check!r}"
        raise MeshcheckError(what, hint, code=ExitCode.USAGE)
    click.echo(f"{found.id} {found.name} ({found.severity.value})\n")
    click.echo(found.page.strip())
    click.echo(f"\n## How to silence it\n\n{silencing(found.id)}")
    click.echo(f"Read on: {found.url}")
    return ExitCode.CLEAN


def silencing(check: str) -> str:
    """How a check's findings are ignored, for its page."""
    return (
        "On the workload or its pod template, with the reason:\n\n"
        f'    meshcheck/ignore: "{check}: why it does not matter here"\n\n'
        f"or for one call: --ignore '{check}: why', or in the config file.\n"
    )


@click.command(cls=options.Command, short_help="Print the version.")
def version() -> ExitCode:
    """Print the version of the program and of what it runs on."""
    click.echo(f"kubectl-meshcheck {__version__}")
    click.echo(f"Python {platform.python_version()} on {platform.platform(terse=True)}")
    return ExitCode.CLEAN


@click.command(cls=options.Command, short_help="Set up shell completion.")
@click.argument("shell", type=options.Choice((*SHELLS, "kubectl")), required=False)
@click.option("--install", is_flag=True, help=f"Install {HELPER} beside this program.")
def completion(shell: str | None, install: bool) -> ExitCode:
    """Print a completion script, or make kubectl's own completion know us.

    \b
      kubectl meshcheck completion --install     for kubectl meshcheck <TAB>
      source <(kubectl-meshcheck completion bash)  for kubectl-meshcheck <TAB>
    """
    if install:
        click.echo(f"installed {_install()}")
    elif shell == "kubectl":
        click.echo(_SCRIPT, nl=False)
    elif shell:
        click.echo(_source(shell))
    else:
        raise click.UsageError(f"name a shell ({', '.join(SHELLS)}) or --install")
    return ExitCode.CLEAN


def _install() -> Path:
    import shutil  # with half a dozen ways to pack files

    ours = shutil.which("kubectl-meshcheck") or sys.argv[0]
    place = Path(ours).absolute().parent / HELPER
    try:
        place.write_text(_SCRIPT, encoding="utf-8")
        place.chmod(0o755)
    except OSError as error:
        what = f"cannot write {place}: {error.strerror}"
        hint = f"write it yourself: kubectl meshcheck completion kubectl > {HELPER}"
        raise MeshcheckError(what, hint) from error
    return place


def _source(shell: str) -> str:
    from click.shell_completion import get_completion_class

    from kubectl_meshcheck.cli.app import app

    made = get_completion_class(shell)
    assert made is not None  # SHELLS are those that click has
    variable = "_KUBECTL_MESHCHECK_COMPLETE"
    return made(app, {}, "kubectl-meshcheck", variable).source()


@click.command(hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def complete(words: tuple[str, ...]) -> ExitCode:
    """Print candidates for the last word, as kubectl wants them."""
    from click.shell_completion import ShellComplete

    from kubectl_meshcheck.cli.app import app

    *before, word = words or ("",)
    os.environ.setdefault("NO_COLOR", "1")
    found = ShellComplete(app, {}, "kubectl meshcheck", "")
    for item in found.get_completions(list(before), word):
        if item.type == "plain":
            tip = f"\t{item.help}" if item.help else ""
            click.echo(f"{item.value}{tip}")
    click.echo(_NO_FILES)
    return ExitCode.CLEAN


@click.command(short_help="Show help for a command.")
@click.argument("words", nargs=-1)
@click.pass_context
def help_(ctx: click.Context, words: tuple[str, ...]) -> ExitCode:
    """Show help for a command."""
    root = ctx.find_root()
    assert isinstance(root.command, click.Group)
    if not words:
        click.echo(root.get_help())
        return ExitCode.CLEAN
    name, command, _ = root.command.resolve_command(root, list(words))
    assert command is not None  # resolve_command raises otherwise
    with click.Context(command, info_name=name, parent=root) as sub:
        click.echo(command.get_help(sub))
    return ExitCode.CLEAN
