"""Against Istio's own injector: what is stated is what happens.

Every combination of the places is set on a real control plane, and a pod is made
there by dry run.  The stated outcome must be that of the pod; and the outcome must
change when the stated origin is changed, unless another place asks for the same.
Left out: versions that do not build any more, which the tables cover.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kubectl_meshcheck import mesh_reading, parse
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.control import Explained, Mode, Placed, Setting
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.meshes.istio_settings import HOLD, NATIVE, PROXY_CONFIG
from tests.controlplane import ControlPlane, Istio, UnavailableError, wait_for

pytestmark = pytest.mark.e2e

Object = dict[str, Any]
Marks = dict[str, str]
SWITCH = (None, True, False)
VERSIONS = ("1.22", "1.31")
REV, INJECT = "istio.io/rev", "sidecar.istio.io/inject"


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A control plane of our own."""
    mine = ControlPlane("settings")
    mine.down()
    try:
        mine.up()
    except UnavailableError as error:
        pytest.skip(f"the settings were NOT tried on a control plane: {error}")
    try:
        yield mine
    finally:
        mine.down()


@dataclass
class Mesh:
    """Istio's default revision, its settings, and pods that it makes."""

    istio: Istio
    turn: int = 0

    def set(self, values: Object, mesh: Object) -> None:
        """Settings of both ConfigMaps; returns when the injector has both."""
        self.turn += 1
        mark = f"mark-{self.turn}"
        self.istio.set_values({"global": {"proxy": {**values, "logLevel": mark}}})
        config = {**mesh, "proxyMetadata": {"MARK": mark}}
        self.istio.set_mesh({"defaultConfig": config})

        def seen() -> bool:
            proxy = _proxy(self.pod({}))
            env = {one["name"]: one.get("value") for one in proxy["env"]}
            return (
                env.get("MARK") == mark and f"--proxyLogLevel={mark}" in proxy["args"]
            )

        wait_for(f"istiod to see {mark}", seen, 60)

    def pod(
        self,
        annotations: Object,
        labels: Object | None = None,
        namespace: str = "held",
    ) -> Object:
        """A pod as the API server would store it."""
        body = {
            "metadata": {
                "name": "web",
                "annotations": annotations,
                "labels": labels or {},
            },
            "spec": {"containers": [{"name": "web", "image": "web"}]},
        }
        path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
        made: Object = self.istio.plane.client.request("POST", path, body)
        return made

    def space(self, name: str, labels: dict[str, str]) -> None:
        meta = {"name": name, "labels": labels}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
        self.istio.plane.client.apply(body)
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_for(f"the account of {name}", lambda: _there(self.istio.plane, account))

    def read(self) -> MeshObjects:
        """What the program reads of the mesh."""
        cluster = connect(Connection(kubeconfig=str(self.istio.plane.kubeconfig)))
        objects = MeshObjects()
        mesh_reading.read_webhooks(cluster, objects)
        mesh_reading.read_settings(cluster, objects)
        mesh_reading.read_nodes(cluster, objects, lambda: controls.planes(objects))
        cluster.close()
        return objects


def _there(plane: ControlPlane, path: str) -> bool:
    from tests.controlplane import ApiError

    try:
        plane.client.get(path)
    except ApiError:
        return False
    return True


def _proxy(pod: Object) -> Object:
    spec = pod["spec"]
    found = [*spec.get("initContainers", []), *spec["containers"]]
    [proxy] = [one for one in found if one["name"] == "istio-proxy"]
    return dict(proxy)


def outcome(pod: Object) -> Mode:
    """What the injector really made of a pod."""
    names = [one["name"] for one in pod["spec"]["containers"]]
    inits = [one["name"] for one in pod["spec"].get("initContainers", [])]
    if "istio-proxy" in inits:
        proxy = _proxy(pod)
        gates = "startupProbe" in proxy or "postStart" in proxy.get("lifecycle", {})
        return Mode.NATIVE if gates else Mode.RACE
    if "istio-proxy" not in names:
        return Mode.NONE
    hook = "postStart" in _proxy(pod).get("lifecycle", {})
    return Mode.HELD if hook and names[0] == "istio-proxy" else Mode.RACE


def stated(
    objects: MeshObjects,
    annotations: Marks,
    labels: Marks | None = None,
    namespace: str = "held",
    namespace_labels: Marks | None = None,
) -> Explained:
    """What the program says of such a pod."""
    meta = parse.Meta(annotations=annotations, labels=labels)
    pod = parse.pod_start(
        parse.PodSpec(),
        tuple((meta.annotations or {}).items()),
        tuple((meta.labels or {}).items()),
    )
    inside = (
        {"istio-injection": "enabled"} if namespace_labels is None else namespace_labels
    )
    place = Placed(pod, namespace, labels or {}, inside, {})
    found = controls.explain(controls.planes(objects), place, objects.webhooks_unknown)
    assert found is not None
    return found


def _config(hold: bool | None) -> dict[str, str]:
    return {} if hold is None else {PROXY_CONFIG: f"{HOLD}: {str(hold).lower()}"}


def _setting(found: Explained, name: str) -> Setting:
    return next(one for one in found.settings if one.name == name)


Said = tuple[bool | None, bool | None, bool | None]  #: values, annotation, mesh
_PLACES: tuple[Callable[[Setting], bool], ...] = (
    lambda s: s.origin.key == "values",
    lambda s: s.origin.kind == "pod template",
    lambda s: s.origin.key == "mesh",
)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stated_origin_decides(version: str, plane: ControlPlane) -> None:
    mesh = Mesh(Istio(plane, version=version).install())
    mesh.istio.set_native("false")
    mesh.space("held", {"istio-injection": "enabled"})
    real: dict[Said, Mode] = {}
    said: dict[Said, Explained] = {}
    for values, default in itertools.product(SWITCH, SWITCH):
        mesh.set({HOLD: values}, {HOLD: default})
        objects = mesh.read()
        for own in SWITCH:
            key = (values, own, default)
            real[key] = outcome(mesh.pod(_config(own)))
            said[key] = stated(objects, _config(own))
    assert {k: v.outlook.mode for k, v in said.items()} == real
    for key, found in said.items():
        hold = _setting(found, HOLD)
        place = next(i for i, mine in enumerate(_PLACES) if mine(hold))
        changed = list(key)
        changed[place] = not hold.value
        after = real[changed[0], changed[1], changed[2]]
        agrees = any(one.value is True for one in hold.overrode)
        assert (after is not real[key]) or (hold.value and agrees), key


@pytest.mark.parametrize("version", VERSIONS)
def test_native_follows_environment_annotation_and_probe(
    version: str, plane: ControlPlane
) -> None:
    mesh = Mesh(Istio(plane, version=version).install())
    mesh.space("held", {"istio-injection": "enabled"})
    for env in ("false", "true", "auto"):
        mesh.istio.set_native(env)
        for probe, hold in itertools.product((True, False), (True, False)):
            mesh.set({"startupProbe": {"enabled": probe}, HOLD: hold}, {})
            objects = mesh.read()
            for own in (None, "true", "false"):
                annotations: Marks = {} if own is None else {NATIVE: own}
                found = stated(objects, annotations).outlook
                made = outcome(mesh.pod(annotations))
                assert found.mode is made, (env, probe, hold, own, found.reason)


SPACES: dict[str, Marks] = {
    "plain": {},
    "held": {"istio-injection": "enabled"},
    "off": {"istio-injection": "disabled"},
    "rev": {REV: "default"},
    "pigeon": {REV: "pigeon"},
    "both": {"istio-injection": "enabled", REV: "pigeon"},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_who_is_injected(version: str, plane: ControlPlane) -> None:
    mesh = Mesh(Istio(plane, version=version).install())
    objects = mesh.read()
    labels: tuple[Marks, ...] = (
        {},
        {INJECT: "true"},
        {INJECT: "false"},
        {REV: "default"},
        {REV: "pigeon"},
    )
    marks: tuple[Marks, ...] = (
        {},
        {INJECT: "true"},
        {INJECT: "false"},
        {INJECT: "yes"},
    )
    for name, own in SPACES.items():
        mesh.space(name, own)
    wrong = []
    for (name, own), label, mark in itertools.product(SPACES.items(), labels, marks):
        made = outcome(mesh.pod(mark, label, name)) is not Mode.NONE
        found = stated(objects, mark, label, name, own).injection
        if found.injected is not made:
            wrong.append((name, label, mark, made, found))
    assert wrong == []


def test_a_lifecycle_takes_the_place_of_the_hook(plane: ControlPlane) -> None:
    mesh = Mesh(Istio(plane, version="1.22").install())
    mesh.istio.set_native("false")
    mesh.space("held", {"istio-injection": "enabled"})
    lifecycle = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
    mesh.set({HOLD: True, "lifecycle": lifecycle}, {})
    made = mesh.pod({})
    found = stated(mesh.read(), {}).outlook
    assert [one["name"] for one in made["spec"]["containers"]] == ["istio-proxy", "web"]
    assert (outcome(made), found.mode, found.reason) == (
        Mode.RACE,
        Mode.RACE,
        "values.global.proxy.lifecycle takes the place of the waiting hook",
    )
