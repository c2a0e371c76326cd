"""`python -m tests.controlplane`: see the package's own page."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from . import ControlPlane, Injector, Istio, UnavailableError, binaries

OPTIONS: dict[str, dict[str, Any]] = {
    "_up": {
        "--kubernetes": {"choices": binaries.versions("kubernetes"), "help": "minor"},
    },
    "_down": {
        "--keep": {"action": "store_true", "help": "keep data and logs for next time"},
    },
    "_istio": {
        "--version": {
            "choices": binaries.versions("istio"),
            "default": binaries.versions("istio")[-1],
        },
        "--revision": {"default": "", "help": "default: the default revision"},
        "--tag": {"action": "append", "default": [], "help": "a revision tag"},
        "--native": {
            "choices": ["true", "false", "auto"],
            "help": "native sidecars (default: as this version has it)",
        },
    },
    "_injector": {
        "mesh": {"choices": list(binaries.INJECTORS)},
        "--version": {"help": "a minor (default: the newest)"},
    },
    "_logs": {
        "process": {"nargs": "?", "help": "only this one's"},
        "--tail": {"type": int, "default": 40},
    },
    "_kubeconfig": {"user": {"nargs": "?", "default": "admin"}},
}


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


def _istio(plane: ControlPlane, options: argparse.Namespace) -> int:
    istio = Istio(plane, options.revision, options.version)
    values = {"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": options.native}}}
    istio.install(values if options.native else None, *options.tag)
    return 0


def _injector(plane: ControlPlane, options: argparse.Namespace) -> int:
    known = binaries.versions(options.mesh)
    if options.version not in (None, *known):
        there = ", ".join(known)
        raise UnavailableError(
            f"no {options.mesh} {options.version}; there are {there}"
        )
    found = Injector(plane, options.mesh, options.version or known[-1]).install()
    print("".join(f"{key}={value}\n" for key, value in found.labels.items()), end="")
    return 0


def _build(plane: ControlPlane, options: argparse.Namespace) -> int:
    binaries.build_all()
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
        _build: "build what is missing of all versions; half an hour the first time",
        _up: "bring it up, building what is missing; prints the path of the kubeconfig",
        _down: "end it and forget its data",
        _istio: "install Istio, or change what is installed",
        _injector: "run another mesh's own injector; prints its namespaces' label",
        _status: "what runs; exit code 1 unless all does",
        _logs: "the last lines of the logs",
        _kubeconfig: "the path of a user's kubeconfig",
    }.items():
        command = commands.add_parser(
            function.__name__[1:], help=words, description=words
        )
        command.set_defaults(run=function)
        for name, how in OPTIONS.get(function.__name__, {}).items():
            command.add_argument(name, **how)
    options = parser.parse_args()
    try:
        return int(options.run(ControlPlane(options.name), options))
    except (UnavailableError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
