"""Sidecars that a user declares in the config file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from kubectl_meshcheck import config, meshes
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.meshes.declared import Sidecar
from kubectl_meshcheck.model import Container, Handler, PodStart, Probe, Role, Verdict

EDGE = Sidecar("edge", container="edge-*", waits=("/edge", "wait"), ready="/ready")


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    yield
    meshes.declare(())


def _pod(*containers: Container) -> PodStart:
    return PodStart(containers=containers)


def _exec(*command: str) -> Handler:
    return Handler("exec", command=command)


def _main(name: str, hook: Handler | None = None, image: str = "") -> Container:
    return Container(name, Role.MAIN, image=image, post_start=hook)


def _native(path: str) -> Container:
    probe = Probe(Handler("httpGet", path=path, port="9000"))
    return Container("edge-1", Role.NATIVE, startup=probe)


@pytest.mark.parametrize(
    ("pod", "verdict"),
    [
        (_pod(_main("app"), _main("edge-1")), Verdict.RACE),
        (_pod(_main("edge-1"), _main("app")), Verdict.RACE),
        (_pod(_main("edge-1", _exec("/edge", "wait")), _main("app")), Verdict.HELD),
        (_pod(_main("edge-1", _exec("/edge", "warm")), _main("app")), Verdict.UNKNOWN),
        (_pod(_native("/ready"), _main("app")), Verdict.NATIVE),
        (_pod(_native("/live"), _main("app")), Verdict.UNKNOWN),
        (_pod(_main("app"), _main("other")), Verdict.NONE),
    ],
)
def test_a_declared_sidecar_is_judged_like_a_mesh(
    pod: PodStart, verdict: Verdict
) -> None:
    meshes.declare([EDGE])

    assert meshes.judge(pod).verdict is verdict


def test_an_undeclared_one_is_nobodys_proxy() -> None:
    assert meshes.judge(_pod(_main("app"), _main("edge-1"))).verdict is Verdict.NONE


def test_it_is_found_by_its_image() -> None:
    meshes.declare([Sidecar("edge", image="registry.example/edge:*")])
    found = meshes.proxies(_pod(_main("x", image="registry.example/edge:2.4")))

    assert [(proxy.mesh, proxy.version) for proxy in found] == [("edge", "2.4")]


def test_the_config_file_declares_it(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "sidecars:\n- name: edge\n  container: edge-*\n  waits: [/edge, wait]\n"
        "  ready: /ready\n"
    )

    declared = replace(EDGE, source=str(file))
    assert config.load(str(file)).sidecars == (declared,)
    assert meshes.judge(_pod(_main("app"), _main("edge-1"))).verdict is Verdict.RACE


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("sidecars: [{name: istio, container: x}]", "istio is the name of a mesh"),
        ("sidecars: [{name: edge}]", "a name, and a container or an image"),
        ("sidecars: [{name: edge, container: 1}]", "the values of a sidecar are text"),
        ("sidecars: [{name: edge, contianer: x}]", "did you mean container?"),
        ("sidecars: {}\nsidecar: []", "did you mean sidecars?"),
        ("sidecars: 3", "sidecars is not a list"),
    ],
)
def test_what_is_not_understood_is_a_usage_error(
    tmp_path: Path, text: str, trouble: str
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)

    with pytest.raises(MeshcheckError) as caught:
        config.load(str(file))

    assert trouble in caught.value.what
    assert caught.value.code is ExitCode.USAGE
