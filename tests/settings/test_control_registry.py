"""Nothing that a control plane needs can be forgotten without a test that names it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kubectl_meshcheck import meshes
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import MESHES, controls, injector
from kubectl_meshcheck.meshes.registry import REGISTRY, present
from kubectl_meshcheck.model import PodStart
from kubectl_meshcheck.parse import ENVIRONMENT
from tests.settings import injectors
from tests.settings.test_injectors import scanned

PACKAGE = Path(meshes.__file__).parent
each = pytest.mark.parametrize("mesh", list(REGISTRY))
#: modules of that name that are no mesh's
_OTHERS = {"declared_control"}


def test_every_mesh_has_a_control_plane() -> None:
    assert sorted(REGISTRY) == sorted(mesh.name for mesh in MESHES)


def test_every_module_is_registered() -> None:
    there = {path.stem for path in PACKAGE.glob("*_control.py")} - _OTHERS
    assert there == {f"{mesh}_control" for mesh in REGISTRY}


@each
def test_its_module_states_where_it_was_read(mesh: str) -> None:
    control = controls.control_of(mesh)
    assert control is not None
    assert control.mesh == mesh
    text = (PACKAGE / f"{mesh}_control.py").read_text(encoding="utf-8")
    # Istio's is told by the modules that it is made of
    assert mesh == "istio" or re.search(r"\([\w-]+/[\w.-]+:", text.split('"""')[1])


@each
def test_it_says_nothing_where_nothing_was_read(mesh: str) -> None:
    control = controls.control_of(mesh)
    assert control is not None
    assert list(control.wanted(MeshObjects())) == []
    assert control.planes(MeshObjects()) == ()
    assert control.asked_by(PodStart()) == ""


def test_only_the_meshes_that_are_there_are_present() -> None:
    assert list(present(MeshObjects())) == []
    found = scanned(*injectors.dapr(), *injectors.consul()).mesh_objects
    assert list(present(found)) == ["consul", "dapr"]


@each
def test_every_variable_that_it_reads_is_kept(mesh: str) -> None:
    controls.control_of(mesh)
    module = __import__(f"kubectl_meshcheck.meshes.{mesh}_control", fromlist=["x"])
    knobs = [
        knob
        for value in vars(module).values()
        for knob in (value if isinstance(value, tuple) else (value,))
        if isinstance(knob, injector.Knob)
    ]
    lost = [k.env for k in knobs if k.env and not k.env.startswith(ENVIRONMENT)]
    assert lost == []
    # what overrides a setting is kept of a pod
    keys = [k.annotation for k in knobs if k.annotation]
    kept = {key for key, _ in meshes.relevant(dict.fromkeys(keys, "x"))}
    assert kept == set(keys)
