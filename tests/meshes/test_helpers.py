"""Dapr, Vault agent, Cloud SQL proxy and gcsfuse: no mesh, the same race."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kubectl_meshcheck.meshes import asked, proxies
from kubectl_meshcheck.model import Part, PodStart, Redirect, Role, State, Verdict
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

DAPR = {"dapr.io/enabled": "true"}


def daprd(**more: Any) -> Container:
    return container("daprd", "ghcr.io/dapr/daprd:1.18.3", **more)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (pod(APP, daprd()), Verdict.RACE),
        (pod(daprd(), APP), Verdict.RACE),
        (pod(APP, init=[daprd(native=True)]), Verdict.RACE),
        (
            pod(APP, init=[daprd(native=True, startup=get("/v1.0/healthz", 3501))]),
            Verdict.NATIVE,
        ),
        (pod(APP, init=[daprd(native=True, startup=get("/x"))]), Verdict.UNKNOWN),
        # an old client dropped restartPolicy: it never ends, nothing after it starts
        (pod(APP, init=[daprd()]), Verdict.UNKNOWN),
        (pod(daprd(hook=["sleep", "3"]), APP), Verdict.UNKNOWN),
        (pod(daprd()), Verdict.NONE),
        (pod(container("daprd", "nginx:1"), APP), Verdict.NONE),
    ],
)
def test_dapr_holds_nothing(found: PodStart, expected: Verdict) -> None:
    assert verdict(found) is expected


def test_dapr_is_recognised_by_mark_or_program() -> None:
    mirrored = container("daprd", "mirror/sidecar:1")
    assert judge(pod(APP, mirrored)).proxies == ()
    assert proxy(pod(APP, mirrored, annotations=DAPR)).part is Part.HELPER
    program = container("daprd", "mirror/sidecar:1", command=["/daprd"])
    assert proxy(pod(APP, program)).capture.by is Redirect.NONE


def test_dapr_s_settings() -> None:
    found = asked(pod(annotations=DAPR), None)
    assert found
    assert found[0].name == "dapr"
    assert asked(pod(annotations={"dapr.io/enabled": "no"}), None) is None
    label = asked(pod(labels=DAPR), None)
    assert label
    assert label[1].futile
    native = {"dapr.io/enable-native-sidecar": "true"}
    assert troubles(pod(annotations=native), "1.17.2") == dict.fromkeys(native, False)
    assert troubles(pod(annotations=native), "1.18.0") == {}
    assert "healthz/outbound" in hold(pod(APP, daprd())).manual


# -- Vault -------------------------------------------------------------------

VAULT = "vault.hashicorp.com"
AGENT = container("vault-agent", "hashicorp/vault:1.19.0", lifecycle={})
AGENT_INIT = container("vault-agent-init", "hashicorp/vault:1.19.0")


@pytest.mark.parametrize(
    ("main", "init", "annotations", "expected"),
    [
        ([APP, AGENT], [AGENT_INIT], {}, Verdict.HELD),
        ([APP], [AGENT_INIT], {}, Verdict.HELD),
        ([APP], [container("own", "x"), AGENT_INIT], {}, Verdict.HELD),
        ([APP, AGENT], [], {}, Verdict.RACE),
        ([AGENT, APP], [], {}, Verdict.RACE),
        ([APP, AGENT], [AGENT_INIT], {"agent-cache-enable": "true"}, Verdict.RACE),
        ([APP, AGENT], [AGENT_INIT], {"agent-cache-enable": "1"}, Verdict.RACE),
        ([APP, AGENT], [AGENT_INIT], {"agent-cache-enable": "false"}, Verdict.HELD),
        ([APP], [AGENT_INIT], {"agent-cache-enable": "true"}, Verdict.HELD),
        ([APP, AGENT], [AGENT_INIT], {"agent-configmap": "mine"}, Verdict.UNKNOWN),
        ([APP], [AGENT_INIT], {"agent-configmap": "mine"}, Verdict.HELD),
        ([APP, {**AGENT, "image": "x"}], [], {"role": "app"}, Verdict.RACE),
        ([APP, {**AGENT, "image": "x"}], [], {}, Verdict.NONE),
    ],
)
def test_vault_holds_files_and_not_its_listener(
    main: list[Container],
    init: list[Container],
    annotations: dict[str, str],
    expected: Verdict,
) -> None:
    marks = {f"{VAULT}/{key}": value for key, value in annotations.items()}
    assert verdict(pod(*main, init=init, annotations=marks)) is expected


def test_vault_s_remedy_is_for_files_only() -> None:
    key = f"{VAULT}/agent-pre-populate"
    files = pod(APP, AGENT, annotations={key: "false"})
    assert hold(files).annotations == {key: "true"}
    listener = pod(
        APP, AGENT, init=[AGENT_INIT], annotations={f"{VAULT}/agent-cache-enable": "t"}
    )
    assert "127.0.0.1:8200" in hold(listener).manual
    assert not hold(listener).annotations


@pytest.mark.parametrize(
    ("annotations", "wanted", "futile"),
    [
        ({}, False, False),
        ({"agent-inject": "true"}, True, False),
        ({"agent-inject": "false"}, False, False),
        ({"agent-inject": "yes"}, True, True),
        ({"agent-inject": "true", "agent-inject-status": "injected"}, True, True),
        ({"agent-inject": "true", "agent-inject-status": "update"}, True, False),
    ],
)
def test_who_asks_for_vault(
    annotations: dict[str, str], wanted: bool, futile: bool
) -> None:
    marks = {f"{VAULT}/{key}": value for key, value in annotations.items()}
    found = asked(pod(annotations=marks), None)
    assert bool(found) is wanted
    if found:
        assert bool(found[1].futile) is futile


def test_vault_s_bad_settings() -> None:
    key = f"{VAULT}/agent-pre-populate"
    assert troubles(pod(annotations={key: "yes"})) == {key: True}
    near = f"{VAULT}/agent-prepopulate"
    assert troubles(pod(annotations={near: "true"})) == {near: False}
    fine = {f"{VAULT}/agent-inject-secret-db": "x", f"{VAULT}/agent-inject-token": "t"}
    assert troubles(pod(annotations=fine)) == {}


# -- Cloud SQL ---------------------------------------------------------------

IMAGE = "gcr.io/cloud-sql-connectors/cloud-sql-proxy:2.14.1"
WAIT = ("/cloud-sql-proxy", "wait", "--max", "30s")


def test_a_proxy_that_is_configured_by_its_environment() -> None:
    on = {"CSQL_PROXY_HEALTH_CHECK": "true"}
    proxy = container("cloud-sql-proxy", IMAGE, hook=WAIT, env=on)
    assert verdict(pod(proxy, APP)) is Verdict.HELD
    moved = container("p", IMAGE, hook=WAIT, env={**on, "CSQL_PROXY_HTTP_PORT": "9801"})
    assert verdict(pod(moved, APP)) is Verdict.UNKNOWN
    last = container("p", IMAGE, hook=WAIT, env=on, args=["--http-port"])
    assert verdict(pod(last, APP)) is Verdict.UNKNOWN


def test_a_copy_of_the_proxy_under_another_image_is_known_by_its_name() -> None:
    copy = container("cloudsql-proxy", "registry.test/db/cloudsql-proxy:1.33.1")
    assert verdict(pod(APP, copy)) is Verdict.RACE
    other = container("cloudsql-proxy", "registry.test/db/pgbouncer:1")
    assert verdict(pod(APP, other)) is Verdict.NONE


def cloudsql(
    *args: str, name: str = "cloud-sql-proxy", image: str = IMAGE, **more: Any
) -> Container:
    return container(name, image, args=["--port=5432", "p:r:i", *args], **more)


@pytest.mark.parametrize(
    ("args", "hook", "expected"),
    [
        (["--health-check"], WAIT, Verdict.HELD),
        (["--health-check=true", "--http-port", "9090"], WAIT[:2], Verdict.HELD),
        (["--health-check", "--http-port=9801"], WAIT, Verdict.UNKNOWN),
        (
            ["--health-check", "--http-port=9801"],
            (*WAIT, "--http-port=9801"),
            Verdict.HELD,
        ),
        # one word with a space, as in Google's own examples
        (["--health-check", "--http-port 9801"], (*WAIT, "--http-port=9801"), "HELD"),
        ([], WAIT, Verdict.UNKNOWN),
        (["--health-check=false"], WAIT, Verdict.UNKNOWN),
        (["--health-check"], (*WAIT[:2], "--max=0s"), Verdict.UNKNOWN),
        (["--health-check"], (*WAIT, "--nonesuch"), Verdict.UNKNOWN),
        (["--health-check"], ("sh", "-c", " ".join(WAIT)), Verdict.HELD),
        (["--health-check"], ("sleep", "5"), Verdict.UNKNOWN),
        (["--health-check"], None, Verdict.RACE),
    ],
)
def test_cloudsql_s_wait_needs_somebody_who_answers(
    args: list[str], hook: Sequence[str] | None, expected: Verdict | str
) -> None:
    assert verdict(pod(cloudsql(*args, hook=hook), APP)) is Verdict(expected)
    assert verdict(pod(APP, cloudsql(*args, hook=hook))) is Verdict.RACE


def test_cloudsql_s_wait_came_with_2_8() -> None:
    old = cloudsql("--health-check", image=IMAGE[:-6] + "2.7.2", hook=WAIT)
    assert verdict(pod(old, APP)) is Verdict.UNKNOWN
    env = {"CSQL_PROXY_HEALTH_CHECK": "true", "CSQL_PROXY_HTTP_PORT": "9801"}
    told = (*WAIT, "--http-port=9801")
    assert verdict(pod(cloudsql(env=env, hook=told), APP)) is Verdict.HELD


@pytest.mark.parametrize(
    ("startup", "expected"),
    [
        (get("/startup", 9090), Verdict.NATIVE),
        (get("/readiness", 9090), Verdict.NATIVE),
        ({"tcpSocket": {"port": 5432}}, Verdict.NATIVE),
        (get("/liveness", 9090), Verdict.UNKNOWN),
        (run("true"), Verdict.UNKNOWN),
        (None, Verdict.RACE),
    ],
)
def test_cloudsql_as_a_native_sidecar(
    startup: Mapping[str, Any] | None, expected: Verdict
) -> None:
    native = cloudsql(native=True, startup=startup)
    assert verdict(pod(APP, init=[native])) is expected
    assert verdict(pod(cloudsql(startup=startup), APP)) is Verdict.RACE


@pytest.mark.parametrize(
    ("found", "ours"),
    [
        (cloudsql(name="db"), True),
        (cloudsql(name="db", image="mirror/gce-proxy:1.33"), True),
        (cloudsql(name="csql-default-db", image="mirror/x"), False),
        (
            cloudsql(
                name="csql-default-db", image="x", env={"CSQL_PROXY_QUITQUITQUIT": "1"}
            ),
            True,
        ),
        (container("cloudsql-proxy", "x", command=["/cloud_sql_proxy", "-i=x"]), True),
        (container("cloud-sql-proxy", "nginx:1"), False),
    ],
)
def test_cloudsql_is_recognised_by_what_it_runs(found: Container, ours: bool) -> None:
    assert bool(proxies(pod(APP, found))) is ours


def test_cloudsql_s_remedy_depends_on_who_wrote_it() -> None:
    operator = pod(APP, cloudsql(name="csql-default-db"))
    assert "upgrade the Cloud SQL Proxy Operator" in hold(operator, pod()).manual
    assert "list db first" in hold(pod(APP, cloudsql(name="db"))).manual
    native = pod(APP, init=[cloudsql(native=True)])
    assert "startupProbe" in hold(native).manual


# -- gcsfuse -----------------------------------------------------------------

GCSFUSE = container(
    "gke-gcsfuse-sidecar", "gke.gcr.io/gcs-fuse-csi-driver-sidecar-mounter:v1.22.6"
)
PREFETCH = container("gke-gcsfuse-metadata-prefetch", "gke.gcr.io/prefetch:v1")


def test_gcsfuse_is_started_only() -> None:
    native = {**GCSFUSE, "restartPolicy": "Always"}
    assert verdict(pod(GCSFUSE, APP)) is Verdict.RACE
    found = pod(APP, init=[native, {**PREFETCH, "restartPolicy": "Always"}])
    assert verdict(found) is Verdict.RACE
    assert states(found)["gke-gcsfuse-metadata-prefetch"] is State.HELPER
    assert verdict(pod({**GCSFUSE, "image": "nginx"}, APP)) is Verdict.NONE
    marked = {"gke-gcsfuse/volumes": "true"}
    mirrored = pod({**GCSFUSE, "image": "m/x"}, APP, annotations=marked)
    assert proxy(mirrored).ends_jobs
    assert "blocks" in hold(mirrored).manual


def test_gcsfuse_s_settings() -> None:
    found = asked(pod(annotations={"gke-gcsfuse/volumes": "true"}), None)
    assert found
    assert found[0].name == "gcsfuse"
    assert asked(pod(annotations={"gke-gcsfuse/volumes": "false"}), None) is None
    assert troubles(pod(annotations={"gke-gcsfuse/volumes": "yes"}))
    assert troubles(pod(annotations={"gke-gcsfuse/volume": "true"}))
    assert not troubles(pod(annotations={"gke-gcsfuse/cpu-limit": "1"}))


# -- several in one pod ------------------------------------------------------

LINKERD = container(
    "linkerd-proxy",
    "cr.l5d.io/linkerd/proxy:stable-2.14.10",
    hook=["/usr/lib/linkerd/linkerd-await", "--timeout=2m"],
)
LINKERD_INIT = container("linkerd-init", "cr.l5d.io/linkerd/proxy-init:v2")


@pytest.mark.parametrize("helper", [GCSFUSE, cloudsql(), daprd(), AGENT])
def test_a_helper_before_the_mesh_s_proxy_is_no_application(helper: Container) -> None:
    found = judge(pod(helper, LINKERD, APP, init=[LINKERD_INIT]))
    assert found.verdict is Verdict.HELD
    assert found.proxy
    assert found.proxy.mesh == "linkerd"
    # and is judged on its own all the same
    (other,) = found.others
    assert other.verdict is Verdict.RACE
    assert other.named(State.EXPOSED) == ("app",)
    assert [p.mesh for p in found.found] == ["linkerd", other.proxies[0].mesh]


def test_a_held_helper_beside_a_mesh_that_holds_nothing() -> None:
    found = judge(pod(APP, AGENT, {**LINKERD, "lifecycle": {}}, init=[AGENT_INIT]))
    assert found.verdict is Verdict.RACE
    assert [other.verdict for other in found.others] == [Verdict.HELD]


def test_the_vault_agent_s_init_container_has_no_network_in_a_mesh() -> None:
    for main in ([LINKERD, APP, AGENT], [LINKERD, APP]):
        late = pod(*main, init=[LINKERD_INIT, AGENT_INIT])
        assert states(late)["vault-agent-init"] is State.EXPOSED
        early = pod(*main, init=[AGENT_INIT, LINKERD_INIT])
        assert states(early)["vault-agent-init"] is State.FREE
        assert verdict(late) is verdict(early) is Verdict.HELD


def test_two_helpers_without_a_mesh_both_count() -> None:
    found = judge(pod(APP, AGENT, cloudsql(), init=[AGENT_INIT]))
    assert found.verdict is Verdict.RACE
    assert {p.mesh for p in found.proxies} == {"vault", "cloudsql"}
    native = cloudsql(native=True, startup=get("/startup", 9090))
    both = judge(pod(APP, AGENT, init=[native, AGENT_INIT]))
    assert both.verdict is Verdict.HELD
    assert [p.native for p in both.proxies] == [True, False]
    assert both.steps[0].container.role is Role.NATIVE
