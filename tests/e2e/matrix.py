"""Makes the pods of the matrix with real controllers, and prints what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.controlplane import ControlPlane, Istio, wait_for
from tests.e2e import istio_start
from tests.e2e.cluster import Cluster
from tests.e2e.objects import Object, deployment, pod_spec
from tests.e2e.shapes import (
    HOLD,
    NATIVES,
    REVISIONS,
    SHAPES,
    STATES,
    TEMPLATES,
    Shape,
    State,
)

Key = tuple[str, str, str]  #: revision, state, shape


@dataclass(frozen=True)
class Cell:
    """What was made, and what we say of it."""

    start: istio_start.Start | None  #: None: no pod was made
    said: Any  #: the workload of our report

    @property
    def outcome(self) -> str:
        return self.start.verdict if self.start else "REJECTED"


def _deployment(namespace: str, name: str, shape: Shape) -> Object:
    containers = [{"image": "auto", **one} for one in shape.containers]
    spec = pod_spec(containers, shape.init)
    notes, labels = shape.annotations, shape.labels
    return deployment(namespace, name, spec, annotations=notes, labels=labels)


@dataclass
class Lab:
    """The revisions, with a namespace each that holds every shape."""

    cluster: Cluster
    plane: ControlPlane
    shapes: dict[str, Shape]
    revisions: dict[str, Istio] = field(default_factory=dict)
    spaces: dict[str, str] = field(default_factory=dict)
    turn: int = 0

    def install(self, name: str) -> None:
        """One revision, and its namespace with a Deployment of each shape."""
        told = REVISIONS[name]
        istio = Istio(self.plane, name, told.version)
        istio.install(told.values, *([told.tag] if told.tag else []))
        label = {"istio.io/rev": told.tag or name}
        space = self.cluster.namespace(f"matrix-{name}", label)
        items = self.shapes.items()
        self.cluster.apply(*(_deployment(space, n, one) for n, one in items))
        self.revisions[name], self.spaces[name] = istio, space

    def set(self, state: State) -> None:
        """Both ConfigMaps of every revision; returns when every injector has them."""
        self.turn += 1
        mark = f"mark-{self.turn}"
        for istio in self.revisions.values():
            istio.set_values({"global": {"proxy": {**state.proxy, "logLevel": mark}}})
            told = {HOLD: state.mesh, "proxyMetadata": {"MARK": mark}}
            istio.set_mesh({"defaultConfig": told})
        for name in self.revisions:
            self._wait(name, mark)

    def _wait(self, name: str, mark: str) -> None:
        wait_for(f"{name} to see {mark}", lambda: self._sees(name, mark))

    def _sees(self, name: str, mark: str) -> bool:
        spec = {"containers": [{"name": "probe", "image": "probe"}]}
        path = f"/api/v1/namespaces/{self.spaces[name]}/pods?dryRun=All"
        # this template has no native sidecar, so every API server takes it
        meta = {"name": "probe", "annotations": {TEMPLATES: "gateway"}}
        body = {"metadata": meta, "spec": spec}
        spec = self.plane.client.request("POST", path, body)["spec"]
        found = [*spec.get("initContainers", []), *spec["containers"]]
        (proxy,) = (one for one in found if one["name"] == "istio-proxy")
        env = {one["name"]: one.get("value") for one in proxy["env"]}
        return env.get("MARK") == mark and f"--proxyLogLevel={mark}" in proxy["args"]

    def made(self) -> dict[str, dict[str, Object | None]]:
        """All pods anew, by revision and shape; None where none can be made."""
        for space in self.spaces.values():
            # without grace they are gone at once
            self.cluster.kubectl(f"delete pods --all -n {space} --wait=false")
        return {name: self._made(space) for name, space in self.spaces.items()}

    def _made(self, space: str) -> dict[str, Object | None]:
        found: dict[str, Object | None] = {}

        def all_made() -> bool:
            found.clear()
            for one in self.cluster.get(f"pods,rs -n {space}")["items"]:
                shape = one["metadata"]["labels"]["app"]
                if one["kind"] == "Pod":
                    found[shape] = one
                elif one["kind"] == "ReplicaSet" and _refused(one):
                    found.setdefault(shape, None)
            return set(found) == set(self.shapes)

        wait_for(f"the pods of {space}", all_made, 90)
        return found

    def said(self) -> dict[tuple[str, str], Any]:
        """Our report on them, by revision and shape."""
        found = {}
        for name, space in self.spaces.items():
            report = self.cluster.report(f"deploy {' '.join(self.shapes)} -n {space}")
            assert report["problems"] == []
            found.update({(name, one["name"]): one for one in report["workloads"]})
        return found


def _refused(replica_set: Object) -> bool:
    """Whether its pods are rejected."""
    conditions = replica_set["status"].get("conditions", [])
    return any(one["type"] == "ReplicaFailure" for one in conditions)


Matrix = dict[Key, Cell]


def lab(cluster: Cluster, plane: ControlPlane) -> Lab:
    """Every revision and shape that this Kubernetes takes, installed."""
    natives = cluster.knows_native_sidecars()
    shapes = {n: one for n, one in SHAPES.items() if natives or n not in NATIVES}
    found = Lab(cluster, plane, shapes)
    for name, told in REVISIONS.items():
        if natives or told.native is not True:
            found.install(name)
    return found


def cells(found: Lab) -> Matrix:
    """All pods in all states, and what we say of each."""
    matrix: Matrix = {}
    for state, settings in STATES.items():
        found.set(settings)
        pods, said = found.made(), found.said()
        for name, made in pods.items():
            for shape, pod in made.items():
                start = istio_start.start(pod) if pod else None
                matrix[name, state, shape] = Cell(start, said[name, shape])
    return matrix


# -- the table -------------------------------------------------------------

LETTERS = {
    "RACE": "R",
    "PARTIAL": "P",
    "HELD": "H",
    "NATIVE": "N",
    "UNKNOWN": "U",
    "GATEWAY": "G",
    "NONE": "-",
    "REJECTED": "x",
}


def table(matrix: Matrix) -> list[str]:
    width = max(map(len, SHAPES)) + 2
    states = ", ".join(STATES)
    lines = ["", f"Istio's injector against us; a letter for each of: {states}"]
    revisions = dict.fromkeys(name for name, _, _ in matrix)
    heads = (f"{name} ({REVISIONS[name].version})" for name in revisions)
    lines.append(" " * width + "".join(f"{head:20}" for head in heads))
    made = {shape for _, _, shape in matrix}
    for shape in (one for one in SHAPES if one in made):
        cells = (
            "".join(_letter(matrix[name, state, shape]) for state in STATES)
            for name in revisions
        )
        lines.append(f"{shape:{width}}" + "".join(f"{cell:20}" for cell in cells))
    return lines


def _letter(cell: Cell) -> str:
    wrong = cell.start is not None and cell.said["verdict"] != cell.outcome
    wrong |= not foretold(cell)
    mark = "*" if cell.said["injection"]["newPods"] == "unknown" else ""
    return LETTERS[cell.outcome] + ("!" if wrong else mark)


#: what new pods would be, for each outcome
FORETOLD = {
    "RACE": ("race",),
    "HELD": ("held",),
    "NATIVE": ("native",),
    "NONE": ("none",),
}


def foretold(cell: Cell) -> bool:
    """Whether what we say of new pods is what became of them, or left open."""
    told = cell.said["injection"]["newPods"]
    return told == "unknown" or told in FORETOLD.get(cell.outcome, ())
