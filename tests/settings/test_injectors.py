"""The control planes of the meshes that one program with settings injects.

What each is told, where, what overrides it, and what follows for a pod.  Left out: the
real injectors; the names were read from their sources at the versions that the modules
under ``meshes/`` give.
"""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from kubectl_meshcheck import offline
from kubectl_meshcheck.control import ControlPlane, Explained, Mode
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.meshes.registry import REGISTRY
from kubectl_meshcheck.workload import Subject
from tests.settings import injectors

Object = dict[str, Any]
CONSUL = "consul.hashicorp.com"
_FLAG = "Deployment consul/consul-connect-injector, flag -"
_NATIVE = "default-enable-consul-dataplane-as-sidecar"
_CONTROLLER = "Deployment appmesh-system/appmesh-controller, flag --"


def scanned(*objects: Object) -> Inventory:
    """The objects as a scan of files takes them."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    inventory, problems = offline.from_files(["-"], stdin=io.BytesIO(text.encode()))
    assert problems == []
    return inventory


def only(*objects: Object) -> ControlPlane:
    [plane] = scanned(*objects).control_planes()
    return plane


def subject(*objects: Object) -> Subject:
    """The one workload that is no injector's."""
    rows = scanned(*objects).subjects()
    [found] = [one for one in rows if one.ref.namespace not in INJECTORS]
    return found


def explained(*objects: Object) -> Explained:
    found = subject(*objects).explained
    assert found is not None
    return found


INJECTORS = (
    "consul",
    "appmesh-system",
    "osm-system",
    "nginx-mesh",
    "dapr-system",
    "vault",
    "cloud-sql-proxy-operator-system",
    "gcs-fuse-csi-driver",
)


def told(plane: ControlPlane | Explained, name: str) -> tuple[Any, str]:
    """A setting's value, and where it comes from or why it is not known."""
    one = next(s for s in plane.settings if s.name == name)
    return one.value, one.unknown or one.whence


def bare(namespace: str, **annotations: str) -> list[Object]:
    """A workload whose pod has nothing but the application."""
    keys = {key.replace("__", "/"): value for key, value in annotations.items()}
    return [
        injectors.namespace(namespace),
        *injectors.workload(namespace, "web", annotations=keys),
    ]


# -- all of them -----------------------------------------------------------


def test_each_is_found_with_its_version_and_mode() -> None:
    planes = scanned(*injectors.everything()).control_planes()
    assert [(p.mesh, p.namespace, p.version, p.mode) for p in planes] == [
        ("consul", "consul", "1.9.11", "classic"),
        ("appmesh", "appmesh-system", "1.13.3", "classic"),
        ("osm", "osm-system", "1.2.4", "classic"),
        ("nginx", "nginx-mesh", "2.0.0", "classic"),
        ("dapr", "dapr-system", "1.18.3", "classic"),
        ("vault", "vault", "1.7.2", "hold"),
        ("cloudsql", "cloud-sql-proxy-operator-system", "1.8.1", "native"),
        ("gcsfuse", "gcs-fuse-csi-driver", "1.17.5", "native"),
    ]
    assert [p.mesh for p in planes if not p.order] == []


def test_who_makes_pods_without_a_proxy_in_an_outage() -> None:
    planes = scanned(*injectors.everything()).control_planes()
    assert [p.mesh for p in planes if p.fails_open] == [
        "dapr",
        "vault",
        "cloudsql",
        "gcsfuse",
    ]
    [policy] = next(p for p in planes if p.mesh == "dapr").policies
    assert (policy.name, policy.value, str(policy.origin)) == (
        "failurePolicy",
        "Ignore",
        "MutatingWebhookConfiguration dapr-sidecar-injector, "
        "webhook sidecar-injector.dapr.io",
    )


@pytest.mark.parametrize("mesh", list(REGISTRY)[3:])
def test_an_injector_that_was_not_read_is_unknown_and_no_error(mesh: str) -> None:
    objects = [
        one
        for one in injectors.everything()
        if one["kind"] == "MutatingWebhookConfiguration"
    ]
    [plane] = [p for p in scanned(*objects).control_planes() if p.mesh == mesh]
    known = {s.name for s in plane.settings if not s.unknown}
    # what is built in needs no reading
    built_in = {"agent-pre-populate", "agent-init-first", "agent-cache-enable"}
    assert known <= built_in


# -- Consul ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "annotations", "value", "origin", "mode"),
    [
        ({}, {}, False, f"{_FLAG}{_NATIVE}", Mode.RACE),
        (
            {_NATIVE.replace("-", "_"): "true"},
            {},
            True,
            f"{_FLAG}{_NATIVE}",
            Mode.NATIVE,
        ),
        (
            {_NATIVE.replace("-", "_"): ""},
            {},
            False,
            f"not set in {_FLAG}{_NATIVE}",
            Mode.RACE,
        ),
        (
            {},
            {"enable-consul-dataplane-as-sidecar": "true"},
            True,
            f"pod template, annotation {CONSUL}/enable-consul-dataplane-as-sidecar",
            Mode.NATIVE,
        ),
        (
            {_NATIVE.replace("-", "_"): "true"},
            {"enable-consul-dataplane-as-sidecar": "false"},
            False,
            f"pod template, annotation {CONSUL}/enable-consul-dataplane-as-sidecar",
            Mode.RACE,
        ),
        (
            {},
            {"enable-consul-dataplane-as-sidecar": "sure"},
            None,
            f"pod template, annotation {CONSUL}/enable-consul-dataplane-as-sidecar "
            "is 'sure', which cannot be read",
            Mode.UNKNOWN,
        ),
    ],
)
def test_consuls_native_sidecar(
    flags: Any, annotations: Any, value: Any, origin: str, mode: Mode
) -> None:
    pod = injectors.consul_pod({"connect-inject": "true", **annotations})
    found = explained(*injectors.consul(**flags), *pod)
    assert told(found, _NATIVE) == (value, origin)
    assert found.outlook.mode is mode


def test_consul_before_it_had_native_sidecars() -> None:
    pod = injectors.consul_pod(
        {"connect-inject": "true", "enable-consul-dataplane-as-sidecar": "true"}
    )
    found = explained(*injectors.consul("1.5.3"), *pod)
    assert told(found, _NATIVE) == (False, "consul-k8s 1.5.3 has no native sidecars")
    assert found.outlook.mode is Mode.RACE


def test_the_probe_is_told_where_there_is_one() -> None:
    threshold = "default-sidecar-probe-failure-threshold"
    own = {"sidecar-probe-failure-threshold": "60"}
    pod = injectors.consul_pod({"connect-inject": "true", **own}, native=True)
    native = injectors.consul(**{_NATIVE.replace("-", "_"): "true"})
    assert told(explained(*native, *pod), threshold) == (
        60,
        f"pod template, annotation {CONSUL}/sidecar-probe-failure-threshold",
    )
    classic = explained(*injectors.consul(), *injectors.consul_pod({}))
    assert [s.name for s in classic.settings if s.name == threshold] == []


def test_a_namespaces_label_counts_in_its_own_namespace_only() -> None:
    key = f"{CONSUL}/transparent-proxy"
    own = {f"{CONSUL}/connect-inject": "true"}
    rows = scanned(
        *injectors.consul(),
        injectors.namespace("bank", {key: "false"}),
        injectors.namespace("shop"),
        *injectors.workload("bank", "web", annotations=own),
        *injectors.workload("shop", "web", annotations=own),
    ).subjects()
    found = {
        row.ref.namespace: told(row.explained, "default-enable-transparent-proxy")
        for row in rows
        if row.explained is not None and row.ref.namespace not in INJECTORS
    }
    assert found == {
        "bank": (False, f"Namespace bank, label {key}"),
        "shop": (True, f"{_FLAG}default-enable-transparent-proxy"),
    }


def test_consuls_traps_are_noted() -> None:
    grace = "default-sidecar-proxy-lifecycle-startup-grace-period-seconds"
    plane = only(*injectors.consul(**{grace: "60"}))
    assert plane.notes == (
        f"{grace} holds nobody: nothing in the pod calls /graceful_startup",
    )


@pytest.mark.parametrize(
    ("flags", "annotation", "injected", "rule"),
    [
        ({}, "", False, f"default-inject is false ({_FLAG}default-inject)"),
        (
            {"default_inject": "true"},
            "",
            True,
            f"default-inject is true ({_FLAG}default-inject)",
        ),
        ({}, "true", True, f"pod annotation {CONSUL}/connect-inject: true"),
        (
            {"default_inject": "true"},
            "false",
            False,
            f"pod annotation {CONSUL}/connect-inject: false",
        ),
        (
            {"deny_k8s_namespace": "shop"},
            "true",
            False,
            f"pod annotation {CONSUL}/connect-inject: true, but namespace shop is shut "
            f"out by {_FLAG}deny-k8s-namespace",
        ),
        (
            {"allow_k8s_namespace": "bank", "default_inject": "true"},
            "",
            False,
            f"namespace shop is not among those of {_FLAG}allow-k8s-namespace",
        ),
    ],
)
def test_whom_consul_injects(
    flags: Any, annotation: str, injected: bool, rule: str
) -> None:
    own = {f"{CONSUL}__connect-inject": annotation} if annotation else {}
    found = explained(*injectors.consul(**flags), *bare("shop", **own)).injection
    assert (found.injected, found.rule) == (injected, rule)


def test_whom_consul_injects_is_unknown_without_its_deployment() -> None:
    [hook, _] = injectors.consul()
    found = explained(hook, *bare("shop")).injection
    assert (found.injected, found.unknown) == (
        None,
        "Deployment consul/consul-connect-injector is not among the files",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$(INJECT)", (None, f"{_FLAG}default-inject takes its value from elsewhere")),
        ("maybe", (None, f"{_FLAG}default-inject is 'maybe', which cannot be read")),
        ('"true"', (True, f"{_FLAG}default-inject")),
        ("1", (True, f"{_FLAG}default-inject")),
    ],
)
def test_a_flags_words(value: str, expected: Any) -> None:
    plane = only(*injectors.consul(default_inject=value))
    assert told(plane, "default-inject") == expected


def test_a_script_that_no_shell_would_read() -> None:
    [hook, deployment] = injectors.consul()
    program = deployment["spec"]["template"]["spec"]["containers"][0]
    program["command"] = ["/bin/sh", "-ec", "exec x -default-inject='"]
    assert told(only(hook, deployment), "default-inject") == (
        None,
        "Deployment consul/consul-connect-injector: its command is unclear",
    )


# -- App Mesh --------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "mode", "reason"),
    [
        ({}, Mode.RACE, "nothing asks to hold the application"),
        ({"wait_until_proxy_ready": "true"}, Mode.HELD, ""),
        (
            {"wait_until_proxy_ready": "true", "sidecar_image_tag": "v1.22.0.0-prod"},
            Mode.RACE,
            "the hook only prints a line with Envoy v1.22.0.0-prod",
        ),
        (
            {"wait_until_proxy_ready": "true", "sidecar_image_tag": ""},
            Mode.UNKNOWN,
            "the hook only waits from Envoy 1.22.2.1 on: not known",
        ),
        (
            {"wait_until_proxy_ready": "true", "envoy_admin_access_port": "9902"},
            Mode.UNKNOWN,
            "the hook may ask another port than Envoy's",
        ),
        (
            {"wait_until_proxy_ready": "true", "poststart_timeout": "0"},
            Mode.UNKNOWN,
            "the hook's patience is 0",
        ),
    ],
)
def test_app_meshs_hold(flags: Any, mode: Mode, reason: str) -> None:
    found = explained(*injectors.appmesh(**flags), *injectors.appmesh_pod())
    assert told(found, "wait-until-proxy-ready") == (
        "wait_until_proxy_ready" in flags,
        f"{_CONTROLLER}wait-until-proxy-ready",
    )
    assert (found.outlook.mode, found.outlook.reason) == (mode, reason)


def test_app_mesh_before_it_could_hold() -> None:
    plane = only(*injectors.appmesh("v1.5.0"))
    assert told(plane, "wait-until-proxy-ready") == (
        False,
        "App Mesh's controller 1.5.0 cannot hold an application",
    )


def test_the_manifests_name_app_meshs_controller_otherwise() -> None:
    [hook, deployment, _] = injectors.appmesh(wait_until_proxy_ready="true")
    service = hook["webhooks"][0]["clientConfig"]["service"]
    service["name"] = "appmesh-webhook-service"
    plane = only(hook, deployment)
    assert told(plane, "wait-until-proxy-ready")[0] is True


# -- Open Service Mesh, NGINX Service Mesh ---------------------------------


def test_osms_mesh_config_and_what_a_pod_adds() -> None:
    found = explained(
        *injectors.osm({"outboundPortExclusionList": [5432, 6379]}),
        *injectors.osm_pod(outbound_port_exclusion_list="9000"),
    )
    assert told(found, "outboundPortExclusionList") == (
        "5432,6379",
        "MeshConfig osm-system/osm-mesh-config, spec.traffic.outboundPortExclusionList",
    )
    assert told(found, "outbound-port-exclusion-list") == (
        "9000",
        "pod template, annotation openservicemesh.io/outbound-port-exclusion-list",
    )
    assert (found.injection.injected, found.outlook.mode) == (True, Mode.RACE)


def test_osm_on_azure() -> None:
    plane = only(*injectors.osm(where="kube-system"))
    assert (plane.flavour, plane.version) == ("AKS", "1.2.4")


def test_a_label_of_the_webhook_tells_osms_version() -> None:
    assert only(injectors.osm()[0]).version == "1.2.4"


@pytest.mark.parametrize(
    ("injection", "injected", "rule"),
    [
        (
            {"isAutoInjectEnabled": True},
            True,
            "isAutoInjectEnabled is true (ConfigMap nginx-mesh/mesh-config, "
            "mesh-config.json: injection.isAutoInjectEnabled)",
        ),
        (
            {"isAutoInjectEnabled": False, "enabledNamespaces": ["shop"]},
            True,
            "namespace shop is among those of ConfigMap nginx-mesh/mesh-config, "
            "mesh-config.json: injection.enabledNamespaces",
        ),
        (
            {"isAutoInjectEnabled": True, "disabledNamespaces": ["shop"]},
            False,
            "namespace shop is shut out by ConfigMap nginx-mesh/mesh-config, "
            "mesh-config.json: injection.disabledNamespaces",
        ),
    ],
)
def test_nginx_up_to_1_7_injects_by_default(
    injection: Any, injected: bool, rule: str
) -> None:
    found = explained(*injectors.old_nginx(**injection), *bare("shop")).injection
    assert (found.injected, found.rule) == (injected, rule)


def test_nginx_says_that_nothing_decides() -> None:
    plane = only(*injectors.nginx())
    assert (plane.settings, plane.order) == (
        (),
        "no setting decides it: nginx-mesh-sidecar stands last and nobody waits for it",
    )


# -- Dapr, Vault -----------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "env", "annotations", "value", "origin"),
    [
        (
            "1.18.3",
            {},
            {},
            False,
            "Deployment dapr-system/dapr-sidecar-injector, env NATIVE_SIDECAR_ENABLED",
        ),
        (
            "1.18.3",
            {"NATIVE_SIDECAR_ENABLED": "yes"},
            {},
            True,
            "Deployment dapr-system/dapr-sidecar-injector, env NATIVE_SIDECAR_ENABLED",
        ),
        (
            "1.18.3",
            {"NATIVE_SIDECAR_ENABLED": None},
            {},
            None,
            "Deployment dapr-system/dapr-sidecar-injector, env NATIVE_SIDECAR_ENABLED "
            "takes its value from elsewhere",
        ),
        (
            "1.18.3",
            {},
            {"enable-native-sidecar": "true"},
            True,
            "pod template, annotation dapr.io/enable-native-sidecar",
        ),
        (
            "1.14.0",
            {},
            {"enable-native-sidecar": "true"},
            False,
            "Dapr 1.14.0 has no native sidecars",
        ),
    ],
)
def test_daprs_native_sidecar(
    version: str, env: Any, annotations: Any, value: Any, origin: str
) -> None:
    pod = injectors.dapr_pod(**annotations)
    found = explained(*injectors.dapr(version, **env), *pod)
    assert told(found, "NATIVE_SIDECAR_ENABLED") == (value, origin)
    # it has no startup probe
    assert found.outlook.mode is Mode.RACE


@pytest.mark.parametrize(
    ("annotations", "mode"),
    [
        ({}, Mode.HELD),
        ({"agent-pre-populate": "false"}, Mode.RACE),
        ({"agent-cache-enable": "true"}, Mode.RACE),
        ({"agent-configmap": "mine"}, Mode.UNKNOWN),
        ({"agent-pre-populate": "perhaps"}, Mode.UNKNOWN),
    ],
)
def test_what_vaults_injector_makes_of_a_pod(annotations: Any, mode: Mode) -> None:
    found = explained(*injectors.vault(), *injectors.vault_pod(**annotations))
    assert found.outlook.mode is mode


def test_vaults_environment_and_its_other_name() -> None:
    env = {"AGENT_INJECT_REVOKE_ON_SHUTDOWN": "true"}
    plane = only(*injectors.vault("vault-injector", **env))
    assert told(plane, "revoke-on-shutdown") == (
        True,
        "Deployment vault/vault-injector, env AGENT_INJECT_REVOKE_ON_SHUTDOWN",
    )


def test_a_pod_that_asks_for_no_helper_has_no_explanation() -> None:
    helpers = [*injectors.dapr(), *injectors.vault(), *injectors.gcsfuse()]
    assert subject(*helpers, *injectors.cloudsql(), *bare("shop")).explained is None


def test_a_helper_beside_a_mesh_is_explained_as_well() -> None:
    pods = injectors.consul_pod({"connect-inject": "true"})
    pods[1]["spec"]["containers"].append(
        {"name": "daprd", "image": "dapr/daprd:1.18.3"}
    )
    for one, meta in ((0, pods[0]["spec"]["template"]["metadata"]), (1, None)):
        kept = meta or pods[one]["metadata"]
        kept["annotations"]["dapr.io/enabled"] = "true"
    found = explained(*injectors.consul(), *injectors.dapr(), *pods)
    assert found.injection.mesh == "consul"
    assert [(b.injection.mesh, b.outlook.mode) for b in found.beside] == [
        ("dapr", Mode.RACE)
    ]


# -- Cloud SQL, gcsfuse ----------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "kubelets", "value", "origin"),
    [
        ("1.8.1", ["v1.33.2"], True, "the API server is of Kubernetes 1.29 or newer"),
        ("1.8.1", ["v1.24.1"], False, "the API server is older than Kubernetes 1.29"),
        ("1.8.1", ["v1.27.1"], None, "auto, by the API server's version: not known"),
        ("1.5.2", ["v1.33.2"], False, "the operator 1.5.2 has no native sidecars"),
    ],
)
def test_the_cloud_sql_operators_native_sidecar(
    operator: str, kubelets: list[str], value: Any, origin: str
) -> None:
    nodes = [injectors.node(one) for one in kubelets]
    pod = injectors.cloudsql_pod()
    found = explained(*injectors.cloudsql(operator), *nodes, *pod)
    assert told(found, "useSidecar") == (value, origin)
    modes = {True: Mode.NATIVE, False: Mode.RACE, None: Mode.UNKNOWN}
    assert found.outlook.mode is modes[value]


def test_a_cloud_sql_proxy_of_the_users_own_is_not_the_operators() -> None:
    pods = injectors.cloudsql_pod("db")
    pods[0]["spec"]["template"]["spec"]["initContainers"] = pods[1]["spec"][
        "initContainers"
    ]
    found = explained(*injectors.cloudsql(), injectors.node(), *pods)
    assert (found.injection.injected, found.injection.rule) == (
        False,
        "the pod brings its own proxy",
    )
    assert (found.outlook.mode, found.outlook.reason) == (
        Mode.NATIVE,
        "db is written in the template",
    )


@pytest.mark.parametrize(
    ("kubelet", "annotation", "value", "origin"),
    [
        ("v1.33.2", "", True, "all nodes are of Kubernetes 1.29 or newer"),
        (
            "v1.33.2",
            "False",
            False,
            "pod template, annotation gke-gcsfuse/enable-native-sidecar",
        ),
        ("v1.33.2", "no", True, "all nodes are of Kubernetes 1.29 or newer"),
        ("v1.28.9", "true", False, "a node is older than Kubernetes 1.29"),
    ],
)
def test_gcsfuses_native_sidecar(
    kubelet: str, annotation: str, value: bool, origin: str
) -> None:
    own = {"enable-native-sidecar": annotation} if annotation else {}
    found = explained(
        *injectors.gcsfuse(), injectors.node(kubelet), *injectors.gcsfuse_pod(**own)
    )
    assert told(found, "enable-native-sidecar") == (value, origin)


def test_gcsfuse_on_gke_runs_outside_the_cluster() -> None:
    plane = only(*injectors.gcsfuse(managed=True), injectors.node())
    assert (plane.flavour, plane.injector, plane.version) == (
        "GKE",
        "https://10.0.0.1:443/inject",
        "",
    )
