"""Open Service Mesh, App Mesh and NGINX: a container called ``envoy`` is anybody's."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.meshes import asked, relevant
from kubectl_meshcheck.model import PodStart, Redirect, State, Verdict
from tests.meshes.pods import (
    APP,
    Container,
    container,
    get,
    hold,
    judge,
    pod,
    proxy,
    states,
    troubles,
    verdict,
)

UUID = {"osm-proxy-uuid": "8c0f"}
OSM_INIT = container("osm-init", "openservicemesh/init:v1.2.4")
OSM = container("envoy", "envoyproxy/envoy-distroless:v1.23.1")
REPOSITORY = "840364872350.dkr.ecr.us-west-2.amazonaws.com/aws-appmesh-envoy"


def test_an_application_called_envoy_is_no_mesh() -> None:
    plain = container("envoy", "envoyproxy/envoy:v1.30")
    assert judge(pod(plain, APP)).verdict is Verdict.NONE
    proxy_beside = container(
        "linkerd-proxy",
        "cr.l5d.io/linkerd/proxy:stable-2.14.10",
        hook=["/usr/lib/linkerd/linkerd-await", "--timeout=2m"],
    )
    found = judge(pod(proxy_beside, plain, APP))
    assert found.verdict is Verdict.HELD
    assert found.named(State.WAITS) == ("envoy", "app")
    late = judge(pod(plain, APP, {**proxy_beside, "lifecycle": {}}))
    assert late.named(State.EXPOSED) == ("envoy", "app")


@pytest.mark.parametrize(
    ("found", "mesh"),
    [
        (pod(APP, OSM, labels=UUID), "osm"),
        (pod(APP, OSM, init=[OSM_INIT]), "osm"),
        (pod(APP, container("envoy", f"{REPOSITORY}:v1.34.13.3-prod")), "appmesh"),
        (
            pod(
                APP,
                container(
                    "envoy", "mirror/e:1", env={"APPMESH_VIRTUAL_NODE_NAME": "m/vn"}
                ),
            ),
            "appmesh",
        ),
        # the image is App Mesh's own, whatever label is left over
        (pod(APP, container("envoy", f"{REPOSITORY}:v1"), labels=UUID), "appmesh"),
    ],
)
def test_a_second_mark_tells_whose_it_is(found: PodStart, mesh: str) -> None:
    assert proxy(found).mesh == mesh
    assert verdict(found) is Verdict.RACE


def test_osm_helpers_version_and_capture() -> None:
    health = container("osm-healthcheck", "openservicemesh/osm-healthcheck:v1.2.4")
    user = container("user", "x")
    found = pod(APP, health, OSM, init=[OSM_INIT, user], labels=UUID)
    assert proxy(found).version == "1.2.4"
    assert states(found) == {
        "osm-init": State.HELPER,
        "user": State.EXPOSED,
        "app": State.EXPOSED,
        "osm-healthcheck": State.HELPER,
        "envoy": State.PROXY,
    }
    assert "localhost:15000/ready" in hold(found).manual


def test_osm_s_uuid_does_not_tell_pods_apart() -> None:
    assert relevant(UUID) == (("osm-proxy-uuid", ""),)


MONITORED = {"openservicemesh.io/monitored-by": "osm"}
OSM_INJECT = "openservicemesh.io/sidecar-injection"


@pytest.mark.parametrize(
    ("own", "labels", "around", "wanted", "futile"),
    [
        (None, MONITORED, "enabled", True, False),
        (None, MONITORED, "yes", True, False),
        (None, MONITORED, None, False, False),
        ("enabled", MONITORED, None, True, False),
        ("disabled", MONITORED, "enabled", False, False),
        ("enabled", {}, None, True, True),
        (None, {}, "enabled", True, True),
        (
            "enabled",
            {**MONITORED, "openservicemesh.io/ignore": "true"},
            None,
            True,
            True,
        ),
    ],
)
def test_osm_needs_both_marks(
    own: str | None,
    labels: dict[str, str],
    around: str | None,
    wanted: bool,
    futile: bool,
) -> None:
    found = asked(
        pod(annotations={OSM_INJECT: own} if own else {}),
        labels,
        {OSM_INJECT: around} if around else {},
    )
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile or found[1].uncalled) is futile


def test_osm_refuses_a_value_that_it_cannot_read() -> None:
    assert troubles(pod(annotations={OSM_INJECT: "on"})) == {OSM_INJECT: True}
    assert troubles(pod(annotations={OSM_INJECT: "yes"})) == {}


# -- App Mesh ----------------------------------------------------------------


def script(timeout: int = 180, command: str = "/usr/bin/agent -envoyReadiness") -> str:
    """The hook as the controller writes it, with a shorter version test."""
    return (
        "if [[ $(/usr/bin/envoy --version) =~ ([0-9]+)\\.([0-9]+)-appmesh && "
        "${BASH_REMATCH[1]} -ge 2 || (${BASH_REMATCH[2]} -gt 22) ]]; then "
        f"APPNET_AGENT_POLL_ENVOY_READINESS_TIMEOUT_S={timeout} "
        f"APPNET_AGENT_POLL_ENVOY_READINESS_INTERVAL_S=5 {command}; "
        "else echo 'WaitUntilProxyReady is not supported'; fi"
    )


def appmesh(tag: str = "v1.34.13.3-prod", text: str = "", **more: Any) -> Container:
    hook = ["sh", "-c", text or script()]
    return container("envoy", f"{REPOSITORY}:{tag}", hook=hook, **more)


@pytest.mark.parametrize(
    ("envoy", "expected"),
    [
        (appmesh(), Verdict.HELD),
        (appmesh("v1.22.2.1-prod"), Verdict.HELD),
        (appmesh("v1.22.2.0-prod"), Verdict.RACE),
        (appmesh("v1.21.2.0-prod"), Verdict.RACE),
        (appmesh("latest"), Verdict.UNKNOWN),
        # a tag of their own that happens to be a number
        (appmesh("2024.1.5"), Verdict.UNKNOWN),
        (appmesh("1.20"), Verdict.UNKNOWN),
        (appmesh(text=script(timeout=0)), Verdict.UNKNOWN),
        (appmesh(text=script(command="/usr/bin/true")), Verdict.UNKNOWN),
        (appmesh(text=script() + "; echo done"), Verdict.UNKNOWN),
        (appmesh(text="sleep 20"), Verdict.UNKNOWN),
        (appmesh(env={"ENVOY_ADMIN_ACCESS_PORT": "9901"}), Verdict.HELD),
        (appmesh(env={"ENVOY_ADMIN_ACCESS_PORT": "9999"}), Verdict.UNKNOWN),
    ],
)
def test_appmesh_waits_only_where_envoy_can(
    envoy: Container, expected: Verdict
) -> None:
    assert verdict(pod(envoy, APP)) is expected
    # and never for what is listed before it
    assert verdict(pod(APP, envoy)) is Verdict.RACE


@pytest.mark.parametrize(
    ("init", "annotations", "redirect"),
    [
        (["proxyinit"], {}, Redirect.INIT),
        ([], {"appmesh.k8s.aws/appmeshCNI": "enabled"}, Redirect.CNI),
        ([], {}, Redirect.NONE),
    ],
)
def test_what_appmesh_captures_by(
    init: list[str], annotations: dict[str, str], redirect: Redirect
) -> None:
    containers = [container(name, "x") for name in init]
    xray = container("xray-daemon", "public.ecr.aws/xray/aws-xray-daemon")
    found = pod(APP, appmesh(), xray, init=containers, annotations=annotations)
    assert proxy(found).capture.by is redirect
    assert states(found)["xray-daemon"] is State.HELPER


def test_a_virtual_gateway_races_with_nobody() -> None:
    env = {"APPMESH_VIRTUAL_NODE_NAME": "mesh/m/virtualGateway/gw"}
    gateway = container("envoy", f"{REPOSITORY}:v1.34.13.3-prod", env=env)
    assert verdict(pod(gateway)) is Verdict.NONE
    assert verdict(pod(APP, gateway)) is Verdict.GATEWAY


def test_appmesh_has_no_remedy_on_the_pod() -> None:
    plain = pod(APP, container("envoy", f"{REPOSITORY}:v1.34.13.3-prod"))
    assert "waitUntilProxyReady" in hold(plain).manual
    assert "image.tag" in hold(pod(appmesh("v1.20.0.1-prod"), APP)).manual


APP_INJECT = "appmesh.k8s.aws/sidecarInjectorWebhook"


@pytest.mark.parametrize(
    ("own", "around", "wanted", "futile"),
    [
        (None, "enabled", True, False),
        (None, "disabled", False, False),
        ("enabled", "disabled", True, False),
        ("disabled", "enabled", False, False),
        ("enabled", None, True, True),
    ],
)
def test_who_asks_for_appmesh(
    own: str | None, around: str | None, wanted: bool, futile: bool
) -> None:
    found = asked(
        pod(annotations={APP_INJECT: own} if own else {}),
        {APP_INJECT: around} if around else {},
    )
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile or found[1].uncalled) is futile


# -- NGINX -------------------------------------------------------------------

NSM = container(
    "nginx-mesh-sidecar", "docker-registry.nginx.com/nsm/nginx-mesh-sidecar"
)
NSM_INJECT = "injector.nsm.nginx.com/auto-inject"


def test_nginx_is_a_race_without_a_remedy() -> None:
    init = container("nginx-mesh-init", "nsm/nginx-mesh-init:2.0.0")
    found = pod(APP, NSM, init=[init])
    assert verdict(found) is Verdict.RACE
    assert proxy(found).capture == type(proxy(found).capture)(Redirect.INIT, 0)
    assert "cannot hold" in hold(found).manual
    assert verdict(pod({**NSM, "image": "nginx:1"}, APP)) is Verdict.NONE
    hooked = container("nginx-mesh-sidecar", NSM["image"], hook=["x"])
    assert verdict(pod(hooked, APP)) is Verdict.UNKNOWN
    probed = container("nginx-mesh-sidecar", NSM["image"], startup=get("/"))
    assert verdict(pod(probed, APP)) is Verdict.RACE


@pytest.mark.parametrize(
    ("own", "around", "wanted"),
    [
        ("enabled", "disabled", True),
        ("disabled", "enabled", False),
        (None, "enabled", True),
        (None, None, False),
    ],
)
def test_who_asks_for_nginx(own: str | None, around: str | None, wanted: bool) -> None:
    found = asked(
        pod(labels={NSM_INJECT: own} if own else {}),
        {NSM_INJECT: around} if around else {},
    )
    assert bool(found) is wanted
