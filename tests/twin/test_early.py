"""A whole cluster, whose namespaces are told of while others are read.

It is compared with that of the same namespaces by their names, each read to its end
before anything is told.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest

from kubectl_meshcheck import live
from kubectl_meshcheck.cli import listing
from kubectl_meshcheck.cli.show import Gathered, Output
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.errors import ExitCode
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.pages import DisorderError
from kubectl_meshcheck.workload import Subject
from tests.server import Server
from tests.settings import meshes
from tests.shell import PROGRAM, Ran, Shell
from tests.twin.pods import Object, fleet, owners, page, pod
from tests.twin.reading import read

_PODS = 2300  #: in five pages
_AGENT = "linkerd.io/inject"


def _typed(api_version: str, kind: str, found: Object) -> Object:
    return {"apiVersion": api_version, "kind": kind, **found}


def _mesh() -> Iterator[Object]:
    admission = "admissionregistration.k8s.io/v1"
    yield _typed(admission, "MutatingWebhookConfiguration", meshes.injector())
    yield _typed("v1", "ConfigMap", meshes.config_map("istio", mesh=meshes.mesh()))
    values, policy = meshes.values("1.22.3"), "policy: enabled"
    kept = meshes.config_map("istio-sidecar-injector", values=values, config=policy)
    yield _typed("v1", "ConfigMap", kept)
    yield _typed("apps/v1", "Deployment", meshes.istiod())
    for name in ("istio-system", "odd"):
        yield _typed("v1", "Namespace", {"metadata": {"name": name}})


def _odd() -> Iterator[Object]:
    """What cannot be told before the last page: more has to be read for each."""
    yield pod("a-single", None, namespace="team-0050", shape="last")
    yield pod("b-widget", ("Widget", "w"), namespace="team-0020", shape="held")
    # owned by a ReplicaSet whose name tells of no Deployment
    yield pod("c-rolled", ("ReplicaSet", "rolled"), namespace="team-0030")
    owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "big"}
    meta: Object = {"name": "rolled", "namespace": "team-0030"}
    meta["ownerReferences"] = [owner | {"controller": True}]
    yield _typed("apps/v1", "ReplicaSet", {"metadata": meta, "spec": {"replicas": 1}})
    # an injector may have left it alone, and then wrote an event
    left = pod("d-left", None, namespace="team-0040", shape="none")
    left["metadata"]["annotations"] = {_AGENT: "enabled"}
    yield left
    yield _event("team-0040", "Pod", "d-left", "InjectionSkipped", "skipped: host")
    # its controller has been refused a pod
    template = {"spec": {"containers": [{"name": "app", "image": "shop/app:1"}]}}
    lacking = {"metadata": {"name": "few", "namespace": "team-0060"},
               "spec": {"replicas": 2, "template": template},
               "status": {"replicas": 0}}  # fmt: skip
    yield _typed("apps/v1", "StatefulSet", lacking)
    said = 'failed calling webhook "namespace.sidecar-injector.istio.io": timeout'
    yield _event("team-0060", "StatefulSet", "few", "FailedCreate", said)
    # and what the kubelet has seen of a pod on the first page
    yield _event("team-0000", "Pod", "app-00001-abcde-000007", "BackOff", "restarting")


def _event(space: str, kind: str, name: str, reason: str, message: str) -> Object:
    about = {"kind": kind, "namespace": space, "name": name}
    return _typed("v1", "Event", {
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": space},
        "involvedObject": about, "reason": reason, "message": message, "count": 3,
        "type": "Warning", "lastTimestamp": "2026-03-02T10:00:09Z",
    })  # fmt: skip


@dataclass(frozen=True)
class Scene:
    server: Server
    shell: Shell
    expected: dict[str, Ran]  #: by the format


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    objects = [*owners(_PODS), *fleet(_PODS), *_mesh(), *_odd()]
    spaces = [one["metadata"]["name"] for one in objects if one["kind"] == "Namespace"]
    folder = tmp_path_factory.mktemp("early")
    with Server.start(objects) as server:
        shell = Shell(folder, str(server.kubeconfig(folder / "kubeconfig")))
        expected = {form: _run(shell, form, *spaces) for form in ("wide", "json")}
        yield Scene(server, shell, expected)


def _run(shell: Shell, form: str, *words: str, alone: bool = False) -> Ran:
    command = [str(PROGRAM), "ns", *words, "-o", form]
    if alone:
        one = str(min(os.sched_getaffinity(0)))
        command = ["taskset", "-c", one, *command]
    done = subprocess.run(
        command, capture_output=True, text=True, env=shell.environment, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(sys.platform != "linux", reason="taskset is Linux'")
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("form", ["wide", "json"])
def test_a_whole_cluster_reads_as_its_namespaces_do(
    scene: Scene, form: str, alone: bool
) -> None:
    scene.server.forget()
    found = _run(scene.shell, form, "-A", alone=alone)

    assert found == scene.expected[form]
    assert found.code == 1


def test_both_formats_tell_of_every_workload(scene: Scene) -> None:
    table, report = scene.expected["wide"].out, json.loads(scene.expected["json"].out)

    assert len(table.splitlines()) - 1 == len(report["workloads"]) == 663
    assert report["summary"]["workloads"] == 663


@pytest.mark.parametrize(
    "shown",
    ["pod/a-single ", "widget/w ", "rollout/big ", "sts/few ", "deploy/istiod "],
)
def test_what_is_told_late_is_told(scene: Scene, shown: str) -> None:
    assert scene.expected["wide"].out.count(f" {shown}") == 1


def test_events_are_asked_for_while_pods_come(scene: Scene) -> None:
    """Those of the kubelet, for that namespaces can be told of before the end."""
    scene.server.forget()
    scene.server.fail(r"/pods\?.*continue=", silence=0.3, times=9)
    _run(scene.shell, "wide", "-A")
    asked = [(one.path, one.query) for one in scene.server.requests]
    pods = [n for n, (path, _) in enumerate(asked) if path == "/api/v1/pods"]
    events = [
        n for n, (path, query) in enumerate(asked)
        if path == "/api/v1/events" and "Warning" in query["fieldSelector"]
    ]  # fmt: skip

    assert len(events) == 1
    assert pods[0] < events[0] < pods[-1]


def test_what_was_told_is_forgotten(scene: Scene) -> None:
    """Each workload is told once, and most of them before the end."""
    scene.server.forget()
    scene.server.fail(r"/pods\?.*continue=", silence=0.3, times=9)
    early: list[Subject] = []
    client = connect(Connection(kubeconfig=scene.shell.environment["KUBECONFIG"]))
    with closing(client):
        inventory, problems = live.from_cluster(client, live.Scope(), done=early.extend)
    late = inventory.subjects()
    told = [(one.ref.namespace, one.ref.name) for one in (*early, *late)]

    assert problems == []
    assert len(told) == 663
    assert not {one.ref.namespace for one in early} & {
        one.ref.namespace for one in late
    }
    assert len(early) > 3 * len(late)
    report = json.loads(scene.expected["json"].out)
    assert sorted(told) == sorted(
        (one["namespace"], one["name"]) for one in report["workloads"]
    )


def test_a_list_without_order_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """No API server sends one; what was told too early is forgotten."""
    given: list[bool] = []

    def gather(done: Any) -> Gathered:
        given.append(done is not None)
        inventory = Inventory()
        read(inventory, page(0, [pod("cart-1"), pod("cart-2")][: 1 if done else 2]))
        if done:
            done(inventory.subjects())
            raise DisorderError("shop")
        return inventory, []

    out = io.StringIO()
    with redirect_stdout(out):
        code = listing.run(Output(no_headers=True), gather)

    assert (given, code) == ([True, False], ExitCode.CLEAN)
    (line,) = out.getvalue().splitlines()
    assert line.split()[:2] == ["rs/cart-abcde", "2/2"]
