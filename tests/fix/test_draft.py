"""What is done about a workload, and why nothing is: the plan without any cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kubectl_meshcheck import offline
from kubectl_meshcheck.plan import (
    Allowed,
    Case,
    Change,
    Edit,
    Foreseen,
    Item,
    NoChange,
    Refused,
    Standing,
    allowed,
    body,
    confirmed,
    draft,
)
from kubectl_meshcheck.plan.outcome import Fixed, Outcome, Result
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.report import fixing
from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.workload import Subject

CONFIG = "proxy.istio.io/config"
HOLD = "holdApplicationUntilProxyStarts: true"
PROXY = {
    "name": "istio-proxy",
    "image": "docker.io/istio/proxyv2:1.22.0",
    "args": ["proxy", "sidecar"],
}
INIT = {"name": "istio-init", "image": "docker.io/istio/proxyv2:1.22.0"}
WAITS = {"postStart": {"exec": {"command": ["pilot-agent", "wait"]}}}
APP = {"name": "app", "image": "app.example/app:1"}
RACING = {"initContainers": [INIT], "containers": [APP, PROXY]}
HELD = {"initContainers": [INIT], "containers": [{**PROXY, "lifecycle": WAITS}, APP]}
UNKNOWN = {
    "initContainers": [INIT],
    "containers": [
        {**PROXY, "lifecycle": {"postStart": {"exec": {"command": ["./wait.sh"]}}}},
        APP,
    ],
}


def _pod(spec: dict[str, Any], owner: str, notes: dict[str, str]) -> dict[str, Any]:
    refs = [{"kind": owner, "name": "app", "apiVersion": "apps/v1", "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "app-0",
            "namespace": "shop",
            "annotations": notes,
            "ownerReferences": refs if owner else [],
        },
        "spec": spec,
        "status": {"phase": "Running"},
    }


def _owner(
    kind: str, notes: dict[str, str] | None = None, **spec: Any
) -> dict[str, Any]:
    template = {"metadata": {"annotations": notes or {}}, "spec": {"containers": [APP]}}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "app", "namespace": "shop", "uid": "u"},
        "spec": {"template": template, **spec},
    }


def _case(
    folder: Path,
    spec: dict[str, Any],
    owner: dict[str, Any] | None = None,
    notes: dict[str, str] | None = None,
) -> Case:
    """A workload whose one pod has this spec, and its owner."""
    found = owner or {}
    kind = str(found.get("kind", ""))
    objects = [_pod(spec, kind, notes or {}), *([found] if found else [])]
    path = folder / "objects.json"
    path.write_text(json.dumps({"kind": "List", "apiVersion": "v1", "items": objects}))
    inventory, problems = offline.from_files([str(path)])
    assert problems == []
    subjects: list[Subject] = inventory.subjects()
    asked = Foreseen(unknown="there is no cluster")
    return Case(subjects[0].keeper, tuple(subjects), found, asked, time="T")


def _next(folder: Path, spec: dict[str, Any]) -> Foreseen:
    [subject] = _case(folder, spec).subjects
    return Foreseen(subject.pod, subject.judgement)


def _told(item: Item) -> tuple[str, str]:
    if isinstance(item, NoChange):
        return item.standing.value, item.reason
    if isinstance(item, Refused):
        return "refused", item.reason
    return "change", item.why


def test_a_race_is_mended_by_the_meshs_annotation(tmp_path: Path) -> None:
    item = draft(_case(tmp_path, RACING, _owner("StatefulSet")))
    assert isinstance(item, Change)
    assert item.edits == (Edit(CONFIG, None, HOLD),)
    assert item.path == ("spec", "template")
    assert item.why == "app starts before istio-proxy"
    assert item.expected == "waits, by the mesh's rules alone: there is no cluster"
    assert json.loads(item.command.partition(" -p ")[2].strip("'")) == {
        "spec": {"template": {"metadata": {"annotations": {CONFIG: HOLD}}}}
    }


LEFT: dict[str, tuple[dict[str, Any], dict[str, Any] | None, tuple[str, str]]] = {
    "held already": (HELD, _owner("StatefulSet"), ("no change", "already HELD")),
    "no mesh": (
        {"containers": [APP]},
        _owner("StatefulSet"),
        ("no change", "no proxy that the application could wait for"),
    ),
    "a hook that nobody knows": (
        UNKNOWN,
        _owner("StatefulSet"),
        ("by hand", "cannot tell whether istio-proxy's postStart hook waits"),
    ),
    "a Job": (
        RACING,
        _owner("Job"),
        (
            "by hand",
            "app starts before istio-proxy; a Job's template cannot be changed",
        ),
    ),
    "a bare pod": (
        RACING,
        None,
        (
            "by hand",
            "app starts before istio-proxy; a bare pod is injected when it is created, "
            "and only then",
        ),
    ),
    "asked for already": (
        RACING,
        _owner("StatefulSet", {CONFIG: HOLD}),
        (
            "by hand",
            f"{CONFIG} asks for it already; the running pods may be older than that",
        ),
    ),
    "a document that the injector rejects": (
        RACING,
        _owner("StatefulSet", {CONFIG: "- a"}),
        ("by hand", "app starts before istio-proxy"),
    ),
}


INJECTED = {"istio-injection": "enabled"}


@pytest.mark.parametrize("case", LEFT)
def test_what_is_left_alone_has_a_reason(case: str, tmp_path: Path) -> None:
    spec, owner, expected = LEFT[case]
    assert _told(draft(_case(tmp_path, spec, owner))) == expected


def test_an_ignored_finding_is_left_alone(tmp_path: Path) -> None:
    case = replace(_case(tmp_path, RACING, _owner("StatefulSet")), ignored="we retry")
    assert _told(draft(case)) == ("no change", "ignored: we retry")


def test_a_decision_against_it_is_a_risk_that_is_named(tmp_path: Path) -> None:
    text = "holdApplicationUntilProxyStarts: false"
    item = draft(_case(tmp_path, RACING, _owner("StatefulSet", {CONFIG: text})))
    assert isinstance(item, Change)
    assert item.risks[0] == "holdApplicationUntilProxyStarts is false there on purpose"


def test_pods_older_than_the_setting_need_a_restart(tmp_path: Path) -> None:
    case = _case(tmp_path, RACING, _owner("StatefulSet"))
    item = draft(replace(case, now=_next(tmp_path, HELD)))
    assert item == NoChange(
        case.ref,
        "a new pod would be HELD; the running pods are older than that setting",
        "kubectl rollout restart sts/app -n shop",
        Standing.MANUAL,
    )


def test_pods_that_would_lose_their_proxy_are_not_called_well(tmp_path: Path) -> None:
    case = _case(tmp_path, RACING, _owner("StatefulSet"))
    bare = _next(tmp_path, {"containers": [{"name": "app"}]})
    asked = [replace(one, namespace_labels=INJECTED) for one in case.subjects]
    told = [
        draft(replace(case, now=bare)),
        draft(replace(case, now=bare, subjects=tuple(asked))),
    ]
    reason = "the running pods race, and a new pod would have no proxy at all"
    assert told == [
        NoChange(
            case.ref,
            reason,
            "kubectl rollout restart sts/app -n shop, unless they are to stay in the "
            "mesh",
            Standing.MANUAL,
        ),
        NoChange(
            case.ref,
            reason,
            "the injector's log says why nothing is injected",
            Standing.MANUAL,
        ),
    ]


def test_nothing_is_planned_while_no_pod_can_be_made(tmp_path: Path) -> None:
    case = _case(tmp_path, RACING, _owner("StatefulSet"))
    item = draft(replace(case, now=Foreseen(rejected="no policy allows it")))
    assert _told(item) == (
        "refused",
        "no pod of it can be created at present: no policy allows it",
    )


OLD_SERVER = (
    'Pod "cart-x" is invalid: spec.initContainers[1].startupProbe: Forbidden: may not '
    "be set for init containers without restartPolicy=Always"
)


def test_where_native_sidecars_are_not_known_that_is_said(tmp_path: Path) -> None:
    case = _case(tmp_path, RACING, _owner("StatefulSet"))
    found = [
        draft(replace(case, now=Foreseen(rejected=OLD_SERVER))),
        confirmed(_change(tmp_path), Foreseen(rejected=OLD_SERVER)),
    ]
    assert [one.instead for one in found if isinstance(one, Refused)] == [
        "a native sidecar needs Kubernetes 1.29, and that no other webhook drops its "
        "restartPolicy"
    ] * 2


def _change(folder: Path, **object: Any) -> Change:
    owner: Object = {**_owner("StatefulSet"), **object}
    item = draft(_case(folder, RACING, dict(owner)))
    assert isinstance(item, Change)
    return item


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (HELD, ("change", "app starts before istio-proxy")),
        (
            RACING,
            (
                "refused",
                "it would not take effect: a changed pod would still be RACE: "
                "app starts before istio-proxy",
            ),
        ),
        (
            UNKNOWN,
            (
                "refused",
                "it would not take effect: a changed pod would still be UNKNOWN: "
                "cannot tell whether istio-proxy's postStart hook waits",
            ),
        ),
    ],
)
def test_the_injectors_own_answer_decides(
    spec: dict[str, Any], expected: tuple[str, str], tmp_path: Path
) -> None:
    change = _change(tmp_path)
    assert _told(confirmed(change, _next(tmp_path, spec))) == expected


def test_a_changed_pod_that_is_rejected_is_not_written(tmp_path: Path) -> None:
    item = confirmed(_change(tmp_path), Foreseen(rejected="denied by policy"))
    assert _told(item) == (
        "refused",
        "the changed pod cannot be created: denied by policy",
    )


def test_drift_and_conflicts_need_a_word_each(tmp_path: Path) -> None:
    change = replace(_change(tmp_path), holders=("helm",), edits=(Edit("k", "a", "b"),))
    assert _told(allowed(change, Allowed())) == (
        "refused",
        "k is held by the field manager helm",
    )
    assert allowed(change, Allowed(conflicts=True)) == change


def test_nothing_of_a_cluster_reaches_the_terminal_raw(tmp_path: Path) -> None:
    evil = "\x1b[2J\u202e\x9b"
    owner = {"kind": evil, "name": evil, "controller": True}
    meta = {"name": "app", "namespace": "shop", "uid": "u", "ownerReferences": [owner]}
    meta["labels"] = {evil: evil}  # type: ignore[assignment]
    change = _change(tmp_path, metadata=meta)
    refused = allowed(change, Allowed())
    assert isinstance(refused, Refused)
    fixed = Fixed((Outcome(refused, Result.REFUSED, refused.reason, refused.instead),))
    view = View()
    told = fixing.plan([refused, change], view) + fixing.outcomes(fixed, view)
    assert {c for c in told if not c.isprintable()} == {"\n"}
    assert body.dump(body.shown(change.live), plain=True).isascii()
