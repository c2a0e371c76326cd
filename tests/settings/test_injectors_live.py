"""The other meshes' control planes over HTTP: what is asked, denied, and printed.

The installed program against the test server.  Left out: what the settings are, which
the tables in test_injectors.py cover.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.pages import DOCS
from tests.server import Server
from tests.settings import injectors
from tests.settings.test_mesh_command import shell

Object = dict[str, Any]
_SCHEMA = Draft202012Validator(json.loads((DOCS / "mesh.schema.json").read_text()))
_APPS = "/apis/apps/v1/namespaces"
_CONFIG = "/apis/config.openservicemesh.io/v1alpha2/namespaces/osm-system/meshconfigs"


def single(server: Server) -> list[str]:
    """The objects that were asked for by their names, and the nodes."""
    words = ("/deployments/", "/configmaps/", "/meshconfigs/", "/nodes")
    return [r.path for r in server.requests if any(word in r.path for word in words)]


def test_each_mesh_costs_the_objects_that_configure_it(tmp_path: Path) -> None:
    with Server.start(injectors.everything()) as server:
        ran = shell(server, tmp_path).program("ns", "bank", "-o", "json")
        paths = single(server)
    operator = "cloud-sql-proxy-operator"
    fuse = "gcs-fuse-csi-driver"
    assert (ran.code, ran.err) == (1, "")
    # read beside each other, so that no order is promised
    assert sorted(paths) == sorted(
        [
            f"{_APPS}/consul/deployments/consul-connect-injector",
            f"{_APPS}/appmesh-system/deployments/appmesh-controller",
            f"{_APPS}/osm-system/deployments/osm-injector",
            f"{_CONFIG}/osm-mesh-config",
            f"{_APPS}/nginx-mesh/deployments/nginx-mesh-controller",
            f"{_APPS}/dapr-system/deployments/dapr-sidecar-injector",
            f"{_APPS}/vault/deployments/vault-agent-injector",
            f"{_APPS}/{operator}-system/deployments/{operator}-controller-manager",
            f"{_APPS}/{fuse}/deployments/{fuse}-webhook",
        ]
    )


def test_without_a_webhook_of_theirs_nothing_is_asked(tmp_path: Path) -> None:
    other = injectors.webhook("other", "pods.example.com", ("x", "y"))
    objects = [other, injectors.namespace("safe"), *injectors.vault_pod()]
    with Server.start(objects) as server:
        ran = shell(server, tmp_path).program("mesh")
        paths = single(server)
    assert (ran.code, paths) == (0, [])
    assert "pods of it run, and nothing of its control plane was seen" in ran.out


def test_the_next_name_is_tried_where_the_first_is_not_there(tmp_path: Path) -> None:
    objects = [injectors.namespace("safe"), *injectors.vault("vault-injector")]
    with Server.start([*objects, *injectors.vault_pod()]) as server:
        ran = shell(server, tmp_path).program("deploy", "keys", "-n", "safe")
        paths = single(server)
    assert ran.code == 0
    assert paths == [
        f"{_APPS}/vault/deployments/vault-agent-injector",
        f"{_APPS}/vault/deployments/vault-injector",
    ]


def test_the_data_follows_the_schema(tmp_path: Path) -> None:
    with Server.start(injectors.everything()) as server:
        ran = shell(server, tmp_path).program("mesh", "-o", "json")
    report = json.loads(ran.out)
    assert [e.message for e in _SCHEMA.iter_errors(report)] == []
    assert (ran.code, ran.err) == (0, "")
    told = {
        m["mesh"]: [
            (s["name"], s["value"], [o["text"] for o in s["overriddenBy"]])
            for s in m["settings"]
        ]
        for m in report["meshes"]
    }
    assert told["dapr"] == [
        (
            "NATIVE_SIDECAR_ENABLED",
            False,
            ["pod template, annotation dapr.io/enable-native-sidecar"],
        ),
        ("ALLOWED_SERVICE_ACCOUNTS", None, []),
        ("failurePolicy", "Ignore", []),
    ]
    assert [m["mesh"] for m in report["meshes"] if not m["startOrder"]] == []


def test_people_see_where_it_comes_from_and_what_overrides_it(tmp_path: Path) -> None:
    with Server.start(injectors.everything()) as server:
        ran = shell(server, tmp_path).program("mesh")
    block = ran.out.partition("\ndapr in dapr-system\n")[2].partition("\n\n")[0]
    assert block.splitlines() == [
        "  start order: daprd stands last and nobody waits for it; also as a native "
        "sidecar it has no startup probe, which only shortens the gap",
        "  NATIVE_SIDECAR_ENABLED: false  Deployment "
        "dapr-system/dapr-sidecar-injector, env NATIVE_SIDECAR_ENABLED",
        "    overridden by: pod template, annotation dapr.io/enable-native-sidecar",
        "  ALLOWED_SERVICE_ACCOUNTS: not set in Deployment "
        "dapr-system/dapr-sidecar-injector, env ALLOWED_SERVICE_ACCOUNTS",
        "  failurePolicy: Ignore  MutatingWebhookConfiguration dapr-sidecar-injector, "
        "webhook sidecar-injector.dapr.io",
        "    pods made while the injector cannot be reached have no proxy",
        "  used in namespace orders: 1 workload, 1 pod",
    ]


@pytest.mark.parametrize(
    ("denied", "mesh", "setting"),
    [
        ("deployments.apps", "consul", "default-inject"),
        ("deployments.apps", "dapr", "NATIVE_SIDECAR_ENABLED"),
        (
            "meshconfigs.config.openservicemesh.io",
            "osm",
            "outboundPortExclusionList",
        ),
    ],
)
def test_a_denied_object_is_a_reason_and_no_problem(
    denied: str, mesh: str, setting: str, tmp_path: Path
) -> None:
    rules = [("get", denied, "*")]
    with Server.start(injectors.everything(), tokens={"a": rules}) as server:
        ran = shell(server, tmp_path, "a").program("mesh", "-n", "bank", "-o", "json")
    report = json.loads(ran.out)
    [found] = [m for m in report["meshes"] if m["mesh"] == mesh]
    [told] = [s for s in found["settings"] if s["name"] == setting]
    assert (ran.code, report["problems"], told["value"]) == (0, [], None)
    assert "could not be read: " in told["unknown"]
    assert denied.partition(".")[0] in told["unknown"]


def test_a_denied_list_of_webhooks_is_a_problem(tmp_path: Path) -> None:
    what = "mutatingwebhookconfigurations.admissionregistration.k8s.io"
    rules = [("list", what, "")]
    with Server.start(injectors.everything(), tokens={"a": rules}) as server:
        ran = shell(server, tmp_path, "a").program("mesh", "-o", "json")
    report = json.loads(ran.out)
    # what runs is told all the same
    assert [m["mesh"] for m in report["meshes"]] == [
        "appmesh",
        "cloudsql",
        "consul",
        "dapr",
        "gcsfuse",
        "nginx",
        "osm",
        "vault",
    ]
    assert (ran.code, len(report["problems"])) == (3, 1)
    assert "list" in report["problems"][0]["hint"]


def test_the_explanation_of_a_workload_names_the_origin(tmp_path: Path) -> None:
    with Server.start(injectors.everything()) as server:
        ran = shell(server, tmp_path).program("deploy", "bill", "-n", "cloud")
    why = ran.out.partition("\nWhy:\n")[2].partition("\n\n")[0]
    assert why.splitlines() == [
        "  injected: namespace label appmesh.k8s.aws/sidecarInjectorWebhook=enabled",
        "    webhook appmesh-controller-mutating-webhook-configuration/"
        "mpod.appmesh.k8s.aws",
        "  wait-until-proxy-ready: false  Deployment "
        "appmesh-system/appmesh-controller, flag --wait-until-proxy-ready",
        "  new pods: a race: nothing asks to hold the application",
    ]


def test_two_places_differ_by_an_annotation(tmp_path: Path) -> None:
    key = {"enable-consul-dataplane-as-sidecar": "true"}
    native = injectors.consul_pod({"connect-inject": "true", **key}, native=True)
    for one in native:
        one["metadata"]["namespace"] = "sandbox"
    objects = [*injectors.everything(), injectors.namespace("sandbox"), *native]
    with Server.start(objects) as server:
        ran = shell(server, tmp_path).program(
            "diff", "deploy/cashier", "-n", "bank", "-n", "sandbox"
        )
    name = "default-enable-consul-dataplane-as-sidecar"
    assert ran.code == 1
    lines = ran.out.splitlines()
    at = lines.index(f"setting {name}  <- explains it")
    assert lines[at + 1 : at + 3] == [
        f"- false (Deployment consul/consul-connect-injector, flag -{name})",
        "+ true (pod template, annotation consul.hashicorp.com/"
        "enable-consul-dataplane-as-sidecar)",
    ]


@pytest.mark.parametrize(
    ("objects", "asks", "finding"),
    [
        (
            injectors.consul(default_inject="true"),
            {},
            "Consul injects it, since default-inject is true (Deployment "
            "consul/consul-connect-injector, flag -default-inject), and no pod has it",
        ),
        (
            injectors.consul(deny_k8s_namespace="shop"),
            {"consul.hashicorp.com/connect-inject": "true"},
            "Consul does not inject it: pod annotation consul.hashicorp.com/"
            "connect-inject: true, but namespace shop is shut out by Deployment "
            "consul/consul-connect-injector, flag -deny-k8s-namespace",
        ),
        (
            injectors.dapr(),
            {"dapr.io/enabled": "true"},
            "Dapr is asked for by the pod annotation dapr.io/enabled: true, and no pod "
            "has it; the webhook fails open (MutatingWebhookConfiguration "
            "dapr-sidecar-injector, webhook sidecar-injector.dapr.io, failurePolicy: "
            "Ignore), so nobody noticed if it was away",
        ),
    ],
)
def test_why_a_sidecar_is_missing(
    objects: list[Object], asks: dict[str, str], finding: str, tmp_path: Path
) -> None:
    pods = injectors.workload("shop", "web", annotations=asks)
    with Server.start([*objects, injectors.namespace("shop"), *pods]) as server:
        ran = shell(server, tmp_path).program("ns", "shop", "-o", "json")
    [row] = json.loads(ran.out)["workloads"]
    [told] = [f["message"] for f in row["findings"] if f["id"] == "MC010"]
    # what else it says is not the control plane's
    assert told[: len(finding)] == finding


def test_a_declared_sidecar_has_the_config_file_as_its_origin(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "sidecars:\n- {name: edge, container: edge-proxy, waits: [edge, wait]}\n"
    )
    hook = {"postStart": {"exec": {"command": ["edge", "wait"]}}}
    proxy = {"name": "edge-proxy", "image": "edge:1.2", "lifecycle": hook}
    pods = injectors.workload("shop", "web", proxy, injectors.APP)
    pods[0]["spec"]["template"]["spec"]["containers"] = [proxy, injectors.APP]
    with Server.start([injectors.namespace("shop"), *pods]) as server:
        sh = shell(server, tmp_path)
        meshes = sh.program("mesh", "--config", str(config))
        shown = sh.program("deploy", "web", "--config", str(config))
    origin = f"  waits: edge wait  config file {config}, sidecars.edge.waits"
    assert origin in meshes.out.splitlines()
    why = shown.out.partition("\nWhy:\n")[2].splitlines()
    assert why[:2] == ["  injected: the pod template brings it", origin]


def test_a_meshs_module_is_loaded_only_where_the_mesh_is_seen(tmp_path: Path) -> None:
    items = [*injectors.vault(), *injectors.vault_pod()]
    dump = {"apiVersion": "v1", "kind": "List", "items": items}
    (tmp_path / "dump.json").write_text(json.dumps(dump))
    program = (
        "import sys; from kubectl_meshcheck import offline;"
        "found, _ = offline.from_files([sys.argv[1]]); found.subjects();"
        "names = [n.rpartition('.')[2] for n in sys.modules];"
        "print(*sorted(n for n in names if n.endswith('_control')))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "dump.json")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["vault_control"]
