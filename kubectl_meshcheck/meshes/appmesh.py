"""AWS App Mesh: ``envoy`` is appended last, unless the controller is told to wait.

With ``--wait-until-proxy-ready`` it stands first with a postStart script, which only
waits where Envoy is new enough and just prints a line otherwise (aws/
aws-app-mesh-controller-for-k8s: pkg/inject/envoy.go, sidecar_builder.go).  The facts
hold up to 1.13.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kubectl_meshcheck.meshes.base import (
    About,
    Annotations,
    Asked,
    Fact,
    Hold,
    Mesh,
    OptIn,
    release,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import gate, shell_script
from kubectl_meshcheck.meshes.reading import has_env, index_of, is_zero
from kubectl_meshcheck.model import (
    Capture,
    Container,
    Gate,
    Handler,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Role,
    Waits,
)

INJECT = "appmesh.k8s.aws/sidecarInjectorWebhook"
CNI = "appmesh.k8s.aws/appmeshCNI"
#: the values that the webhook's selector takes on a namespace
VALUES = ("enabled", "disabled")
INIT = "proxyinit"
PROXY_UID = 1337
#: older ones have no ``agent -envoyReadiness``
WAITS_SINCE = (1, 22, 2, 1)
_SCRIPT = re.compile(
    r"if \[\[ \$\(/usr/bin/envoy --version\) =~ .*\]\]; then "
    r"APPNET_AGENT_POLL_ENVOY_READINESS_TIMEOUT_S=(\d+) "
    r"APPNET_AGENT_POLL_ENVOY_READINESS_INTERVAL_S=\d+ "
    r"/usr/bin/agent -envoyReadiness; else echo [^;]*; fi;?",
    re.DOTALL,
)


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """``envoy`` is anybody's name: App Mesh's image or settings must be in it."""
    container = pod.containers[index]
    ours = "aws-appmesh-envoy" in container.image or has_env(container, "APPMESH_")
    if not ours:
        return None
    return Proxy(
        mesh="appmesh",
        index=index,
        gate=_gate(container),
        capture=_capture(pod),
        part=_part(pod, container),
        version=version_of(container.image),
        helpers=frozenset({INIT, "xray-daemon"}),
        uid=PROXY_UID if container.run_as_user is None else container.run_as_user,
    )


def _part(pod: PodStart, container: Container) -> Part:
    """A virtual gateway's Envoy is its user's own (pkg/inject/
    virtualgateway_envoy.go); one that stands alone has nobody to race with anyway.
    """
    name = container.environment("APPMESH_VIRTUAL_NODE_NAME")
    name += container.environment("APPMESH_RESOURCE_ARN")
    alone = sum(c.role is Role.MAIN for c in pod.containers) == 1
    gateway = "/virtualGateway/" in name and not alone
    return Part.GATEWAY if gateway else Part.SIDECAR


def _gate(container: Container) -> Gate:
    hook = container.post_start
    script = shell_script(hook.command) if hook and hook.kind == "exec" else None
    found = _SCRIPT.fullmatch(script) if script else None
    if not found:
        return gate(container, _waits, _ready)
    # App Mesh numbers its Envoys with four parts; a tag of another form is no version
    by, version = "agent -envoyReadiness", release(version_of(container.image))
    if len(version) != len(WAITS_SINCE):
        why = "the hook only waits from Envoy 1.22.2.1 on, and the image does not tell"
        return Gate(Waits.UNKNOWN, by, why)
    if version < WAITS_SINCE:
        why = f"its hook only prints a line with Envoy {version_of(container.image)}"
        return Gate(Waits.NO, by, why)
    if is_zero(found[1]):
        return Gate(Waits.UNKNOWN, by, "the hook waits for 0 seconds")
    # aws/aws-app-mesh-controller-for-k8s#680
    if container.environment("ENVOY_ADMIN_ACCESS_PORT") not in ("", "9901"):
        why = "the hook may ask port 9901, which is not Envoy's admin port here"
        return Gate(Waits.UNKNOWN, by, why)
    return Gate(Waits.YES, by)


def _waits(command: Sequence[str]) -> Waits:
    """``agent -envoyReadiness`` without the controller's script around it."""
    return Waits.UNKNOWN


def _ready(action: Handler) -> Waits:
    """The controller writes no startup probe; Envoy's own page is ``/ready``."""
    if action.kind == "httpGet" and action.path == "/ready":
        return Waits.YES
    return Waits.UNKNOWN


def _capture(pod: PodStart) -> Capture:
    """``proxyinit``, the CNI plugin, or nothing in a gateway (init_proxy.go)."""
    index = index_of(pod, INIT)
    if index is not None:
        return Capture(Redirect.INIT, index)
    if pod.annotations.get(CNI) == "enabled":
        return Capture(Redirect.CNI)
    return Capture(Redirect.NONE, reason="no proxyinit redirects its traffic")


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """The namespace's label, which the pod's annotation overrides either way.

    The webhook only sees namespaces that carry the label (config/helm/
    appmesh-controller/templates/webhook.yaml, pkg/inject/inject.go).
    """
    own, around = pod.annotations.get(INJECT), (namespace or {}).get(INJECT)
    value = around if own is None else own
    if value is None or value.lower() not in VALUES:
        return None  # then a virtual node's selector decides, which is not read here
    place = f"namespace label {INJECT}={around}"
    if own is not None:
        place = f"pod annotation {INJECT}: {own}"
    uncalled = ""
    if namespace is not None and around is None:
        uncalled = "the namespace lacks the label, so the webhook is not called"
    elif around is not None and around not in VALUES:
        uncalled = f"the webhook takes no namespace labelled {around!r}"
    return Asked(
        value.lower() == "enabled",
        place,
        futile=_futile(pod),
        uncalled=uncalled,
        perhaps="a VirtualNode has to select the pod, which is not read here: without "
        "one the controller refuses new pods",
    )


def _futile(pod: PodStart) -> str:
    """A pod that brings an ``envoy`` is left alone (pkg/inject/envoy.go), and that of
    a virtual gateway has to (pkg/inject/virtualgateway_envoy.go)."""
    for container in pod.containers:
        if container.role is Role.MAIN and container.name == "envoy":
            return "the controller leaves a pod with a container envoy alone"
    return ""


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """No annotation: a setting of the controller, for the whole cluster."""
    if proxy.gate.by == "agent -envoyReadiness":
        return Hold(
            manual="set the controller's sidecar.image.tag to Envoy 1.22.2.1 or newer, "
            "then make the pods anew"
        )
    return Hold(
        manual="set sidecar.waitUntilProxyReady=true on the App Mesh controller "
        "(v1.6.0 or newer, with Envoy 1.22.2.1 or newer), then make the pods anew"
    )


APPMESH = Mesh(
    name="appmesh",
    title="AWS App Mesh",
    docs="https://github.com/aws/aws-app-mesh-controller-for-k8s",
    proxies=("envoy",),
    recognise=recognise,
    domains=("appmesh.k8s.aws",),
    asked=asked,
    opt_in=OptIn(INJECT, ("enabled",), ("pod annotation", "namespace label")),
    template_only=(INJECT,),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "Container `envoy` with the image `aws-appmesh-envoy` or an `APPMESH_*` "
            "setting; beside it `proxyinit` and sometimes `xray-daemon`.",
            "aws/aws-app-mesh-controller-for-k8s: pkg/inject/sidecar_builder.go",
        ),
        Fact(
            About.INJECTED,
            "The namespace label `appmesh.k8s.aws/sidecarInjectorWebhook: enabled`; a "
            "pod annotation of that name overrides it, but only in a namespace that "
            "has the label. A virtual node has to match the pod, or that is refused. A "
            "pod with a container `envoy` of its own is left alone, like those of a "
            "virtual gateway.",
            "aws/aws-app-mesh-controller-for-k8s: pkg/inject/inject.go, "
            "pkg/inject/envoy.go, pkg/inject/virtualgateway_envoy.go, "
            "config/helm/appmesh-controller/templates/webhook.yaml",
        ),
        Fact(
            About.START,
            "Last, without a hook. With the controller's `sidecar.waitUntilProxyReady` "
            "(from v1.6.0, default false) first, with a postStart script around `agent "
            "-envoyReadiness`. With an Envoy older than 1.22.2.1 that script only "
            "prints a line.",
            "aws/aws-app-mesh-controller-for-k8s: pkg/inject/envoy.go, "
            "pkg/inject/sidecar_builder.go",
        ),
        Fact(
            About.CAPTURE,
            "From the end of `proxyinit`, or from before the first container with "
            "`appmesh.k8s.aws/appmeshCNI: enabled`.",
            "aws/aws-app-mesh-controller-for-k8s: pkg/inject/init_proxy.go",
        ),
        Fact(
            About.SETTINGS,
            "`sidecar.waitUntilProxyReady` and `sidecar.lifecycleHooks` of the "
            "controller's chart; nothing on namespaces or pods.",
            "aws/aws-app-mesh-controller-for-k8s: "
            "config/helm/appmesh-controller/values.yaml",
        ),
        Fact(
            About.REMEDY,
            "`sidecar.waitUntilProxyReady=true` on the controller, for the whole "
            "cluster; then the pods are made anew.",
            "aws/aws-app-mesh-controller-for-k8s#598",
        ),
        Fact(
            About.TRAPS,
            "With an admin port of its own, the script has asked port 9901 all the "
            "same and failed after 180 s.",
            "aws/aws-app-mesh-controller-for-k8s#680",
        ),
    ),
)
