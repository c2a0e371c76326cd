"""Istio's own injector, the real controllers, and what we make of their pods.

Every shape of Deployment is made under every revision, in every state of the mesh's
settings. Three things are held against each other: how the pod starts by the kubelet's
rules (``istio_start``), our verdict on it, and our explanation: what new pods would be,
which settings count, and where those are written. Whether a stated origin is the one
whose change changes the outcome is looked up in the matrix itself, among the cells that
differ from this one in one place.

The matrix is printed at the end: a letter a state, in the order of ``STATES``.
R race, P partial, H held, N native, U unknown, G gateway, - no proxy, x no pod is made;
* our outlook on new pods is unknown; ! is a disagreement.

On a Kubernetes without native sidecars the matrix is smaller: its API server rejects
every such pod with 422, which is held here too.

Left out: what only other versions do, which the tables of tests/settings have, and
versions of the injector that do not build any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.controlplane import ControlPlane, Istio, wait_for
from tests.e2e import istio_start
from tests.e2e.cluster import Cluster, Object
from tests.e2e.objects import container, deployment, pod_spec

HOLD = "holdApplicationUntilProxyStarts"
CONFIG = "proxy.istio.io/config"
NATIVE = "sidecar.istio.io/nativeSidecar"
PORT = istio_start.PORT
INJECT = "sidecar.istio.io/inject"
RANGES = "traffic.sidecar.istio.io/includeOutboundIPRanges"
TEMPLATES = "inject.istio.io/templates"
MODE = "sidecar.istio.io/interceptionMode"


def _native(mode: str) -> Object:
    return {"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": mode}}}


CNI: Object = {"pilot": {"cni": {"enabled": True}}}


@dataclass(frozen=True)
class Revision:
    """One injector."""

    version: str
    values: Object
    #: the namespace names a tag, not the revision
    tag: str = ""
    #: what it does with a pod that says nothing; None: as the kubelets are
    native: bool | None = False


REVISIONS = {
    "new": Revision("1.31", {}, native=None),
    "new-classic": Revision("1.31", _native("false"), "e2e-stable"),
    "new-cni": Revision("1.31", CNI, native=None),
    "old": Revision("1.22", {}),
    "old-native": Revision("1.22", _native("true"), native=True),
}


@dataclass(frozen=True)
class State:
    """What the two ConfigMaps of a revision say."""

    values: bool | None = None  #: the hold there; None: nothing
    mesh: bool | None = None
    lifecycle: bool = False  #: a preStop hook in the values
    probe: bool = True

    @property
    def proxy(self) -> Object:
        """Under ``global.proxy`` of the values."""
        sleep = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
        return {
            HOLD: self.values,
            "lifecycle": sleep if self.lifecycle else None,
            "startupProbe": {"enabled": self.probe},
        }


STATES = {
    "nothing": State(),
    "mesh holds": State(mesh=True),
    "values hold": State(values=True),
    "values hold, mesh does not": State(values=True, mesh=False),
    "mesh holds, lifecycle set": State(mesh=True, lifecycle=True),
    "mesh holds, no startup probe": State(mesh=True, probe=False),
}


@dataclass(frozen=True)
class Shape:
    """A Deployment."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[Object, ...] = (container(),)
    init: tuple[Object, ...] = ()


def _hold(value: str) -> dict[str, str]:
    return {CONFIG: f"{HOLD}: {value}"}


CLASSIC = {NATIVE: "false"}
OWN_HOOK = {"postStart": {"exec": {"command": ["sleep", "3"]}}}
OWN_STOP = {"preStop": {"exec": {"command": ["sleep", "3"]}}}
UID = {"runAsUser": 1337}
SHAPES = {
    "plain": Shape(),
    "two": Shape(containers=(container("one"), container("two"))),
    "hold": Shape(_hold("true")),
    "hold-off": Shape(_hold("false")),
    "hold-yes": Shape(_hold("yes")),
    "hold-snake": Shape({CONFIG: "hold_application_until_proxy_starts: true"}),
    "hold-json": Shape({CONFIG: f'{{"{HOLD}": true, "concurrency": 2}}'}),
    "hold-misspelt": Shape({CONFIG: "holdapplicationuntilproxystarts: true"}),
    "hold-text": Shape(_hold('"true"')),
    "hold-nospace": Shape({CONFIG: f"{HOLD}:true"}),
    "native": Shape({NATIVE: "true"}),
    "classic": Shape(CLASSIC),
    "classic-hold": Shape(CLASSIC | _hold("true")),
    "init": Shape(init=(container("migrate", command=["true"]),)),
    "classic-init": Shape(CLASSIC, init=(container("migrate", command=["true"]),)),
    "init-1337": Shape(
        CLASSIC,
        init=(container("migrate", command=["true"], securityContext=UID),),
    ),
    "native-init": Shape(init=(container("log", restartPolicy="Always"),)),
    "own-hook": Shape(
        CLASSIC | _hold("true"),
        containers=(container(), {"name": "istio-proxy", "lifecycle": OWN_HOOK}),
    ),
    "own-stop": Shape(
        CLASSIC | _hold("true"),
        containers=(container(), {"name": "istio-proxy", "lifecycle": OWN_STOP}),
    ),
    "mode-none": Shape({MODE: "NONE"}),
    "no-ranges": Shape({RANGES: ""}),
    "port-0": Shape({PORT: "0"}),
    "port-0-hold": Shape({PORT: "0"} | CLASSIC | _hold("true")),
    "off": Shape(labels={INJECT: "false"}),
    "off-note": Shape({INJECT: "false"}),
    "gateway": Shape({TEMPLATES: "gateway"}),
    "grpc": Shape({TEMPLATES: "grpc-agent"}),
}
#: shapes, and with them revisions, that an old API server does not take
NATIVES = ("native", "native-init")
#: nobody makes these: the injector rejects them
REJECTED = ("hold-text", "hold-nospace")

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


@pytest.fixture(scope="module")
def matrix(cluster: Cluster, plane: ControlPlane, tell: list[str]) -> Iterator[Matrix]:
    """Every cell, made once; printed when the tests are through."""
    natives = cluster.knows_native_sidecars()
    shapes = {n: one for n, one in SHAPES.items() if natives or n not in NATIVES}
    lab = Lab(cluster, plane, shapes)
    for name, told in REVISIONS.items():
        if natives or told.native is not True:
            lab.install(name)
    found: Matrix = {}
    for state, settings in STATES.items():
        lab.set(settings)
        pods, said = lab.made(), lab.said()
        for name, made in pods.items():
            for shape, pod in made.items():
                start = istio_start.start(pod) if pod else None
                found[name, state, shape] = Cell(start, said[name, shape])
    yield found
    tell += _table(found)
    for name, space in lab.spaces.items():
        cluster.kubectl(f"delete ns {space} --wait=false")
        lab.revisions[name].uninstall()


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


def _table(matrix: Matrix) -> list[str]:
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
    wrong |= not _foretold(cell)
    mark = "*" if cell.said["injection"]["newPods"] == "unknown" else ""
    return LETTERS[cell.outcome] + ("!" if wrong else mark)


#: what new pods would be, for each outcome
FORETOLD = {
    "RACE": ("race",),
    "HELD": ("held",),
    "NATIVE": ("native",),
    "NONE": ("none",),
}


def _foretold(cell: Cell) -> bool:
    """Whether what we say of new pods is what became of them, or left open."""
    told = cell.said["injection"]["newPods"]
    return told == "unknown" or told in FORETOLD.get(cell.outcome, ())


# -- the tests -------------------------------------------------------------


def test_every_verdict_is_how_the_pod_starts(matrix: Matrix) -> None:
    made = {key: cell for key, cell in matrix.items() if cell.start}

    assert {k: c.said["verdict"] for k, c in made.items()} == {
        k: c.outcome for k, c in made.items()
    }


def test_the_rejected_are_named_and_no_other(matrix: Matrix) -> None:
    rejected = {key for key, cell in matrix.items() if cell.start is None}
    named = {
        key
        for key, cell in matrix.items()
        if any(
            one["id"] == "MC006" and one["severity"] == "error"
            for one in cell.said["findings"]
        )
    }

    assert rejected == {key for key in matrix if key[2] in REJECTED}
    assert named == rejected


def test_init_containers_are_refused_where_they_are_redirected(matrix: Matrix) -> None:
    expected = {
        key: cell.start.refused if cell.start.redirected else ()
        for key, cell in matrix.items()
        if cell.start
    }
    found = {key: _containers(matrix[key].said, "MC002") for key in expected}

    assert found == expected


def _containers(said: Any, check: str) -> tuple[str, ...]:
    return tuple(f["container"] for f in said["findings"] if f["id"] == check)


def test_new_pods_become_what_we_say(matrix: Matrix) -> None:
    wrong = {
        key: (cell.outcome, cell.said["injection"])
        for key, cell in matrix.items()
        if not _foretold(cell)
    }

    assert wrong == {}


#: shapes of which new pods are left open, since ordinary rules do not cover them
OPEN = ("own-hook", "own-stop", "gateway", "grpc", *REJECTED)


def test_new_pods_are_left_open_only_where_they_must_be(matrix: Matrix) -> None:
    unknown = {
        key
        for key, cell in matrix.items()
        if cell.said["injection"]["newPods"] == "unknown"
    }

    deaf = {key for key, cell in matrix.items() if _deaf(key[2], cell)}
    assert unknown == {key for key in matrix if key[2] in OPEN} | deaf


def _deaf(shape: str, cell: Cell) -> bool:
    """A classic pod that would be held, with nobody to answer its hook."""
    return shape in ("port-0", "port-0-hold") and cell.outcome == "UNKNOWN"


# -- settings and their origins --------------------------------------------

#: what the shapes say of the hold, of those that are otherwise ordinary
SAYING = {
    "plain": None,
    "hold": True,
    "hold-off": False,
    "hold-yes": True,
    "hold-snake": True,
    "hold-json": True,
    "hold-misspelt": None,
    "classic": None,
    "classic-hold": True,
    "native": None,
}
#: and of the native sidecar, to an Istio that reads it
NATIVELY = {"classic": False, "classic-hold": False, "native": True}


def _setting(cell: Cell, name: str) -> Any:
    (found,) = (one for one in cell.said["settings"] if one["name"] == name)
    return found


def _place(setting: Any) -> str:
    """Where a setting is said to be written: values, mesh, annotation, environment."""
    kind, key = str(setting["origin"]["kind"]), str(setting["origin"]["key"])
    places = {"ConfigMap": key, "pod template": "annotation"}
    return places.get(kind, "environment")


def _held(values: bool | None, own: bool | None, mesh: bool | None) -> bool:
    """Istio's formula since 1.9.1 (facts of reorderPod): the values OR the rest."""
    return bool(values) or bool(mesh if own is None else own)


def test_hold_and_native_are_what_was_set(matrix: Matrix, cluster: Cluster) -> None:
    expected, found = {}, {}
    kubelets = cluster.minor() >= 33
    for key, cell in _sayings(matrix):
        name, state, shape = key
        told, asked = REVISIONS[name], STATES[state]
        own = NATIVELY.get(shape) if told.version != "1.22" else None
        expected[key] = (
            _held(asked.values, SAYING[shape], asked.mesh),
            (kubelets if told.native is None else told.native) if own is None else own,
        )
        hold, native = _setting(cell, HOLD), _setting(cell, "nativeSidecar")
        found[key] = (hold["value"], native["value"])

    assert found == expected


def _sayings(matrix: Matrix) -> list[tuple[Key, Cell]]:
    return [(key, cell) for key, cell in matrix.items() if key[2] in SAYING]


def test_the_stated_origin_is_the_one_that_decides(matrix: Matrix) -> None:
    """Flip the place that is named, and the outcome changes, or another asks too."""
    wrong = {}
    for key, cell in _sayings(matrix):
        _, state, shape = key
        hold = _setting(cell, HOLD)
        asked, place = STATES[state], _place(hold)
        says = {"values": asked.values, "mesh": asked.mesh, "annotation": SAYING[shape]}
        others = {one: value for one, value in says.items() if one != place}
        flipped = {**others, place: not hold["value"]}
        after = _held(flipped["values"], flipped["annotation"], flipped["mesh"])
        agrees = hold["value"] and any(others.values())
        if after == hold["value"] and not agrees:
            wrong[key] = (place, hold["value"], says)
        if hold["default"] != all(value is None for value in says.values()):
            wrong[key] = ("default", hold["default"], says)

    assert wrong == {}


def test_a_flipped_origin_changes_the_pods(matrix: Matrix) -> None:
    """The same looked up in the matrix: cells that differ in the stated place alone."""
    pairs = {
        # (state, shape): the same with the stated place of the hold changed
        ("nothing", "plain"): ("mesh holds", "plain", "mesh"),
        ("mesh holds", "plain"): ("nothing", "plain", "mesh"),
        ("nothing", "hold"): ("nothing", "hold-off", "annotation"),
        ("mesh holds", "hold-off"): ("mesh holds", "hold", "annotation"),
        ("values hold", "plain"): ("nothing", "plain", "values"),
        ("values hold", "hold-off"): ("nothing", "hold-off", "values"),
    }
    for name, told in REVISIONS.items():
        if told.native is not False:
            continue
        for (state, shape), (other, changed, place) in pairs.items():
            cell, after = matrix[name, state, shape], matrix[name, other, changed]
            assert _place(_setting(cell, HOLD)) == place, (name, state, shape)
            assert cell.outcome != after.outcome, (name, state, shape)


def test_native_comes_from_the_annotation_or_the_environment(matrix: Matrix) -> None:
    found = {key: _place(_setting(c, "nativeSidecar")) for key, c in _sayings(matrix)}

    assert found == {
        key: "annotation"
        if key[2] in NATIVELY and REVISIONS[key[0]].version != "1.22"
        else "environment"
        for key in found
    }


def test_who_is_injected_and_by_which_rule(matrix: Matrix) -> None:
    wrong = {}
    for key, cell in matrix.items():
        name, _, shape = key
        told, said = REVISIONS[name], cell.said["injection"]
        off = shape in ("off", "off-note")
        rule = f"namespace label istio.io/rev={told.tag or name}"
        reason = INJECT if off else rule
        right = said["injected"] is not off and said["revision"] in (name, "")
        if not right or reason not in said["rule"]:
            wrong[key] = said

    assert wrong == {}


def test_an_old_api_server_rejects_native_sidecars(
    cluster: Cluster, plane: ControlPlane
) -> None:
    """It drops the field that makes them, then refuses what goes with it."""
    if cluster.knows_native_sidecars():
        pytest.skip("this Kubernetes knows native sidecars: 1.28 does not")
    name = cluster.namespace("native", {"istio.io/rev": "lone"})
    istio = Istio(plane, "lone", "1.22").install(_native("true"))
    cluster.apply(deployment(name, "web", pod_spec()))
    told = ""

    def refused() -> bool:
        nonlocal told
        (found,) = cluster.get(f"rs -n {name}")["items"]
        conditions = found["status"].get("conditions", [])
        told = next((one["message"] for one in conditions), "")
        return bool(told)

    wait_for("the refusal", refused)
    istio.uninstall()
    cluster.kubectl(f"delete ns {name} --wait=false")
    assert "may not be set for init containers without restartPolicy=Always" in told
