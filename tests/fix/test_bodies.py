"""What is sent: to write a change, to preview a pod; and the record that undoes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kubectl_meshcheck import __version__
from kubectl_meshcheck.apply.preview import pod
from kubectl_meshcheck.kinds import named
from kubectl_meshcheck.plan import Edit, Record
from kubectl_meshcheck.plan import record as records
from kubectl_meshcheck.plan.body import compose
from kubectl_meshcheck.workload import Ref

NOW = "2026-01-01T00:00:00Z"
PATH = ("spec", "template")


def _object(
    notes: dict[str, str] | None = None, own: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "uid": "u",
            "resourceVersion": "7",
            "annotations": own or {},
        },
        "spec": {"template": {"metadata": {"annotations": notes or {}}, "spec": {}}},
    }


def _record(**keys: dict[str, str | None]) -> str:
    told = {"version": __version__, "time": NOW, "keys": keys}
    return json.dumps(told, separators=(",", ":"))


def test_a_key_that_was_not_there_needs_no_version() -> None:
    body, after = compose(_object(), PATH, [Edit("k", None, "v")], NOW, "why")
    own = {"meshcheck/fix": _record(k={"before": None, "after": "v"})}
    own["kubernetes.io/change-cause"] = "why"
    assert body == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "app",
            "namespace": "shop",
            "uid": "u",
            "annotations": own,
        },
        "spec": {"template": {"metadata": {"annotations": {"k": "v"}}}},
    }
    assert after == _object({"k": "v"}, own)


def test_a_value_is_only_replaced_in_the_version_that_was_read() -> None:
    body, _ = compose(_object({"k": "a"}), PATH, [Edit("k", "a", "b")], NOW, "why")
    assert body["metadata"]["resourceVersion"] == "7"


def test_somebodys_change_cause_stays() -> None:
    found = _object(own={"kubernetes.io/change-cause": "release 7"})
    body, after = compose(found, PATH, [Edit("k", None, "v")], NOW, "why")
    assert list(body["metadata"]["annotations"]) == ["meshcheck/fix"]
    own = after["metadata"]["annotations"]
    assert own["kubernetes.io/change-cause"] == "release 7"


def test_an_earlier_fix_is_applied_again_with_its_record() -> None:
    own = {"meshcheck/fix": _record(j={"before": "x", "after": "y"})}
    found = _object({"j": "y"}, own)
    body, _ = compose(found, PATH, [Edit("k", None, "v")], NOW, "why")
    assert body["spec"]["template"]["metadata"]["annotations"] == {"j": "y", "k": "v"}
    assert body["metadata"]["annotations"]["meshcheck/fix"] == _record(
        j={"before": "x", "after": "y"}, k={"before": None, "after": "v"}
    )


def test_a_record_is_read_as_it_was_written() -> None:
    record = Record((Edit("k", None, "v"), Edit("j", "a\n", "b")), NOW, __version__)
    assert records.parse(str(record)) == record


BROKEN = (
    "",
    "x",
    "[]",
    "{}",
    '{"keys":{}}',
    '{"keys":{"k":1}}',
    '{"keys":{"k":{}}}',
    "[" * 9999,
)


@pytest.mark.parametrize("text", BROKEN)
def test_a_record_that_was_tampered_with_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        records.parse(text)


def _ref(kind: str) -> Ref:
    known = named(kind)
    assert known is not None
    return Ref(known, "shop", "app")


def test_the_previewed_pod_is_the_template_without_an_owner() -> None:
    found = _object({"k": "v"})
    found["spec"]["template"]["metadata"]["labels"] = {"app": "app"}
    assert pod(_ref("deploy"), found, PATH) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "app-",
            "namespace": "shop",
            "labels": {"app": "app", "pod-template-hash": "preview"},
            "annotations": {"k": "v"},
        },
        "spec": {},
    }


def test_a_stateful_pod_has_the_volumes_of_its_claims() -> None:
    found = _object()
    found["spec"]["template"]["spec"] = {"volumes": [{"name": "tmp"}]}
    found["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}}]
    assert pod(_ref("sts"), found, PATH)["spec"]["volumes"] == [
        {"name": "tmp"},
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-app-0"}},
    ]
