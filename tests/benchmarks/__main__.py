"""``python -m tests.benchmarks [start|scan|link|meshes ...]``."""

from __future__ import annotations

import argparse
import compileall
import shutil
import sys
import tempfile
import time
from pathlib import Path

import kubectl_meshcheck
from tests.benchmarks.measure import Command, in_turns, table
from tests.benchmarks.objects import PODS_OF_A_NAMESPACE, cluster
from tests.server import Certificates, Server
from tests.shell import KUBECTL, PROGRAM, Shell

_PARTS = ("start", "scan", "link", "meshes")
#: more pods than this and ``kubectl get -o json`` needs more memory than there is
_TOO_MANY = 20_000


def main() -> None:
    """Runs the parts that are asked for and prints a table for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(_PARTS))
    parser.add_argument(
        "--pods", nargs="+", type=int, default=[100, 2000], metavar="N",
        help="cluster sizes for scan; 20000 and 100000 take minutes",
    )  # fmt: skip
    parser.add_argument("--runs", type=int, default=7, help="of each command")
    given = parser.parse_args()
    if KUBECTL is None:
        raise SystemExit("kubectl is the yardstick, and it is not on PATH")
    # as an installer does; a checkout may have been run without ever keeping any
    compileall.compile_dir(Path(kubectl_meshcheck.__file__).parent, quiet=1)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        for part in given.parts or _PARTS:
            {"start": _start, "scan": _scan, "link": _link, "meshes": _meshes}[part](
                Path(folder), given
            )


def _start(folder: Path, given: argparse.Namespace) -> None:
    """What it costs to start, beside a Python that does nothing."""
    program = str(PROGRAM)
    commands = [
        Command("python -c pass", (sys.executable, "-c", "pass")),
        *(
            Command(f"kubectl-meshcheck {words}", (program, *words.split()), (0, 2))
            for words in ("--version", "--help", "ns -h", "nss", "checks MC001", "demo")
        ),
        Command("kubectl meshcheck --version", ("kubectl", "meshcheck", "--version")),
    ]
    found = in_turns(commands, given.runs, Shell(folder).environment)
    print(table("Start, to python -c pass (A)", found, 1), flush=True)


def _scan(folder: Path, given: argparse.Namespace) -> None:
    for pods in given.pods:
        _one_scan(folder, pods, given.runs)


def _one_scan(folder: Path, pods: int, runs: int, mbit: float = 0) -> None:
    everywhere = pods > PODS_OF_A_NAMESPACE
    space = ("-A",) if everywhere else ("-n", "team-0000")
    path = "pods" if everywhere else "namespaces/team-0000/pods"
    ours = ("-A",) if everywhere else ("team-0000",)
    few = min(runs, 3) if pods > 2_000 else runs
    get, as_json = ("kubectl", "get"), ("-o", "json")
    commands = [
        Command("kubectl get --raw, the pods", (*get, "--raw", f"/api/v1/{path}")),
        Command("kubectl meshcheck ns", ("kubectl", "meshcheck", "ns", *ours), (0, 1)),
        Command("kubectl-meshcheck ns", (str(PROGRAM), "ns", *ours), (0, 1)),
        Command("... -o json", (str(PROGRAM), "ns", *ours, *as_json), (0, 1)),
    ]
    if pods <= _TOO_MANY and not mbit:
        whole = (*get, "pods", *space, *as_json)
        dear = 1 if pods > 2_000 else 0
        commands.insert(1, Command("kubectl get pods -o json", whole, runs=dear))
    certificates = _certificates(folder)
    with Server.start(cluster(pods), certificates=certificates, mbit=mbit) as server:
        # without any credential kubectl asks for a password
        config = server.kubeconfig(folder / "kubeconfig", token="reader")
        shell = Shell(folder, str(config))
        found = in_turns(commands, few, shell.environment)
    over = f" over {mbit:g} Mbit/s" if mbit else ""
    title = f"{pods:,} pods{over}{'' if certificates else ' without TLS'}"
    print(table(title, found, len(commands) - 3), flush=True)


def _certificates(folder: Path) -> Certificates | None:
    """TLS, as a real API server has it, where openssl can make a certificate."""
    place = folder / "certificates"
    if place.exists():
        return Certificates(place)
    return Certificates.make(place) if shutil.which("openssl") else None


def _link(folder: Path, given: argparse.Namespace) -> None:
    """Where the wire is what takes the time."""
    _one_scan(folder, 2_000, min(given.runs, 3), mbit=100)


def _meshes(_: Path, given: argparse.Namespace) -> None:
    """What further meshes cost, judged in this process."""
    import msgspec

    from kubectl_meshcheck import meshes, parse
    from kubectl_meshcheck.inventory import Inventory
    from kubectl_meshcheck.meshes.declared import Sidecar

    decode = msgspec.json.Decoder(parse.Pod).decode
    pods = [decode(one) for one in cluster(2_000) if b'"kind":"Pod"' in one[:40]]
    print("\nRecognition, microseconds a pod by meshes that are known")
    for more in (0, 10, 100, 1000):
        meshes.declare(Sidecar(f"own-{i}", container=f"own-{i}") for i in range(more))
        best = float("inf")
        for _turn in range(given.runs):
            inventory = Inventory()
            began = time.perf_counter()
            for pod in pods:
                inventory.add_pod(pod)
            inventory.subjects()
            best = min(best, time.perf_counter() - began)
        print(f"{len(meshes.MESHES) + more:6}{best / len(pods) * 1e6:9.1f}", flush=True)
    meshes.declare(())


if __name__ == "__main__":
    main()
