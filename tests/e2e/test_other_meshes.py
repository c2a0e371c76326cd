"""Other meshes than Istio: the program against pods that their own code has injected.

Each version's injector is a webhook of the API server (``tests.controlplane``). Every
setting is combined with every shape of pod; each pod is sent with ``dryRun`` and comes
back as the API server would keep it. Three things are held against each other: what
``tests.controlplane.oracle`` makes of that pod, what the program says of it, and what
the injector does once the program's remedy is written into the pod.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

import pytest

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.control import Mode
from kubectl_meshcheck.model import PodStart, State
from tests.controlplane import ControlPlane, Injector, binaries, oracle
from tests.e2e.lanes import LANES, Lane, Marks, Object, shapes
from tests.e2e.objects import container
from tests.e2e.outlooks import PLANES, foretold

VERSIONS = [(mesh, version) for mesh in LANES for version in binaries.versions(mesh)]


@dataclass(frozen=True)
class Case:
    """One pod in its surroundings."""

    injector: Injector
    namespace: str
    spec: Object
    annotations: Marks
    labels: Marks = field(default_factory=dict)
    #: labels and annotations of the namespace, and settings of the installation
    around: tuple[Marks, Marks] = ({}, {})
    settings: Object = field(default_factory=dict)

    def admitted(self, more: Marks | None = None) -> Object:
        """As the API server keeps it, with ``more`` annotations."""
        marks = {**self.annotations, **(more or {})}
        meta = {"name": "app", "annotations": marks, "labels": dict(self.labels)}
        return self.injector.admit(
            self.namespace, {"metadata": meta, "spec": self.spec}
        )

    def written(self) -> PodStart:
        """The template, as the program reads it."""
        meta = {"annotations": self.annotations, "labels": self.labels}
        return _read({"metadata": meta, "spec": self.spec})


def _read(pod: Object) -> PodStart:
    meta = pod["metadata"]
    return parse.pod_start(
        parse.convert(pod["spec"], parse.PodSpec),
        meshes.relevant(meta.get("annotations")),
        meshes.relevant(meta.get("labels")),
    )


def _seen(pod: Object) -> tuple[str, dict[str, str]]:
    """What the program says: the verdict, and each of the user's containers."""
    judged = meshes.judge(_read(pod))
    states = {
        step.container.name: step.state.value
        for step in judged.steps
        if step.state not in (State.PROXY, State.HELPER)
    }
    return judged.verdict.value, states


def _remedied(case: Case, pod: Object) -> str:
    """What comes of the remedy: empty when it keeps its word."""
    mesh = case.injector.mesh
    lane = LANES[mesh]
    (proxy,) = meshes.proxies(_read(pod))
    known = meshes.mesh_of(proxy)
    assert known is not None
    hold = known.hold(case.written(), proxy)
    wanted = hold.annotations or lane.remedy
    got = oracle.start(mesh, case.admitted(wanted)["spec"]).verdict
    if hold.annotations:
        return "" if got in ("HELD", "NATIVE") else f"{dict(wanted)} leaves {got}"
    return "" if got not in ("HELD", "NATIVE") else f"{wanted} would do: {hold.manual}"


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda one: "-".join(one))
def injector(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Injector]:
    """One version of a mesh's own injector."""
    minor = int(plane.client.get("/version")["minor"].rstrip("+"))
    if minor < 29:
        pytest.skip("it needs native sidecars, which this Kubernetes has not")
    found = Injector(plane, *request.param).install()
    yield found
    found.uninstall()


def _namespace(injector: Injector, name: str, labels: Marks, marks: Marks) -> str:
    full = f"meshcheck-e2e-{injector.name.replace('.', '-')}-{name}"
    meta = {"name": full, "annotations": dict(marks)}
    meta["labels"] = {**injector.labels, "meshcheck.test/e2e": "true", **labels}
    client = injector.plane.client
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    account = {"name": "default", "namespace": full}
    client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    return full


def _cases(injector: Injector) -> Iterator[tuple[str, Case]]:
    """Each setting of the installation or of a namespace, with each of the pod."""
    mesh = injector.mesh
    lane = LANES[mesh]
    labels, asking = lane.asks_around("enabled") if lane.by_namespace else ({}, {})
    spaces = [
        _namespace(injector, f"matrix-{number}", labels, {**asking, **marks})
        for number, marks in enumerate(lane.around)
    ]
    own = {} if lane.by_namespace else lane.asks("true")[1]
    for name, config in lane.configs.items():
        injector.configure(config)
        for space in spaces if name == "defaults" else spaces[:1]:
            around = dict(lane.around[spaces.index(space)])
            for marks, (shape, spec) in product(lane.settings, shapes(mesh).items()):
                told = f"{name}; namespace {around}; pod {dict(marks)}; {shape}"
                pod = {**lane.always, **own, **marks}
                here = (labels, {**asking, **around})
                case = Case(injector, space, spec, pod, {}, here, config)
                yield told, case


MODES = {
    "RACE": Mode.RACE,
    "PARTIAL": Mode.RACE,
    "HELD": Mode.HELD,
    "NATIVE": Mode.NATIVE,
    "UNKNOWN": Mode.UNKNOWN,
}


def _foretold(case: Case, pod: Object) -> Mode:
    """What the mesh's configuration says of the next pod."""
    (proxy,) = meshes.proxies(_read(pod))
    injector = case.injector
    where = (injector.mesh, injector.version, case.settings)
    return foretold(*where, case.written(), case.around, proxy)


def test_verdict_and_remedy_agree_with_the_real_injector(
    injector: Injector, tell: list[str]
) -> None:
    wrong: list[str] = []
    tally: collections.Counter[str] = collections.Counter()
    for told, case in _cases(injector):
        pod = case.admitted()
        right = oracle.start(injector.mesh, pod["spec"])
        tally[right.verdict] += 1
        if _seen(pod) != (right.verdict, right.states):
            wrong.append(f"{told}: {_seen(pod)}, but it is {right}")
        elif right.verdict in ("RACE", "PARTIAL"):
            trouble = _remedied(case, pod)
            wrong += [f"{told}: {trouble}"] if trouble else []
        if injector.mesh in PLANES:
            mode = _foretold(case, pod)
            tally[f"foretold {mode.value}"] += mode is Mode.UNKNOWN
            if mode not in (Mode.UNKNOWN, MODES[right.verdict]):
                wrong.append(f"{told}: foretold {mode}, but it is {right}")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(tally.items()))
    tell.append(f"{injector.name}: {counts}; disagreements: {len(wrong)}")
    assert wrong == []


def _asking(lane: Lane) -> Iterator[tuple[str | None, str | None, Object]]:
    """What a namespace and a pod ask with, and the pod's spec."""
    plain = {"containers": [container("app")]}
    spaces = lane.values if lane.by_namespace else (None, "true")
    for around, own in product(spaces, lane.values):
        if lane.by_label and (around, own) == (None, "enabled"):
            continue  # enough up to 2.10, in vain from 2.11 on: the program warns
        yield around, own, plain
    yes = "enabled" if lane.by_namespace else "true"
    yield yes, yes, {**plain, "hostNetwork": True}
    for other in lane.others:
        yield yes, yes, {"containers": [container("app"), container(other)]}


def test_who_is_injected_is_told_as_the_real_injector_does(injector: Injector) -> None:
    mesh = injector.mesh
    lane = LANES[mesh]
    injector.configure({})
    wrong = []
    for number, (around, own, spec) in enumerate(_asking(lane)):
        labels, marks = lane.asks_around(around)
        space = _namespace(injector, f"asking-{number}", labels, marks)
        its_labels, its_marks = lane.asks(own)
        case = Case(injector, space, spec, {**lane.always, **its_marks}, its_labels)
        names = [c["name"] for c in _started(case.admitted()["spec"])]
        before = [c["name"] for c in _started(spec)]
        injected = len(names) > len(before)
        found = meshes.asked(case.written(), labels, marks)
        told = found is not None and not found[1].futile
        if told != injected:
            by = found and found[1]
            wrong.append(f"namespace {around}, pod {own}, {spec}: {by}, {injected=}")
    assert wrong == []


def _started(spec: Object) -> list[Object]:
    return [*spec.get("initContainers", []), *spec["containers"]]
