"""GKE's gcsfuse sidecar: it serves files from buckets, and no network.

A native sidecar without a startup probe, or on older nodes an ordinary container at
index 0, or right behind ``istio-proxy``.  So it may push another mesh's proxy from
the first place, which harms nobody (GoogleCloudPlatform/gcs-fuse-csi-driver:
pkg/webhook/injection.go).
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
from kubectl_meshcheck.meshes.reading import misspelt
from kubectl_meshcheck.model import Capture, Part, PodStart, Proxy, Redirect, Waits

VOLUMES = "gke-gcsfuse/volumes"
NATIVE = "gke-gcsfuse/enable-native-sidecar"
#: pkg/webhook/parsers.go ``ParseBool``
BOOLEANS = ("true", "True", "false", "False")
SIDECAR, PREFETCH = "gke-gcsfuse-sidecar", "gke-gcsfuse-metadata-prefetch"


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """By its name and its image or the pod's annotation."""
    container = pod.containers[index]
    image = not container.image or "gcs-fuse-csi-driver" in container.image
    if not image and VOLUMES not in pod.annotations:
        return None
    return Proxy(
        mesh="gcsfuse",
        index=index,
        gate=gate(container, _waits),
        capture=Capture(Redirect.NONE, reason="gcsfuse serves files, not traffic"),
        part=Part.HELPER,
        version=version_of(container.image),
        helpers=frozenset({PREFETCH}),
        # the driver tells it to exit when the other containers have ended
        # (pkg/csi_driver/utils.go ``putExitFile``)
        ends_jobs=True,
        symptom="a mount that blocks",
        patient=True,
    )


def _waits(_: Sequence[str]) -> Waits:
    """The driver adds no hook; one that a user adds is unknown."""
    return Waits.UNKNOWN


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """Only the pod's annotation (pkg/webhook/injection.go)."""
    value = pod.annotations.get(VOLUMES)
    if value is None:
        return None
    why = "" if value in BOOLEANS else "that is no boolean, and the pod is refused"
    on = value not in ("false", "False")
    return Asked(on, f"pod annotation {VOLUMES}: {value}", futile=why)


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Booleans that are none, and misspelt keys."""
    for key in (VOLUMES, NATIVE):
        value = pod.annotations.get(key)
        if value is not None and value not in BOOLEANS:
            trouble, refused = f"{value!r} is no boolean", key == VOLUMES
            yield BadSetting(key, trouble, f'{key}: "true"', rejected=refused)
    yield from misspelt(pod.annotations, "gke-gcsfuse", (VOLUMES, NATIVE))


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """There is none, and seldom a need: an access blocks until the mount is there."""
    return Hold(
        manual="nothing holds an application for gcsfuse: its first access blocks "
        "until the bucket is mounted, so give it the time"
    )


GCSFUSE = Mesh(
    name="gcsfuse",
    title="GKE gcsfuse",
    docs="https://github.com/GoogleCloudPlatform/gcs-fuse-csi-driver",
    proxies=(SIDECAR,),
    recognise=recognise,
    domains=("gke-gcsfuse",),
    asked=asked,
    opt_in=OptIn(VOLUMES, ("true", "True"), ("pod annotation",)),
    bad_settings=bad_settings,
    template_only=(VOLUMES, NATIVE),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "Container `gke-gcsfuse-sidecar` with its image or the annotation "
            "`gke-gcsfuse/volumes`; beside it `gke-gcsfuse-metadata-prefetch`.",
            "GoogleCloudPlatform/gcs-fuse-csi-driver: pkg/webhook/sidecar_spec.go",
        ),
        Fact(
            About.INJECTED,
            'The pod annotation `gke-gcsfuse/volumes: "true"`; what is neither `true` '
            "nor `false` is refused with the pod.",
            "GoogleCloudPlatform/gcs-fuse-csi-driver: pkg/webhook/mutatingwebhook.go",
        ),
        Fact(
            About.START,
            "A native sidecar without a startup probe; with `gke-gcsfuse/"
            'enable-native-sidecar: "false"` or an older node an ordinary container, '
            "first or right behind `istio-proxy`, without a hook.",
            "GoogleCloudPlatform/gcs-fuse-csi-driver: pkg/webhook/injection.go",
        ),
        Fact(
            About.CAPTURE,
            "Nothing is redirected: what comes too early is a file access, and it "
            "blocks.",
            "GoogleCloudPlatform/gcs-fuse-csi-driver: README.md",
        ),
        Fact(
            About.REMEDY,
            "None, and seldom needed.",
            "GoogleCloudPlatform/gcs-fuse-csi-driver: pkg/webhook/injection.go",
        ),
        Fact(
            About.JOBS,
            "The driver tells it to exit when the pod's other containers have ended.",
            "GoogleCloudPlatform/gcs-fuse-csi-driver: pkg/csi_driver/utils.go",
        ),
    ),
)
