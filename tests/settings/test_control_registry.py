"""Nothing that a control plane needs can be forgotten without a test that names it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kubectl_meshcheck import meshes
from kubectl_meshcheck.control import Mode
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import MESHES, controls, injector, registry
from kubectl_meshcheck.meshes.registry import REGISTRY, Entry, present
from kubectl_meshcheck.model import PodStart
from kubectl_meshcheck.parse import ENVIRONMENT
from tests.pages import DOCS
from tests.settings import injectors
from tests.settings.meshes import placed
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


@pytest.mark.parametrize(
    ("args", "annotations", "mode", "whence"),
    [
        (["--hold"], {}, Mode.HELD, "Deployment acme/acme-injector, flag --hold"),
        (
            [],
            {},
            Mode.RACE,
            "not set in Deployment acme/acme-injector, flag --hold",
        ),
        (
            ["--hold=false"],
            {"acme.example/hold": "true"},
            Mode.HELD,
            "pod template, annotation acme.example/hold",
        ),
    ],
)
def test_the_control_plane_of_the_contributing_page_works(
    args: list[str],
    annotations: dict[str, str],
    mode: Mode,
    whence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line and a module, and nothing else, are all that it takes."""
    text = (DOCS / "contributing.md").read_text(encoding="utf-8")
    part = text.partition("### Its control plane")[2]
    [line] = re.findall(r'"acme": (Entry\(.*\)),\n', part)
    [source] = re.findall(r"^```python\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    module = ModuleType("kubectl_meshcheck.meshes.acme_control")
    exec(compile(source, "docs/contributing.md", "exec"), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    entry = eval(line, {"Entry": Entry})
    monkeypatch.setattr(registry, "REGISTRY", {**REGISTRY, "acme": entry})
    inventory = scanned(
        injectors.webhook(
            "acme", "inject.acme.example", ("acme", "acme-injector"), policy="Ignore"
        ),
        injectors.deployment("acme", "acme-injector", "acme/injector:1.4", args=args),
    )
    [plane] = inventory.control_planes()
    assert (plane.mesh, plane.version) == ("acme", "1.4")
    explained = controls.explain([plane], placed(annotations))
    assert explained is not None
    [setting] = explained.settings
    assert (explained.injection.injected, explained.outlook.mode) == (True, mode)
    assert setting.whence == whence


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
