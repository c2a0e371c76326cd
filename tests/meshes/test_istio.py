"""Istio's traps that no golden file of upstream covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubectl_meshcheck import parse
from kubectl_meshcheck.files import Document, read
from kubectl_meshcheck.meshes import asked
from kubectl_meshcheck.model import PodStart, Redirect, State, Verdict
from tests.meshes.golden import GOLDEN, MISSING, judged
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
    verdict,
)

WAIT = ("pilot-agent", "wait")
READY = get("/healthz/ready", 15021)
INIT = container("istio-init", "istio/proxyv2:1.20.0", args=["istio-iptables"])
VALIDATION = {**INIT, "name": "istio-validation"}
USER = container("user", "example.test/migrate:1")
PROXY_USER = {**USER, "securityContext": {"runAsUser": 1337}}


def istio(version: str = "1.20.0", **more: Any) -> Container:
    image = f"docker.io/istio/proxyv2:{version}"
    return container("istio-proxy", image, args=["proxy", "sidecar"], **more)


def injected(
    *main: Container, init: Sequence[Container] = (INIT,), **more: str
) -> PodStart:
    return pod(*main, init=init, annotations=more)


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (WAIT, Verdict.HELD),
        (("/usr/local/bin/pilot-agent", "wait"), Verdict.HELD),
        ((*WAIT, "--url=http://localhost:15020/healthz/ready"), Verdict.HELD),
        ((*WAIT, "--timeoutSeconds", "120"), Verdict.HELD),
        ((*WAIT, "--timeoutSeconds=0"), Verdict.UNKNOWN),
        ((*WAIT, "--url=http://example.test/"), Verdict.UNKNOWN),
        ((*WAIT, "--nonesuch=1"), Verdict.UNKNOWN),
        (("pilot-agent", "version"), Verdict.UNKNOWN),
        (("sh", "-c", "pilot-agent wait; echo up"), Verdict.HELD),
        (("sh", "-c", "pilot-agent wait & true"), Verdict.UNKNOWN),
        (
            (
                "sh",
                "-c",
                "until curl -fs http://localhost:15021/healthz/ready; do sleep 1; done",
            ),
            Verdict.HELD,
        ),
        (
            (
                "sh",
                "-c",
                "until curl -s http://localhost:15021/healthz/ready; do sleep 1; done",
            ),
            Verdict.UNKNOWN,
        ),
        (("sleep", "10"), Verdict.UNKNOWN),
        (None, Verdict.RACE),
    ],
)
def test_only_a_hook_that_is_known_to_wait_holds(
    hook: Sequence[str] | None, expected: Verdict
) -> None:
    assert verdict(injected(istio(hook=hook), APP)) is expected


@pytest.mark.parametrize(
    ("startup", "hook", "expected"),
    [
        (READY, None, Verdict.NATIVE),
        (READY, WAIT, Verdict.NATIVE),
        (None, WAIT, Verdict.NATIVE),
        (None, None, Verdict.RACE),
        (get("/"), None, Verdict.UNKNOWN),
    ],
)
def test_a_native_proxy_holds_by_probe_or_hook(
    startup: Mapping[str, Any] | None, hook: Sequence[str] | None, expected: Verdict
) -> None:
    native = istio(native=True, startup=startup, hook=hook)
    assert verdict(injected(APP, init=[INIT, native])) is expected


@pytest.mark.parametrize(
    ("init", "annotations", "redirect", "user"),
    [
        ([USER, INIT], {}, Redirect.INIT, State.FREE),
        ([INIT, USER], {}, Redirect.INIT, State.EXPOSED),
        ([INIT, PROXY_USER], {}, Redirect.INIT, State.FREE),
        ([VALIDATION, USER], {}, Redirect.CNI, State.EXPOSED),
        ([VALIDATION, PROXY_USER], {}, Redirect.CNI, State.FREE),
        (
            [INIT, USER],
            {"sidecar.istio.io/interceptionMode": "NONE"},
            Redirect.NONE,
            State.FREE,
        ),
        (
            [INIT, USER],
            {"traffic.sidecar.istio.io/includeOutboundIPRanges": ""},
            Redirect.NONE,
            State.FREE,
        ),
        (
            [{**INIT, "args": ["istio-iptables", "-i", ""]}, USER],
            {},
            Redirect.NONE,
            State.FREE,
        ),
    ],
)
def test_what_captures_and_when(
    init: list[Container],
    annotations: dict[str, str],
    redirect: Redirect,
    user: State,
) -> None:
    found = injected(APP, istio(), init=init, **annotations)
    assert proxy(found).capture.by is redirect
    assert states(found)["user"] is user
    # whatever is redirected, the application is not held
    assert verdict(found) is Verdict.RACE


# -- the nine cases that upstream's data does not cover ------------------------


def test_1_a_lifecycle_of_the_mesh_replaces_the_hook() -> None:
    stop = {"preStop": {"exec": {"command": ["sleep", "10"]}}}
    found = judge(injected(istio(lifecycle=stop), APP))
    assert found.verdict is Verdict.RACE
    assert found.named(State.EXPOSED) == ("app",)


def test_2_the_hook_with_the_proxy_last_holds_nobody() -> None:
    assert verdict(injected(APP, istio("1.9.0", hook=WAIT))) is Verdict.RACE


def test_3_what_another_webhook_put_first_is_not_held() -> None:
    first = container("collector", "example.test/collector:1")
    found = judge(injected(first, istio(hook=WAIT), APP))
    assert found.verdict is Verdict.PARTIAL
    assert found.named(State.EXPOSED) == ("collector",)


def test_4_a_user_s_hook_is_unknown() -> None:
    found = judge(injected(istio(hook=["/bin/sh", "-c", "echo hello"]), APP))
    assert found.verdict is Verdict.UNKNOWN
    assert "cannot tell" in found.reason


def test_5_a_proxy_that_lost_its_restart_policy_never_ends() -> None:
    stripped = istio(startup=READY)
    found = judge(injected(APP, init=[INIT, stripped]))
    assert found.verdict is Verdict.UNKNOWN
    assert "never ends" in found.reason


def test_6_with_the_cni_plugin_init_containers_are_refused() -> None:
    found = injected(istio(hook=WAIT), APP, init=[VALIDATION, USER])
    assert verdict(found) is Verdict.HELD
    assert states(found)["user"] is State.EXPOSED


def test_7_an_init_container_behind_istio_init_is_refused() -> None:
    vault = container("vault-agent-init", "hashicorp/vault:1.19.0")
    found = injected(istio(hook=WAIT), APP, init=[INIT, vault])
    assert verdict(found) is Verdict.HELD
    assert states(found)["vault-agent-init"] is State.EXPOSED
    native = istio(native=True, startup=READY)
    behind = injected(APP, init=[INIT, native, vault])
    assert states(behind)["vault-agent-init"] is State.WAITS


AMBIENT = {"ambient.istio.io/redirection": "enabled"}


def test_8_an_ambient_pod_has_no_proxy_and_no_race() -> None:
    found = judge(pod(annotations=AMBIENT))
    assert found.verdict is Verdict.AMBIENT
    assert found.proxies == ()


def test_9_a_sidecar_wins_over_ambient() -> None:
    assert verdict(pod(APP, istio(), annotations=AMBIENT)) is Verdict.RACE
    assert verdict(pod(istio(hook=WAIT), APP, annotations=AMBIENT)) is Verdict.HELD


# -- gateways, remedies, who asks ---------------------------------------------


@pytest.mark.skipif(not GOLDEN.is_dir(), reason=MISSING)
def test_no_gateway_of_upstream_s_is_a_race() -> None:
    kinds = {"Deployment", "DaemonSet"}
    found = [
        part.object
        for path in sorted((GOLDEN / "istio" / "gateways").glob("*.yaml"))
        for part in read([str(path)])
        if isinstance(part, Document) and part.object["kind"] in kinds
    ]
    assert len(found) > 5
    for thing in found:
        for subject in judged([thing]):
            assert subject.judgement.verdict is Verdict.GATEWAY, subject.ref


def test_a_proxy_put_into_a_template_by_hand_is_a_sidecar() -> None:
    bare = container("istio-proxy", "gcr.io/istio-release/proxyv2:1.0.2")
    assert verdict(injected(APP, bare)) is Verdict.RACE
    assert verdict(pod(APP, {**bare, "image": "nginx"})) is Verdict.NONE


@pytest.mark.parametrize(
    ("version", "says"),
    [("1.6.14", "upgrade"), ("1.7.8", "whole mesh"), ("1.14.6", ""), ("", "")],
)
def test_the_remedy_depends_on_the_release(version: str, says: str) -> None:
    # the template holds no proxy, and the pod's index means nothing in it
    remedy = hold(injected(APP, istio(version)), pod())
    if says:
        assert says in remedy.manual
    else:
        assert remedy.annotations == {
            "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"
        }


def test_a_native_proxy_needs_its_probe_back() -> None:
    found = injected(APP, init=[INIT, istio("1.27.1", native=True)])
    assert "startup probe" in hold(found, pod()).manual


@pytest.mark.parametrize(
    ("labels", "around", "wanted", "futile"),
    [
        ({}, {"istio-injection": "enabled"}, True, False),
        ({}, {"istio.io/rev": "1-20"}, True, False),
        ({"sidecar.istio.io/inject": "true"}, {}, True, False),
        (
            {"sidecar.istio.io/inject": "true"},
            {"istio-injection": "disabled"},
            True,
            True,
        ),
        (
            {"sidecar.istio.io/inject": "false"},
            {"istio-injection": "enabled"},
            False,
            False,
        ),
        ({"istio.io/rev": "1-20"}, {}, True, False),
        ({}, {}, False, False),
    ],
)
def test_who_asks(
    labels: dict[str, str], around: dict[str, str], wanted: bool, futile: bool
) -> None:
    found = asked(pod(labels=labels), around)
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile) is futile


def test_an_annotation_in_an_unlabelled_namespace_does_nothing() -> None:
    found = asked(pod(annotations={"sidecar.istio.io/inject": "true"}), {})
    assert found
    assert "does not call the webhook" in found[1].futile


def test_the_golden_reader_takes_pods_as_a_scan_does() -> None:
    thing = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [APP]}}
    (subject,) = judged([thing])
    assert subject.names == ("p",)
    assert isinstance(parse.convert(thing, parse.Pod), parse.Pod)
