"""The golden data: read once, each file judged on its own."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from kubectl_meshcheck import parse
from kubectl_meshcheck.files import Document, read
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.kinds import kind_of
from kubectl_meshcheck.model import Verdict
from kubectl_meshcheck.workload import Subject

GOLDEN = Path(
    os.environ.get("MESHCHECK_GOLDEN")
    or Path(__file__).parents[3] / "shared" / "golden"
)
MISSING = f"GOLDEN DATA MISSING: no directory {GOLDEN}; set MESHCHECK_GOLDEN"
#: how the data's words map to our verdicts
WORDS = {
    "race": {Verdict.RACE, Verdict.PARTIAL},
    "held": {Verdict.HELD},
    "native": {Verdict.NATIVE},
    "gateway": {Verdict.GATEWAY},
    "no-sidecar": {Verdict.NONE},
    "not-injected": {Verdict.NONE},
}
_ELSE = {"Namespace", "ServiceAccount", "ConfigMap", "MutatingWebhookConfiguration"}


@dataclass(frozen=True)
class Case:
    """One object of the data with the verdicts that are right."""

    mesh: str
    version: str
    file: str
    kind: str = ""  #: empty: every workload of the file
    name: str = ""
    right: frozenset[Verdict] = frozenset()
    detail: str = ""
    fix: str = ""
    job_hazard: bool = False

    def __str__(self) -> str:
        return " ".join(part for part in (self.file, self.kind, self.name) if part)


@dataclass
class Tally:
    """The conformance table, filled while the tests run."""

    counts: dict[tuple[str, str], list[int]] = field(
        default_factory=lambda: defaultdict(lambda: [0, 0, 0])
    )

    def add(self, case: Case, found: Sequence[Verdict]) -> None:
        for verdict in found:
            wrong = 1 if verdict is not Verdict.UNKNOWN else 2
            column = 0 if verdict in case.right else wrong
            self.counts[case.mesh, case.version][column] += 1

    def told(self) -> list[tuple[str, str, list[int]]]:
        """What one process has found, for ``join`` in another."""
        return [(*key, counts) for key, counts in self.counts.items()]

    def join(self, told: list[tuple[str, str, list[int]]]) -> None:
        """Counts in what another process has found."""
        for mesh, version, counts in told:
            mine = self.counts[mesh, version]
            mine[:] = map(sum, zip(mine, counts, strict=True))

    def lines(self) -> Iterator[str]:
        yield f"{'MESH':<20} {'VERSION':<12} {'RIGHT':>6} {'WRONG':>6} {'UNKNOWN':>8}"
        for (mesh, version), (right, wrong, unknown) in sorted(self.counts.items()):
            yield f"{mesh:<20} {version:<12} {right:>6} {wrong:>6} {unknown:>8}"


TALLY = Tally()


def mesh_cases() -> list[Case]:
    """The cases of ``meshes-expected.json``, one an object where it names them."""
    return [case for row in _json("meshes-expected.json") for case in _mesh_case(row)]


def _mesh_case(row: dict[str, Any]) -> Iterator[Case]:
    detail = row["detail"]
    for name, word in (row.get("per_object") or {"": row["verdict"]}).items():
        right = set(WORDS[word])
        if word == "native" and detail.startswith("started-only"):
            right = set(WORDS["race"])
        for extra in filter(None, (row.get("tool_may_say"),)):
            right |= WORDS[extra]
        yield Case(
            mesh=row["mesh"],
            version=_version(row["file"]),
            file=row["file"],
            name=name,
            right=frozenset(right),
            detail=detail,
            fix=row["fix"],
        )


def _version(file: str) -> str:
    head = Path(file).name.partition("-")[0]
    return head if head[:1].isdigit() else "-"


def istio_cases() -> list[Case]:
    """The cases of ``istio/expected.json`` that have a verdict."""
    return [
        Case(
            mesh="istio",
            version=row["version"],
            file=f"istio/{row['file']}",
            kind=row["kind"],
            name=row["name"],
            right=frozenset(WORDS.get(row["verdict"], {Verdict.NONE})),
            detail=row["note"],
            job_hazard=row["job_hazard"],
        )
        for row in _json("istio/expected.json")
        if row["kind"] not in ("Service", "ConfigMap")
    ]


def _json(file: str) -> list[dict[str, Any]]:
    path = GOLDEN / file
    found: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    return found


@lru_cache(maxsize=1)
def objects() -> dict[str, list[dict[str, Any]]]:
    """Every object of the data by its file."""
    files = sorted({case.file for case in (*mesh_cases(), *istio_cases())})
    found: dict[str, list[dict[str, Any]]] = {file: [] for file in files}
    for part in read([str(GOLDEN / file) for file in files]):
        assert isinstance(part, Document), part
        found[str(Path(part.source).relative_to(GOLDEN))].append(part.object)
    return found


@cache
def subjects(file: str) -> tuple[Subject, ...]:
    """The workloads of one file, judged."""
    return judged(objects()[file])


def judged(found: Sequence[dict[str, Any]]) -> tuple[Subject, ...]:
    """Objects taken in as a scan of files takes them."""
    inventory = Inventory(live=False)
    for thing in found:
        kind = thing["kind"]
        if kind == "Pod":
            inventory.add_pod(parse.convert(thing, parse.Pod))
        elif kind == "Namespace":
            inventory.add_namespace(parse.convert(thing, parse.Bare).metadata)
        elif kind not in _ELSE:
            known = kind_of(kind, thing["apiVersion"])
            inventory.add_workload(known, parse.convert(thing, parse.Workload))
    return tuple(inventory.subjects())


def subjects_of(case: Case) -> list[Subject]:
    """The workloads that a case is about."""
    found = subjects(case.file)
    if not case.name:
        return list(found)
    return [s for s in found if case.name in (s.ref.name, *s.names)]
