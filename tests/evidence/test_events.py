"""Events from dumps and from a server: which count, for whom, and what they cost.

Left out: the other lists of a scan, which tests of the command line cover.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from kubectl_meshcheck import evidence, live, offline
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.errors import ExitCode
from kubectl_meshcheck.scan import scan
from kubectl_meshcheck.workload import Subject
from tests.evidence.pods import Json, at, crashed, died, event, pod, running
from tests.server import Server

HELD = pod(running("istio-proxy", 4), running("app", 9), held=True, owner="cart-5f7d6")
RACE = pod(running("app", 18), running("istio-proxy", 20), owner="cart-5f7d6")
HOOK = "postStart hook failed (pilot-agent wait), and app was started all the same"
EVENT = event("FailedPostStartHook", "istio-proxy", lastTimestamp=at(64), count=2)
NEWER = {
    "apiVersion": "events.k8s.io/v1",
    "kind": "Event",
    "metadata": {"name": "e", "namespace": "shop"},
    "type": "Warning",
    "reason": "FailedPostStartHook",
    "regarding": EVENT["involvedObject"],
    "note": "PostStartHook failed: password=hunter2",
    "eventTime": "2024-05-14T10:01:04.123456Z",
    "series": {"count": 3, "lastObservedTime": "2024-05-14T10:02:04.123456Z"},
}


def dump(*objects: Json) -> list[Subject]:
    """What a dump of these objects is made of."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    inventory, problems = offline.from_files(["-"], stdin=io.BytesIO(text.encode()))
    assert problems == []
    return inventory.subjects()


def seen(*objects: Json) -> list[tuple[str, str, str, str]]:
    """Kind, words, source and quote of the evidence in a dump."""
    [subject] = dump(*objects)
    return [
        (e.kind.value, e.text, e.source, e.quote)
        for e in evidence.of(subject)
        if e.source.startswith("event")
    ]


OURS = "cart-5f7d6-x7k2p"
CASES: dict[str, tuple[list[Json], list[tuple[str, str, str, str]]]] = {
    "a failed hook": (
        [HELD, EVENT],
        [("hook", HOOK, "event FailedPostStartHook at 10:01:04", "")],
    ),
    "before its pod in the dump": (
        [EVENT, HELD],
        [("hook", HOOK, "event FailedPostStartHook at 10:01:04", "")],
    ),
    "of the newer API": (
        [HELD, NEWER],
        [
            (
                "hook",
                HOOK,
                "event FailedPostStartHook at 10:02:04",
                "PostStartHook failed: password=***",
            )
        ],
    ),
    "older kubelets append to the reason": (
        [HELD, event("PostStartHookError: Exec lifecycle", "istio-proxy")],
        [("hook", HOOK, "event PostStartHookError", "")],
    ),
    "about another pod": (
        [HELD, event("FailedPostStartHook", "istio-proxy", "web-5f7d6-x7k2p")],
        [],
    ),
    "about a pod of the workload that is gone by now": (
        [HELD, event("FailedPostStartHook", "istio-proxy", "cart-5f7d6-gone1")],
        [("hook", HOOK, "event FailedPostStartHook", "")],
    ),
    "about a hook of the application's own": (
        [HELD, event("FailedPostStartHook", "app")],
        [],
    ),
    "about a pod that waits for nothing": ([RACE, EVENT], []),
    "a crash loop": (
        [RACE, event("BackOff", "app", count=7)],
        [("crash", "restarted again and again, seen 7x", "event BackOff", "")],
    ),
    "a proxy that was not ready": (
        [RACE, event("Unhealthy", "istio-proxy")],
        [("unready", "failed its probe, seen once", "event Unhealthy", "")],
    ),
    "a held proxy that was not ready at first": (
        [HELD, event("Unhealthy", "istio-proxy")],
        [],
    ),
    "about another kind": (
        [HELD, EVENT | {"involvedObject": {"kind": "Node", "name": OURS}}],
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_events_of_a_dump(case: str) -> None:
    objects, expected = CASES[case]
    assert seen(*objects) == expected


def test_a_crash_that_was_seen_says_more_than_the_event_of_it() -> None:
    told = pod(crashed("app", died(18, 19)), running("istio-proxy", 20))
    [subject] = dump(told, event("BackOff", "app"))
    words = [one.text for one in evidence.of(subject)]
    assert words == ["crashed 1x: exit 1, about 1s before proxy start"]


def test_a_new_pod_of_an_old_name_is_not_blamed() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}
    fresh = pod(running("istio-proxy", 4), running("app", 9), held=True, uid="new")
    fresh["metadata"] |= {
        "name": "db-0",
        "ownerReferences": [owner | {"controller": True}],
    }
    old = event("FailedPostStartHook", "istio-proxy", "db-0")
    old["involvedObject"]["uid"] = "old"
    elder = event("FailedPostStartHook", "istio-proxy", "db-1")
    assert seen(fresh, old, elder) == []


def scanned(
    server: Server, folder: Path, *, proof: bool = False, token: str = ""
) -> tuple[list[str], list[str], ExitCode, list[str]]:
    """Notes, problems, exit code and the paths that were asked for."""
    kubeconfig = server.kubeconfig(folder / "config", token=token, namespace="shop")
    cluster = connect(Connection(kubeconfig=str(kubeconfig)))
    scope = live.Scope(("shop",), proof=proof)
    inventory, problems = live.from_cluster(cluster, scope)
    cluster.close()
    found = scan(inventory.subjects())
    ids = [f"{f.check.id}" for row in found.rows for f in row.found]
    paths = [r.path for r in server.requests if r.path.endswith("/events")]
    code = ExitCode.UNREADABLE if problems else ExitCode.CLEAN
    return [*inventory.notes, *ids], [p.what for p in problems], code, paths


NAMESPACE: Json = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "shop"},
}
PATH = "/api/v1/namespaces/shop/events"


def test_one_list_of_events_where_it_may_tell_more(tmp_path: Path) -> None:
    with Server.start([NAMESPACE, HELD, EVENT]) as server:
        notes, problems, _, paths = scanned(server, tmp_path)
        [asked] = [r.query for r in server.requests if r.path == PATH]
    assert (notes, problems, paths) == (["MC009", "MC012"], [], [PATH])
    assert asked["fieldSelector"] == "involvedObject.kind=Pod,type=Warning"


def test_no_list_of_events_where_nothing_waits_and_nothing_races(
    tmp_path: Path,
) -> None:
    plain = pod(running("app", 9))
    plain["spec"]["containers"] = [{"name": "app", "image": "app:1"}]
    del plain["metadata"]["annotations"]
    with Server.start([NAMESPACE, plain, EVENT]) as server:
        assert scanned(server, tmp_path) == ([], [], ExitCode.CLEAN, [])


@pytest.mark.parametrize("proof", [False, True])
def test_denied_events_are_a_problem_only_where_proof_is_wanted(
    tmp_path: Path, proof: bool
) -> None:
    tokens = {"reader": [("list", "events", "*")]}
    with Server.start([NAMESPACE, HELD], tokens=tokens) as server:
        notes, problems, code, _ = scanned(
            server, tmp_path, proof=proof, token="reader"
        )
    said = [n for n in (*notes, *problems) if n.startswith("events could not be read")]
    assert len(said) == 1
    assert "events is forbidden" in said[0]
    assert (bool(problems), code) == (
        proof,
        ExitCode.UNREADABLE if proof else ExitCode.CLEAN,
    )
