"""`python -m tests.controlplane`: see the package's own page."""

from __future__ import annotations

import argparse
import sys

from . import ControlPlane, UnavailableError, binaries


def _up(plane: ControlPlane, options: argparse.Namespace) -> int:
    plane.up(options.kubernetes)
    print(plane.kubeconfig)
    return 0


def _down(plane: ControlPlane, options: argparse.Namespace) -> int:
    plane.down(keep=options.keep)
    return 0


def _status(plane: ControlPlane, options: argparse.Namespace) -> int:
    for process in plane.processes():
        print(f"{process.name:28} {process.pid or 'not running'}")
    running = plane.folder.exists() and plane.running
    if running:
        print(f"{'Kubernetes':28} {plane.client.get('/version')['gitVersion']}")
    return 0 if running else 1


def _logs(plane: ControlPlane, options: argparse.Namespace) -> int:
    for process in plane.processes():
        if options.process in (None, process.name) and process.log.exists():
            print(f"==> {process.log} <==")
            lines = process.log.read_text(errors="replace").splitlines()
            print("\n".join(lines[-options.tail :]))
    return 0


def _kubeconfig(plane: ControlPlane, options: argparse.Namespace) -> int:
    print(plane.kubeconfig_of(options.user))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.controlplane",
        description="A real control plane on loopback.",
    )
    parser.add_argument("--name", default="default", help="which instance")
    commands = parser.add_subparsers(required=True)
    for function, words in {
        _up: "bring it up, building what is missing; prints the path of the kubeconfig",
        _down: "end it and forget its data",
        _status: "what runs; exit code 1 unless all does",
        _logs: "the last lines of the logs",
        _kubeconfig: "the path of a user's kubeconfig",
    }.items():
        command = commands.add_parser(
            function.__name__[1:], help=words, description=words
        )
        command.set_defaults(run=function)
        if function is _up:
            command.add_argument(
                "--kubernetes",
                choices=binaries.versions("kubernetes"),
                help="which minor",
            )
        elif function is _down:
            command.add_argument(
                "--keep",
                action="store_true",
                help="keep data and logs for the next `up`",
            )
        elif function is _logs:
            command.add_argument("process", nargs="?", help="only this one's")
            command.add_argument("--tail", type=int, default=40)
        elif function is _kubeconfig:
            command.add_argument("user", nargs="?", default="admin")
    options = parser.parse_args()
    try:
        return int(options.run(ControlPlane(options.name), options))
    except (UnavailableError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
