"""Kuma's and Kong Mesh's traps: first is not held, releases, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubectl_meshcheck.checks import job_never_completes
from kubectl_meshcheck.meshes import asked
from kubectl_meshcheck.model import PodStart, Redirect, State, Verdict
from tests.meshes.golden import judged
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

WAIT = ("kuma-dp", "wait", "--url", "http://localhost:9901/ready")
KEY = "kuma.io/wait-for-dataplane-ready"
INJECT = "kuma.io/sidecar-injection"
INIT = container("kuma-init", "docker.io/kumahq/kuma-init:2.9.1")
MARKS = {"kuma.io/sidecar-injected": "true", "kuma.io/transparent-proxying": "enabled"}


def kuma(version: str = "2.9.1", **more: Any) -> Container:
    return container("kuma-sidecar", f"docker.io/kumahq/kuma-dp:{version}", **more)


def injected(
    *main: Container, init: Sequence[Container] = (INIT,), **more: Any
) -> PodStart:
    return pod(*main, init=init, annotations={**MARKS, **more})


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (WAIT, Verdict.HELD),
        (WAIT[:2], Verdict.HELD),
        ((*WAIT[:3], "http://127.0.0.1:9902/ready"), Verdict.HELD),
        ((*WAIT, "--timeout=30s", "--check-frequency", "2s"), Verdict.HELD),
        (("sh", "-c", " ".join(WAIT)), Verdict.HELD),
        ((*WAIT, "--timeout=0s"), Verdict.UNKNOWN),
        ((*WAIT[:3], "http://example.test/ready"), Verdict.UNKNOWN),
        ((*WAIT[:3], "http://localhost:9901/stats"), Verdict.UNKNOWN),
        ((*WAIT, "--nonesuch=1"), Verdict.UNKNOWN),
        (("kuma-dp", "version"), Verdict.UNKNOWN),
        (("sleep", "5"), Verdict.UNKNOWN),
        (None, Verdict.RACE),
    ],
)
def test_first_is_held_only_with_a_hook_that_waits(
    hook: Sequence[str] | None, expected: Verdict
) -> None:
    assert verdict(injected(kuma(hook=hook), APP)) is expected


@pytest.mark.parametrize(
    ("port", "expected"), [(9901, Verdict.HELD), (9902, Verdict.UNKNOWN)]
)
def test_the_hook_asks_where_the_proxy_answers(port: int, expected: Verdict) -> None:
    waiting = kuma(hook=WAIT, readinessProbe=get("/ready", port))
    assert verdict(injected(waiting, APP)) is expected


@pytest.mark.parametrize(
    ("startup", "expected"),
    [
        (get("/ready", 9901), Verdict.NATIVE),
        (get("/stats", 9901), Verdict.UNKNOWN),
        (None, Verdict.RACE),
    ],
)
def test_a_native_sidecar_holds_by_its_probe(
    startup: Mapping[str, Any] | None, expected: Verdict
) -> None:
    native = kuma("2.14.3", native=True, startup=startup)
    assert verdict(injected(APP, init=[INIT, native])) is expected


def test_kong_mesh_is_kuma() -> None:
    kong = container("kuma-sidecar", "docker.io/kong/kuma-dp:2.6.0", hook=WAIT)
    found = judge(injected(kong, APP))
    assert found.verdict is Verdict.HELD
    assert found.proxies[0].version == "2.6.0"


def test_a_name_alone_is_no_proxy() -> None:
    named = container("kuma-sidecar", "nginx:1", hook=WAIT)
    assert judge(pod(named, APP)).proxies == ()


@pytest.mark.parametrize(
    ("init", "annotations", "redirect", "user"),
    [
        (["user", "kuma-init"], {}, Redirect.INIT, State.FREE),
        (["kuma-init", "user"], {}, Redirect.INIT, State.EXPOSED),
        (["kuma-validation", "user"], {}, Redirect.CNI, State.EXPOSED),
        (
            ["user"],
            {"k8s.v1.cni.cncf.io/networks": "x,kuma-cni"},
            Redirect.CNI,
            State.EXPOSED,
        ),
        (
            ["user"],
            {"traffic.kuma.io/transparent-proxy-config": "redirect: {}"},
            Redirect.CNI,
            State.EXPOSED,
        ),
        (
            ["user"],
            {"kuma.io/transparent-proxying": "disabled"},
            Redirect.NONE,
            State.FREE,
        ),
    ],
)
def test_what_captures(
    init: list[str], annotations: dict[str, str], redirect: Redirect, user: State
) -> None:
    containers = [container(name, f"example.test/{name}:1") for name in init]
    found = injected(kuma(), APP, init=containers, **annotations)
    assert proxy(found).capture.by is redirect
    assert states(found)["user"] is user


def test_a_job_completes_because_the_control_plane_ends_the_proxy() -> None:
    template = {
        "metadata": {"annotations": MARKS},
        "spec": {"initContainers": [INIT], "containers": [kuma(), APP]},
    }
    job = {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "j"}}
    (subject,) = judged([{**job, "spec": {"template": template}}])
    assert list(job_never_completes.find(subject)) == []


def test_the_remedy_is_the_annotation() -> None:
    remedy = hold(injected(kuma(), APP), pod())
    assert remedy.annotations == {KEY: "true"}
    # a value that nothing can read is replaced
    broken = pod(annotations={KEY: "on"})
    assert hold(injected(kuma(), APP), broken).annotations == {KEY: "true"}
    opted_out = pod(annotations={KEY: "false"})
    assert hold(injected(kuma(), APP), opted_out).annotations == {KEY: "true"}


@pytest.mark.parametrize(
    ("found", "written", "says"),
    [
        (injected(kuma("2.3.5"), APP), pod(), "upgrade to 2.4"),
        (injected(kuma("1.4.0"), APP), pod(), "upgrade to 2.4"),
        (injected(kuma(), APP), pod(annotations={KEY: "enabled"}), "anew"),
        (injected(APP, kuma(hook=WAIT)), pod(), "lists a container before it"),
        (injected(APP, init=[INIT, kuma(native=True)]), pod(), "startup probe"),
    ],
)
def test_where_the_annotation_would_do_nothing(
    found: PodStart, written: PodStart, says: str
) -> None:
    remedy = hold(found, written)
    assert not remedy.annotations
    assert says in remedy.manual


def test_the_remedy_warns_of_the_cni_plugin() -> None:
    cni = injected(kuma(), APP, init=[container("kuma-validation", "kuma-init")])
    assert any("#9431" in risk for risk in hold(cni, pod()).risks)
    assert not any("#9431" in risk for risk in hold(injected(kuma(), APP), pod()).risks)


@pytest.mark.parametrize(
    ("own", "around", "wanted", "futile"),
    [
        (None, None, False, False),
        ("enabled", "disabled", True, False),
        ("true", "enabled", True, False),
        ("yes", "enabled", True, False),
        ("enabled", None, True, True),
        (None, "enabled", True, False),
        (None, "true", True, False),
        ("disabled", "enabled", False, False),
        ("false", "enabled", False, False),
        (None, "disabled", False, False),
        # one webhook takes only pods labelled so, the other only namespaces
        ("true", "disabled", True, True),
        ("enabled", "yes", True, False),
        (None, "yes", True, True),
        # what is no boolean is refused, with the pod
        ("on", "enabled", True, True),
        (None, "on", True, True),
    ],
)
def test_who_asks(
    own: str | None, around: str | None, wanted: bool, futile: bool
) -> None:
    found = asked(
        pod(labels={INJECT: own} if own else {}), {INJECT: around} if around else {}
    )
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile or found[1].uncalled) is futile


def test_an_annotation_does_not_ask() -> None:
    found = asked(pod(annotations={INJECT: "enabled"}), {})
    assert found
    assert found[1].futile == (
        "Kuma only reads the pod label and the namespace label of that name"
    )
    # and where the namespace was not read, a pod's label counts
    alone = asked(pod(labels={INJECT: "enabled"}), None)
    assert alone
    assert not alone[1].futile
    assert not alone[1].uncalled


@pytest.mark.parametrize(
    ("annotations", "version", "bad"),
    [
        ({KEY: "true"}, "2.9.1", {}),
        ({KEY: "yes"}, "", {}),
        ({KEY: "True"}, "", {KEY: True}),
        ({KEY: "1"}, "", {KEY: True}),
        ({KEY: ""}, "", {KEY: True}),
        ({KEY: "true"}, "2.3.0", {KEY: False}),
        ({INJECT: "enabled"}, "", {INJECT: False}),
        ({"kuma.io/wait-for-dataplane": "true"}, "", {}),
        (
            {"kuma.io/wait-for-data-plane-ready": "true"},
            "",
            {"kuma.io/wait-for-data-plane-ready": False},
        ),
    ],
)
def test_bad_settings(
    annotations: dict[str, str], version: str, bad: dict[str, bool]
) -> None:
    assert troubles(pod(annotations=annotations), version) == bad


def test_the_setting_is_no_label() -> None:
    assert troubles(pod(labels={KEY: "true"})) == {KEY: False}


@pytest.mark.parametrize("name", ["kuma-gateway", "ingress", "egress"])
def test_a_proxy_that_stands_alone_is_a_gateway(name: str) -> None:
    found = pod(container(name, "docker.io/kumahq/kuma-dp:2.9.1"))
    assert judge(found).verdict is Verdict.GATEWAY
    assert judge(found).proxies[0].version == "2.9.1"


def test_a_second_container_beside_a_gateway_s_is_not_judged() -> None:
    found = pod(container("agent", "docker.io/kumahq/kuma-dp:2.9.1"), APP)
    assert judge(found).verdict is Verdict.NONE


def test_a_delegated_gateway_has_a_sidecar_like_any_other() -> None:
    kong = container("proxy", "kong:3.4")
    found = pod(kuma(), kong, annotations={"kuma.io/gateway": "enabled"})
    assert states(found)["proxy"] is State.EXPOSED
