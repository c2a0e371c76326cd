"""Linkerd and Kuma: the program against pods that their own code has injected.

Each version's injector is a webhook of the API server (``tests.controlplane``). Every
setting is combined with every shape of pod; each pod is sent with ``dryRun`` and comes
back as the API server would keep it. Three things are held against each other: what
``tests.controlplane.oracle`` makes of that pod, what the program says of it, and what
the injector does once the program's remedy is written into the pod.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import pytest

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.model import PodStart, State
from tests.controlplane import ControlPlane, Injector, binaries, oracle
from tests.e2e.objects import container

Object = dict[str, Any]
Marks = Mapping[str, str]
INJECT = {"linkerd": "linkerd.io/inject", "kuma": "kuma.io/sidecar-injection"}
REMEDY = {
    "linkerd": {"config.linkerd.io/proxy-await": "enabled"},
    "kuma": {"kuma.io/wait-for-dataplane-ready": "true"},
}
AWAIT = "config.linkerd.io/proxy-await"
NATIVE = "proxy-enable-native-sidecar"
GA = f"config.linkerd.io/{NATIVE}"
BETA = f"config.beta.linkerd.io/{NATIVE}"
ALPHA = f"config.alpha.linkerd.io/{NATIVE}"
WAIT = "config.linkerd.io/proxy-await"
NATIVE = "proxy-enable-native-sidecar"
GA, BETA, ALPHA = (
    f"config.{grade}linkerd.io/{NATIVE}" for grade in ("", "beta.", "alpha.")
)
WAIT = "kuma.io/wait-for-dataplane-ready"
FIRST = "kuma.io/init-first"

VERSIONS = [(m, v) for m in ("linkerd", "kuma") for v in binaries.versions(m)]


def _kuma(settings: Object) -> Object:
    """The settings of Kuma's injector, in its control plane's."""
    return {"runtime": {"kubernetes": {"injector": settings}}}


#: of the whole installation
CONFIGS: dict[str, dict[str, Object]] = {
    "linkerd": {
        "defaults": {},
        "await off": {"proxy": {"await": False}},
        "CNI": {"cniEnabled": True},
        "CNI, await off": {"cniEnabled": True, "proxy": {"await": False}},
        "native": {"proxy": {"nativeSidecar": True}},
        "native, await off": {"proxy": {"nativeSidecar": True, "await": False}},
        "native, CNI": {"cniEnabled": True, "proxy": {"nativeSidecar": True}},
    },
    "kuma": {
        "defaults": {},
        "waiting": _kuma({"sidecarContainer": {"waitForDataplaneReady": True}}),
        "CNI": _kuma({"cniEnabled": True}),
        "native": {"experimental": {"sidecarContainers": True}},
    },
}
#: annotations of the namespace
AROUND: dict[str, tuple[Marks, ...]] = {
    "linkerd": (
        {},
        {AWAIT: "disabled"},
        {ALPHA: "true"},
        {BETA: "true"},
        {GA: "true"},
        {ALPHA: "true", AWAIT: "disabled"},
    ),
    "kuma": ({}, {WAIT: "true"}),
}
#: annotations of the pod
SETTINGS: dict[str, tuple[Marks, ...]] = {
    "linkerd": (
        {},
        {AWAIT: "enabled"},
        {AWAIT: "disabled"},
        {AWAIT: "true"},
        {ALPHA: "true"},
        {ALPHA: "false"},
        {ALPHA: "on"},
        {BETA: "true"},
        {GA: "true"},
        {GA: "on", ALPHA: "true"},
        {ALPHA: "true", AWAIT: "disabled"},
        {"config.linkerd.io/admin-port": "4999"},
        {"config.linkerd.io/enable-debug-sidecar": "true"},
    ),
    "kuma": ({}, {WAIT: "true"}, {WAIT: "false"}, {FIRST: "true"}),
}


def _helper(name: str, **more: Any) -> Object:
    return container(name, restartPolicy="Always", **more)


def _shapes(mesh: str) -> dict[str, Object]:
    """Pod specs as users write them."""
    passing = {"runAsUser": oracle.MESHES[mesh].uid}
    app, init = container("app"), container("migrate")
    return {
        "one container": {"containers": [app]},
        "two containers": {"containers": [app, container("log")]},
        "init container": {"containers": [app], "initContainers": [init]},
        "init container as the proxy's user": {
            "containers": [app],
            "initContainers": [container("migrate", securityContext=passing)],
        },
        "native sidecar": {"containers": [app], "initContainers": [_helper("cache")]},
        "all of them": {
            "containers": [app, container("log")],
            "initContainers": [init, _helper("cache"), container("warm")],
        },
    }


@dataclass(frozen=True)
class Case:
    """One pod in its surroundings."""

    injector: Injector
    namespace: str
    spec: Object
    annotations: Marks
    labels: Marks = field(default_factory=dict)

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
    (proxy,) = meshes.proxies(_read(pod))
    known = meshes.mesh_of(proxy)
    assert known is not None
    hold = known.hold(case.written(), proxy)
    wanted = hold.annotations or REMEDY[mesh]
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


def _wanted(mesh: str, marks: Marks) -> tuple[Marks, Marks]:
    """The labels and annotations of a namespace that asks for injection."""
    key = {INJECT[mesh]: "enabled"}
    return ({}, {**key, **marks}) if mesh == "linkerd" else (key, marks)


def _cases(injector: Injector) -> Iterator[tuple[str, Case]]:
    """Each setting of the installation or of a namespace, with each of the pod."""
    mesh = injector.mesh
    spaces = [
        _namespace(injector, f"matrix-{number}", *_wanted(mesh, marks))
        for number, marks in enumerate(AROUND[mesh])
    ]
    for name, config in CONFIGS[mesh].items():
        injector.configure(config)
        for space in spaces if name == "defaults" else spaces[:1]:
            around = dict(AROUND[mesh][spaces.index(space)])
            for marks, shape in product(SETTINGS[mesh], _shapes(mesh)):
                spec = _shapes(mesh)[shape]
                told = f"{name}; namespace {around}; pod {dict(marks)}; {shape}"
                yield told, Case(injector, space, spec, marks)


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
    counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(tally.items()))
    tell.append(f"{injector.name}: {counts}; disagreements: {len(wrong)}")
    assert wrong == []


#: what may ask for injection: of the namespace, then of the pod
VALUES = {
    "linkerd": (None, "enabled", "ingress", "disabled", "true", ""),
    "kuma": (None, "enabled", "disabled"),
}


def _asking(mesh: str) -> Iterator[tuple[Marks, Marks, Object]]:
    """Labels or annotations of a namespace and of a pod, and the pod's spec."""
    key, plain = INJECT[mesh], {"containers": [container("app")]}
    for around, own in product(VALUES[mesh], repeat=2):
        if mesh == "kuma" and (around, own) == (None, "enabled"):
            continue  # enough up to 2.10, in vain from 2.11 on: the program warns
        outside = {} if around is None else {key: around}
        yield outside, {} if own is None else {key: own}, plain
    other = {"containers": [container("app"), container("istio-proxy")]}
    for spec in ({**plain, "hostNetwork": True}, other):
        yield {key: "enabled"}, {}, spec


def test_who_is_injected_is_told_as_the_real_injector_does(injector: Injector) -> None:
    mesh = injector.mesh
    injector.configure({})
    wrong = []
    for number, (around, own, spec) in enumerate(_asking(mesh)):
        labels, marks = ({}, around) if mesh == "linkerd" else (around, {})
        space = _namespace(injector, f"asking-{number}", labels, marks)
        mine = ({}, own) if mesh == "linkerd" else (own, {})
        case = Case(injector, space, spec, mine[1], mine[0])
        names = [c["name"] for c in _started(case.admitted()["spec"])]
        injected = oracle.MESHES[mesh].proxy in names
        found = meshes.asked(case.written(), labels, marks)
        told = found is not None and not found[1].futile
        if told != injected:
            by = found and found[1]
            wrong.append(f"namespace {around}, pod {own}, {spec}: {by}, {injected=}")
    assert wrong == []


def _started(spec: Object) -> list[Object]:
    return [*spec.get("initContainers", []), *spec["containers"]]
