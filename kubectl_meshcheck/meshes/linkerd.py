"""Linkerd, open source and Buoyant Enterprise: ``linkerd-proxy`` holds by default.

Up to 2.10 it is appended last.  From 2.11 it stands first with a postStart hook,
``linkerd-await``; from 2.20 it is a native sidecar with a startup probe (linkerd/
linkerd2: charts/patch/templates/patch.json, charts/partials/templates/_proxy.tpl).
Both editions use the same names and marks.  The facts hold from 2.9 to 2.20.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from kubectl_meshcheck.meshes import linkerd_settings as settings
from kubectl_meshcheck.meshes.base import Annotations, Asked, Hold, Mesh, OptIn
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.linkerd_facts import FACTS
from kubectl_meshcheck.meshes.linkerd_settings import AWAIT, INJECT
from kubectl_meshcheck.meshes.reading import (
    first_of_its_name,
    has_env,
    image_name,
    index_of,
    is_patience,
    marked,
    options,
)
from kubectl_meshcheck.meshes.remedies import in_vain
from kubectl_meshcheck.model import (
    Capture,
    Container,
    Gate,
    Handler,
    PodStart,
    Proxy,
    Redirect,
    Waits,
)

PROXY = "linkerd-proxy"
HELPERS = frozenset({"linkerd-init", "linkerd-network-validator", "linkerd-debug"})
CREATED_BY = "linkerd.io/created-by"
VERSION = "linkerd.io/proxy-version"
COMPONENT = "linkerd.io/control-plane-component"
#: keeps the webhook away from a namespace (charts/linkerd-control-plane/templates/
#: proxy-injector-rbac.yaml)
WEBHOOKS = "config.linkerd.io/admission-webhooks"
#: linkerd/linkerd-await: src/main.rs; either one switches it off
AWAIT_OFF = ("LINKERD_AWAIT_DISABLED", "LINKERD_DISABLED")
PROXY_UID = 2102
#: labels with the workload's name (linkerd/linkerd2: pkg/k8s/labels.go)
NAMES = (
    "linkerd.io/workload-ns",
    *(
        f"linkerd.io/proxy-{kind}"
        for kind in ("deployment", "statefulset", "daemonset", "replicaset", "job",
                     "cronjob", "replicationcontroller")
    ),
)  # fmt: skip
ADMIN = "config.linkerd.io/admin-port"
ADMIN_PORT = "4191"
INJECT_VALUES = ("enabled", "ingress", "disabled")
#: keep Linkerd's proxy away, by name and by image (pkg/healthcheck/sidecar.go
#: ``HasExistingSidecars``)
SIDECARS = (PROXY, "linkerd-init", "istio-proxy", "istio-init")
SIDECAR_IMAGES = (
    "cr.l5d.io/linkerd/proxy:",
    "cr.l5d.io/linkerd/proxy-init:",
    "gcr.io/istio-release/proxyv2:",
    "gcr.io/istio-release/proxy_init:",
)
#: components whose proxy the control plane's own chart writes (charts/
#: linkerd-control-plane/templates/*.yaml; the last two up to 2.11)
OF_THE_CHART = (
    "identity",
    "destination",
    "proxy-injector",
    "controller",
    "sp-validator",
)
#: what the webhook's selector leaves out since 2.12 (charts/linkerd-control-plane/
#: values.yaml ``proxyInjector.namespaceSelector``)
LEFT_OUT = ("kube-system", "cert-manager")
NAMESPACE = "kubernetes.io/metadata.name"


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """``linkerd-proxy`` by its name and one more sign, of image, mark or setting.

    The injector itself goes by the name alone (pkg/inject/report.go,
    ``HasExistingSidecars``), and so may a template made by hand without an image.
    """
    container = pod.containers[index]
    if not first_of_its_name(pod, index) or not _is_ours(pod, container):
        return None
    return Proxy(
        mesh="linkerd",
        index=index,
        gate=_gate(pod, container),
        capture=_capture(pod),
        version=settings.version(pod.annotations.get(VERSION, ""), container.image),
        helpers=HELPERS,
        uid=PROXY_UID if container.run_as_user is None else container.run_as_user,
    )


def _is_ours(pod: PodStart, container: Container) -> bool:
    name = image_name(container.image)
    image = not name or name == "proxy" or "linkerd" in container.image
    return image or marked(pod, "linkerd.io") or has_env(container, "LINKERD2_PROXY")


def _gate(pod: PodStart, container: Container) -> Gate:
    opened = gate(container, partial(_waits, container), _ready)
    if opened.waits is not Waits.NO or container.post_start is None:
        return opened
    switch = next((name for name in AWAIT_OFF if container.environment(name)), "")
    why = f"{switch} switches linkerd-await off"
    if not switch:
        port = _admin_port(container, ADMIN_PORT)
        why = f"{PROXY}'s hook asks another port than {port}, where that answers"
    return replace(opened, reason=why)


def _waits(container: Container, command: Sequence[str]) -> Waits:
    """``linkerd-await``; what it is told to run afterwards does not matter.

    At another port than the proxy's it fails when its time is over, and the
    application starts without a proxy; without a timeout nothing ever starts.
    """
    if command[0].rpartition("/")[2] != "linkerd-await":
        return Waits.UNKNOWN
    if any(container.environment(name) for name in AWAIT_OFF):
        return Waits.NO
    valued = ("port", "p", "timeout", "t", "backoff", "b", "timeout-fatal")
    flags = options(command[1:], valued, ("verbose", "v"))
    if flags is None or not is_patience(flags.get("timeout", flags.get("t", "2m"))):
        return Waits.UNKNOWN
    port = flags.get("port", flags.get("p", ADMIN_PORT))
    if port == _admin_port(container, port):
        return Waits.YES
    return Waits.NO if "timeout" in flags or "t" in flags else Waits.UNKNOWN


def _admin_port(container: Container, default: str) -> str:
    told = container.environment("LINKERD2_PROXY_ADMIN_LISTEN_ADDR")
    found = re.search(r":(\d+)$", told)
    return found[1] if found else default


def _ready(action: Handler) -> Waits:
    """The probe that the chart writes: ``GET :4191/ready``."""
    if action.kind == "httpGet" and action.path == "/ready":
        return Waits.YES
    return Waits.UNKNOWN


def _capture(pod: PodStart) -> Capture:
    """``linkerd-init``, or the CNI plugin where that is not there.

    With the plugin there is ``linkerd-network-validator``, and before 2.12 nothing
    at all (charts/partials/templates/_network-validator.tpl).
    """
    if pod.labels.get(COMPONENT) == "identity":
        # it hands out the proxies' certificates, so it cannot wait for one (charts/
        # linkerd-control-plane/templates/identity.yaml)
        return Capture(Redirect.NONE, reason="it only talks past its proxy")
    index = index_of(pod, "linkerd-init")
    return Capture(Redirect.CNI) if index is None else Capture(Redirect.INIT, index)


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """The annotation ``linkerd.io/inject``, on the pod before the namespace.

    An empty value counts as none.  Any other than these three means no injection,
    also on a namespace whose pod asks properly (pkg/inject/report.go).
    """
    around = (namespace or {}).get(INJECT, "")
    for place, value in (("pod", pod.annotations.get(INJECT)), ("namespace", around)):
        if value:
            return Asked(
                value != "disabled",
                f"{place} annotation {INJECT}: {value}",
                futile=_futile(pod, value, around),
                uncalled=_uncalled(pod, namespace or {}),
            )
    return None


def _futile(pod: PodStart, value: str, around: str) -> str:
    """Why asking with ``value`` does nothing, as a clause; empty when it should."""
    if value not in INJECT_VALUES:
        return "that is no value that Linkerd knows"
    if around and around not in INJECT_VALUES:
        return f"the namespace's {around!r} is no value that Linkerd knows"
    if pod.host_network:
        return "Linkerd skips pods with hostNetwork"
    if pod.annotations.get(CREATED_BY, "").startswith("linkerd/proxy-injector"):
        return ""  # what is there is the webhook's own
    for container in pod.containers:
        if container.name in SIDECARS or container.image.startswith(SIDECAR_IMAGES):
            return f"Linkerd leaves a pod with {container.name} alone"
    return ""


def _uncalled(pod: PodStart, namespace: Annotations) -> str:
    """What keeps the webhook from being called, by the chart's own selectors."""
    if namespace.get(WEBHOOKS) == "disabled":
        return f"the namespace label {WEBHOOKS}=disabled comes first"
    if namespace.get(NAMESPACE) in LEFT_OUT:
        return f"from 2.12 on the webhook leaves {namespace[NAMESPACE]} out"
    if COMPONENT in pod.labels:
        return f"the webhook leaves pods with the label {COMPONENT} out"
    return ""


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """``config.linkerd.io/proxy-await: enabled``, which only undoes an opt-out.

    Not before 2.11, and not where the template itself holds the proxy, because
    the webhook leaves such a pod alone (pkg/inject/report.go).
    """
    if pod.labels.get(COMPONENT) in OF_THE_CHART:
        return Hold(
            manual="this pod belongs to Linkerd's control plane: its chart decides"
        )
    if not settings.since(proxy.version, "2.11", "edge-21.4.4"):
        return Hold(
            manual=f"Linkerd {proxy.version} cannot hold an application: upgrade to "
            "2.11, or start the application through linkerd-await"
        )
    if _baked(pod):
        return Hold(
            manual="linkerd-proxy stands in the template itself, where the webhook "
            "leaves it alone: kubectl get ... -o yaml | linkerd inject --manual - "
            "| kubectl apply -f -"
        )
    port = _moved_port(pod)
    if port and not settings.since(proxy.version, "2.14", "edge-23.6.3"):
        return Hold(
            manual=f"the hook of Linkerd {proxy.version} asks port {ADMIN_PORT}, where "
            f"this proxy does not answer: upgrade to 2.14, or drop {ADMIN}: {port}"
        )
    vain = in_vain(pod, proxy, AWAIT, lambda value: value == "enabled")
    return vain or Hold({AWAIT: "enabled"}, risks=_risks(pod, proxy))


def _baked(pod: PodStart) -> bool:
    """Injected by ``linkerd inject --manual`` or by hand, not by the webhook."""
    if pod.named(PROXY) is None:
        return False
    by_cli = pod.annotations.get(CREATED_BY, "").startswith("linkerd/cli")
    return by_cli or VERSION not in pod.annotations


def _moved_port(pod: PodStart) -> str:
    """The admin port, where the pod has asked for another one.

    Hooks have a ``--port`` from 2.14 (charts/partials/templates/_proxy.tpl).
    """
    port = pod.annotations.get(ADMIN, ADMIN_PORT)
    proxy = pod.named(PROXY)
    told = _admin_port(proxy, port) if proxy else port
    return "" if told == ADMIN_PORT else told


def _risks(pod: PodStart, proxy: Proxy) -> tuple[str, ...]:
    risks = ["the application starts up to two minutes later when the proxy is slow"]
    if not settings.since(proxy.version, "2.11.2", "edge-22.2.1"):
        risks = [
            f"the hook of Linkerd {proxy.version} has no end: the application never "
            "starts while the proxy is not ready"
        ]
    if proxy.capture.by is Redirect.CNI:
        risks.append(
            "a network plugin that waits for the pod's address can stall the start "
            "for two minutes (linkerd/linkerd2#9310)"
        )
    return tuple(risks)


LINKERD = Mesh(
    name="linkerd",
    title="Linkerd",
    docs="https://linkerd.io/2/reference/proxy-configuration/",
    proxies=(PROXY,),
    recognise=recognise,
    domains=("linkerd.io",),
    per_pod=NAMES,
    namespace_annotations=(INJECT, AWAIT, *settings.NATIVE),
    asked=asked,
    opt_in=OptIn(
        INJECT, ("enabled", "ingress"), ("pod annotation", "namespace annotation")
    ),
    bad_settings=settings.bad_settings,
    template_only=settings.TEMPLATE_ONLY,
    hold=hold,
    holds_since="2.11",
    facts=FACTS,
)
