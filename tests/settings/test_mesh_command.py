"""``mesh``: what it shows of the incident, and that its data follows the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from kubectl_meshcheck import demo
from kubectl_meshcheck.control import Topic
from kubectl_meshcheck.errors import ExitCode
from tests.pages import DOCS
from tests.server import Server
from tests.settings.test_reading import cluster
from tests.shell import Shell

_SCHEMA: dict[str, Any] = json.loads((DOCS / "mesh.schema.json").read_text())
_REPORT: dict[str, Any] = json.loads((DOCS / "report.schema.json").read_text())
_VALID = Draft202012Validator(_SCHEMA)
INCIDENT = str(demo.incident())


def test_the_schema_is_one_and_closed() -> None:
    Draft202012Validator.check_schema(_SCHEMA)
    parts = {"": _SCHEMA, **_SCHEMA["$defs"]}
    loose = [
        name
        for name, part in parts.items()
        if part.get("type") == "object"
        and (
            part.get("additionalProperties") is not False
            or sorted(part["required"]) != sorted(part["properties"])
        )
    ]
    assert loose == []


def test_both_schemas_mean_the_same_setting() -> None:
    names = ("given", "origin", "problem", "count")
    assert {n: _SCHEMA["$defs"][n] for n in names} == {
        n: _REPORT["$defs"][n] for n in names
    }
    setting = dict(_SCHEMA["$defs"]["setting"]["properties"])
    # only of a control plane can be said what would override it
    del setting["overriddenBy"]
    assert setting == _REPORT["$defs"]["setting"]["properties"]
    assert setting["topic"]["enum"] == [topic.name.lower() for topic in Topic]
    assert _SCHEMA["properties"]["exitCode"]["enum"] == [int(c) for c in ExitCode]


def test_files_follow_the_schema(nowhere: Shell) -> None:
    ran = nowhere.program("mesh", "-f", INCIDENT, "-o", "json")
    report = json.loads(ran.out)
    assert [e.message for e in _VALID.iter_errors(report)] == []
    assert (ran.code, ran.err) == (0, "")
    told = [
        (m["mesh"], m["revision"], m["version"], m["mode"], m["distribution"])
        for m in report["meshes"]
    ]
    assert told == [
        ("istio", "1-14-6", "1.14.6", "classic", "KubeSphere"),
        ("istio", "1-27-1", "1.27.1", "native", ""),
    ]
    as_yaml = nowhere.program("mesh", "-f", INCIDENT, "-o", "yaml")
    assert yaml.safe_load(as_yaml.out) == report


def test_people_see_each_setting_with_its_origin(nowhere: Shell) -> None:
    shown = nowhere.program("mesh", "-f", INCIDENT).out
    for line in (
        "  holdApplicationUntilProxyStarts: false  not set in ConfigMap "
        "istio-system/istio-1-14-6, mesh: "
        "defaultConfig.holdApplicationUntilProxyStarts",
        "    also: false  ConfigMap istio-system/istio-sidecar-injector-1-14-6, "
        "values: global.proxy.holdApplicationUntilProxyStarts",
        "  used in namespace shop: 2 workloads, 4 pods",
    ):
        assert line in shown.splitlines()


def shell(server: Server, folder: Path, token: str = "") -> Shell:
    config = server.kubeconfig(folder / "kubeconfig", token=token, namespace="shop")
    return Shell(folder, str(config))


def test_a_cluster_is_read_whole(tmp_path: Path) -> None:
    with Server.start(cluster()) as server:
        ran = shell(server, tmp_path).program("mesh", "-o", "json")
    report = json.loads(ran.out)
    assert [e.message for e in _VALID.iter_errors(report)] == []
    [mesh] = report["meshes"]
    assert (ran.code, mesh["revision"], mesh["namespaces"]) == (
        0,
        "1-14-6",
        [{"name": "shop", "workloads": 1, "pods": 1}],
    )


def test_without_the_webhooks_it_could_not_look(tmp_path: Path) -> None:
    what = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
    with Server.start(cluster(), tokens={"a": [("list", what, "")]}) as server:
        ran = shell(server, tmp_path, "a").program("mesh", "-o", "json")
    report = json.loads(ran.out)
    assert [e.message for e in _VALID.iter_errors(report)] == []
    assert ran.code == report["exitCode"] == 3
    # what the pods name is told all the same
    assert [m["revision"] for m in report["meshes"]] == ["1-14-6"]


@pytest.mark.parametrize("output", ["table", "json"])
def test_no_mesh_at_all(output: str, tmp_path: Path) -> None:
    spaces = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    hooks = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "other"},
        "webhooks": [],
    }
    with Server.start([spaces, hooks]) as server:
        ran = shell(server, tmp_path).program("mesh", "-o", output)
    assert (ran.code, ran.err) == (0, "No service mesh was found.\n")
    assert output == "table" or json.loads(ran.out)["meshes"] == []
