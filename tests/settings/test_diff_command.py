"""``diff``: how its words are read, what explains a difference, and its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from kubectl_meshcheck import demo
from tests.pages import DOCS
from tests.server import Server
from tests.settings.test_reading import cluster
from tests.shell import Shell

_SCHEMA: dict[str, Any] = json.loads((DOCS / "diff.schema.json").read_text())
_REPORT: dict[str, Any] = json.loads((DOCS / "report.schema.json").read_text())
_VALID = Draft202012Validator(_SCHEMA)
INCIDENT = ("-f", str(demo.incident()))
THERE = (
    "deploy/fireboom in namespace shop has a proxy and deploy/fireboom in namespace "
    "sandbox has none: namespace label istio-injection=disabled, so the webhook is "
    "not called"
)


def test_the_schemas_mean_the_same() -> None:
    Draft202012Validator.check_schema(_SCHEMA)
    names = ("injection", "setting", "given", "origin", "problem")
    assert {n: _SCHEMA["$defs"][n] for n in names} == {
        n: _REPORT["$defs"][n] for n in names
    }


@pytest.mark.parametrize(
    "typed",
    [
        "deploy/fireboom -n shop deploy/fireboom -n sandbox",
        "deploy/fireboom deploy/fireboom -n shop -n sandbox",
        "deploy/fireboom -n shop -n sandbox",
        "shop/deploy/fireboom sandbox/deploy/fireboom",
        "-n sandbox shop/deploy/fireboom deployment/fireboom",
        "pod/fireboom-6d8f9c7b54-x7k2p pod/fireboom-7c5ddbdf54-b2n9l",
    ],
)
def test_the_places_are_named_in_many_ways(typed: str, nowhere: Shell) -> None:
    ran = nowhere.program("diff", *typed.split(), *INCIDENT)
    assert (ran.code, ran.err) == (1, "")
    assert ran.out.splitlines()[:4] == [
        "--- deploy/fireboom in namespace shop",
        "+++ deploy/fireboom in namespace sandbox",
        "",
        THERE,
    ]


@pytest.mark.parametrize(
    ("typed", "code", "error"),
    [
        (
            "deploy/fireboom -n shop",
            2,
            "error: diff takes two of TYPE/NAME, or one and two namespaces; got 1",
        ),
        (
            "deploy/a deploy/b deploy/c",
            2,
            "error: diff takes two of TYPE/NAME, or one and two namespaces; got 3",
        ),
        (
            "deploy/a deploy/b -n a -n b -n c",
            2,
            "error: diff takes at most two namespaces",
        ),
        (
            "deploy/fireboom deploy/cart",
            2,
            "error: deploy/fireboom is in several namespaces: sandbox, shop",
        ),
        (
            "deploy/crat deploy/cart -n shop",
            3,
            'error: deployments.apps "crat" not found in namespace shop',
        ),
    ],
)
def test_what_cannot_be_compared(
    typed: str, code: int, error: str, nowhere: Shell
) -> None:
    ran = nowhere.program("diff", *typed.split(), *INCIDENT)
    assert (ran.code, ran.out, ran.err.splitlines()[0]) == (code, "", error)


def test_the_setting_that_explains_it_is_named(nowhere: Shell) -> None:
    typed = ("diff", "deploy/fireboom", "deploy/cart", "-n", "shop", *INCIDENT)
    report = json.loads(nowhere.program(*typed, "-o", "json").out)
    assert [e.message for e in _VALID.iter_errors(report)] == []
    assert [d for d in report["differences"] if d["explains"]] == [
        {
            "name": "setting holdApplicationUntilProxyStarts",
            "left": "false (not set in ConfigMap istio-system/istio-1-14-6, mesh: "
            "defaultConfig.holdApplicationUntilProxyStarts)",
            "right": "true (pod template, annotation proxy.istio.io/config: "
            "holdApplicationUntilProxyStarts)",
            "explains": True,
        }
    ]
    as_yaml = nowhere.program(*typed, "-o", "yaml").out
    assert yaml.safe_load(as_yaml) == report


def test_a_place_and_itself(nowhere: Shell) -> None:
    place = "shop/deploy/cart"
    ran = nowhere.program("diff", place, place, *INCIDENT)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "both start alike: held")


def test_a_failure_is_data_too(nowhere: Shell) -> None:
    typed = ("diff", "shop/deploy/crat", "shop/deploy/cart", *INCIDENT, "-o", "json")
    ran = nowhere.program(*typed)
    report = json.loads(ran.out)
    assert [e.message for e in _VALID.iter_errors(report)] == []
    assert (ran.code, report["exitCode"], report["left"]) == (3, 3, None)


def test_a_cluster_is_read_in_both_namespaces(tmp_path: Path) -> None:
    other = {"metadata": {"name": "calm", "labels": {"istio-injection": "disabled"}}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "calm"},
        "spec": {"containers": [{"name": "web", "image": "web"}]},
        "status": {"phase": "Running"},
    }
    space = {"apiVersion": "v1", "kind": "Namespace", **other}
    with Server.start([*cluster(), space, pod]) as server:
        config = server.kubeconfig(tmp_path / "kubeconfig", namespace="shop")
        ran = Shell(tmp_path, str(config)).program(
            "diff", "pod/web", "calm/pod/web", "-o", "json"
        )
        paths = [r.path for r in server.requests if r.path.endswith("/pods")]
    report = json.loads(ran.out)
    assert [e.message for e in _VALID.iter_errors(report)] == []
    assert (ran.code, report["left"]["verdict"], report["right"]["verdict"]) == (
        1,
        "RACE",
        "NONE",
    )
    assert paths == [f"/api/v1/namespaces/{name}/pods" for name in ("shop", "calm")]
