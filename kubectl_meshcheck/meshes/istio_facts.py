"""What docs/meshes.md says of Istio."""

from __future__ import annotations

from kubectl_meshcheck.meshes.base import About, Fact

_TEMPLATE = (
    "istio/istio: manifests/charts/istio-control/istio-discovery/files/"
    "injection-template.yaml"
)
_MWC = (
    "istio/istio: manifests/charts/istio-control/istio-discovery/templates/"
    "mutatingwebhook.yaml"
)

FACTS = (
    Fact(
        About.RECOGNISED,
        "Container `istio-proxy` that runs `proxy sidecar`; `proxy router`, `proxy "
        "waypoint` and `proxy ztunnel` are the application themselves. Beside it "
        "`istio-init` or `istio-validation`. The version is the image's tag, the "
        "revision stands in `sidecar.istio.io/status`.",
        "istio/istio: pkg/kube/inject/inject.go",
    ),
    Fact(
        About.INJECTED,
        "The namespace label `istio-injection` comes before `istio.io/rev`, and both "
        "before the pod's own labels. The annotation `sidecar.istio.io/inject` alone "
        "does not call the webhook. `hostNetwork` is never injected.",
        _MWC,
    ),
    Fact(
        About.START,
        "Last and without a hook, unless `holdApplicationUntilProxyStarts` is on (from "
        "1.7): then first, with the postStart hook `pilot-agent wait`, for up to 60 s.",
        _TEMPLATE,
    ),
    Fact(
        About.START,
        "A native sidecar on request from 1.19, by default from 1.27 where every "
        "kubelet is 1.33 or newer: right behind `istio-init`, held by the startup "
        "probe `GET :15021/healthz/ready`. With status port 0 there is no probe.",
        "istio/istio: pkg/kube/inject/webhook.go",
    ),
    Fact(
        About.CAPTURE,
        "From the end of `istio-init`; with istio-cni from before the first container. "
        "Nothing with `interceptionMode: NONE`, without outbound ranges and for "
        "proxyless gRPC.",
        "istio/istio: cni/pkg/plugin/plugin.go",
    ),
    Fact(
        About.SETTINGS,
        "The injector's `values.global.proxy.holdApplicationUntilProxyStarts`, which "
        "nothing switches off again; else the mesh's `defaultConfig`, and over that "
        "the pod annotation `proxy.istio.io/config`.",
        "istio/istio: pkg/kube/inject/webhook.go",
    ),
    Fact(
        About.SETTINGS,
        "`proxy.istio.io/config` is a document of its own. A value of the wrong type "
        "refuses the pod; a key that is not known is dropped without a word.",
        "istio/istio: pkg/util/protomarshal/protomarshal.go",
    ),
    Fact(
        About.REMEDY,
        "`holdApplicationUntilProxyStarts: true` in the pod annotation `proxy.istio.io/"
        "config`, from 1.8; in 1.7 only for the whole mesh.",
        "istio/istio#27696",
    ),
    Fact(
        About.JOBS,
        "A classic sidecar keeps a Job's pod alive: make it native, or end it with "
        "`POST :15020/quitquitquit`.",
        "istio/istio#11659",
    ),
    Fact(
        About.TRAPS,
        "`values.global.proxy.lifecycle` replaces the hook while the proxy still "
        "stands first, so nobody waits.",
        "istio/istio#37541",
    ),
    Fact(
        About.TRAPS,
        "Holding does not help init containers in any release.",
        "istio/istio#36681",
    ),
)
