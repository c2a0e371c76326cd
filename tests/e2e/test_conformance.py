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

from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane import ControlPlane, Istio, wait_for
from tests.e2e import matrix as making
from tests.e2e.cluster import Cluster
from tests.e2e.matrix import Cell, Key, Matrix, foretold
from tests.e2e.objects import deployment, pod_spec
from tests.e2e.shapes import HOLD, INJECT, REJECTED, REVISIONS, STATES, native


@pytest.fixture(scope="module")
def matrix(cluster: Cluster, plane: ControlPlane, tell: list[str]) -> Iterator[Matrix]:
    """Every cell, made once; printed when the tests are through."""
    lab = making.lab(cluster, plane)
    found = making.cells(lab)
    yield found
    tell += making.table(found)
    for name, space in lab.spaces.items():
        cluster.kubectl(f"delete ns {space} --wait=false")
        lab.revisions[name].uninstall()


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
        if not foretold(cell)
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
    istio = Istio(plane, "lone", "1.22").install(native("true"))
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
