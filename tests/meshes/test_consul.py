"""Consul's traps: settings that look like a hold, releases, several services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubectl_meshcheck.meshes import asked, proxies, relevant
from kubectl_meshcheck.meshes.consul import can_be_native
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
    run,
    states,
    troubles,
    verdict,
)

DOMAIN = "consul.hashicorp.com"
LIFECYCLE = "consul.hashicorp.com/enable-sidecar-proxy-lifecycle"
KEY = f"{DOMAIN}/enable-consul-dataplane-as-sidecar"
INJECT = f"{DOMAIN}/connect-inject"
INIT = container("consul-connect-inject-init", "hashicorp/consul-k8s-control-plane:1.9")
TRANSPARENT = {f"{DOMAIN}/transparent-proxy-status": "enabled"}


def dataplane(name: str = "consul-dataplane", **more: Any) -> Container:
    return container(name, "hashicorp/consul-dataplane:1.9.11", **more)


def injected(
    *main: Container,
    init: Sequence[Container] = (INIT,),
    version: str = "v1.9.11",
    **more: str,
) -> PodStart:
    marks = {f"{DOMAIN}/consul-k8s-version": version, **TRANSPARENT, **more}
    return pod(*main, init=init, annotations=marks)


CHECK = ("/usr/local/bin/consul-dataplane", "-check-proxy-health")


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ([dataplane(), APP], Verdict.RACE),
        ([APP, dataplane()], Verdict.RACE),
        ([dataplane(startup=run(*CHECK)), APP], Verdict.RACE),
        (
            [dataplane(args=["-startup-grace-period-seconds=30"]), APP],
            Verdict.RACE,
        ),
        ([dataplane(hook=["curl", "localhost:20600/x"]), APP], Verdict.UNKNOWN),
        ([APP, dataplane(hook=["curl", "localhost:20600/x"])], Verdict.RACE),
        (
            [
                dataplane(
                    hook=[
                        "sh",
                        "-c",
                        "until curl -fs http://localhost:19000/ready; do sleep 1; done",
                    ]
                ),
                APP,
            ],
            Verdict.HELD,
        ),
    ],
)
def test_an_ordinary_dataplane_holds_nothing_by_itself(
    main: list[Container], expected: Verdict
) -> None:
    assert verdict(injected(*main)) is expected


@pytest.mark.parametrize(
    ("startup", "expected"),
    [
        (run(*CHECK), Verdict.NATIVE),
        (get("/ready", 21000), Verdict.NATIVE),
        (run("true"), Verdict.UNKNOWN),
        ({"tcpSocket": {"port": 20000}}, Verdict.UNKNOWN),
        (None, Verdict.RACE),
    ],
)
def test_a_native_dataplane_holds_by_its_probe(
    startup: Mapping[str, Any] | None, expected: Verdict
) -> None:
    native = dataplane(native=True, startup=startup)
    assert verdict(injected(APP, init=[INIT, native])) is expected


def test_native_comes_behind_the_user_s_init_containers() -> None:
    native = dataplane(native=True, startup=run(*CHECK))
    before, after = container("before", "x"), container("after", "x")
    found = injected(APP, init=[before, INIT, native, after])
    assert states(found)["before"] is State.FREE
    assert states(found)["after"] is State.WAITS
    cni = injected(
        APP, init=[before, INIT, native], **{f"{DOMAIN}/redirect-traffic-config": "{}"}
    )
    assert states(cni)["before"] is State.EXPOSED


def test_every_service_s_dataplane_is_judged() -> None:
    first, second = dataplane("consul-dataplane-a"), dataplane("consul-dataplane-b")
    inits = [{**INIT, "name": f"{INIT['name']}-{service}"} for service in "ab"]
    marks = {f"{DOMAIN}/consul-k8s-version": "v1.9.11"}
    found = pod(first, second, APP, init=inits, annotations=marks)
    assert verdict(found) is Verdict.RACE
    assert [p.capture.by for p in proxies(found)] == [Redirect.NONE] * 2
    assert states(found)["consul-connect-inject-init-a"] is State.HELPER
    loop = ["sh", "-c", "until wget -q http://127.0.0.1:19000/ready; do sleep 1; done"]
    held = dataplane("consul-dataplane-a", hook=loop)
    half = pod(held, second, APP, annotations=marks)
    assert verdict(half) is Verdict.RACE


@pytest.mark.parametrize("name", ["envoy-sidecar", "consul-connect-envoy-sidecar"])
def test_former_names(name: str) -> None:
    old = container(name, "envoyproxy/envoy:v1.22")
    helper = container("consul-sidecar", "hashicorp/consul-k8s:0.26")
    marks = {f"{DOMAIN}/connect-inject-status": "injected"}
    found = judge(pod(APP, old, helper, annotations=marks))
    assert found.verdict is Verdict.RACE
    assert found.named(State.EXPOSED) == ("app",)
    assert judge(pod(APP, old)).proxies == ()


def test_an_early_release_leaves_no_mark_of_its_redirection() -> None:
    script = "consul-k8s-control-plane connect-init\nconsul connect redirect-traffic"
    init = container("consul-connect-inject-init", "consul-k8s-control-plane:0.37.0")
    marks = {f"{DOMAIN}/connect-inject-status": "injected"}
    old = container("envoy-sidecar", "envoyproxy/envoy-alpine:v1.18.4")
    sets_rules = {**init, "command": ["/bin/sh", "-ec", script]}
    found = [
        proxy(pod(APP, old, init=[one], annotations=marks)).capture.by
        for one in (init, sets_rules)
    ]
    assert found == [Redirect.NONE, Redirect.INIT]


def test_the_injector_s_version_counts() -> None:
    assert proxy(injected(dataplane(), APP, version="v1.6.9")).version == "1.6.9"
    by_init = pod(dataplane(), APP, init=[INIT])
    assert proxy(by_init).version == "1.9"
    assert proxy(pod(dataplane(), APP)).version == "1.9.11"


def test_the_original_pod_does_not_tell_pods_apart() -> None:
    key = f"{DOMAIN}/original-pod"
    assert relevant({key: "{...}"}) == ((key, ""),)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.5.9", False),
        ("1.6.8", False),
        ("1.6.9", True),
        ("1.7.4", False),
        ("1.7.5", True),
        ("1.8.1", False),
        ("1.8.2", True),
        ("1.9.0", True),
        ("2.1.0-dev", True),
    ],
)
def test_native_came_to_each_line_with_another_release(
    version: str, expected: bool
) -> None:
    assert can_be_native(version) is expected
    remedy = hold(injected(dataplane(), APP, version=version), pod())
    assert remedy.annotations == ({KEY: "true"} if expected else {})


def test_the_remedy_names_the_release_to_upgrade_to() -> None:
    old = injected(dataplane(), APP, version="v1.7.1")
    assert "upgrade to 1.7.5" in hold(old, pod()).manual
    older = injected(APP, dataplane(), version="v1.2.5")
    assert "upgrade to 1.9.0" in hold(older, pod()).manual


@pytest.mark.parametrize(
    ("found", "written", "says"),
    [
        (
            pod(container("consul-dataplane", "consul-dataplane:latest"), APP),
            pod(),
            "cannot be told",
        ),
        (injected(dataplane(), APP), pod(annotations={KEY: "true"}), "anew"),
        (injected(APP, init=[INIT, dataplane(native=True)]), pod(), "probe"),
    ],
)
def test_where_no_annotation_helps(
    found: PodStart, written: PodStart, says: str
) -> None:
    remedy = hold(found, written)
    assert not remedy.annotations
    assert says in remedy.manual


@pytest.mark.parametrize(
    ("annotations", "wanted", "futile"),
    [
        ({}, False, False),
        ({INJECT: "true"}, True, False),
        ({INJECT: "1"}, True, False),
        ({INJECT: "false"}, False, False),
        ({INJECT: "yes"}, True, True),
        ({INJECT: "true", f"{DOMAIN}/connect-inject-status": "injected"}, True, True),
    ],
)
def test_who_asks(annotations: dict[str, str], wanted: bool, futile: bool) -> None:
    found = asked(pod(annotations=annotations), {})
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile) is futile


@pytest.mark.parametrize(
    ("annotations", "version", "bad"),
    [
        ({INJECT: "true", KEY: "true"}, "1.9.0", {}),
        ({INJECT: "yes"}, "", {INJECT: True}),
        ({KEY: "enabled"}, "", {KEY: True}),
        ({KEY: "enabled"}, "1.7.4", {KEY: False}),
        ({KEY: ""}, "1.9.0", {}),
        ({LIFECYCLE: "off"}, "1.9.0", {LIFECYCLE: True}),
        ({LIFECYCLE: "off"}, "1.1.3", {LIFECYCLE: False}),
        ({LIFECYCLE: "false"}, "1.9.0", {}),
        ({KEY: "true"}, "1.7.4", {KEY: False}),
        (
            {f"{DOMAIN}/hold-application-until-proxy-starts": "true"},
            "",
            {f"{DOMAIN}/hold-application-until-proxy-starts": False},
        ),
        ({f"{DOMAIN}/connect-inject-status": "injected"}, "", {}),
    ],
)
def test_bad_settings(
    annotations: dict[str, str], version: str, bad: dict[str, bool]
) -> None:
    assert troubles(pod(annotations=annotations), version) == bad


@pytest.mark.parametrize("name", ["mesh-gateway", "ingress-gateway", "my-gateway"])
def test_a_dataplane_of_another_name_that_stands_alone_is_a_gateway(name: str) -> None:
    found = judge(pod(container(name, "hashicorp/consul-dataplane:1.6.1")))
    assert found.verdict is Verdict.GATEWAY
    assert found.proxies[0].version == "1.6.1"


def test_a_dataplane_of_another_name_beside_an_application_is_a_sidecar() -> None:
    own = container("mesh", "hashicorp/consul-dataplane:1.6.1")
    assert judge(pod(own, APP)).named(State.EXPOSED) == ("app",)


def test_each_service_of_a_pod_has_a_page_of_its_own() -> None:
    written = pod(annotations={f"{DOMAIN}/connect-service": "web,web-admin"})
    names = ("consul-dataplane-web", "consul-dataplane-web-admin")
    racing = pod(
        *(container(n, "hashicorp/consul-dataplane:1.2.0") for n in names), APP
    )
    assert (
        "http://localhost:19000/ready and http://localhost:19001/ready"
        in hold(racing, written).manual
    )
