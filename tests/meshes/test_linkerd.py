"""Linkerd's traps: hooks, releases, opt-outs, injection by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubectl_meshcheck.checks import app_starts_before_proxy
from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.meshes import asked
from kubectl_meshcheck.meshes.linkerd_settings import since, version
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

AWAIT = ("/usr/lib/linkerd/linkerd-await", "--timeout=2m", "--port=4191")
MARKS = {"linkerd.io/proxy-version": "stable-2.14.10"}
INIT = container("linkerd-init", "cr.l5d.io/linkerd/proxy-init:v2.4.3")
KEY = "config.linkerd.io/proxy-await"
GA = "config.linkerd.io/proxy-enable-native-sidecar"
BETA = "config.beta.linkerd.io/proxy-enable-native-sidecar"
ALPHA = "config.alpha.linkerd.io/proxy-enable-native-sidecar"


def linkerd(**more: Any) -> Container:
    return container("linkerd-proxy", "cr.l5d.io/linkerd/proxy:stable-2.14.10", **more)


def injected(
    *main: Container, init: Sequence[Container] = (INIT,), **more: Any
) -> PodStart:
    return pod(*main, init=init, annotations=MARKS, **more)


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        (AWAIT, Verdict.HELD),
        (AWAIT[:2], Verdict.HELD),
        (AWAIT[:1], Verdict.HELD),
        (("linkerd-await", "--timeout", "2m", "-p", "4191", "-v"), Verdict.HELD),
        (("linkerd-await", "--backoff=2s", "--", "/bin/echo", "ready"), Verdict.HELD),
        (("sh", "-c", "/usr/lib/linkerd/linkerd-await --timeout=2m"), Verdict.HELD),
        (("sh", "-c", "linkerd-await --timeout=2m || true"), Verdict.HELD),
        (("sh", "-c", "linkerd-await --timeout=2m &"), Verdict.UNKNOWN),
        (("sh", "-c", "sleep 5 && linkerd-await"), Verdict.UNKNOWN),
        (("linkerd-await", "--timeout=0s"), Verdict.UNKNOWN),
        # nobody answers there: it fails, and the application starts without a proxy
        (("linkerd-await", "--timeout=2m", "--port=9999"), Verdict.RACE),
        # or it never fails, and nothing starts
        (("linkerd-await", "--port=9999"), Verdict.UNKNOWN),
        (("linkerd-await", "--nonesuch"), Verdict.UNKNOWN),
        (("linkerd-await", "--timeout"), Verdict.UNKNOWN),
        (("sleep", "10"), Verdict.UNKNOWN),
        (("/bin/true",), Verdict.UNKNOWN),
        ((), Verdict.RACE),
        (None, Verdict.RACE),
    ],
)
def test_only_a_hook_that_is_known_to_wait_holds(
    hook: Sequence[str] | None, expected: Verdict
) -> None:
    env = {"LINKERD2_PROXY_ADMIN_LISTEN_ADDR": "0.0.0.0:4191"}
    assert verdict(injected(linkerd(hook=hook, env=env), APP)) is expected


@pytest.mark.parametrize("switch", ["LINKERD_AWAIT_DISABLED", "LINKERD_DISABLED"])
def test_await_that_is_switched_off_waits_for_nothing(switch: str) -> None:
    found = judge(injected(linkerd(hook=AWAIT, env={switch: "yes"}), APP))
    assert found.verdict is Verdict.RACE
    assert found.reason == f"app does not wait: {switch} switches linkerd-await off"
    moved = injected(
        linkerd(
            hook=AWAIT[:2], env={"LINKERD2_PROXY_ADMIN_LISTEN_ADDR": "0.0.0.0:9998"}
        ),
        APP,
    )
    assert judge(moved).reason == (
        "app does not wait: linkerd-proxy's hook asks another port than 9998, "
        "where that answers"
    )
    still_on = injected(linkerd(hook=AWAIT, env={switch: ""}), APP)
    assert verdict(still_on) is Verdict.HELD


@pytest.mark.parametrize(
    ("startup", "hook", "expected"),
    [
        (get("/ready", 4191), None, Verdict.NATIVE),
        (get("/live", 4191), None, Verdict.UNKNOWN),
        (None, None, Verdict.RACE),
        (None, AWAIT, Verdict.NATIVE),
        (get("/live", 4191), AWAIT, Verdict.NATIVE),
    ],
)
def test_a_native_proxy_holds_by_its_probe_or_hook(
    startup: Mapping[str, Any] | None, hook: Sequence[str] | None, expected: Verdict
) -> None:
    native = linkerd(native=True, startup=startup, hook=hook)
    assert verdict(injected(APP, init=[INIT, native])) is expected


def test_a_startup_probe_on_an_ordinary_proxy_holds_nobody() -> None:
    assert verdict(injected(linkerd(startup=get("/ready")), APP)) is Verdict.RACE


def test_a_native_proxy_that_lost_its_restart_policy_never_ends() -> None:
    stripped = linkerd(startup=get("/ready"))
    assert verdict(injected(APP, init=[INIT, stripped])) is Verdict.UNKNOWN


def test_containers_before_the_proxy_race_although_it_waits() -> None:
    first = container("migrate", "example.test/migrate:1")
    found = judge(injected(first, linkerd(hook=AWAIT), APP))
    assert found.verdict is Verdict.PARTIAL
    assert found.named(State.EXPOSED) == ("migrate",)
    assert found.named(State.WAITS) == ("app",)


def test_the_debug_helper_is_nobody_s_application() -> None:
    debug = container("linkerd-debug", "cr.l5d.io/linkerd/debug:stable-2.14.10")
    assert verdict(injected(debug, linkerd(hook=AWAIT), APP)) is Verdict.HELD
    assert verdict(injected(linkerd(), debug)) is Verdict.NONE


@pytest.mark.parametrize(
    ("init", "redirect", "user"),
    [
        (["user", "linkerd-init"], Redirect.INIT, State.FREE),
        (["linkerd-init", "user"], Redirect.INIT, State.EXPOSED),
        (["linkerd-network-validator", "user"], Redirect.CNI, State.EXPOSED),
        (["user"], Redirect.CNI, State.EXPOSED),
    ],
)
def test_when_init_containers_are_captured(
    init: list[str], redirect: Redirect, user: State
) -> None:
    containers = [container(name, f"example.test/{name}:1") for name in init]
    found = injected(linkerd(hook=AWAIT), APP, init=containers)
    assert proxy(found).capture.by is redirect
    assert states(found)["user"] is user


def test_an_init_container_of_the_proxy_s_own_user_is_not_captured() -> None:
    user = container("user", "x", securityContext={"runAsUser": 2102})
    found = injected(linkerd(hook=AWAIT), APP, init=[INIT, user])
    assert states(found)["user"] is State.FREE


def test_the_identity_controller_cannot_wait_and_need_not() -> None:
    own = {"linkerd.io/control-plane-component": "identity"}
    (subject,) = judged(
        [
            {
                "kind": "Pod",
                "metadata": {"name": "linkerd-identity", "labels": own},
                "spec": {
                    "initContainers": [INIT],
                    "containers": [container("identity", "controller"), linkerd()],
                },
            }
        ]
    )
    (finding,) = app_starts_before_proxy.find(subject)
    assert finding.severity is Severity.INFO
    assert "control plane" in finding.next


def test_init_containers_behind_a_native_proxy_wait_too() -> None:
    native = linkerd(native=True, startup=get("/ready"))
    own = container("own", "x", native=True)
    found = injected(APP, init=[INIT, native, container("migrate", "x"), own])
    assert states(found)["migrate"] is State.WAITS
    assert states(found)["own"] is State.WAITS
    assert verdict(found) is Verdict.NATIVE


@pytest.mark.parametrize(
    ("found", "ours"),
    [
        (pod(container("linkerd-proxy"), APP), True),
        (pod(container("linkerd-proxy", "ghcr.io/buoyantio/proxy:x"), APP), True),
        (injected(container("linkerd-proxy", "mirror/l5d:1"), APP), True),
        (pod(container("linkerd-proxy", "nginx:1"), APP), False),
    ],
)
def test_recognition_takes_more_than_a_name(found: PodStart, ours: bool) -> None:
    assert bool(judge(found).proxies) is ours


@pytest.mark.parametrize(
    ("mark", "image", "expected"),
    [
        ("stable-2.14.10", "", "2.14.10"),
        ("edge-25.10.2", "", "edge-25.10.2"),
        ("enterprise-2.19.3", "", "enterprise-2.19.3"),
        ("dev-undefined", "cr.l5d.io/linkerd/proxy:edge-24.1.1", "edge-24.1.1"),
        ("", "cr.l5d.io/linkerd/proxy:stable-2.9.5", "2.9.5"),
        ("", "cr.l5d.io/linkerd/proxy:latest", ""),
        ("", "proxy@sha256:0123", ""),
    ],
)
def test_version(mark: str, image: str, expected: str) -> None:
    assert version(mark, image) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2.10.2", False),
        ("2.11.0", True),
        ("edge-21.4.3", False),
        ("edge-21.4.4", True),
        ("enterprise-2.16.0", True),
        ("", True),
    ],
)
def test_the_hook_came_with_a_release(told: str, expected: bool) -> None:
    assert since(told, "2.11", "edge-21.4.4") is expected


TEMPLATE = pod(annotations={"linkerd.io/inject": "enabled"})


def race(version: str = "stable-2.14.10", **more: Any) -> PodStart:
    marks = {"linkerd.io/proxy-version": version}
    return pod(APP, linkerd(), init=[INIT], annotations=marks, **more)


def test_the_remedy_is_the_annotation() -> None:
    assert hold(race(), TEMPLATE).annotations == {KEY: "enabled"}
    started_only = injected(APP, init=[INIT, linkerd(native=True)])
    assert hold(started_only, TEMPLATE).annotations == {KEY: "enabled"}
    # a bare pod that the webhook has injected is its own template
    assert hold(race()).annotations == {KEY: "enabled"}


@pytest.mark.parametrize(
    ("found", "written", "says"),
    [
        (race("stable-2.10.2"), TEMPLATE, "upgrade to 2.11"),
        (race("edge-21.4.3"), TEMPLATE, "upgrade to 2.11"),
        (race(), pod(annotations={KEY: "enabled"}), "make the pods anew"),
        (
            race(),
            pod(
                APP,
                linkerd(),
                annotations={**MARKS, "linkerd.io/created-by": "linkerd/cli x"},
            ),
            "inject --manual",
        ),
        (race(), pod(APP, linkerd()), "inject --manual"),
        (
            race(),
            pod(labels={"linkerd.io/control-plane-component": "identity"}),
            "control plane",
        ),
        # as the chart writes it
        (
            race(),
            pod(
                APP,
                linkerd(),
                labels={"linkerd.io/control-plane-component": "destination"},
                annotations={**MARKS, "linkerd.io/created-by": "linkerd/helm x"},
            ),
            "control plane",
        ),
        # a component of old that was injected by hand
        (
            race(),
            pod(
                APP,
                linkerd(),
                labels={"linkerd.io/control-plane-component": "tap"},
                annotations={**MARKS, "linkerd.io/created-by": "linkerd/cli x"},
            ),
            "inject --manual",
        ),
        (injected(APP, linkerd(hook=AWAIT)), TEMPLATE, "lists a container before it"),
        (injected(linkerd(hook=["x"]), APP), TEMPLATE, "mend the proxy's own gate"),
    ],
)
def test_where_the_annotation_would_do_nothing(
    found: PodStart, written: PodStart, says: str
) -> None:
    remedy = hold(found, written)
    assert not remedy.annotations
    assert says in remedy.manual


@pytest.mark.parametrize(
    ("version", "ends"),
    [
        ("stable-2.11.1", False),
        ("stable-2.11.2", True),
        ("edge-22.1.5", False),
        ("edge-22.2.1", True),
        ("enterprise-2.16.0", True),
    ],
)
def test_the_remedy_warns_of_a_hook_without_an_end(version: str, ends: bool) -> None:
    warned = any("has no end" in risk for risk in hold(race(version), TEMPLATE).risks)
    assert warned is not ends


def test_the_remedy_warns_of_the_cni_plugin() -> None:
    without_init = pod(APP, linkerd(), annotations=MARKS)
    assert any("#9310" in risk for risk in hold(without_init, TEMPLATE).risks)
    assert not any("#9310" in risk for risk in hold(race(), TEMPLATE).risks)


INJECT = "linkerd.io/inject"


@pytest.mark.parametrize(
    ("own", "around", "wanted", "futile"),
    [
        (None, None, False, False),
        ("enabled", None, True, False),
        ("ingress", None, True, False),
        ("enabled", "disabled", True, False),
        (None, "enabled", True, False),
        (None, "ingress", True, False),
        ("disabled", "enabled", False, False),
        (None, "disabled", False, False),
        ("true", None, True, True),
        (None, "true", True, True),
        ("enabled", "true", True, True),
        ("", "enabled", True, False),
        ("", "", False, False),
    ],
)
def test_who_asks(
    own: str | None, around: str | None, wanted: bool, futile: bool
) -> None:
    found = asked(
        pod(annotations={} if own is None else {INJECT: own}),
        {},
        {} if around is None else {INJECT: around},
    )
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile) is futile


def test_labels_do_not_ask() -> None:
    why = (
        "Linkerd only reads the pod annotation and the namespace annotation of "
        "that name"
    )
    for found in (
        asked(pod(), {INJECT: "enabled"}, {}),
        asked(pod(labels={INJECT: "enabled"}), {}, {}),
        asked(pod(), {}, {}, {INJECT: "enabled"}),
    ):
        assert found
        assert found[1].futile == why
    # who opted out in the right place is not asked what was meant in another
    assert asked(pod(annotations={INJECT: "disabled"}), {INJECT: "enabled"}, {}) is None


def test_what_keeps_the_injector_away() -> None:
    wants = pod(annotations={INJECT: "enabled"})
    found = asked(wants, {"config.linkerd.io/admission-webhooks": "disabled"}, {})
    assert found
    assert "comes first" in found[1].uncalled
    found = asked(pod(annotations={INJECT: "enabled"}, hostNetwork=True), {}, {})
    assert found
    assert found[1].futile == "Linkerd skips pods with hostNetwork"
    found = asked(wants, {"kubernetes.io/metadata.name": "kube-system"}, {})
    assert found
    assert found[1].uncalled == "from 2.12 on the webhook leaves kube-system out"
    # what an injection by hand has left behind (linkerd's own already_injected input)
    found = asked(pod(APP, init=[INIT], annotations={INJECT: "enabled"}), {}, {})
    assert found
    assert found[1].futile == "Linkerd leaves a pod with linkerd-init alone"
    other = container("istio-proxy", "docker.io/istio/proxyv2:1.22.0")
    found = asked(pod(APP, other, annotations={INJECT: "enabled"}), {}, {})
    assert found
    assert found[1].futile == "Linkerd leaves a pod with istio-proxy alone"


@pytest.mark.parametrize(
    ("port", "version", "held"),
    [
        ("4191", "edge-23.4.3", True),
        ("4999", "edge-23.4.3", False),
        ("4999", "stable-2.13.7", False),
        ("4999", "stable-2.14.10", True),
        ("4999", "edge-25.7.5", True),
    ],
)
def test_a_hook_without_a_port_holds_no_moved_proxy(
    port: str, version: str, held: bool
) -> None:
    marks = {"linkerd.io/proxy-version": version}
    racing = pod(APP, linkerd(), init=[INIT], annotations=marks)
    written = pod(APP, annotations={"config.linkerd.io/admin-port": port})
    found = hold(racing, written)
    assert found.annotations == ({KEY: "enabled"} if held else {})
    assert ("config.linkerd.io/admin-port: 4999" in found.manual) is not held


@pytest.mark.parametrize(
    ("annotations", "version", "bad"),
    [
        ({KEY: "enabled", INJECT: "ingress", GA: "true"}, "2.20.0", set()),
        ({KEY: "true"}, "", {KEY}),
        ({INJECT: "true"}, "", {INJECT}),
        ({GA: "yes"}, "", {GA}),
        ({GA: "true"}, "2.19.0", {GA}),
        ({GA: "true"}, "edge-26.5.2", set()),
        ({BETA: "true"}, "2.18.0", {BETA}),
        ({BETA: "true"}, "enterprise-2.19.0", set()),
        ({ALPHA: "true"}, "2.15.0", set()),
        ({ALPHA: "true"}, "2.14.10", {ALPHA}),
        ({"linkerd.io/proxy-await": "enabled"}, "", {"linkerd.io/proxy-await"}),
        ({"config.linkerd.io/Proxy-Await": "x"}, "", {"config.linkerd.io/Proxy-Await"}),
        ({"config.linkerd.io/proxy-log-level": "info"}, "", set()),
    ],
)
def test_bad_settings(annotations: dict[str, str], version: str, bad: set[str]) -> None:
    assert set(troubles(pod(annotations=annotations), version)) == bad
