"""Kuma and Kong Mesh: until 2.14 nobody waits for ``kuma-sidecar``.

It stands last up to 2.0 and first from 2.1.  Waiting came with 2.4 as an opt-in; from
2.14 the sidecar is native by default and its startup probe holds (kumahq/kuma:
pkg/plugins/runtime/k8s/webhooks/injector/injector.go, pkg/plugins/runtime/k8s/
containers/factory.go).  Kong Mesh is Kuma with other images.  The facts hold from 1.4
to 3.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial

from kubectl_meshcheck.meshes.base import (
    Annotations,
    Asked,
    BadSetting,
    Hold,
    Mesh,
    OptIn,
    release,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.kuma_facts import FACTS
from kubectl_meshcheck.meshes.reading import (
    first_of_its_name,
    has_env,
    image_name,
    index_of,
    is_patience,
    marked,
    misspelt,
    options,
)
from kubectl_meshcheck.meshes.remedies import in_vain
from kubectl_meshcheck.model import (
    Capture,
    Container,
    Handler,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Role,
    Waits,
)

INJECT = "kuma.io/sidecar-injection"
WAIT = "kuma.io/wait-for-dataplane-ready"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
TRANSPARENT = "kuma.io/transparent-proxying"
TRANSPARENT_CONFIG = "traffic.kuma.io/transparent-proxy-config"
HELPERS = frozenset({"kuma-init", "kuma-validation"})
#: pkg/plugins/runtime/k8s/metadata/annotations.go
ON = ("true", "enabled", "yes")
OFF = ("false", "disabled", "no")
PROXY_UID = 5678
SIDECAR = "kuma-sidecar"
#: of a MeshGatewayInstance (pkg/plugins/runtime/k8s/util/names.go); the zone's own
#: ingress and egress have the same image (deployments/charts/kuma/templates)
IMAGE = "kuma-dp"
#: pods that are never injected unless the control plane is told otherwise
#: (pkg/config/plugins/runtime/k8s/config.go ``Exceptions``)
EXCEPTIONS = ("openshift.io/build.name", "openshift.io/deployer-pod-for.name")
#: what both webhooks' selectors ask for (deployments/charts/kuma/templates/
#: cp-webhooks-and-secrets.yaml)
NAMESPACE = "kubernetes.io/metadata.name"

TEMPLATE_ONLY = (
    WAIT,
    "kuma.io/init-first",
    "kuma.io/sidecar-env-vars",
    "kuma.io/sidecar-drain-time",
    "kuma.io/container-patches",
    "traffic.kuma.io/exclude-outbound-ports",
    "traffic.kuma.io/exclude-outbound-ports-for-uids",
)


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """``kuma-sidecar`` by its name and an image, a mark or a setting of Kuma's.

    (pkg/plugins/runtime/k8s/util/names.go)
    """
    container = pod.containers[index]
    if container.name != SIDECAR:
        return _gateway(pod, index)
    ours = "kuma" in container.image or has_env(container, "KUMA_")
    if not (ours or not container.image or marked(pod, "kuma.io")):
        return None
    if not first_of_its_name(pod, index):
        return None
    return Proxy(
        mesh="kuma",
        index=index,
        gate=gate(container, partial(_waits, container), _ready),
        capture=_capture(pod),
        version=version_of(container.image),
        helpers=HELPERS,
        uid=PROXY_UID if container.run_as_user is None else container.run_as_user,
        # the control plane asks Envoy to quit when the rest of the pod has ended
        # (pkg/plugins/runtime/k8s/controllers/pod_status_controller.go)
        ends_jobs=True,
    )


def _gateway(pod: PodStart, index: int) -> Proxy | None:
    """A proxy that is its pod's own application: ``kuma-gateway``, a zone's ingress."""
    container = pod.containers[index]
    alone = sum(one.role is Role.MAIN for one in pod.containers) == 1
    if image_name(container.image) != IMAGE or container.role is not Role.MAIN:
        return None
    if not alone:
        return None
    return Proxy(
        mesh="kuma",
        index=index,
        gate=gate(container, partial(_waits, container), _ready),
        capture=Capture(Redirect.NONE, reason="nothing redirects to a gateway"),
        part=Part.GATEWAY,
        version=version_of(container.image),
        uid=container.run_as_user,
    )


def _waits(container: Container, command: Sequence[str]) -> Waits:
    """``kuma-dp wait`` (app/kuma-dp/cmd/wait.go): up to 180 s, only on this host.

    At the port of the readiness probe; another one may never answer.
    """
    program = command[0].rpartition("/")[2]
    if program != "kuma-dp" or list(command[1:2]) != ["wait"]:
        return Waits.UNKNOWN
    flags = options(
        command[2:], ("url", "timeout", "request-timeout", "check-frequency")
    )
    if flags is None or not is_patience(flags.get("timeout", "180s")):
        return Waits.UNKNOWN
    url = flags.get("url", "http://localhost:9901/ready")
    local = re.fullmatch(r"http://(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)/ready", url)
    probe = container.readiness
    told = probe.action.port if probe and probe.action.path == "/ready" else ""
    return Waits.YES if local and told in ("", local[1]) else Waits.UNKNOWN


def _ready(action: Handler) -> Waits:
    """The probe that the control plane writes: ``GET /ready``."""
    if action.kind == "httpGet" and action.path == "/ready":
        return Waits.YES
    return Waits.UNKNOWN


def _capture(pod: PodStart) -> Capture:
    """``kuma-init``, the CNI plugin, or nothing where the proxy is not transparent."""
    index = index_of(pod, "kuma-init")
    if index is not None:
        return Capture(Redirect.INIT, index)
    told = pod.annotations.get(TRANSPARENT)
    cni = "kuma-cni" in pod.annotations.get(NETWORKS, "")
    off = told in OFF or (told is None and TRANSPARENT_CONFIG not in pod.annotations)
    if off and not cni and index_of(pod, "kuma-validation") is None:
        return Capture(Redirect.NONE, reason="transparent proxying is off")
    return Capture(Redirect.CNI)


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """The label ``kuma.io/sidecar-injection``, on the pod before the namespace.

    (injector/precheck.go; deployments/charts/kuma/templates/
    cp-webhooks-and-secrets.yaml for the selectors)
    """
    own, around = pod.labels.get(INJECT), (namespace or {}).get(INJECT)
    if own is not None:
        by = f"pod label {INJECT}={own}"
        if own in OFF:
            return Asked(False, by)
        why = _uncalled(namespace, own) if namespace is not None else ""
        return Asked(True, by, _futile(pod, own), why, _perhaps(pod))
    if around is None:
        return None
    by = f"namespace label {INJECT}={around}"
    if around in OFF:
        return Asked(False, by)
    why = _uncalled(namespace or {})
    return Asked(True, by, _futile(pod, around), why, _perhaps(pod))


def _futile(pod: PodStart, value: str) -> str:
    """Why a request is refused or passed over, as a clause; empty when it is not."""
    if value not in ON:
        return f"{value!r} is no boolean, and the injector refuses the pod"
    for key in EXCEPTIONS:
        if key in pod.labels:
            return f"Kuma leaves pods with the label {key} alone by default"
    return ""


def _perhaps(pod: PodStart) -> str:
    """A container with the sidecar's own user id (injector/precheck.go)."""
    for one in pod.containers:
        if one.role is Role.MAIN and one.run_as_user == PROXY_UID:
            return (
                f"{one.name} runs as the sidecar's user, {PROXY_UID}, and the injector "
                "refuses a pod where the container itself says so"
            )
    return ""


def _uncalled(namespace: Annotations, own: str = "") -> str:
    """Why neither webhook is called, by the selectors of the chart."""
    if namespace.get(NAMESPACE) == "kube-system":
        return "the webhooks leave kube-system out"
    around = namespace.get(INJECT)
    if around in ("enabled", "true") or (own == "enabled" and around is not None):
        return ""
    if own == "enabled":
        return "from Kuma 2.11 on the namespace must carry the label too"
    if own:
        return f"the webhook only takes pods labelled {INJECT}=enabled"
    return f"the webhook only takes namespaces labelled {INJECT}=enabled"


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Settings on a pod template that are rejected or ignored."""
    value = pod.annotations.get(WAIT)
    if value is not None and value not in ON + OFF:
        trouble = f"{value!r} is no boolean, and the injector refuses the pod"
        yield BadSetting(WAIT, trouble, f'{WAIT}: "true"', rejected=True)
    elif value in ON and release(version) and release(version) < (2, 4):
        trouble = f"Kuma {version} does not know it yet"
        yield BadSetting(WAIT, trouble, "nothing: upgrade to 2.4")
    if WAIT in pod.labels:
        yield BadSetting(WAIT, "Kuma reads no label of that name", "an annotation")
    if INJECT in pod.annotations:
        yield BadSetting(INJECT, "Kuma reads no annotation of that name", "a label")
    yield from misspelt(pod.annotations, "kuma.io", (WAIT,))


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """``kuma.io/wait-for-dataplane-ready: "true"``; there is none per namespace.

    Exactly that value: the injector refuses a pod with one that it cannot read
    (pkg/plugins/runtime/k8s/containers/factory.go).
    """
    version = release(proxy.version)
    if version and version < (2, 4):
        return Hold(
            manual=f"Kuma {proxy.version} cannot hold an application: upgrade to 2.4"
        )
    vain = in_vain(pod, proxy, WAIT, ON.__contains__)
    if vain:
        return vain
    if proxy.native:
        return Hold(
            manual="give kuma-sidecar its startup probe back (runtime.kubernetes."
            "injector.sidecarContainer.startupProbe of the control plane)"
        )
    return Hold({WAIT: "true"}, risks=_risks(proxy))


def _risks(proxy: Proxy) -> tuple[str, ...]:
    risks = ["the application starts up to three minutes later when the proxy is slow"]
    if not release(proxy.version):
        risks.append("Kuma before 2.4 does not know the annotation")
    if proxy.capture.by is Redirect.CNI:
        risks.append(
            "with kuma-cni and no init container the hook can wait for itself for "
            "three minutes (kumahq/kuma#9431)"
        )
    return tuple(risks)


KUMA = Mesh(
    name="kuma",
    title="Kuma",
    docs="https://kuma.io/docs/latest/production/dp-config/dpp-on-kubernetes/",
    proxies=(SIDECAR,),
    images=(IMAGE,),
    recognise=recognise,
    domains=("kuma.io",),
    keys=(NETWORKS, *EXCEPTIONS),
    per_pod=EXCEPTIONS,
    asked=asked,
    opt_in=OptIn(INJECT, ON, ("pod label", "namespace label")),
    bad_settings=bad_settings,
    template_only=TEMPLATE_ONLY,
    hold=hold,
    facts=FACTS,
)
