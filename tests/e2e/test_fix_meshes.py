"""A fix from end to end behind other meshes' own injectors, as behind Istio's.

The pods are made by the real controllers and injected by the mesh's own code, so what
is proved here is that a new pod really waits after ``--fix``, and races again after
``undo``; and that nothing is written where no annotation can help.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.controlplane import ControlPlane, Injector, binaries
from tests.e2e.cluster import Cluster, Row, rows
from tests.e2e.lanes import ALPHA, AWAIT, DATAPLANE, KUMA_CLASSIC, LANES, WAIT, Marks
from tests.e2e.objects import Object, container, cron_job, deployment, pod_spec

Start = tuple[str, str, str]  #: start order, waits on, verdict
Injectors = Callable[[str, str, Object], Injector]
OFF = {AWAIT: "disabled"}
HELM_OFF: Object = {"proxy": {"await": False}}
OURS = {"team": "shop"}

RACE = ("linkerd-init > [app linkerd-proxy]", "nothing", "RACE")
HELD = ("linkerd-init > linkerd-proxy > app", "linkerd-await", "HELD")
GAP = ("linkerd-init > [linkerd-proxy* app]", "nothing", "RACE")
NATIVE = ("linkerd-init > linkerd-proxy* > app", "startup probe", "NATIVE")
KUMA_RACE = ("kuma-init > [kuma-sidecar app]", "nothing", "RACE")
KUMA_HELD = ("kuma-init > kuma-sidecar > app", "kuma-dp wait", "HELD")
CONSUL_RACE = (
    "consul-connect-inject-init > [consul-dataplane app]",
    "nothing",
    "RACE",
)
CONSUL_NATIVE = (
    "consul-connect-inject-init > consul-dataplane* > app",
    "startup probe",
    "NATIVE",
)


@dataclass(frozen=True)
class Way:
    """One way for a workload not to wait, and how its pods start before and after."""

    mesh: str
    version: str
    before: Start
    after: Start
    adds: Marks  #: the annotations that a fix writes
    template: Marks = field(default_factory=dict)
    namespace: Marks = field(default_factory=dict)
    settings: Object = field(default_factory=dict)  #: of the installation

    @property
    def agreed(self) -> str:
        """What it takes to replace a value that somebody else has written."""
        replaces = set(self.adds) & set(self.template)
        return "--allow-drift --force-conflicts" if replaces else ""


HOLDS = {AWAIT: "enabled"}
LINKERD = ("linkerd", "2.18", RACE, HELD, HOLDS)
WAITS = {WAIT: "true"}
SIDECAR = {DATAPLANE: "true"}
#: a version joins in when there is a folder of it in tests/controlplane/go
POSSIBLE = {
    "pod template": Way(*LINKERD, template=OFF),
    "namespace": Way(*LINKERD, namespace=OFF),
    "Helm": Way(*LINKERD, settings=HELM_OFF),
    "native": Way(
        "linkerd", "2.18", GAP, NATIVE, HOLDS, template={**OFF, ALPHA: "true"}
    ),
    "2.13": Way("linkerd", "2.13", RACE, HELD, HOLDS, namespace=OFF),
    "2.20": Way("linkerd", "2.20", GAP, NATIVE, HOLDS, namespace=OFF),
    "Kuma 2.4": Way("kuma", "2.4", KUMA_RACE, KUMA_HELD, WAITS),
    "Kuma 2.4 refused": Way(
        "kuma", "2.4", KUMA_RACE, KUMA_HELD, WAITS, template={WAIT: "false"}
    ),
    "Kuma 2.14": Way(
        "kuma", "2.14", KUMA_RACE, KUMA_HELD, WAITS, settings=KUMA_CLASSIC
    ),
    "Consul 2.0": Way("consul", "2.0", CONSUL_RACE, CONSUL_NATIVE, SIDECAR),
}
WAYS = {
    name: way
    for name, way in POSSIBLE.items()
    if way.version in binaries.versions(way.mesh)
}


@dataclass(frozen=True)
class Space:
    """A namespace of one injector."""

    cluster: Cluster
    name: str
    always: Marks  #: annotations of every pod template

    def apply(self, name: str, marks: Marks, spec: Object | None = None) -> None:
        """A Deployment of one pod, rolled out."""
        made = spec or pod_spec([container()])
        notes = {**OURS, **self.always, **marks}
        self.cluster.apply(deployment(self.name, name, made, annotations=notes))
        self.rolled_out(name)

    def rolled_out(self, name: str) -> None:
        line = f"rollout status deploy/{name} -n {self.name} --timeout=2m"
        self.cluster.kubectl(line)

    def written(self, name: str) -> Any:
        """The Deployment, without what its controller writes."""
        found = self.cluster.get(f"deploy/{name} -n {self.name} --show-managed-fields")
        managers = {one["manager"] for one in found["metadata"]["managedFields"]}
        notes = found["metadata"].get("annotations") or {}
        notes.pop("deployment.kubernetes.io/revision", None)
        return notes, found["spec"], "meshcheck" in managers

    def row(self, name: str, how: str = "") -> Row:
        (found,) = rows(self.cluster.report(f"deploy {name} -n {self.name} {how}"))
        return found


@pytest.fixture(scope="module")
def injectors(plane: ControlPlane) -> Iterator[Injectors]:
    """Each version's injector, installed when it is first asked for."""
    there: dict[str, Injector] = {}

    def of(mesh: str, version: str, settings: Object) -> Injector:
        made = Injector(plane, mesh, version)
        if made.name not in there:
            there[made.name] = made.install()
        made.configure(settings)
        return made

    yield of
    for made in there.values():
        made.uninstall()


@contextmanager
def _space(
    cluster: Cluster, injector: Injector, topic: str, marks: Marks | None = None
) -> Iterator[Space]:
    """A namespace whose pods this injector takes; ``marks`` are its annotations."""
    lane = LANES[injector.mesh]
    labels, asking = lane.asks_around("enabled") if lane.by_namespace else ({}, {})
    own = {} if lane.by_namespace else lane.asks("true")[1]
    slug = re.sub(r"[^a-z0-9]+", "-", f"fix-{topic}".lower())
    name = cluster.namespace(slug, {**injector.labels, **labels})
    notes = {**asking, **(marks or {})}
    told = " ".join(f"{key}={value}" for key, value in notes.items())
    if told:
        cluster.kubectl(f"annotate ns {name} {told}")
    try:
        yield Space(cluster, name, {**lane.always, **own})
    finally:
        cluster.kubectl(f"delete ns {name} --wait=false")


def _row(start: Start) -> Row:
    checks = ["MC001"] if start[2] == "RACE" else []
    # where the proxy comes first, and nothing says which container is meant
    if start in (HELD, CONSUL_RACE):
        checks.append("MC012")
    return ("Deployment/cart", 1, *start, tuple(checks))


@pytest.mark.parametrize("name", WAYS)
def test_a_fix_is_written_proved_and_taken_back(
    cluster: Cluster, injectors: Injectors, name: str
) -> None:
    way = WAYS[name]
    if way.after[2] == "NATIVE" and not cluster.knows_native_sidecars():
        pytest.skip("it needs native sidecars, which this Kubernetes has not")
    injector = injectors(way.mesh, way.version, way.settings)
    with _space(cluster, injector, name, way.namespace) as space:
        space.apply("cart", way.template)
        line = f"deploy/cart -n {space.name}"
        before = space.written("cart")
        assert space.row("cart") == _row(way.before)
        assert space.row("cart", "--preview") == _row(way.before)

        planned = cluster.meshcheck(f"{line} --fix --dry-run=server {way.agreed}")
        assert (planned.code, space.written("cart")) == (0, before), planned
        verdict = way.after[2]
        assert f"then:      {verdict}, says the cluster's own injector" in planned.out

        fixed = cluster.meshcheck(f"{line} --fix --yes {way.agreed}")
        assert fixed.code == 0, fixed
        assert f"patched\n  1 new pod is {verdict}\n" in fixed.out
        notes, spec, ours = space.written("cart")
        assert ours
        wanted = {**OURS, **space.always, **way.template, **way.adds}
        assert spec["template"]["metadata"]["annotations"] == wanted
        assert space.row("cart") == _row(way.after)

        again = cluster.meshcheck(f"{line} --fix --yes {way.agreed}")
        assert (again.code, space.written("cart")) == (0, (notes, spec, ours)), again

        undone = cluster.meshcheck(f"undo {line} --yes")
        assert (undone.code, space.written("cart")) == (0, before), undone
        assert space.row("cart") == _row(way.before)


def test_a_value_that_somebody_else_has_written_is_not_replaced_unasked(
    cluster: Cluster, injectors: Injectors
) -> None:
    linkerd = injectors("linkerd", "2.18", {})
    with _space(cluster, linkerd, "theirs") as space:
        space.apply("cart", OFF)
        before = space.written("cart")
        ran = cluster.meshcheck(f"deploy/cart -n {space.name} --fix --yes")

        assert (ran.code, space.written("cart")) == (4, before), ran
        assert "change it in the manifest; --allow-drift changes it here" in ran.err


#: a release that cannot hold: what its report says, and what is to be done instead
UNABLE = {
    ("linkerd", "2.10"): "Linkerd 2.10.2 cannot hold an application: upgrade to 2.11",
    ("kuma", "1.8"): "Kuma 1.8.1 cannot hold an application: upgrade to 2.4",
    ("dapr", "1.18"): "Dapr cannot hold an application: let it poll",
    (
        "consul",
        "0.37",
    ): "consul-k8s 0.37.0 cannot hold an application: upgrade to 1.9.0",
}


@pytest.mark.parametrize(("mesh", "version"), UNABLE)
def test_where_no_annotation_helps_nothing_is_written(
    cluster: Cluster, injectors: Injectors, mesh: str, version: str
) -> None:
    injector = injectors(mesh, version, {})
    with _space(cluster, injector, f"{mesh}-{version}") as space:
        space.apply("cart", {})
        before = space.written("cart")
        ran = cluster.meshcheck(f"deploy/cart -n {space.name} --fix --yes")

        assert (ran.code, space.written("cart")) == (1, before), ran
        assert f"instead:   {UNABLE[mesh, version]}" in ran.out


def test_a_proxy_in_the_template_itself_is_left_alone(
    cluster: Cluster, injectors: Injectors
) -> None:
    """As ``linkerd inject --manual`` leaves it."""
    linkerd = injectors("linkerd", "2.18", HELM_OFF)
    with _space(cluster, linkerd, "manual") as space:
        spec = pod_spec([container()])
        found = linkerd.admit(space.name, {"metadata": {"name": "app"}, "spec": spec})
        notes = {
            **found["metadata"]["annotations"],
            "linkerd.io/created-by": "linkerd/cli edge-25.7.5",
        }
        space.apply("cart", notes, _without_account(found["spec"]))
        before = space.written("cart")
        ran = cluster.meshcheck(f"deploy/cart -n {space.name} --fix --yes")

        assert (ran.code, space.written("cart")) == (1, before), ran
        assert "linkerd-proxy stands in the template itself" in ran.out


def _without_account(spec: Object) -> Object:
    """A pod's spec as a template: without the token that the server has added."""
    token = "kube-api-access-"
    kept = {
        key: [
            {
                **one,
                "volumeMounts": [
                    mount
                    for mount in one.get("volumeMounts", [])
                    if not mount["name"].startswith(token)
                ],
            }
            for one in spec[key]
        ]
        for key in ("containers", "initContainers")
    }
    volumes = [one for one in spec["volumes"] if not one["name"].startswith(token)]
    return {**kept, "volumes": volumes, "terminationGracePeriodSeconds": 0}


def test_a_preview_tells_what_the_injector_would_do_by_now(
    cluster: Cluster, injectors: Injectors
) -> None:
    """Of pods that are older than the settings, and of those that are yet to come."""
    linkerd = injectors("linkerd", "2.18", HELM_OFF)
    with _space(cluster, linkerd, "preview") as space:
        space.apply("cart", {})
        cluster.apply(cron_job(space.name, "later", pod_spec()))
        linkerd.configure({})
        report = cluster.report(f"ns {space.name} --preview")
        assert [
            (one["name"], one["startOrder"], one["verdict"])
            for one in report["workloads"]
        ] == [("later", HELD[0], "HELD"), ("cart", HELD[0], "HELD")]
        assert space.row("cart") == _row(RACE)

        before = space.written("cart")
        line = f"deploy/cart -n {space.name}"
        ran = cluster.meshcheck(f"{line} --fix --yes")
        assert (ran.code, space.written("cart")) == (1, before), ran
        assert f"instead:   kubectl rollout restart {line}\n" in ran.out


def test_a_pod_that_would_lose_its_proxy_is_not_called_well(
    cluster: Cluster, injectors: Injectors
) -> None:
    linkerd = injectors("linkerd", "2.18", HELM_OFF)
    with _space(cluster, linkerd, "lost") as space:
        space.apply("cart", {})
        cluster.kubectl(f"annotate ns {space.name} {LANES['linkerd'].inject}-")
        ran = cluster.meshcheck(f"deploy/cart -n {space.name} --fix --yes")

        assert ran.code == 1, ran
        assert "race, and a new pod would have no proxy at all" in ran.out
