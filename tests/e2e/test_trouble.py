"""What a server does on a bad day, between two requests of one scan.

Left out: a connection that is cut inside an answer, which tests/cluster has.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.controlplane import ControlPlane, wait_for
from tests.e2e.cluster import LABEL, Cluster, Object, rows
from tests.e2e.objects import container, istio_init, pod, pod_spec, proxy
from tests.e2e.relay import Seen, kubectl_proxy, relay
from tests.e2e.users import OWNERS, User, rule, user

#: two pages and a bit: a page holds 500
PODS = 1100
RACE = ("istio-init > [app istio-proxy]", "nothing", "RACE", ("MC001",))
ALL = [("ConfigMap/owner", PODS, *RACE)]


@pytest.fixture(scope="module")
def crowd(cluster: Cluster) -> Iterator[str]:
    """A namespace whose pods fill three pages, all of one owner, none scheduled."""
    name = cluster.namespace("crowd")
    meta = {"name": "owner", "namespace": name}
    cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    uid = cluster.kubectl(f"get cm owner -n {name} -o jsonpath={{.metadata.uid}}")
    owner: Object = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": uid,
        "controller": True,
    }
    waiting = [{"name": "meshcheck.test/never"}]
    spec = pod_spec([container(), proxy()], [istio_init()], schedulingGates=waiting)
    pods = [
        pod(name, f"pod-{number:04}", spec, ownerReferences=[owner])
        for number in range(PODS)
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    cluster.kubectl("create -f -", text)
    yield name
    cluster.kubectl(f"delete ns {name} --wait=false")


@dataclass
class Script:
    """What happens before further pages are asked for, one act each."""

    acts: list[Callable[[], object]]

    def __call__(self, seen: Seen) -> None:
        if self.acts and seen.continues:
            self.acts.pop(0)()


def _pages(answered: list[tuple[str, int]]) -> list[int]:
    """The statuses of the lists of pods."""
    return [status for path, status in answered if path.endswith("/pods")]


def test_a_list_of_several_pages(cluster: Cluster, crowd: str) -> None:
    with relay(cluster) as between:
        report = cluster.report(f"ns {crowd} --server {between.url}")

    assert (rows(report), report["problems"]) == (ALL, [])
    assert _pages(between.answered) == [200, 200, 200]


def test_a_continue_token_expires_and_pods_go_meanwhile(
    cluster: Cluster, plane: ControlPlane, crowd: str
) -> None:
    """etcd is compacted after the first page: 410, and a token to go on with."""

    def compact() -> None:
        early = " ".join(f"pod-{number:04}" for number in range(10))
        late = " ".join(f"pod-{number:04}" for number in range(1000, 1005))
        cluster.kubectl(f"delete pods -n {crowd} --grace-period=0 {early} {late}")
        plane.compact(f"/api/v1/namespaces/{crowd}/pods")

    with relay(cluster, Script([compact])) as between:
        report = cluster.report(f"ns {crowd} --server {between.url}")

    # those of the first page were seen while they were there; none is seen twice
    assert rows(report) == [("ConfigMap/owner", PODS - 5, *RACE)]
    assert (report["exitCode"], report["problems"]) == (1, [])
    assert _pages(between.answered) == [200, 410, 200, 200]
    assert rows(cluster.report(f"ns {crowd}")) == [
        ("ConfigMap/owner", PODS - 15, *RACE)
    ]


@dataclass(frozen=True)
class Going:
    """The server goes before the second page, when the owners have been read."""

    plane: ControlPlane
    namespace: str

    def __call__(self, answered: list[tuple[str, int]]) -> None:
        last = f"/apis/batch/v1/namespaces/{self.namespace}/cronjobs"
        wait_for("the owners", lambda: (last, 200) in answered)
        self.plane.process("kube-apiserver").stop(3)


def test_the_server_restarts_between_two_pages(
    cluster: Cluster, plane: ControlPlane, crowd: str
) -> None:
    before = rows(cluster.report(f"ns {crowd}"))
    go = Going(plane, crowd)
    script = Script([lambda: go(between.answered), plane.restart_server])
    with relay(cluster, script) as between:
        ran = cluster.meshcheck(f"ns {crowd} --server {between.url} -o json")

    first, gone, *rest = _pages(between.answered)
    assert (first, gone >= 500, rest) == (200, True, [200, 200])
    assert (ran.code, rows(json.loads(ran.out))) == (1, before)


def test_the_server_goes_between_two_pages_and_stays_away(
    cluster: Cluster, plane: ControlPlane, crowd: str
) -> None:
    go = Going(plane, crowd)
    try:
        with relay(cluster, Script([lambda: go(between.answered)])) as between:
            report = cluster.report(f"ns {crowd} --server {between.url}")
        refused = cluster.meshcheck(f"ns {crowd}")
    finally:
        plane.restart_server()

    assert rows(report) == [("ConfigMap/owner", 500, *RACE)]
    (told,) = (one["what"] for one in report["problems"])
    assert told.startswith("the list of pods broke off after 500: ")
    assert report["exitCode"] == 3
    assert (refused.code, refused.out) == (3, "")
    assert "was refused - did you specify the right host or port?" in refused.err
    assert cluster.meshcheck(f"ns {crowd}").code == 1


# -- throttling ------------------------------------------------------------

FLOW = "flowcontrol.apiserver.k8s.io/v1"


@pytest.fixture
def throttled(cluster: Cluster, crowd: str) -> Iterator[User]:
    """A user of whose requests the server takes one at a time, without a queue.

    API priority and fairness gives his flow a share of nothing; a request is let
    through all the same while no other of it is executed.
    """
    if FLOW not in cluster.kubectl("api-versions").split():
        pytest.skip("API priority and fairness has no share of nothing before 1.29")
    eager = user(cluster, crowd, "eager", crowd)
    eager.allow(cluster, crowd, rule("get list", "pods", "namespaces", *OWNERS))
    subject = {
        "kind": "ServiceAccount",
        "serviceAccount": {"name": "eager", "namespace": crowd},
    }
    every = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    meta = {"name": "meshcheck-e2e-nothing", "labels": {LABEL: "true"}}
    cluster.apply(
        {
            "apiVersion": FLOW,
            "kind": "PriorityLevelConfiguration",
            "metadata": meta,
            "spec": {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 0,
                    "borrowingLimitPercent": 0,
                    "limitResponse": {"type": "Reject"},
                },
            },
        },
        {
            "apiVersion": FLOW,
            "kind": "FlowSchema",
            "metadata": meta,
            "spec": {
                "matchingPrecedence": 2,
                "priorityLevelConfiguration": {"name": meta["name"]},
                "rules": [
                    {
                        "subjects": [subject],
                        "resourceRules": [
                            {**every, "clusterScope": True, "namespaces": ["*"]}
                        ],
                    }
                ],
            },
        },
    )
    level = f"prioritylevelconfigurations {meta['name']}"
    uid = cluster.kubectl(f"get {level} -o jsonpath={{.metadata.uid}}")
    with relay(eager.cluster) as between:
        url = f"{between.url}/api/v1/namespaces/{crowd}"
        wait_for("his share of nothing", lambda: _asked(url)[1] == uid)
    yield eager
    for kind in ("flowschemas", "prioritylevelconfigurations"):
        cluster.kubectl(f"delete {kind} -l {LABEL}")


def _asked(url: str) -> tuple[int, str]:
    """With which status the server answers, and at which priority level."""
    level = "X-Kubernetes-PF-PriorityLevel-UID"
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.headers.get(level, "")
    except urllib.error.HTTPError as error:
        error.close()
        return error.code, error.headers.get(level, "")


@contextlib.contextmanager
def _busy(eager: User) -> Iterator[Callable[[], None]]:
    """One request of the user's goes on, so that others are turned away with 429.

    Gives what ends it; then others are let through again.
    """
    path = f"/api/v1/namespaces/{eager.place}"
    with relay(eager.cluster) as between, kubectl_proxy(eager.cluster) as port:
        lines = [_half_a_request(port)]

        def busy() -> bool:
            if select.select(lines[-1:], [], [], 0)[0]:  # it was turned away itself
                lines.append(_half_a_request(port))
            return _asked(between.url + path)[0] == 429

        def end() -> None:
            for line in lines:
                line.close()
            wait_for("200", lambda: _asked(between.url + path)[0] == 200)

        try:
            wait_for("429", busy)
            yield end
        finally:
            for line in lines:
                line.close()


def _half_a_request(port: int) -> socket.socket:
    """A request whose body the server waits for, within its request timeout."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n"
    line = socket.create_connection(("127.0.0.1", port))
    line.sendall(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
    return line


def test_throttling_that_passes_is_waited_for(
    cluster: Cluster, crowd: str, throttled: User
) -> None:
    turned_away = 2

    def let_through(_: Seen) -> None:
        if [status for _, status in between.answered].count(429) >= turned_away:
            end()

    with (
        _busy(throttled) as end,
        relay(throttled.cluster, let_through) as between,
    ):
        ran = throttled.cluster.meshcheck(f"ns --server {between.url} -o json")

    assert rows(json.loads(ran.out)) == rows(cluster.report(f"ns {crowd}"))
    assert ran.code == 1


def test_throttling_that_stays_is_told(throttled: User) -> None:
    with _busy(throttled):
        ran = throttled.cluster.meshcheck("ns")

    assert (ran.code, ran.out) == (3, "")
    assert "Error from server (TooManyRequests)" in ran.err
    assert "the server is overloaded or not ready; try again in a while" in ran.err
