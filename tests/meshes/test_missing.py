"""Who asks for a mesh and has no proxy is told why, for every mesh.

Left out: what the control plane's own settings say of it (tests/settings).
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck import live, offline
from kubectl_meshcheck.checks import sidecar_missing
from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.cluster import Connection, connect
from kubectl_meshcheck.workload import Subject
from tests.server import Server

Json = dict[str, Any]
LINKERD = "linkerd.io/inject"
KUMA = "kuma.io/sidecar-injection"
CONSUL = "consul.hashicorp.com/connect-inject"
APPMESH = "appmesh.k8s.aws/sidecarInjectorWebhook"
OSM = "openservicemesh.io/sidecar-injection"
MONITORED = "openservicemesh.io/monitored-by"
NGINX = "injector.nsm.nginx.com/auto-inject"
DAPR = "dapr.io/enabled"
VAULT = "vault.hashicorp.com/agent-inject"
GCSFUSE = "gke-gcsfuse/volumes"
RESTART = "kubectl rollout restart deploy/web -n shop"


def objects(
    *,
    labels: Json | None = None,
    annotations: Json | None = None,
    own: Json | None = None,
    namespace: Json | None = None,
    around: Json | None = None,
    where: str = "shop",
    **spec: Any,
) -> list[Json]:
    """A Deployment whose one pod runs without a proxy, and its namespace.

    ``own`` stands on the Deployment itself, ``namespace`` and ``around`` are the
    labels and the annotations of the namespace.
    """
    app = {"name": "app", "image": "shop/app:1"}
    template = {
        "metadata": {"labels": labels or {}, "annotations": annotations or {}},
        "spec": {"containers": [app], **spec},
    }
    owners = [{"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}]
    replicas = [{"kind": "ReplicaSet", "name": "web-1", "apiVersion": "apps/v1"}]
    return [
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": where,
                "labels": {"kubernetes.io/metadata.name": where, **(namespace or {})},
                "annotations": around or {},
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": where, "annotations": own or {}},
            "spec": {"replicas": 1, "template": template},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": "web-1",
                "namespace": where,
                "ownerReferences": [{**owners[0], "controller": True}],
            },
            "spec": {"template": template},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "web-1-x7k2p",
                "namespace": where,
                "labels": labels or {},
                "annotations": annotations or {},
                "ownerReferences": [{**replicas[0], "controller": True}],
            },
            "spec": {"containers": [app], **spec},
            "status": {"phase": "Running"},
        },
    ]


def dump(found: list[Json]) -> list[Subject]:
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    inventory, problems = offline.from_files(["-"], stdin=io.BytesIO(text.encode()))
    assert problems == []
    return inventory.subjects()


def told(found: list[Json]) -> list[str]:
    return [f.message for one in dump(found) for f in sidecar_missing.find(one)]


CASES: dict[str, tuple[Json, str]] = {
    # -- Linkerd: the annotation, of the pod or of its namespace
    "linkerd, older than the request": (
        {"around": {LINKERD: "enabled"}},
        "Linkerd is asked for by the namespace annotation linkerd.io/inject: enabled, "
        "and no pod has it",
    ),
    "linkerd, on the Deployment": (
        {"own": {LINKERD: "enabled"}},
        "Linkerd is asked for by the workload's own linkerd.io/inject: enabled, but "
        "Linkerd only reads the pod annotation and the namespace annotation of that "
        "name",
    ),
    "linkerd, a label of the namespace": (
        {"namespace": {LINKERD: "enabled"}},
        "Linkerd is asked for by the namespace label linkerd.io/inject: enabled, but "
        "Linkerd only reads the pod annotation and the namespace annotation of that "
        "name",
    ),
    "linkerd, a label of the pod": (
        {"labels": {LINKERD: "ingress"}},
        "Linkerd is asked for by the pod label linkerd.io/inject: ingress, but Linkerd "
        "only reads the pod annotation and the namespace annotation of that name",
    ),
    "linkerd, no such value": (
        {"annotations": {LINKERD: "true"}},
        "Linkerd is asked for by the pod annotation linkerd.io/inject: true, but that "
        "is no value that Linkerd knows",
    ),
    "linkerd, no such value on the namespace": (
        {"annotations": {LINKERD: "enabled"}, "around": {LINKERD: "yes"}},
        "Linkerd is asked for by the pod annotation linkerd.io/inject: enabled, but "
        "the namespace's 'yes' is no value that Linkerd knows",
    ),
    "linkerd, on the host's network": (
        {"around": {LINKERD: "enabled"}, "hostNetwork": True},
        "Linkerd is asked for by the namespace annotation linkerd.io/inject: enabled, "
        "but Linkerd skips pods with hostNetwork",
    ),
    "linkerd, kube-system": (
        {"annotations": {LINKERD: "enabled"}, "where": "kube-system"},
        "Linkerd is asked for by the pod annotation linkerd.io/inject: enabled, but "
        "from 2.12 on the webhook leaves kube-system out",
    ),
    "linkerd, kept away from the namespace": (
        {
            "annotations": {LINKERD: "enabled"},
            "namespace": {"config.linkerd.io/admission-webhooks": "disabled"},
        },
        "Linkerd is asked for by the pod annotation linkerd.io/inject: enabled, but "
        "the namespace label config.linkerd.io/admission-webhooks=disabled comes first",
    ),
    "linkerd, half injected by hand": (
        {
            "annotations": {LINKERD: "enabled"},
            "initContainers": [{"name": "linkerd-init", "image": "proxy-init:v1"}],
        },
        "Linkerd is asked for by the pod annotation linkerd.io/inject: enabled, but "
        "Linkerd leaves a pod with linkerd-init alone",
    ),
    "linkerd, one of its own components": (
        {
            "annotations": {LINKERD: "enabled"},
            "labels": {"linkerd.io/control-plane-component": "web"},
        },
        "Linkerd is asked for by the pod annotation linkerd.io/inject: enabled, but "
        "the webhook leaves pods with the label linkerd.io/control-plane-component out",
    ),
    "linkerd, opted out": (
        {"annotations": {LINKERD: "disabled"}, "around": {LINKERD: "enabled"}},
        "",
    ),
    "linkerd, opted out in spite of a label": (
        {"annotations": {LINKERD: "disabled"}, "namespace": {LINKERD: "enabled"}},
        "",
    ),
    # -- Kuma: the label, of the pod or of its namespace
    "kuma, older than the request": (
        {"namespace": {KUMA: "enabled"}},
        "Kuma is asked for by the namespace label kuma.io/sidecar-injection=enabled, "
        "and no pod has it",
    ),
    "kuma, an annotation": (
        {"annotations": {KUMA: "enabled"}},
        "Kuma is asked for by the pod annotation kuma.io/sidecar-injection: enabled, "
        "but Kuma only reads the pod label and the namespace label of that name",
    ),
    "kuma, an annotation of the namespace": (
        {"around": {KUMA: "enabled"}},
        "Kuma is asked for by the namespace annotation kuma.io/sidecar-injection: "
        "enabled, but Kuma only reads the pod label and the namespace label of that "
        "name",
    ),
    "kuma, on the Deployment": (
        {"own": {KUMA: "enabled"}, "namespace": {KUMA: "disabled"}},
        "Kuma is asked for by the workload's own kuma.io/sidecar-injection: enabled, "
        "but Kuma only reads the pod label and the namespace label of that name",
    ),
    "kuma, a namespace without the label": (
        {"labels": {KUMA: "enabled"}},
        "Kuma is asked for by the pod label kuma.io/sidecar-injection=enabled, but "
        "from Kuma 2.11 on the namespace must carry the label too",
    ),
    "kuma, a value that the webhook does not take": (
        {"labels": {KUMA: "true"}, "namespace": {KUMA: "disabled"}},
        "Kuma is asked for by the pod label kuma.io/sidecar-injection=true, but the "
        "webhook only takes pods labelled kuma.io/sidecar-injection=enabled",
    ),
    "kuma, no such value": (
        {"labels": {KUMA: "on"}, "namespace": {KUMA: "enabled"}},
        "Kuma is asked for by the pod label kuma.io/sidecar-injection=on, but 'on' is "
        "no boolean, and the injector refuses the pod",
    ),
    "kuma, the sidecar's own user": (
        {"namespace": {KUMA: "enabled"}, "securityContext": {"runAsUser": 5678}},
        "Kuma is asked for by the namespace label kuma.io/sidecar-injection=enabled, "
        "and no pod has it; app runs as the sidecar's user, 5678, and the injector "
        "refuses a pod where the container itself says so",
    ),
    "kuma, a build of OpenShift's": (
        {"namespace": {KUMA: "enabled"}, "labels": {"openshift.io/build.name": "b-1"}},
        "Kuma is asked for by the namespace label kuma.io/sidecar-injection=enabled, "
        "but Kuma leaves pods with the label openshift.io/build.name alone by default",
    ),
    "kuma, kube-system": (
        {"namespace": {KUMA: "enabled"}, "where": "kube-system"},
        "Kuma is asked for by the namespace label kuma.io/sidecar-injection=enabled, "
        "but the webhooks leave kube-system out",
    ),
    "kuma, opted out": (
        {"labels": {KUMA: "disabled"}, "namespace": {KUMA: "enabled"}},
        "",
    ),
    # -- Consul: the annotation of the pod
    "consul, older than the webhook": (
        {"annotations": {CONSUL: "true"}},
        f"Consul is asked for by the pod annotation {CONSUL}: true, and no pod has it",
    ),
    "consul, on the Deployment": (
        {"own": {CONSUL: "true"}},
        f"Consul is asked for by the workload's own {CONSUL}: true, but Consul only "
        "reads the pod annotation of that name",
    ),
    "consul, a label of the pod": (
        {"labels": {CONSUL: "true"}},
        f"Consul is asked for by the pod label {CONSUL}: true, but Consul only reads "
        "the pod annotation of that name",
    ),
    "consul, no boolean": (
        {"annotations": {CONSUL: "enabled"}},
        f"Consul is asked for by the pod annotation {CONSUL}: enabled, but that is no "
        "boolean, and the pod is refused",
    ),
    "consul, a namespace of the system's": (
        {"annotations": {CONSUL: "true"}, "where": "kube-public"},
        f"Consul is asked for by the pod annotation {CONSUL}: true, but Consul never "
        "injects into kube-public",
    ),
    "consul, marked as done": (
        {"annotations": {CONSUL: "true", f"{CONSUL}-status": "injected"}},
        f"Consul is asked for by the pod annotation {CONSUL}: true, but the annotation "
        f"{CONSUL}-status tells the injector that it has been here",
    ),
    "consul, opted out": ({"annotations": {CONSUL: "false"}}, ""),
    # -- App Mesh: the label of the namespace, and a pod's annotation
    "appmesh, older than the request": (
        {"namespace": {APPMESH: "enabled"}},
        f"AWS App Mesh is asked for by the namespace label {APPMESH}=enabled, and no "
        "pod has it; a VirtualNode has to select the pod, which is not read here: "
        "without one the controller refuses new pods",
    ),
    "appmesh, a namespace without the label": (
        {"annotations": {APPMESH: "enabled"}},
        f"AWS App Mesh is asked for by the pod annotation {APPMESH}: enabled, but the "
        "namespace lacks the label, so the webhook is not called",
    ),
    "appmesh, a label of the pod": (
        {"labels": {APPMESH: "enabled"}, "namespace": {APPMESH: "disabled"}},
        f"AWS App Mesh is asked for by the pod label {APPMESH}: enabled, but AWS App "
        "Mesh only reads the pod annotation and the namespace label of that name",
    ),
    "appmesh, a value that the webhook does not take": (
        {"namespace": {APPMESH: "Enabled"}},
        f"AWS App Mesh is asked for by the namespace label {APPMESH}=Enabled, but the "
        "webhook takes no namespace labelled 'Enabled'",
    ),
    "appmesh, an envoy of the pod's own": (
        {
            "namespace": {APPMESH: "enabled"},
            "containers": [{"name": "envoy", "image": "envoyproxy/envoy:v1.30"}],
        },
        f"AWS App Mesh is asked for by the namespace label {APPMESH}=enabled, but the "
        "controller leaves a pod with a container envoy alone",
    ),
    "appmesh, opted out": (
        {"annotations": {APPMESH: "disabled"}, "namespace": {APPMESH: "enabled"}},
        "",
    ),
    # -- Open Service Mesh: the namespace's label, and an annotation
    "osm, older than the request": (
        {"namespace": {MONITORED: "osm"}, "around": {OSM: "enabled"}},
        f"Open Service Mesh is asked for by the namespace annotation {OSM}: enabled, "
        "and no pod has it",
    ),
    "osm, a namespace that is not monitored": (
        {"annotations": {OSM: "enabled"}},
        f"Open Service Mesh is asked for by the pod annotation {OSM}: enabled, but the "
        f"namespace lacks the label {MONITORED}",
    ),
    "osm, on the host's network": (
        {
            "annotations": {OSM: "yes"},
            "namespace": {MONITORED: "osm"},
            "hostNetwork": True,
        },
        f"Open Service Mesh is asked for by the pod annotation {OSM}: yes, but Open "
        "Service Mesh skips pods with hostNetwork",
    ),
    "osm, a label of the namespace": (
        {"namespace": {MONITORED: "osm", OSM: "enabled"}},
        f"Open Service Mesh is asked for by the namespace label {OSM}: enabled, but "
        "Open Service Mesh only reads the pod annotation and the namespace annotation "
        "of that name",
    ),
    "osm, no such value": (
        {"annotations": {OSM: "on"}, "namespace": {MONITORED: "osm"}},
        f"Open Service Mesh is asked for by the pod annotation {OSM}: on, but 'on' is "
        "neither enabled nor disabled, and the pod is refused",
    ),
    "osm, left out": (
        {
            "annotations": {OSM: "enabled"},
            "namespace": {MONITORED: "osm", "openservicemesh.io/ignore": "true"},
        },
        f"Open Service Mesh is asked for by the pod annotation {OSM}: enabled, but the "
        "namespace label openservicemesh.io/ignore comes first",
    ),
    "osm, opted out": (
        {
            "annotations": {OSM: "disabled"},
            "namespace": {MONITORED: "osm"},
            "around": {OSM: "enabled"},
        },
        "",
    ),
    # -- NGINX Service Mesh: the label, of the pod or of its namespace
    "nginx, older than the request": (
        {"namespace": {NGINX: "enabled"}},
        f"NGINX Service Mesh is asked for by the namespace label {NGINX}=enabled, and "
        "no pod has it",
    ),
    "nginx, an annotation": (
        {"annotations": {NGINX: "enabled"}},
        f"NGINX Service Mesh is asked for by the pod annotation {NGINX}: enabled, but "
        "NGINX Service Mesh only reads the pod label and the namespace label of that "
        "name",
    ),
    "nginx, kube-system": (
        {"labels": {NGINX: "enabled"}, "where": "kube-system"},
        f"NGINX Service Mesh is asked for by the pod label {NGINX}=enabled, but NGINX "
        "Service Mesh never injects into kube-system",
    ),
    # -- Dapr, Vault, gcsfuse: the annotation of the pod
    "dapr, while the webhook was away": (
        {"annotations": {DAPR: "true"}},
        "Dapr is asked for by the pod annotation dapr.io/enabled: true, and no pod has "
        "it",
    ),
    "dapr, a label": (
        {"labels": {DAPR: "true"}},
        "Dapr is asked for by the pod label dapr.io/enabled: true, but Dapr only reads "
        "the pod annotation of that name",
    ),
    "dapr, the namespace": (
        {"around": {DAPR: "true"}},
        "Dapr is asked for by the namespace annotation dapr.io/enabled: true, but Dapr "
        "only reads the pod annotation of that name",
    ),
    "dapr, no such value": ({"annotations": {DAPR: "enabled"}}, ""),
    "vault, while the webhook was away": (
        {"annotations": {VAULT: "true"}},
        f"Vault agent is asked for by the pod annotation {VAULT}: true, and no pod has "
        "it",
    ),
    "vault, on the Deployment": (
        {"own": {VAULT: "true"}},
        f"Vault agent is asked for by the workload's own {VAULT}: true, but Vault "
        "agent only reads the pod annotation of that name",
    ),
    "vault, marked as done": (
        {"annotations": {VAULT: "true", f"{VAULT}-status": "injected"}},
        f"Vault agent is asked for by the pod annotation {VAULT}: true, but the "
        f"annotation {VAULT}-status tells the injector that it has been here",
    ),
    "vault, kube-system": (
        {"annotations": {VAULT: "true"}, "where": "kube-system"},
        f"Vault agent is asked for by the pod annotation {VAULT}: true, but the "
        "injector refuses pods in kube-system",
    ),
    "gcsfuse, older than the webhook": (
        {"annotations": {GCSFUSE: "true"}, "hostNetwork": True},
        "GKE gcsfuse is asked for by the pod annotation gke-gcsfuse/volumes: true, and "
        "no pod has it",
    ),
    "gcsfuse, no boolean": (
        {"annotations": {GCSFUSE: "yes"}},
        "GKE gcsfuse is asked for by the pod annotation gke-gcsfuse/volumes: yes, but "
        "that is no boolean, and the pod is refused",
    ),
    # -- beside what is there
    "linkerd, beside a sidecar of no mesh": (
        {
            "around": {LINKERD: "enabled"},
            "initContainers": [
                {"name": "logs", "image": "logs:1", "restartPolicy": "Always"}
            ],
        },
        "Linkerd is asked for by the namespace annotation linkerd.io/inject: enabled, "
        "and no pod has it",
    ),
    "linkerd, beside a helper": (
        {
            "annotations": {DAPR: "true"},
            "around": {LINKERD: "enabled"},
            "initContainers": [
                {"name": "daprd", "image": "daprd:1.18", "restartPolicy": "Always"}
            ],
        },
        "Linkerd is asked for by the namespace annotation linkerd.io/inject: enabled, "
        "and no pod has it",
    ),
    "dapr, beside a mesh": (
        {
            "annotations": {DAPR: "true", LINKERD: "enabled"},
            "around": {LINKERD: "enabled"},
            "initContainers": [
                {
                    "name": "linkerd-proxy",
                    "image": "linkerd/proxy:2.20",
                    "restartPolicy": "Always",
                }
            ],
        },
        "Dapr is asked for by the pod annotation dapr.io/enabled: true, and no pod has "
        "it",
    ),
    "linkerd, beside another mesh": (
        {
            "annotations": {LINKERD: "enabled"},
            "initContainers": [
                {
                    "name": "istio-proxy",
                    "image": "docker.io/istio/proxyv2:1.24.0",
                    "restartPolicy": "Always",
                }
            ],
        },
        "Linkerd is asked for by the pod annotation linkerd.io/inject: enabled, but "
        "Linkerd leaves a pod with istio-proxy alone",
    ),
    "another mesh than the namespace's": (
        {
            "around": {LINKERD: "enabled"},
            "labels": {"sidecar.istio.io/inject": "true"},
            "initContainers": [
                {
                    "name": "istio-proxy",
                    "image": "docker.io/istio/proxyv2:1.24.0",
                    "restartPolicy": "Always",
                }
            ],
        },
        "",
    ),
    # -- and nobody
    "nobody asks": ({}, ""),
}


@pytest.mark.parametrize("case", CASES)
def test_why_a_proxy_is_missing(case: str) -> None:
    made, why = CASES[case]
    assert told(objects(**made)) == ([why] if why else [])


def test_dapr_leaves_the_pods_of_strangers_alone() -> None:
    [_, _, _, pod] = objects(annotations={DAPR: "true"})
    del pod["metadata"]["ownerReferences"]
    assert told([pod]) == [
        "Dapr is asked for by the pod annotation dapr.io/enabled: true, and no pod has "
        "it; the injector leaves pods alone that are made by neither Kubernetes' own "
        "controllers nor one of its ALLOWED_SERVICE_ACCOUNTS"
    ]


@pytest.mark.parametrize(
    ("made", "following"),
    [
        ({"around": {LINKERD: "enabled"}}, RESTART),
        ({"labels": {LINKERD: "enabled"}}, "set it as pod annotation, in the template"),
        ({"annotations": {KUMA: "enabled"}}, "set it as pod label, in the template"),
    ],
)
def test_what_to_do_next(made: Json, following: str) -> None:
    [found] = [f for one in dump(objects(**made)) for f in sidecar_missing.find(one)]
    assert found.next == following


@pytest.mark.parametrize(
    ("made", "severity"),
    [
        ({"around": {LINKERD: "enabled"}}, Severity.INFO),
        ({"annotations": {LINKERD: "enabled"}}, None),
    ],
)
def test_a_namespace_does_not_mean_the_pods_of_the_host_s_network(
    made: Json, severity: Severity | None
) -> None:
    [one] = dump(objects(**made, hostNetwork=True))
    assert [f.severity for f in sidecar_missing.find(one)] == [severity]


# -- the injector's own reason -------------------------------------------------


def skip(text: str, at: str = "10:00:00", **about: str) -> Json:
    """The event that Linkerd's injector writes."""
    told = {"kind": "Deployment", "name": "web", "namespace": "shop", **about}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"web.{at.replace(':', '')}", "namespace": "shop"},
        "type": "Normal",
        "reason": "InjectionSkipped",
        "message": f"Linkerd sidecar proxy injection skipped: {text}",
        "involvedObject": told,
        "lastTimestamp": f"2024-05-14T{at}Z",
    }


ASKED: Json = {"around": {LINKERD: "enabled"}}
TOKEN = (
    'automountServiceAccountToken set to "false", with Values.identity.'
    'serviceAccountTokenProjection set to "false"'
)
SAYS = (
    "Linkerd is asked for by the namespace annotation linkerd.io/inject: enabled, and "
    "no pod has it; its injector's event says: "
)


@pytest.mark.parametrize(
    ("events", "says"),
    [
        ([skip(TOKEN)], TOKEN),
        ([skip("older"), skip(TOKEN, "10:00:01")], TOKEN),
        ([skip(TOKEN, "10:00:01"), skip("older")], TOKEN),
        ([skip(TOKEN, kind="ReplicaSet", name="web-1")], TOKEN),
        ([skip("x" * 4000)], "x" * 300),
    ],
)
def test_the_injector_s_own_reason(events: list[Json], says: str) -> None:
    assert told([*objects(**ASKED), *events]) == [SAYS + says]


@pytest.mark.parametrize(
    "event",
    [
        skip(TOKEN, name="other"),
        skip(TOKEN, namespace="other"),
        skip(TOKEN, kind="StatefulSet"),
        {**skip(TOKEN), "reason": "Injected"},
    ],
)
def test_events_about_others_say_nothing(event: Json) -> None:
    [message] = told([*objects(**ASKED), event])
    assert message == SAYS.partition(";")[0]


def scanned(server: Server, tmp_path: Path) -> tuple[list[str], list[str]]:
    """The findings of a scan over HTTP, and the lists of events that it read."""
    config = server.kubeconfig(tmp_path / "config")
    cluster = connect(Connection(kubeconfig=str(config)))
    inventory, problems = live.from_cluster(cluster, live.Scope(("shop",)))
    cluster.close()
    assert problems == []
    found = [f.message for s in inventory.subjects() for f in sidecar_missing.find(s)]
    lists = [
        request.query.get("fieldSelector", "")
        for request in server.requests
        if request.path.endswith("/events")
    ]
    return found, lists


def test_the_injector_s_reason_comes_from_the_cluster(tmp_path: Path) -> None:
    with Server.start([*objects(**ASKED), skip(TOKEN)]) as server:
        assert scanned(server, tmp_path) == (
            [SAYS + TOKEN],
            ["reason=InjectionSkipped"],
        )


@pytest.mark.parametrize("made", [{}, {"annotations": {LINKERD: "disabled"}}])
def test_no_list_of_events_where_nobody_asks(made: Json, tmp_path: Path) -> None:
    with Server.start([*objects(**made), skip(TOKEN)]) as server:
        assert scanned(server, tmp_path) == ([], [])
