"""Open Service Mesh: ``envoy`` is appended last and nothing waits for it.

No release has a setting for the start order (openservicemesh/osm: pkg/injector/
patch.go).  Archived; on AKS it lives on until 2027.  The facts hold up to 1.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.meshes.base import (
    About,
    Annotations,
    Asked,
    BadSetting,
    Fact,
    Hold,
    Mesh,
    OptIn,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.reading import index_of
from kubectl_meshcheck.model import Capture, Handler, PodStart, Proxy, Redirect, Waits

#: its value is different in every pod (pkg/constants/constants.go)
UUID = "osm-proxy-uuid"
INIT = "osm-init"
MONITORED = "openservicemesh.io/monitored-by"
INJECT = "openservicemesh.io/sidecar-injection"
IGNORE = "openservicemesh.io/ignore"
ON, OFF = ("enabled", "yes", "true"), ("disabled", "no", "false")
PROXY_UID = 1500
#: never injected, like the controller's own (pkg/injector/webhook.go)
LEFT_OUT = ("kube-system", "kube-public")
NAMESPACE = "kubernetes.io/metadata.name"


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """``envoy`` is anybody's name: the label or the init container must be there."""
    container = pod.containers[index]
    init = index_of(pod, INIT)
    if UUID not in pod.labels and init is None:
        return None
    capture = Capture(Redirect.CNI) if init is None else Capture(Redirect.INIT, init)
    return Proxy(
        mesh="osm",
        index=index,
        gate=gate(container, _waits, _ready),
        capture=capture,
        version=version_of(pod.containers[init].image) if init is not None else "",
        helpers=frozenset({INIT, "osm-healthcheck"}),
        uid=PROXY_UID if container.run_as_user is None else container.run_as_user,
    )


def _waits(_: Sequence[str]) -> Waits:
    """No command of Open Service Mesh waits; one that a user adds is unknown."""
    return Waits.UNKNOWN


def _ready(action: Handler) -> Waits:
    """Envoy's own ``/ready``; the injector writes no startup probe."""
    if action.kind == "httpGet" and action.path == "/ready":
        return Waits.YES
    return Waits.UNKNOWN


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """Both the namespace's label and an annotation, the pod's before its namespace's.

    (pkg/injector/webhook.go ``mustInject``)
    """
    own, around = pod.annotations.get(INJECT), (namespace or {}).get(INJECT)
    value = around if own is None else own
    if value is None:
        return None
    by = f"{'namespace' if own is None else 'pod'} annotation {INJECT}: {value}"
    if value.lower() in OFF:
        return Asked(False, by)
    uncalled = ""
    if IGNORE in (namespace or {}):
        uncalled = f"the namespace label {IGNORE} comes first"
    elif namespace is not None and MONITORED not in namespace:
        uncalled = f"the namespace lacks the label {MONITORED}"
    return Asked(True, by, _futile(pod, namespace or {}, value), uncalled)


def _futile(pod: PodStart, namespace: Annotations, value: str) -> str:
    """Why asking does nothing, in the order in which the injector looks."""
    if pod.host_network:
        return "Open Service Mesh skips pods with hostNetwork"
    if namespace.get(NAMESPACE) in LEFT_OUT:
        return f"Open Service Mesh never injects into {namespace[NAMESPACE]}"
    for told in (value, namespace.get(INJECT, value)):
        if told.lower() not in ON + OFF:
            return f"{told!r} is neither enabled nor disabled, and the pod is refused"
    return ""


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """A value that the injector cannot read fails the pod's admission."""
    value = pod.annotations.get(INJECT)
    if value is not None and value.lower() not in ON + OFF:
        trouble = f"{value!r} is neither enabled nor disabled"
        yield BadSetting(INJECT, trouble, f"{INJECT}: enabled", rejected=True)


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """There is none: neither an annotation nor a setting of the mesh."""
    return Hold(
        manual="Open Service Mesh cannot hold an application: let it wait for "
        "http://localhost:15000/ready, or exclude the port with "
        "openservicemesh.io/outbound-port-exclusion-list, or move to another mesh"
    )


OSM = Mesh(
    name="osm",
    title="Open Service Mesh",
    docs="https://release-v1-2.docs.openservicemesh.io/docs/guides/troubleshooting/"
    "container_restart/",
    proxies=("envoy",),
    recognise=recognise,
    domains=("openservicemesh.io",),
    keys=(UUID,),
    per_pod=(UUID,),
    namespace_annotations=(INJECT,),
    asked=asked,
    opt_in=OptIn(INJECT, ON, ("pod annotation", "namespace annotation")),
    bad_settings=bad_settings,
    template_only=(
        INJECT,
        "openservicemesh.io/outbound-port-exclusion-list",
        "openservicemesh.io/inbound-port-exclusion-list",
        "openservicemesh.io/outbound-ip-range-exclusion-list",
    ),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "Container `envoy` in a pod with the label `osm-proxy-uuid` or the init "
            "container `osm-init`; beside it sometimes `osm-healthcheck`.",
            "openservicemesh/osm: pkg/constants/constants.go, pkg/injector/patch.go",
        ),
        Fact(
            About.INJECTED,
            "The namespace needs both the label `openservicemesh.io/monitored-by` and, "
            "unless the pod has it, the annotation `openservicemesh.io/"
            "sidecar-injection: enabled`. A pod's `disabled` wins; another value fails "
            "its admission. Pods with `hostNetwork` are skipped, and `kube-system` and "
            "`kube-public` as a whole.",
            "openservicemesh/osm: pkg/injector/webhook.go",
        ),
        Fact(
            About.START,
            "Always last, without a hook.",
            "openservicemesh/osm: pkg/injector/patch.go",
        ),
        Fact(
            About.CAPTURE,
            "From the end of `osm-init`.",
            "openservicemesh/osm: pkg/injector/init_container.go",
        ),
        Fact(
            About.SETTINGS,
            "None for the start order.",
            "openservicemesh/osm: pkg/injector/exclusions.go",
        ),
        Fact(
            About.REMEDY,
            "None in the mesh. The application waits for `http://localhost:15000/"
            "ready`, or the port is excluded, or the application moves to another "
            "mesh.",
            "openservicemesh/osm#2316, openservicemesh/osm#4586",
        ),
        Fact(
            About.JOBS,
            "End the proxy with `POST localhost:15000/quitquitquit`.",
            "openservicemesh/osm-docs: "
            "content/docs/guides/troubleshooting/container_lifecycle.md",
        ),
    ),
)
