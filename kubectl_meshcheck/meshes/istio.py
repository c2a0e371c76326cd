"""Istio: ``istio-proxy`` is appended last, unless it holds or is a native sidecar.

With ``holdApplicationUntilProxyStarts`` the injector moves it first and gives it
a postStart hook, ``pilot-agent wait`` (istio/istio: pkg/kube/inject/webhook.go
``reorderPod``; manifests/charts/istio-control/istio-discovery/files/
injection-template.yaml).  From 1.19 it may be a native sidecar, from 1.27 it is
one by default where every kubelet is new enough (webhook.go
``DetectNativeSidecar``).  The facts hold from 1.7 to 1.31.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from kubectl_meshcheck.meshes import istio_settings as settings
from kubectl_meshcheck.meshes.base import (
    Annotations,
    Asked,
    Hold,
    Mesh,
    release,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import flags_known, gate
from kubectl_meshcheck.meshes.istio_facts import FACTS
from kubectl_meshcheck.meshes.istio_shutdown import drains
from kubectl_meshcheck.model import (
    REFUSED,
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

NAME = "istio-proxy"
STATUS = "sidecar.istio.io/status"
INJECT = "sidecar.istio.io/inject"
#: labels that tell telemetry what the workload is called (istio/istio: pkg/kube/inject/
#: inject.go, files/injection-template.yaml)
CANONICAL = (
    "service.istio.io/canonical-name",
    "service.istio.io/canonical-revision",
)
TEMPLATES = "inject.istio.io/templates"
REVISION = "istio.io/rev"
#: written by istio-cni when ztunnel has the pod (cni/pkg/util/podutil.go)
REDIRECTION = "ambient.istio.io/redirection"
#: what the shipped templates add beside the proxy
HELPERS = frozenset(
    {"istio-init", "istio-validation", "enable-core-dump", "grpc-bootstrap-init"}
)
#: ``pilot-agent wait`` (pilot/cmd/pilot-agent/app/wait.go)
WAIT_FLAGS = ("timeoutSeconds", "requestTimeoutMillis", "periodMillis", "url")
#: where the agent itself answers (files/grpc-agent.yaml)
_AGENT = "http://localhost:15020/healthz/ready"
PROXY_UID = 1337


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """``istio-proxy`` by its role: ``proxy sidecar``, ``router``, ``waypoint`` ..."""
    container = pod.containers[index]
    part = _part(pod, container)
    if part is None:
        return None
    return Proxy(
        mesh="istio",
        index=index,
        gate=_gate(pod, container),
        capture=capture(pod),
        part=part,
        version=version_of(container.image),
        revision=_revision(pod),
        helpers=HELPERS,
        uid=PROXY_UID if container.run_as_user is None else container.run_as_user,
        symptom="no bootstrap file" if _proxyless(pod.named(NAME)) else REFUSED,
    )


def _part(pod: PodStart, container: Container) -> Part | None:
    role = _after(container.args, "proxy")
    if role in ("router", "waypoint", "ztunnel"):
        return Part.GATEWAY
    if "gateway" in pod.annotations.get(TEMPLATES, "").split(","):
        return Part.GATEWAY
    if container.image == "auto":  # to be filled in by the injector, which never ran
        alone = all(c is container or c.role is not Role.MAIN for c in pod.containers)
        return Part.GATEWAY if alone else None
    if role == "sidecar" or "istio-proxy" in _added(pod) or _unmarked(container):
        return Part.SIDECAR if _is_first_of_its_name(pod, container) else None
    return None


def _unmarked(container: Container) -> bool:
    # put into a template by hand: the sidecar is what the image runs by default
    return not container.args and "proxyv2" in container.image


def _is_first_of_its_name(pod: PodStart, container: Container) -> bool:
    # a template made for classic mode can leave an empty twin among the ordinary
    # containers of a native pod (istio/istio#56455)
    return pod.named(container.name) is container


def status(pod: PodStart) -> Mapping[str, object]:
    """What the injector wrote down about its work; empty when nothing readable."""
    return _status(pod.annotations.get(STATUS, ""))


@lru_cache(maxsize=1024)  # one template writes the same into all pods
def _status(written: str) -> Mapping[str, object]:
    try:
        value = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _added(pod: PodStart) -> tuple[str, ...]:
    found = status(pod)
    lists = (found.get("initContainers"), found.get("containers"))
    return tuple(str(n) for names in lists if isinstance(names, list) for n in names)


def _revision(pod: PodStart) -> str:
    told = status(pod).get("revision")
    return told if isinstance(told, str) else pod.annotations.get(REVISION, "")


def _gate(pod: PodStart, container: Container) -> Gate:
    opened = gate(container, _waits, _ready)
    if opened.waits is Waits.YES and container.role is not Role.NATIVE:
        deaf = _nobody_answers(pod, container)
        if deaf:
            return Gate(Waits.UNKNOWN, opened.by, deaf)
    return opened


def _nobody_answers(pod: PodStart, container: Container) -> str:
    """Settings under which ``pilot-agent wait`` can only time out after 60 s."""
    port = pod.annotations.get("status.sidecar.istio.io/port", "")
    if port == "0":
        return "status port 0 leaves nobody to answer pilot-agent wait"
    if container.environment("DISABLE_ENVOY") == "true" and not (
        _asks_agent(container) and port in ("", "15020")
    ):
        return "DISABLE_ENVOY leaves nobody to answer pilot-agent wait"
    return ""


def _asks_agent(container: Container) -> bool:
    """Whether the hook asks the agent itself, as the ``grpc-agent`` template has it.

    The agent is ready when the bootstrap file and the certificates are written
    (pilot/cmd/pilot-agent/status/grpcready/probe.go).
    """
    hook = container.post_start
    return hook is not None and any(word.endswith(_AGENT) for word in hook.command)


def _waits(command: Sequence[str]) -> Waits:
    """``pilot-agent wait``, alone or with its own flags."""
    program, flags = command[0].rpartition("/")[2], command[2:]
    if program != "pilot-agent" or list(command[1:2]) != ["wait"]:
        return Waits.UNKNOWN
    if not flags_known(flags, WAIT_FLAGS):
        return Waits.UNKNOWN
    urls = [word for word in flags if "http" in word]
    local = r"(?:-*url=)?http://(?:localhost|127\.0\.0\.1|\[::1\]):\d+/.*"
    if not all(re.fullmatch(local, url) for url in urls):
        return Waits.UNKNOWN
    # a number that it cannot read ends it at once, and 0 is no wait
    values = [word.rpartition("=")[2] for word in flags if "http" not in word]
    numbers = [value for value in values if not value.startswith("-")]
    if not all(re.fullmatch(r"0*[1-9]\d{0,8}", number) for number in numbers):
        return Waits.UNKNOWN
    return Waits.YES


def _ready(action: Handler) -> Waits:
    """The probe that the template writes: ``GET :15021/healthz/ready``."""
    if action.kind == "httpGet" and action.path == "/healthz/ready":
        return Waits.YES
    return Waits.UNKNOWN


def _proxyless(proxy: Container | None) -> bool:
    """A proxyless gRPC application: an agent without Envoy, nothing redirected."""
    return proxy is not None and proxy.environment("ISTIO_META_GENERATOR") == "grpc"


def capture(pod: PodStart) -> Capture:
    """What redirects: ``istio-init``, or the CNI plugin where it is not there."""
    proxy = pod.named(NAME)
    mode = pod.annotations.get("sidecar.istio.io/interceptionMode", "")
    if proxy is not None:
        mode = mode or proxy.environment("ISTIO_META_INTERCEPTION_MODE")
    if mode == "NONE":
        return Capture(Redirect.NONE, reason="interception mode NONE")
    if _proxyless(proxy):
        return Capture(Redirect.NONE, reason="proxyless gRPC redirects nothing")
    ranges = pod.annotations.get("traffic.sidecar.istio.io/includeOutboundIPRanges")
    if ranges == "":
        return Capture(Redirect.NONE, reason="no outbound range is redirected")
    for index, container in enumerate(pod.containers):
        if container.name == "istio-init":
            if _after(container.runs, "-i") == "":
                return Capture(Redirect.NONE, reason="no outbound range is redirected")
            return Capture(Redirect.INIT, after=index)
    return Capture(Redirect.CNI)


def _after(words: tuple[str, ...], flag: str) -> str | None:
    """The word behind ``flag``; None when that is not there."""
    return next((b for a, b in itertools.pairwise(words) if a == flag), None)


def ambient(pod: PodStart) -> str:
    """Whether ztunnel has the pod: redirected before its first container starts.

    The CNI plugin sets it up while the sandbox is made, and without ztunnel the
    sandbox fails, so nothing can start too early (cni/pkg/nodeagent/server.go).
    """
    taken = pod.annotations.get(REDIRECTION) == "enabled"
    return "ztunnel on its node takes the traffic" if taken else ""


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """Who asks for a sidecar, in the order in which Istio decides.

    ``namespace`` are the namespace's labels, None when they could not be read
    (istio/istio: mutatingwebhook.yaml for the selectors, pkg/kube/inject/
    inject.go ``injectRequired`` for the rest).
    """
    if pod.host_network:
        return None
    templates = pod.annotations.get(TEMPLATES)
    if templates is not None and "sidecar" not in templates.split(","):
        return None  # another template is meant, which may bring no proxy
    labels = namespace or {}
    label, annotation = pod.labels.get(INJECT), pod.annotations.get(INJECT)
    if (label or annotation) == "false":
        return Asked(False, f'{"label" if label else "annotation"} {INJECT}: "false"')
    if labels.get("istio-injection") == "enabled":
        return Asked(True, "namespace label istio-injection=enabled")
    if labels.get("istio-injection"):
        return _against_the_namespace(label or annotation)
    if labels.get(REVISION):
        return Asked(True, f"namespace label {REVISION}={labels[REVISION]}")
    if label == "true":
        return Asked(True, f'pod label {INJECT}: "true"')
    if pod.labels.get(REVISION):
        return Asked(True, f"pod label {REVISION}={pod.labels[REVISION]}")
    if annotation == "true":
        return Asked(
            True,
            f'pod annotation {INJECT}: "true"',
            futile=""
            if namespace is None
            else "the namespace has no injection label, "
            "and an annotation alone does not call the webhook",
        )
    return None


def _against_the_namespace(wanted: str | None) -> Asked | None:
    if wanted != "true":
        return None
    why = "the namespace label istio-injection=disabled comes first"
    return Asked(True, f'{INJECT}: "true" on the pod', futile=why)


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """``holdApplicationUntilProxyStarts`` in the pod's own proxy config."""
    version = release(proxy.version)
    if version[:2] and version[:2] < (1, 7):
        return Hold(manual=f"Istio {proxy.version} cannot hold an application: upgrade")
    if version[:2] == (1, 7):
        return Hold(
            manual="Istio 1.7 has no setting per pod: set values.global.proxy."
            "holdApplicationUntilProxyStarts=true for the whole mesh"
        )
    if proxy.native:
        return Hold(
            manual="give istio-proxy its startup probe back "
            "(values.global.proxy.startupProbe.enabled, a status port other than 0)"
        )
    return settings.hold_annotation(pod.annotations)


ISTIO = Mesh(
    name="istio",
    title="Istio",
    docs="https://istio.io/latest/docs/ops/common-problems/injection/",
    proxies=(NAME,),
    recognise=recognise,
    domains=("istio.io",),
    keys=("istio-injection",),
    per_pod=CANONICAL,
    ambient=ambient,
    asked=asked,
    bad_settings=settings.bad_settings,
    template_only=settings.TEMPLATE_ONLY,
    hold=hold,
    drains=drains,
    facts=FACTS,
)
