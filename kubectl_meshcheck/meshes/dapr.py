"""Dapr: no mesh, the same race.  ``daprd`` is appended last and nothing waits for it.

Nothing is redirected: the application talks to ``localhost:3500`` by itself and is
refused while ``daprd`` is not there.  From 1.18 it may be a native sidecar, but
without a startup probe that only shortens the gap (dapr/dapr: pkg/injector/patcher/
sidecar_patcher.go, sidecar_container.go).  The facts hold up to 1.18.
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
    release,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.reading import (
    first_of_its_name,
    image_name,
    marked,
    misspelt,
)
from kubectl_meshcheck.model import (
    Capture,
    Handler,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Waits,
)

ENABLED = "dapr.io/enabled"
NATIVE = "dapr.io/enable-native-sidecar"
#: dapr/kit: utils/strings.go ``IsTruthy``
_TRUTHY = ("y", "yes", "true", "t", "on", "1")


def is_truthy(value: str) -> bool:
    """A boolean as Dapr reads an annotation."""
    return value.strip().lower() in _TRUTHY


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """``daprd`` by its name and its image, its program or a mark of Dapr's."""
    container = pod.containers[index]
    program = any("daprd" in word for word in container.runs[:1])
    image = image_name(container.image) in ("", "daprd")
    if not (image or program or marked(pod, "dapr.io")):
        return None
    if not first_of_its_name(pod, index):
        return None
    return Proxy(
        mesh="dapr",
        index=index,
        gate=gate(container, _waits, _ready),
        capture=Capture(Redirect.NONE, reason="Dapr redirects nothing"),
        part=Part.HELPER,
        version=version_of(container.image),
        symptom="connection refused on localhost:3500",
    )


def _waits(_: Sequence[str]) -> Waits:
    """No command of Dapr's waits; one that a user adds is unknown."""
    return Waits.UNKNOWN


def _ready(action: Handler) -> Waits:
    """Its health pages; the injector writes no startup probe."""
    pages = ("/v1.0/healthz", "/v1.0/healthz/outbound")
    if action.kind == "httpGet" and action.path in pages:
        return Waits.YES
    return Waits.UNKNOWN


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """Only the pod's annotation (pkg/injector/annotations/annotations.go)."""
    value = pod.annotations.get(ENABLED)
    if value is None:
        return None
    return Asked(
        is_truthy(value),
        f"pod annotation {ENABLED}: {value}",
        # pkg/injector/service/handler.go
        strangers="the injector leaves pods alone that are made by neither Kubernetes' "
        "own controllers nor one of its ALLOWED_SERVICE_ACCOUNTS",
    )


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Settings on a pod template that Dapr ignores."""
    if ENABLED in pod.labels:
        yield BadSetting(ENABLED, "Dapr reads no label of that name", "an annotation")
    numbers = release(version)
    if NATIVE in pod.annotations and numbers and numbers < (1, 18):
        trouble = f"Dapr {version} does not know it yet"
        yield BadSetting(NATIVE, trouble, "nothing: upgrade to 1.18")
    yield from misspelt(pod.annotations, "dapr.io", (ENABLED, NATIVE))


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """There is none: the native sidecar only shortens the gap."""
    return Hold(
        manual="Dapr cannot hold an application: let it poll "
        "http://localhost:3500/v1.0/healthz/outbound before its first call, or use "
        "the SDK's wait-for-sidecar (not /v1.0/healthz: that waits for the application)"
    )


DAPR = Mesh(
    name="dapr",
    title="Dapr",
    docs="https://docs.dapr.io/reference/arguments-annotations-overview/",
    proxies=("daprd",),
    recognise=recognise,
    domains=("dapr.io",),
    asked=asked,
    opt_in=OptIn(ENABLED, _TRUTHY, ("pod annotation",)),
    bad_settings=bad_settings,
    template_only=(ENABLED, NATIVE, "dapr.io/app-id", "dapr.io/app-port"),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "Container `daprd` with its image, its program or a mark of `dapr.io`.",
            "dapr/dapr: pkg/injector/patcher/sidecar_container.go",
        ),
        Fact(
            About.INJECTED,
            'The pod annotation `dapr.io/enabled: "true"`; namespaces have no say. '
            "The webhook fails open by default, so an outage makes pods without it.",
            "dapr/dapr: pkg/injector/annotations/annotations.go, charts/dapr/charts/"
            "dapr_sidecar_injector/templates/dapr_sidecar_injector_webhook_config.yaml",
        ),
        Fact(
            About.INJECTED,
            "Pods that are made by neither Kubernetes' own controllers nor one of the "
            "injector's `ALLOWED_SERVICE_ACCOUNTS` are let through as they are.",
            "dapr/dapr: pkg/injector/service/handler.go, "
            "pkg/injector/service/injector.go",
        ),
        Fact(
            About.START,
            "Last, with readiness and liveness probes only. From 1.18 on request a "
            "native sidecar, the last of the init containers, without a startup probe: "
            "the application starts as soon as `daprd` runs.",
            "dapr/dapr: pkg/injector/patcher/sidecar_patcher.go",
        ),
        Fact(
            About.CAPTURE,
            "Nothing is redirected.",
            "dapr/dapr: pkg/injector/patcher/sidecar_container.go",
        ),
        Fact(
            About.SETTINGS,
            "The chart's `dapr_sidecar_injector.nativeSidecar` (false); the pod "
            "annotation `dapr.io/enable-native-sidecar`, from 1.18.",
            "dapr/dapr#9450",
        ),
        Fact(
            About.REMEDY,
            "None in Dapr. The application polls `http://localhost:3500/v1.0/healthz/"
            "outbound` before its first call.",
            "dapr/dapr#1907",
        ),
        Fact(
            About.JOBS,
            "End it with `POST localhost:3500/v1.0/shutdown`.",
            "dapr/docs: daprdocs/content/en/operations/hosting/kubernetes/"
            "kubernetes-job.md",
        ),
        Fact(
            About.TRAPS,
            "`/v1.0/healthz` waits for the application's port: an application that "
            "waits for it waits for itself.",
            "dapr/docs#2476",
        ),
    ),
)
