"""Pods that cannot be created: who is to blame, by whose words, and what they cost.

The installed program against the test server and on dumps.  Left out: the API server's
words themselves, which tests/e2e/test_refused.py takes from a real one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck import live
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.scan import scan
from tests.server import Server
from tests.settings import injectors, meshes
from tests.settings.test_mesh_command import shell
from tests.shell import Shell

Object = dict[str, Any]
AT = "2024-05-14T10:00:00Z"
LATER = "2024-05-14T10:05:00Z"
WEBHOOK = "namespace.sidecar-injector.istio.io"
POST = 'failed to call webhook: Post "https://istiod.istio-system.svc:443/inject'
GONE = (
    f'Internal error occurred: failed calling webhook "{WEBHOOK}": {POST}?timeout=10s":'
    " dial tcp 10.96.0.1:443: connect: connection refused"
)
PLAIN = (
    'Pod "web-x" is invalid: [spec.initContainers[1].lifecycle: Forbidden: may not be '
    "set for init containers without restartPolicy=Always, spec.initContainers[1]."
    "startupProbe: Forbidden: may not be set for init containers without "
    "restartPolicy=Always]"
)
CALLED = (
    "no pod can be created: Istio's injector istio-system/istiod cannot be called by "
    f"webhook {WEBHOOK}: dial tcp 10.96.0.1:443: connect: connection refused"
)
QUOTA = 'pods "web-x" is forbidden: exceeded quota: few, requested: pods=1'


def typed(version: str, kind: str, found: Object) -> Object:
    return {"apiVersion": version, "kind": kind, **found}


def workload(
    kind: str, status: Object | None, name: str = "web", **spec: Any
) -> Object:
    """A workload of namespace shop; ``status`` None for a manifest."""
    template = {"spec": {"containers": [{"name": "app", "image": "shop/app:1"}]}}
    version = "batch/v1" if kind == "Job" else "apps/v1"
    found: Object = {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": template, **spec},
    }
    return typed(version, kind, found | ({} if status is None else {"status": status}))


def condition(message: str, status: str = "True") -> Object:
    """What a Deployment's controller takes over from a ReplicaSet."""
    one = {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate"}
    return {"conditions": [one | {"message": message, "lastTransitionTime": AT}]}


def event(kind: str, name: str, message: str, at: str = AT, **more: Any) -> Object:
    """A controller's event about itself."""
    about = {"kind": kind, "name": name, "namespace": "shop"}
    meta = {"name": f"{name}.{at[14:19].replace(':', '')}", "namespace": "shop"}
    found = {"reason": "FailedCreate", "type": "Warning", "lastTimestamp": at}
    return typed("v1", "Event", found | {
        "metadata": meta, "involvedObject": about, "message": message, **more
    })  # fmt: skip


def mesh() -> list[Object]:
    """Istio's webhooks and settings, and a namespace that asks for it."""
    labels = {"istio-injection": "enabled"}
    named = {"metadata": {"name": "shop", "labels": labels}}
    istio = {"metadata": {"name": "istio-system"}}
    env = {"ENABLE_NATIVE_SIDECARS": "true"}
    values = meshes.values(proxy={"startupProbe": {"enabled": True}})
    return [
        typed("v1", "Namespace", named),
        typed("v1", "Namespace", istio),
        typed(
            "admissionregistration.k8s.io/v1",
            "MutatingWebhookConfiguration",
            meshes.injector(),
        ),
        typed("v1", "ConfigMap", meshes.config_map("istio", mesh=meshes.mesh())),
        typed("apps/v1", "Deployment", meshes.istiod(env)),
        typed(
            "v1",
            "ConfigMap",
            meshes.config_map("istio-sidecar-injector", values=values),
        ),
    ]


def told(report: Any) -> list[tuple[str, str, str, str]]:
    """Workload, why, message and next of the rows that are refused."""
    rows = []
    for row in report["workloads"]:
        for one in row["findings"]:
            if one["id"] == "MC014":
                name = f"{row['kind']}/{row['name']}"
                rows.append((name, row["why"], one["message"], one["next"]))
    return rows


def report_of(folder: Path, *objects: Object) -> Any:
    """The report on a dump."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    ran = Shell(folder).program("file", "-f", "-", "-o", "json", stdin=text)
    assert ran.err == ""
    return json.loads(ran.out)


def dumped(folder: Path, *objects: Object) -> list[tuple[str, str, str, str]]:
    """Who is refused in a dump."""
    return told(report_of(folder, *objects))


def by(event_of: str, message: str, seen: str = "seen once", at: str = AT) -> str:
    return f"{message}; event FailedCreate of {event_of}, {seen}, last at {at}"


SINCE = f"; condition ReplicaFailure of deploy/web since {AT}"
NEXT = "kubectl get pods -n istio-system"
NATIVE_NEEDS = (
    "a native sidecar needs Kubernetes 1.29, and that no other webhook drops its "
    "restartPolicy"
)


CASES: dict[str, tuple[list[Object], list[tuple[str, str, str, str]]]] = {
    "a Deployment's own condition": (
        [workload("Deployment", condition(GONE), replicas=2)],
        [("Deployment/web", CALLED, CALLED + SINCE, NEXT)],
    ),
    "the newest event of its ReplicaSet says more than the condition": (
        [
            workload("Deployment", condition(QUOTA), replicas=2),
            event("ReplicaSet", "web-7d9c", f"Error creating: {QUOTA}"),
            event("ReplicaSet", "web-7d9c", f"Error creating: {GONE}", LATER, count=4),
        ],
        [
            (
                "Deployment/web",
                CALLED,
                by("rs/web-7d9c", CALLED, "seen 5 times", LATER),
                NEXT,
            )
        ],
    ),
    "a quota is no mesh's": (
        [
            workload("Deployment", condition(GONE), replicas=2),
            event("ReplicaSet", "web-7d9c", f"Error creating: {QUOTA}", LATER),
        ],
        [],
    ),
    "a name that no Deployment gives": (
        [
            workload("Deployment", {"replicas": 0}, replicas=2),
            event("ReplicaSet", "web-canary", f"Error creating: {GONE}"),
        ],
        [],
    ),
    "a Deployment whose controller says nothing of it": (
        [
            workload("Deployment", condition("", "False"), replicas=2),
            event("ReplicaSet", "web-7d9c", f"Error creating: {GONE}"),
        ],
        [],
    ),
    "a StatefulSet": (
        [
            workload("StatefulSet", {"replicas": 0}, replicas=2),
            event("StatefulSet", "web", f"create Pod web-0 failed error: {GONE}"),
        ],
        [("StatefulSet/web", CALLED, by("sts/web", CALLED), NEXT)],
    ),
    "a StatefulSet that has its pods again": (
        [
            workload("StatefulSet", {"replicas": 2}, replicas=2),
            event("StatefulSet", "web", f"create Pod web-0 failed error: {GONE}"),
        ],
        [],
    ),
    "a DaemonSet on some of its nodes": (
        [
            workload(
                "DaemonSet", {"desiredNumberScheduled": 3, "currentNumberScheduled": 2}
            ),
            event("DaemonSet", "web", f"Error creating: {GONE}"),
        ],
        [("DaemonSet/web", CALLED, by("ds/web", CALLED), NEXT)],
    ),
    "a Job": (
        [
            workload("Job", {"startTime": AT}),
            event("Job", "web", f"Error creating: {GONE}"),
        ],
        [("Job/web", CALLED, by("job/web", CALLED), NEXT)],
    ),
    "a Job that was given up": (
        [
            workload("Job", {"conditions": [{"type": "Failed", "status": "True"}]}),
            event("Job", "web", f"Error creating: {GONE}"),
        ],
        [],
    ),
    "a manifest, which nobody has been asked to run": (
        [
            workload("StatefulSet", None, replicas=2),
            event("StatefulSet", "web", f"create Pod web-0 failed error: {GONE}"),
        ],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_who_is_refused_by_a_dump(case: str, tmp_path: Path) -> None:
    objects, expected = CASES[case]
    assert dumped(tmp_path, *objects) == expected


def test_a_job_of_a_cronjob_is_told_of_the_cronjob(tmp_path: Path) -> None:
    spec = workload("Job", None)["spec"]
    meta = {"name": "often", "namespace": "shop"}
    cron = {"metadata": meta, "spec": {"jobTemplate": {"spec": spec}}}
    # a CronJob's status has the Jobs themselves where a Job's has their number
    cron |= {"status": {"active": [{"kind": "Job", "name": "often-1"}]}}
    owner = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "often"}
    job = workload("Job", {"startTime": AT}, "often-1")
    job["metadata"]["ownerReferences"] = [owner | {"controller": True}]
    refused = event("Job", "often-1", f"Error creating: {GONE}")
    found = dumped(tmp_path, typed("batch/v1", "CronJob", cron), job, refused)
    assert found == [("CronJob/often", CALLED, by("job/often-1", CALLED), NEXT)]


def test_the_status_of_a_kind_of_somebody_s_own_may_be_anything(
    tmp_path: Path,
) -> None:
    own = workload("Deployment", None) | {"kind": "Thing", "apiVersion": "a.example/v1"}
    assert dumped(tmp_path, own | {"status": {"replicas": "many"}}) == []


def failing(reason: str, webhook: str = WEBHOOK, post: str = "") -> str:
    return (
        f'Internal error occurred: failed calling webhook "{webhook}": {post}{reason}'
    )


OLD_POST = "Post https://linkerd-proxy-injector.linkerd.svc:443/?timeout=10s: "
NEW_POST = f'{POST}?timeout=10s": '
LINKERD = "linkerd-proxy-injector.linkerd.io"
DENIED = f'admission webhook "{WEBHOOK}" denied the request'
CANNOT = "no pod can be created: {}'s injector{} cannot be called by webhook {}{}"
ISTIO = CANNOT.format("Istio", "{}", WEBHOOK, "{}")
REFUSES = "no pod can be created: Istio's injector refuses it by webhook " + WEBHOOK
OLD_PLAIN = (
    'Pod "web-x" is invalid: spec.initContainers[1].startupProbe: Invalid value: '
    'core.Probe{"x"}: must not be set for init containers'
)


@pytest.mark.parametrize(
    ("message", "why", "following"),
    [
        (
            failing("context deadline exceeded", post=NEW_POST),
            ISTIO.format(" istio-system/istiod", ": context deadline exceeded"),
            NEXT,
        ),
        (
            failing("x509: certificate signed by unknown authority", post=NEW_POST),
            ISTIO.format(
                " istio-system/istiod",
                ": x509: certificate signed by unknown authority",
            ),
            "let the webhook's caBundle and the injector's certificate fit",
        ),
        # before Go 1.14 and Kubernetes 1.22
        (
            failing("no endpoints available", LINKERD, OLD_POST),
            CANNOT.format(
                "Linkerd",
                " linkerd/linkerd-proxy-injector",
                LINKERD,
                ": no endpoints available",
            ),
            "kubectl get pods -n linkerd",
        ),
        (
            f'failed calling webhook "{WEBHOOK}"; no further details available',
            ISTIO.format("", ": no further details available"),
            "see that Istio's injector runs and can be reached",
        ),
        (
            f"{DENIED}: dial: password=hunter2\nfailed",
            f"{REFUSES}: dial: password=*** failed",
            "mend what it names",
        ),
        (
            f"{DENIED} without explanation",
            f"{REFUSES}: without explanation",
            "mend what it names",
        ),
        (
            f"{DENIED}: {'x' * 4000}",
            f"{REFUSES}: {'x' * 197}...",
            "mend what it names",
        ),
        (
            OLD_PLAIN,
            "no pod can be created: an injected native sidecar is taken for an "
            "ordinary init container, as by an API server before Kubernetes 1.29: "
            + OLD_PLAIN.partition(": ")[2],
            NATIVE_NEEDS,
        ),
        # whoever may write events writes no commands
        (
            failing("refused", post='Post "https://a.-n;rm.svc:443/": '),
            ISTIO.format("", ": refused"),
            "see that Istio's injector runs and can be reached",
        ),
        (failing("refused", "pods.example.com", NEW_POST), "", ""),
        (failing("refused", "x" * 400 + ".istio.io", NEW_POST), "", ""),
        (f"{DENIED[:30]}", "", ""),
        ("", "", ""),
    ],
)
def test_who_is_to_blame_by_the_message(
    message: str, why: str, following: str, tmp_path: Path
) -> None:
    found = dumped(tmp_path, workload("Deployment", condition(message), replicas=2))
    assert found == ([("Deployment/web", why, why + SINCE, following)] if why else [])


# -- from a cluster --------------------------------------------------------

NATIVE_IS_PLAIN = (
    "no pod can be created: Istio's native sidecar is taken for an ordinary init "
    "container, as by an API server before Kubernetes 1.29: spec.initContainers[1]."
    "lifecycle: Forbidden: may not be set for init containers without "
    "restartPolicy=Always"
)


def lists(server: Server) -> list[tuple[str, str]]:
    """The lists of events that were asked for."""
    found = [r for r in server.requests if r.path.endswith("/events")]
    return [(r.path, r.query.get("fieldSelector", "")) for r in found]


@pytest.mark.parametrize(
    ("words", "path"),
    [
        (("ns", "shop"), "/api/v1/namespaces/shop/events"),
        (("ns", "-A"), "/api/v1/events"),
        (("sts/web", "-n", "shop"), "/api/v1/namespaces/shop/events"),
    ],
)
def test_one_list_of_events_tells_why(
    words: tuple[str, ...], path: str, tmp_path: Path
) -> None:
    objects = [
        *mesh(),
        workload("StatefulSet", {"replicas": 0}, replicas=2),
        event("StatefulSet", "web", f"create Pod web-0 failed error: {PLAIN}"),
    ]
    with Server.start(objects) as server:
        ran = shell(server, tmp_path).program(*words, "-o", "json")
        asked = lists(server)
    env = "Deployment istio-system/istiod, env ENABLE_NATIVE_SIDECARS"
    following = f"switch nativeSidecar off ({env}); {NATIVE_NEEDS}"
    message = by("sts/web", NATIVE_IS_PLAIN)
    assert (ran.code, ran.err) == (1, "")
    assert told(json.loads(ran.out)) == [
        ("StatefulSet/web", NATIVE_IS_PLAIN, message, following)
    ]
    assert asked == [(path, "reason=FailedCreate")]


def test_people_see_it_first_and_once(tmp_path: Path) -> None:
    objects = [*mesh(), workload("Deployment", condition(GONE), "zoo", replicas=2)]
    objects.append(workload("Deployment", {"replicas": 2}, "app", replicas=2))
    with Server.start(objects) as server:
        ran = shell(server, tmp_path).program("ns", "shop")
    [_, first, second] = ran.out.splitlines()
    since = f"; condition ReplicaFailure of deploy/zoo since {AT}"
    assert first.split(None, 6)[0] == "deploy/zoo"
    assert first.endswith(f"NONE     MC014 {CALLED}{since}")
    assert second.split()[0] == "deploy/app"


@pytest.mark.parametrize(
    "objects",
    [
        # nobody lacks a pod
        [*mesh(), workload("StatefulSet", {"replicas": 2}, replicas=2)],
        # no mesh injects
        [
            typed("v1", "Namespace", {"metadata": {"name": "shop"}}),
            injectors.webhook("other", "pods.example.com", ("x", "y")),
            workload("StatefulSet", {"replicas": 0}, replicas=2),
        ],
    ],
)
def test_no_list_of_events_where_it_tells_nothing(
    objects: list[Object], tmp_path: Path
) -> None:
    with Server.start(objects) as server:
        shell(server, tmp_path).program("ns", "shop", "-o", "json")
        assert lists(server) == []


@pytest.mark.parametrize("logs", [False, True])
def test_denied_events_are_a_problem_only_where_proof_is_wanted(
    logs: bool, tmp_path: Path
) -> None:
    tokens = {"reader": [("list", "events", "*")]}
    objects = [*mesh(), workload("StatefulSet", {"replicas": 0}, replicas=2)]
    words = ["ns", "shop", "-o", "json", *(["--logs"] if logs else [])]
    with Server.start(objects, tokens=tokens) as server:
        ran = shell(server, tmp_path, "reader").program(*words)
    report = json.loads(ran.out)
    said = (
        "events could not be read: Error from server (Forbidden): events is forbidden: "
        'User "reader" cannot list resource "events" in API group "" in the namespace '
        '"shop"'
    )
    problems = [one["what"] for one in report["problems"]]
    assert (told(report), problems) == ([], [said] if logs else [])
    assert ran.code == (3 if logs else 0)
    assert ran.err.startswith("" if logs else f"warning: {said}")


def pods(name: str, started: str) -> Object:
    """A pod of StatefulSet web that has started then."""
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}
    meta = {"name": name, "namespace": "shop"}
    return typed("v1", "Pod", {
        "metadata": meta | {"ownerReferences": [owner | {"controller": True}]},
        "spec": {"containers": [{"name": "app", "image": "shop/app:1"}]},
        "status": {"phase": "Running", "startTime": started},
    })  # fmt: skip


@pytest.mark.parametrize(
    ("started", "seen"), [("2024-05-14T09:00:00Z", True), (LATER, False)]
)
def test_what_was_refused_before_the_newest_pod_is_over(
    started: str, seen: bool, tmp_path: Path
) -> None:
    found = dumped(
        tmp_path,
        workload("StatefulSet", {"replicas": 1}, replicas=2),
        event("StatefulSet", "web", f"create Pod web-1 failed error: {GONE}"),
        pods("web-0", started),
    )
    new = CALLED.replace("no pod", "no new pod")
    messages = [(name, message) for name, _, message, _ in found]
    assert messages == ([("StatefulSet/web", by("sts/web", new))] if seen else [])


def test_nobody_is_told_to_restart_what_is_refused(tmp_path: Path) -> None:
    """Pods that would be better made anew, were there to be any."""
    stale = injectors.workload(
        "shop",
        "web",
        {"name": "app", "image": "shop/app:1"},
        {"name": "istio-proxy", "image": "istio/proxyv2:1.20.3"},
        marks={"sidecar.istio.io/status": "{}"},
    )
    ids = []
    for status in ({"replicas": 1}, condition(GONE)):
        [first, *rest] = stale
        report = report_of(tmp_path, *mesh(), first | {"status": status}, *rest)
        [row] = [one for one in report["workloads"] if one["name"] == "web"]
        ids.append([one["id"] for one in row["findings"]])
    assert ids == [["MC001", "MC003"], ["MC001", "MC014"]]


def test_where_the_injector_that_refuses_says_more(tmp_path: Path) -> None:
    denied = f"{DENIED}: no template"
    refused = workload("Deployment", condition(denied), replicas=2)
    why = f"{REFUSES}: no template"
    assert dumped(tmp_path, *mesh(), refused) == [
        (
            "Deployment/web",
            why,
            why + SINCE,
            "kubectl logs -n istio-system service/istiod",
        )
    ]


def test_a_watch_goes_on_saying_it(tmp_path: Path) -> None:
    objects = [
        *mesh(),
        workload("StatefulSet", {"replicas": 0}, replicas=2),
        event("StatefulSet", "web", f"create Pod web-0 failed error: {GONE}"),
    ]
    scope = live.Scope(("shop",))
    with Server.start(objects) as server:
        config = server.kubeconfig(tmp_path / "config")
        cluster = connect(Connection(kubeconfig=str(config)))
        before, _ = live.from_cluster(cluster, scope)
        after, problems = live.pods_again(cluster, scope, before)
        cluster.close()
    rows = [scan(inventory.subjects()).rows for inventory in (before, after)]
    assert [[row.why for row in found] for found in rows] == [[CALLED], [CALLED]]
    assert problems == []
