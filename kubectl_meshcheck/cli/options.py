"""The options, named as kubectl names them, and the values that they become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from kubectl_meshcheck.errors import MeshcheckError, nearest

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = (
    "table",
    "wide",
    "json",
    "yaml",
    "name",
    "markdown",
    "html",
    "sarif",
    "junit",
)
LEVELS = ("error", "warning", "info", "never")
WHEN = ("auto", "always", "never")
DRY_RUNS = ("none", "client", "server")


class Section(click.Option):
    """An option that help lists in a section of its own."""

    def __init__(self, *args: Any, section: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class Choice(click.Choice[str]):
    """A choice whose error names the nearest allowed words."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        if value not in self.choices:
            words = [str(choice) for choice in self.choices]
            near = nearest(str(value), words)
            allowed = ", ".join(words)
            hint = f"; {near}" if near else ""
            self.fail(f"{value!r} is not one of {allowed}{hint}", param, ctx)
        return super().convert(value, param, ctx)


class Command(click.Command):
    """A command whose help keeps the rarely used options apart."""

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):
                title = getattr(param, "section", "") or "Options"
                sections.setdefault(title, []).append(record)
        for title, records in sections.items():
            with formatter.section(title):
                formatter.write_dl(records)


#: of every command that may ask a cluster
verbosity = click.option(
    "-v",
    "--verbosity",
    type=int,
    default=0,
    metavar="N",
    help="Log to stderr: 6 requests, 8 headers too.",
)


def alone(names: Sequence[str], needed: str) -> None:
    """Raises where one of these options was typed; ``needed`` was not."""
    ctx = click.get_current_context()
    for name in names:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} needs --{needed}")


def _apply(options: Sequence[Callable[[F], F]]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _connection(*names: str, help: str, **kwargs: Any) -> Callable[[F], F]:
    return click.option(
        *names, cls=Section, section="Connection (as kubectl)", help=help, **kwargs
    )


def _text(*names: str, help: str, metavar: str = "TEXT") -> Callable[[F], F]:
    return _connection(*names, help=help, metavar=metavar, default="")


connection = _apply(
    [
        _text("--kubeconfig", metavar="FILE", help="The kubeconfig file to use."),
        _text("--context", metavar="NAME", help="The kubeconfig context to use."),
        _text("--cluster", metavar="NAME", help="The kubeconfig cluster to use."),
        _text("--user", metavar="NAME", help="The kubeconfig user to use."),
        _text("-s", "--server", metavar="URL", help="Address of the API server."),
        _text("--token", help="Bearer token for the API server."),
        _text("--as", "as_user", metavar="USER", help="User to impersonate."),
        _connection(
            "--as-group",
            "as_groups",
            multiple=True,
            metavar="GROUP",
            help="Group to impersonate; repeatable.",
        ),
        _text("--as-uid", metavar="UID", help="UID to impersonate."),
        _connection(
            "--as-user-extra",
            multiple=True,
            metavar="KEY=VALUE",
            help="Extra user info to impersonate; repeatable.",
        ),
        _text(
            "--certificate-authority",
            metavar="FILE",
            help="Certificate of the authority that signed the server's.",
        ),
        _text("--client-certificate", metavar="FILE", help="Client certificate."),
        _text("--client-key", metavar="FILE", help="Key of the client certificate."),
        _connection(
            "--insecure-skip-tls-verify",
            is_flag=True,
            help="Do not check the server's certificate. Not safe.",
        ),
        _text(
            "--tls-server-name",
            metavar="NAME",
            help="Server name to check its certificate against.",
        ),
        _connection(
            "--request-timeout",
            default="0",
            metavar="TIME",
            help="How long one request may take (1s, 2m, 3h); 0: no limit.",
        ),
        _connection(
            "--disable-compression",
            is_flag=True,
            help="Ask for responses without compression.",
        ),
    ]
)

namespace = click.option(
    "-n",
    "--namespace",
    default="",
    metavar="NAME",
    help="The namespace; by default the context's.",
)

watch = _apply(
    [
        click.option(
            "-w",
            "--watch",
            is_flag=True,
            help="Look again and again, until interrupted: the table on a terminal, "
            "the rows that change elsewhere.",
        ),
        click.option(
            "--interval",
            type=click.FloatRange(min=1, max=3600),
            default=5,
            show_default=True,
            metavar="SECONDS",
            help="With --watch, between two looks; longer where a look takes long or "
            "fails.",
        ),
    ]
)

proof = click.option(
    "--logs",
    "logs",
    is_flag=True,
    help="Read logs for the exact gap: of racing workloads only, at most 25 of them, "
    "one pod each, 4 requests a pod, 256 KiB and 2,000 lines a log.",
)


def _duration(ctx: click.Context, param: click.Parameter, value: str) -> float:
    """A time as kubectl writes it (1s, 2m, 3h), in seconds; 0 for no limit."""
    from kubectl_meshcheck.cluster.connection import seconds

    try:
        return seconds(value)
    except MeshcheckError as error:
        raise click.BadParameter(f"{value!r} is no time: 30s, 5m, 1h") from error


def _fixing(*names: str, help: str, **kwargs: Any) -> Callable[[F], F]:
    return click.option(*names, cls=Section, section="Fix", help=help, **kwargs)


#: how anything is written: for --fix and for undo
writing = _apply(
    [
        _fixing(
            "--dry-run",
            type=Choice(DRY_RUNS),
            default="none",
            metavar="WHERE",
            help="none; client: only show the plan; server: have the server try it.",
        ),
        _fixing("-y", "--yes", is_flag=True, help="Do not ask."),
        _fixing(
            "--wait/--no-wait",
            default=True,
            help="Wait until the pods are made anew (default).",
        ),
        _fixing(
            "--timeout",
            callback=_duration,
            default="10m",
            metavar="TIME",
            help="How long to wait for each rollout (30s, 10m); 0: no limit.",
        ),
    ]
)

fix = _apply(
    [
        _fixing(
            "--fix", is_flag=True, help="Mend what races: show a plan, ask, do it."
        ),
        writing,
        _fixing(
            "-i", "--interactive", is_flag=True, help="Ask for each workload by itself."
        ),
        _fixing(
            "--allow-drift",
            is_flag=True,
            help="Also change what Git, Helm or an operator will change back.",
        ),
        _fixing(
            "--force-conflicts",
            is_flag=True,
            help="Take over a field that another field manager holds.",
        ),
        _fixing(
            "--rollback-on-failure",
            is_flag=True,
            help="Take a change back that does not take effect.",
        ),
    ]
)

#: --fix on manifests, where there is nothing to roll out
files_fix = _apply(
    [
        _fixing(
            "--fix", is_flag=True, help="Write the remedy into the manifests in place."
        ),
        _fixing(
            "--dry-run",
            type=Choice(DRY_RUNS[:2]),
            default=None,
            metavar="WHERE",
            help="none; client: print the diff and write nothing.",
        ),
        _fixing("-y", "--yes", is_flag=True, help="Do not ask."),
        _fixing(
            "--mesh",
            default="",
            metavar="NAME",
            help="The mesh of all these workloads, where they do not ask for it "
            "themselves.",
        ),
    ]
)

mesh_fix = _apply(
    [
        _fixing("--fix", is_flag=True, help="Hold the applications of the whole mesh."),
        _fixing(
            "--revision",
            default="",
            metavar="NAME",
            help="Only this revision or tag.",
        ),
        writing,
        _fixing(
            "--allow-drift",
            is_flag=True,
            help="Also change what Helm or an operator will change back.",
        ),
        _fixing(
            "--restart",
            is_flag=True,
            help="Then restart the workloads that race, one after the other.",
        ),
    ]
)

preview = click.option(
    "--preview",
    is_flag=True,
    help="Judge the pods that would be made next, as the cluster's injector makes "
    "them (a dry run of each).",
)

output = _apply(
    [
        click.option(
            "-o",
            "--output",
            type=Choice(FORMATS),
            default="table",
            metavar="FORMAT",
            help=f"Output format: {', '.join(FORMATS)}.",
        ),
        click.option(
            "--no-headers", is_flag=True, help="Do not print the table's headers."
        ),
        click.option(
            "--color",
            type=Choice(WHEN),
            default="auto",
            metavar="WHEN",
            help="Colour: auto, always or never. NO_COLOR is honoured.",
        ),
        click.option(
            "--only-problems", is_flag=True, help="Show only warnings and errors."
        ),
        click.option(
            "--fail-on",
            type=Choice(LEVELS),
            default=None,
            metavar="LEVEL",
            help="Exit 1 from this severity on: error, warning (default), info; never.",
        ),
        click.option(
            "--ignore",
            "ignores",
            multiple=True,
            metavar="'ID: REASON'",
            help="Do not count a check's findings, with the reason; repeatable.",
        ),
        click.option(
            "--config",
            default="",
            metavar="FILE",
            help="Config file; by default ~/.config/meshcheck/config.yaml.",
        ),
        verbosity,
    ]
)
