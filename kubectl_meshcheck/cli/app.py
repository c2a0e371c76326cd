"""The program: one group, its commands, and one edge where errors are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from kubectl_meshcheck import __version__, kinds
from kubectl_meshcheck.cli import about, compare, mesh, namespaces, scans, undo
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest

PROGRAM = "kubectl meshcheck"
_OVERVIEW = """\
Shows in which order pods start their mesh proxy and their application, and where
that goes wrong.

\b
  kubectl meshcheck ns shop              every workload of a namespace
  kubectl meshcheck deploy/cart -n shop  one workload in full
  kubectl meshcheck file -f pods.json    the same from saved objects
  kubectl meshcheck demo                 a recorded incident, without a cluster
"""
_ENDINGS = """\
Exit codes: 0 nothing found, 1 findings, 2 wrong usage, 3 could not look or only
partly, 4 a fix was refused, 5 a fix did not take effect, 130 interrupted.
"""


class Plugin(click.Group):
    """The commands, and every name that kubectl has for a kind of workload."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        found = self.commands.get(name)
        if found is None and "/" not in name:
            kind = kinds.named(name)
            found = self._of(kind) if kind else None
        return found

    def _of(self, kind: kinds.Kind) -> click.Command:
        """The command for a kind: all thirteen would cost every start 4 ms."""
        if kind.short not in self.commands:
            command = scans.workload_command(kind.short)
            self.commands[kind.short] = command
        return self.commands[kind.short]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        found = self.get_command(ctx, name)
        if found is not None:
            return name, found, args[1:]
        if "/" in name:  # TYPE/NAME stands for itself
            return name, scans.workload_command(""), args
        words = [*self.list_commands(ctx), *kinds.kind_names()]
        hint = nearest(name, words) or f"see {PROGRAM} --help"
        raise click.UsageError(f"no command {name!r}; {hint}", ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:
        # in the order in which they are of use: namespaces, workloads, all the rest
        rest = [name for name in self.commands if kinds.named(name) is None]
        return [rest[0], *kinds.kind_names(), *rest[1:]]


@click.group(
    cls=Plugin,
    help=_OVERVIEW,
    epilog=_ENDINGS,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=False,
    invoke_without_command=True,
)
@click.version_option(__version__, message="kubectl-meshcheck %(version)s")
@click.pass_context
def app(ctx: click.Context) -> None:
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


app.add_command(namespaces.ns)
app.add_command(scans.file)
app.add_command(mesh.mesh)
app.add_command(compare.diff)
app.add_command(undo.undo)
app.add_command(scans.demo)
app.add_command(about.checks)
app.add_command(about.version)
app.add_command(about.completion)
app.add_command(about.help_, "help")
app.add_command(about.complete, "__complete")


def main(args: Sequence[str] | None = None) -> int:
    """Runs the program; returns its exit code and never raises."""
    typed = list(sys.argv[1:] if args is None else args)
    try:
        result: Any = app.main(
            args=list(typed),
            prog_name=PROGRAM,
            standalone_mode=False,
            obj=typed,
        )
        sys.stdout.flush()
        return int(result or ExitCode.CLEAN)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        _usage(error)
        return int(ExitCode.USAGE)
    except MeshcheckError as error:
        from kubectl_meshcheck.cli import show

        show.complain(error.what, error.hint)
        return int(error.code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)  # click has ended the line
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _close()
        return 128 + 13  # as a shell expects of a program whose reader has gone
    except OSError as error:  # a full disk: what is read has errors of its own
        _close()
        click.echo(f"error: cannot write the output: {error.strerror}", err=True)
        return int(ExitCode.UNREADABLE)


def _usage(error: click.ClickException) -> None:
    """A usage error as kubectl words it: what is wrong, then where to read on."""
    click.echo(f"error: {_escaped(error.format_message())}", err=True)
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else PROGRAM
    click.echo(f"See '{path} -h' for help and examples", err=True)


def _escaped(text: str) -> str:
    from kubectl_meshcheck.report.text import safe

    return "\n".join(safe(line) for line in text.splitlines())


def _close() -> None:
    """What is still in the buffer would fail once more when Python ends."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
