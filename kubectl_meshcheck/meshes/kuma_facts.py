"""What docs/meshes.md says of Kuma and Kong Mesh."""

from __future__ import annotations

from kubectl_meshcheck.meshes.base import About, Fact

FACTS = (
    Fact(
        About.RECOGNISED,
        "Container `kuma-sidecar` with an image, a mark of `kuma.io` or a `KUMA_*` "
        "setting that says so; beside it `kuma-init` or `kuma-validation`. Kong Mesh "
        "has the same names and other images.",
        "kumahq/kuma: pkg/plugins/runtime/k8s/util/names.go",
    ),
    Fact(
        About.RECOGNISED,
        "A container of another name with the image `kuma-dp` that stands alone is a "
        "gateway: `kuma-gateway`, or the zone's ingress or egress. A delegated gateway "
        "is an application with a sidecar.",
        "kumahq/kuma: pkg/plugins/runtime/k8s/controllers/"
        "gateway_instance_controller.go",
    ),
    Fact(
        About.INJECTED,
        "The label `kuma.io/sidecar-injection: enabled`, on the pod or on the "
        "namespace; the pod's wins. From 2.11 the namespace must carry the key in any "
        "case. As an annotation it does nothing, from 2.2 on. The webhook fails closed "
        "by default.",
        "kumahq/kuma: deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml, "
        "pkg/plugins/runtime/k8s/webhooks/injector/precheck.go",
    ),
    Fact(
        About.INJECTED,
        "One webhook takes namespaces labelled `enabled` or `true`, the other pods "
        "labelled exactly `enabled`; neither takes `kube-system`. A label with another "
        "value is refused with the pod, and so is a container with the sidecar's user, "
        "5678. Builds of OpenShift's are left alone by default.",
        "kumahq/kuma: deployments/charts/kuma/templates/cp-webhooks-and-secrets.yaml, "
        "pkg/plugins/runtime/k8s/webhooks/injector/precheck.go, "
        "pkg/config/plugins/runtime/k8s/config.go",
    ),
    Fact(
        About.START,
        "Up to 2.0 last, from 2.1 on first; up to 2.13 without a hook: nobody waits. "
        "When waiting is on (from 2.4), the postStart hook is `kuma-dp wait --url "
        "http://localhost:9901/ready`, for up to 180 s.",
        "kumahq/kuma: pkg/plugins/runtime/k8s/webhooks/injector/injector.go, "
        "pkg/plugins/runtime/k8s/containers/factory.go, app/kuma-dp/cmd/wait.go",
    ),
    Fact(
        About.START,
        "Native on request from 2.7 (`experimental.sidecarContainers`), by default "
        "from 2.14 and always from 3.0: behind `kuma-init`, before the user's init "
        "containers, held by the startup probe `GET /ready`.",
        "kumahq/kuma: UPGRADE.md, "
        "pkg/plugins/runtime/k8s/webhooks/injector/injector.go",
    ),
    Fact(
        About.CAPTURE,
        "`kuma-init`, the last init container of a classic pod unless "
        '`kuma.io/init-first: "true"`; with kuma-cni from before the first container; '
        "nothing where transparent proxying is off.",
        "kumahq/kuma: pkg/plugins/runtime/k8s/webhooks/injector/injector.go",
    ),
    Fact(
        About.SETTINGS,
        "`runtime.kubernetes.injector.sidecarContainer.waitForDataplaneReady` of the "
        "control plane (false); the pod annotation "
        "`kuma.io/wait-for-dataplane-ready`. There is none for a namespace. A value "
        "that is no boolean is refused with the pod.",
        "kumahq/kuma: pkg/config/app/kuma-cp/kuma-cp.defaults.yaml, "
        "pkg/plugins/runtime/k8s/metadata/annotations.go",
    ),
    Fact(
        About.REMEDY,
        '`kuma.io/wait-for-dataplane-ready: "true"` on the pod template, from 2.4.',
        "kumahq/kuma#7583",
    ),
    Fact(
        About.JOBS,
        "The control plane asks Envoy to quit when the pod's other containers have "
        "ended, so a Job completes.",
        "kumahq/kuma: pkg/plugins/runtime/k8s/controllers/pod_status_controller.go",
    ),
    Fact(
        About.TRAPS,
        "Waiting with kuma-cni and no init container can wait for itself until it "
        "times out.",
        "kumahq/kuma#9431",
    ),
)
