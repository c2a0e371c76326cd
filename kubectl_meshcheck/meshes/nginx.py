"""NGINX Service Mesh: ``nginx-mesh-sidecar`` is appended last.

What the container holds comes from configuration that is not open source; the
documentation knows no setting for the start order (nginxinc/nginx-service-mesh:
pkg/inject/inject.go ``updateResource``).  Archived; the facts hold up to 2.0.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck.meshes.base import (
    About,
    Annotations,
    Asked,
    Fact,
    Hold,
    Mesh,
    OptIn,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.reading import image_name, index_of, marked
from kubectl_meshcheck.model import Capture, PodStart, Proxy, Redirect, Waits

DOMAIN = "nsm.nginx.com"
INJECT = "injector.nsm.nginx.com/auto-inject"
#: kube-system is never injected (pkg/apis/mesh/types.go ``IgnoredNamespaces``)
NAMESPACE = "kubernetes.io/metadata.name"
PROXY, INIT = "nginx-mesh-sidecar", "nginx-mesh-init"


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """By its name and the image, the init container or a mark of the injector's."""
    container = pod.containers[index]
    init = index_of(pod, INIT)
    image = image_name(container.image) in ("", PROXY)
    if not image and init is None and not marked(pod, DOMAIN):
        return None
    return Proxy(
        mesh="nginx",
        index=index,
        gate=gate(container, _waits),
        capture=(
            Capture(Redirect.CNI) if init is None else Capture(Redirect.INIT, init)
        ),
        version=version_of(container.image),
        helpers=frozenset({INIT}),
        uid=container.run_as_user,
    )


def _waits(_: Sequence[str]) -> Waits:
    """No documented command waits; one that is there is unknown."""
    return Waits.UNKNOWN


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """The label, on the pod before the namespace (docs/content/guides/
    inject-sidecar-proxy.md)."""
    for place, marks in (("pod", pod.labels), ("namespace", namespace or {})):
        value = marks.get(INJECT)
        if value in ("enabled", "disabled"):
            by = f"{place} label {INJECT}={value}"
            why = ""
            if (namespace or {}).get(NAMESPACE) == "kube-system":
                why = "NGINX Service Mesh never injects into kube-system"
            return Asked(value == "enabled", by, futile=why)
    return None


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """There is none."""
    return Hold(
        manual="NGINX Service Mesh cannot hold an application: let it wait or retry, "
        "or exclude the port with config.nsm.nginx.com/ignore-outgoing-ports, or move "
        "to another mesh"
    )


NGINX = Mesh(
    name="nginx",
    title="NGINX Service Mesh",
    docs="https://github.com/nginxinc/nginx-service-mesh",
    proxies=(PROXY,),
    recognise=recognise,
    domains=(DOMAIN,),
    asked=asked,
    # up to 1.7 an annotation of that name was read as well (docs/content/releases)
    opt_in=OptIn(INJECT, ("enabled",), ("pod label", "namespace label")),
    template_only=("config.nsm.nginx.com/ignore-outgoing-ports",),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "Container `nginx-mesh-sidecar` with its image, the init container "
            "`nginx-mesh-init` or a mark of `nsm.nginx.com`.",
            "nginxinc/nginx-service-mesh: docs/content/about/tech-specs.md",
        ),
        Fact(
            About.INJECTED,
            "The label `injector.nsm.nginx.com/auto-inject: enabled`, on the pod "
            "template or on the namespace; the pod's wins. Up to 1.7 an annotation of "
            "a pod was read as well. Nothing is injected into `kube-system`.",
            "nginxinc/nginx-service-mesh: docs/content/guides/inject-sidecar-proxy.md, "
            "docs/content/releases/release-notes-2.0.0.md, pkg/apis/mesh/types.go",
        ),
        Fact(
            About.START,
            "Last. No hook is documented; the container's body is not open source.",
            "nginxinc/nginx-service-mesh: pkg/inject/inject.go",
        ),
        Fact(
            About.CAPTURE,
            "From the end of `nginx-mesh-init`.",
            "nginxinc/nginx-service-mesh: pkg/inject/inject.go",
        ),
        Fact(
            About.SETTINGS,
            "None for the start order. `config.nsm.nginx.com/ignore-outgoing-ports` "
            "leaves ports out.",
            "nginxinc/nginx-service-mesh: docs/content/guides/inject-sidecar-proxy.md",
        ),
        Fact(
            About.REMEDY,
            "None in the mesh: wait in the application, leave the port out, or move.",
            "nginxinc/nginx-service-mesh: docs/content/about/tech-specs.md",
        ),
    ),
)
