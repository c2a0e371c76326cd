"""A hook that polls a page waits as long as that page means ready, and no longer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kubectl_meshcheck.model import PodStart, Verdict
from tests.meshes.pods import APP, Container, container, judge, pod, verdict

ENVOY = {"APPMESH_VIRTUAL_NODE_NAME": "mesh/m/virtualNode/web"}
PROXIES: dict[str, Container] = {
    "istio": container("istio-proxy", "docker.io/istio/proxyv2:1.22.0"),
    "linkerd": container("linkerd-proxy", "cr.l5d.io/linkerd/proxy:stable-2.14.10"),
    "kuma": container("kuma-sidecar", "docker.io/kumahq/kuma-dp:2.9.1"),
    "consul": container("consul-dataplane", "hashicorp/consul-dataplane:1.6.1"),
    "appmesh": container("envoy", "aws-appmesh-envoy:v1.27.3.0-prod", env=ENVOY),
    "nginx": container("nginx-mesh-sidecar", "nginx-mesh-sidecar:2.0.0"),
    "dapr": container("daprd", "docker.io/daprio/daprd:1.14.4"),
    "cloudsql": container("cloud-sql-proxy", "x/cloud-sql-proxy:2.14.1"),
    "no mesh": container("my-proxy", "example.test/proxy:1"),
}
GETS = {"curl": "curl -fsS", "wget": "wget -qO-"}


def polling(proxy: Container, page: str, get: str) -> PodStart:
    loop = f"until {get} http://localhost:{page}; do sleep 1; done"
    hook: Sequence[str] = ["/bin/sh", "-c", loop]
    postponed = {"postStart": {"exec": {"command": hook}}}
    return pod({**proxy, "lifecycle": postponed}, APP)


@pytest.mark.parametrize("get", GETS)
@pytest.mark.parametrize(
    ("mesh", "page"),
    [
        ("istio", "15021/healthz/ready"),
        ("istio", "15000/ready"),
        ("linkerd", "4191/ready"),
        ("kuma", "9901/ready"),
        ("consul", "19000/ready"),
        ("appmesh", "9901/ready"),
        ("nginx", "8887/ready"),
        ("dapr", "3500/v1.0/healthz/outbound"),
        ("cloudsql", "9090/startup"),
        ("no mesh", "9000/ready"),
        ("no mesh", "9000/healthz"),
    ],
)
def test_a_page_that_means_ready_holds(mesh: str, page: str, get: str) -> None:
    assert verdict(polling(PROXIES[mesh], page, GETS[get])) is Verdict.HELD


@pytest.mark.parametrize("get", GETS)
@pytest.mark.parametrize(
    ("mesh", "page"),
    [
        ("istio", "15000/server_info"),
        ("istio", "15020/stats/prometheus"),
        ("linkerd", "4191/live"),
        ("linkerd", "4191/metrics"),
        ("kuma", "9901/server_info?x=1"),
        # it answers when its patience is over, whether the proxy is ready or not
        ("consul", "20600/graceful_startup"),
        ("appmesh", "9901/server_info"),
        ("nginx", "8887/live"),
        ("dapr", "3500/v1.0/metadata"),
        ("cloudsql", "9090/liveness"),
    ],
)
def test_a_page_that_answers_early_is_not_believed(
    mesh: str, page: str, get: str
) -> None:
    found = judge(polling(PROXIES[mesh], page, GETS[get]))
    assert found.verdict is Verdict.UNKNOWN
    port, _, path = page.partition("/")
    assert found.reason == (
        f"cannot tell whether the page of its hook, GET :{port}/{path}, means ready"
    )


def test_a_sidecar_is_not_guessed_from_a_page_that_answers_early() -> None:
    assert (
        verdict(polling(PROXIES["no mesh"], "9000/live", "wget -qO-")) is Verdict.NONE
    )
