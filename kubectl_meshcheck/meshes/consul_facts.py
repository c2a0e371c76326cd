"""What docs/meshes.md says of Consul."""

from __future__ import annotations

from kubectl_meshcheck.meshes.base import About, Fact

_WEBHOOK = "hashicorp/consul-k8s: control-plane/connect-inject/webhook/"

FACTS = (
    Fact(
        About.RECOGNISED,
        "Container `consul-dataplane`, or `consul-dataplane-SERVICE` one for each "
        "service, with an image or a mark of `consul.hashicorp.com` that says so; "
        "`envoy-sidecar` before 1.0. Beside it `consul-connect-inject-init`.",
        f"{_WEBHOOK}mesh_webhook.go, container_init.go",
    ),
    Fact(
        About.RECOGNISED,
        "A container of another name with the image `consul-dataplane` that stands "
        "alone is a gateway: a mesh, ingress or terminating gateway, or an API "
        "gateway, which bears the name of its Gateway.",
        "hashicorp/consul-k8s: control-plane/api-gateway/gatekeeper/dataplane.go, "
        "charts/consul/templates/mesh-gateway-deployment.yaml",
    ),
    Fact(
        About.INJECTED,
        'The pod annotation `consul.hashicorp.com/connect-inject: "true"`, or the '
        "chart's `connectInject.default`. A pod that carries "
        "`consul.hashicorp.com/connect-inject-status` already is left alone, "
        "and nothing is injected into `kube-system` and `kube-public`. A value that "
        "is no boolean is refused with the pod. The webhook fails closed by default.",
        f"{_WEBHOOK}mesh_webhook.go",
    ),
    Fact(
        About.START,
        "Up to 1.2.5 last. From 1.2.6 and 1.3.0 first while the proxy lifecycle is on, "
        "which is the default; all dataplanes of a pod in the order of its services. "
        "There is no postStart hook in any release, so nobody waits.",
        f"{_WEBHOOK}mesh_webhook.go",
    ),
    Fact(
        About.START,
        "As a native sidecar it stands behind `consul-connect-inject-init` and behind "
        "the user's init containers, held by the startup probe `consul-dataplane "
        "-check-proxy-health`: ten times a second, then the kubelet restarts it.",
        f"{_WEBHOOK}consul_dataplane_sidecar.go",
    ),
    Fact(
        About.CAPTURE,
        "Only with transparent proxy: from the end of `consul-connect-inject-init`, or "
        "with the CNI plugin from before the first container. Without it the "
        "application talks to the proxy's local ports, which refuse until it is there.",
        f"{_WEBHOOK}container_init.go, redirect_traffic.go",
    ),
    Fact(
        About.SETTINGS,
        "The chart's `connectInject.sidecarProxy.lifecycle.defaultEnabled` (true) and "
        "`connectInject.dataplaneAsSidecarInitContainer.defaultEnabled` (false); the "
        "pod annotations `enable-sidecar-proxy-lifecycle` and "
        "`enable-consul-dataplane-as-sidecar`.",
        "hashicorp/consul-k8s: charts/consul/values.yaml",
    ),
    Fact(
        About.REMEDY,
        "The pod annotation `consul.hashicorp.com/enable-consul-dataplane-as-sidecar: "
        '"true"`, from 1.6.9, 1.7.5, 1.8.2 and 1.9.0 on, with Kubernetes 1.29. In '
        "other releases the application has to wait for "
        "`http://localhost:19000/ready`.",
        f"{_WEBHOOK}consul_dataplane_sidecar.go",
    ),
    Fact(
        About.JOBS,
        "A classic dataplane keeps a Job's pod alive: end it with `POST "
        "127.0.0.1:20600/graceful_shutdown`, or make it native.",
        "hashicorp/consul-dataplane: pkg/consuldp/lifecycle.go",
    ),
    Fact(
        About.TRAPS,
        "`sidecar-proxy-lifecycle-startup-grace-period-seconds` and the path "
        "`/graceful_startup` block only who calls them, and nothing in the pod does. "
        "`sidecar-proxy-startup-failure-seconds` adds a startup probe to an ordinary "
        "container: it restarts a stuck proxy and holds nobody.",
        f"{_WEBHOOK}consul_dataplane_sidecar.go",
    ),
    Fact(
        About.TRAPS,
        "An annotation `hold-application-until-proxy-starts` was proposed and never "
        "merged.",
        "hashicorp/consul-k8s#1482",
    ),
)
