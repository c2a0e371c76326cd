"""What docs/meshes.md says of Linkerd."""

from __future__ import annotations

from kubectl_meshcheck.meshes.base import About, Fact

FACTS = (
    Fact(
        About.RECOGNISED,
        "Container `linkerd-proxy` with an image, a mark of `linkerd.io` or a "
        "`LINKERD2_PROXY_*` setting that says so. Beside it `linkerd-init` or "
        "`linkerd-network-validator`, and sometimes `linkerd-debug`. Open source and "
        "Buoyant Enterprise differ in nothing but the image and the version.",
        "linkerd/linkerd2: pkg/k8s/labels.go",
    ),
    Fact(
        About.INJECTED,
        "The annotation `linkerd.io/inject: enabled` or `ingress`, on the pod template "
        "or on the namespace; the pod's wins. A label of that name does nothing, and "
        "neither does any other value, which on a namespace forbids injection to all "
        "its pods. Pods with `hostNetwork` are skipped, and so are those with "
        "`linkerd-proxy`, `linkerd-init` or one of Istio's in them; without a service "
        "account token only where `identity.serviceAccountTokenProjection` is off.",
        "linkerd/linkerd2: pkg/inject/report.go, pkg/healthcheck/sidecar.go",
    ),
    Fact(
        About.INJECTED,
        "The webhook leaves out namespaces with the label `config.linkerd.io/"
        "admission-webhooks: disabled`, from 2.12 on `kube-system` and `cert-manager`, "
        "and pods with the label `linkerd.io/control-plane-component`.",
        "linkerd/linkerd2: charts/linkerd-control-plane/values.yaml",
    ),
    Fact(
        About.INJECTED,
        "The injector writes an event, `InjectionSkipped` or `Injected`, on the "
        "workload. Its webhook fails open by default, so an outage makes pods without "
        "a proxy.",
        "linkerd/linkerd2: controller/proxy-injector/webhook.go, "
        "charts/linkerd-control-plane/values.yaml",
    ),
    Fact(
        About.START,
        "Up to 2.10 last and without a hook. From 2.11 (edge-21.4.4) first, with the "
        "postStart hook `linkerd-await`, which polls `/ready` once a second; with "
        "`--timeout=2m` from 2.11.2 and with `--port` from 2.14: before that it cannot "
        "hold a pod whose admin port was moved: it fails when its time is over.",
        "linkerd/linkerd2: charts/patch/templates/patch.json, "
        "charts/partials/templates/_proxy.tpl",
    ),
    Fact(
        About.START,
        "From 2.20 (edge-26.5.2) a native sidecar by default, from 2.15 on request; "
        "its startup probe `GET :4191/ready` holds, and only exists while "
        "`proxy.await` is on.",
        "linkerd/linkerd2: charts/partials/templates/_proxy.tpl",
    ),
    Fact(
        About.START,
        "`LINKERD_AWAIT_DISABLED` or `LINKERD_DISABLED` on the proxy switches the hook "
        "off.",
        "linkerd/linkerd-await: src/main.rs",
    ),
    Fact(
        About.CAPTURE,
        "`linkerd-init`, the last init container of a classic pod and the first of a "
        "native one; with the CNI plugin, from before the first container.",
        "linkerd/linkerd2: charts/patch/templates/patch.json",
    ),
    Fact(
        About.SETTINGS,
        "The chart's `proxy.await` (true) and `proxy.nativeSidecar` (false up to 2.19, "
        "then true), kept in the ConfigMap `linkerd-config`; the namespace's "
        "annotations; the pod template's.",
        "linkerd/linkerd2: charts/linkerd-control-plane/values.yaml, "
        "pkg/inject/inject.go",
    ),
    Fact(
        About.SETTINGS,
        "`config.linkerd.io/proxy-await` is exactly `enabled` or `disabled`; anything "
        "else is ignored.",
        "linkerd/linkerd2: pkg/inject/inject.go",
    ),
    Fact(
        About.SETTINGS,
        "The native sidecar is `config.alpha.linkerd.io/proxy-enable-native-sidecar` "
        "from 2.15, `config.beta...` from 2.19 and `config...` from 2.20; the most "
        "grown-up name that is there wins. A namespace may carry the alpha name, in "
        "2.19 the beta name too, and from 2.20 the final one instead of that.",
        "linkerd/linkerd2: pkg/inject/inject.go, pkg/k8s/labels.go",
    ),
    Fact(
        About.REMEDY,
        '`config.linkerd.io/proxy-await: "enabled"` on the pod template. It only '
        "undoes an opt-out. Up to 2.10 there is no remedy but to upgrade.",
        "linkerd/linkerd2: pkg/inject/inject.go",
    ),
    Fact(
        About.REMEDY,
        "A proxy in the workload's own template (`linkerd inject --manual`, "
        "`linkerd.io/created-by: linkerd/cli ...`) is left alone by the webhook, so "
        "annotations do nothing: inject the template anew.",
        "linkerd/linkerd2: pkg/inject/report.go",
    ),
    Fact(
        About.REMEDY,
        "The proxies of `identity`, `destination` and `proxy-injector` are written by "
        "the control plane's own chart, which no annotation changes.",
        "linkerd/linkerd2: charts/linkerd-control-plane/templates/identity.yaml, "
        "charts/linkerd-control-plane/templates/destination.yaml",
    ),
    Fact(
        About.JOBS,
        "A classic proxy keeps a Job's pod alive. Make it native, or end it with "
        "`POST :4191/shutdown`, which is off by default from 2.16, or run the work "
        "under `linkerd-await --shutdown`.",
        "linkerd/linkerd2: charts/linkerd-control-plane/values.yaml",
    ),
    Fact(
        About.TRAPS,
        "Hook, CNI plugin and no init container: a network plugin that waits for the "
        "pod's address and the hook wait for each other for two minutes.",
        "linkerd/linkerd2#9310",
    ),
)
