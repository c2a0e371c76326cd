"""Whatever a pod says, it is judged: no name, hook or tag ends in a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck import meshes
from kubectl_meshcheck.meshes import MESHES
from kubectl_meshcheck.meshes.reading import is_zero, misspelt, options, parse_bool
from kubectl_meshcheck.model import PodStart, Verdict
from tests.meshes.pods import APP, container, get, hold, judge, pod, troubles, verdict

NAMES = [name for mesh in MESHES for name in mesh.proxies]
NAMES += [f"{prefix}x" for mesh in MESHES for prefix in mesh.proxy_prefixes]
KEYS = [key for mesh in MESHES for key in mesh.template_only] + ["osm-proxy-uuid"]
IMAGES = [
    "",
    "x",
    "a/linkerd/proxy:1.2",
    "b/kuma-dp:" + "9" * 5000,
    "c/proxyv2@sha256:0",
]
IMAGES += ["d/aws-appmesh-envoy:v1", "e/consul-dataplane:1.9", "f/cloud-sql-proxy:2"]
ENV: list[dict[str, str]] = [
    {},
    {"LINKERD_DISABLED": "1"},
    {"APPMESH_X": ""},
    {"CSQL_PROXY_HEALTH_CHECK": "true", "CSQL_PROXY_HTTP_PORT": "x"},
    {"LINKERD2_PROXY_ADMIN_LISTEN_ADDR": ":"},
]
WORDS = st.sampled_from(
    [
        "sh",
        "-c",
        "pilot-agent",
        "wait",
        "linkerd-await",
        "--timeout",
        "--timeout=0s",
        "kuma-dp",
        "--url=http://localhost:1/ready",
        "cloud-sql-proxy",
        "--max",
        "",
        "-",
        "--",
        "'",
        "until",
        "linkerd-await --timeout=2m",
        "\u2028",
        "-e",
    ]
)


@st.composite
def containers(draw: st.DrawFn) -> dict[str, Any]:
    return container(
        draw(st.sampled_from([*NAMES, "app", "vault-agent-init", "linkerd-init", ""])),
        draw(st.sampled_from(IMAGES)),
        hook=draw(st.none() | st.lists(WORDS, max_size=4)),
        startup=draw(st.none() | st.just(get("/ready"))),
        native=draw(st.booleans()),
        args=draw(st.lists(WORDS, max_size=2)),
        env=draw(st.sampled_from(ENV)),
    )


@st.composite
def pods(draw: st.DrawFn) -> PodStart:
    values = st.sampled_from(["true", "enabled", "", "no", "{", "x" * 9])
    marks = st.dictionaries(st.sampled_from(KEYS), values, max_size=3)
    return pod(
        *draw(st.lists(containers(), max_size=4)),
        init=draw(st.lists(containers(), max_size=3)),
        annotations=draw(marks),
        labels=draw(marks),
    )


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(found=pods(), written=pods())
def test_any_pod_is_judged(found: PodStart, written: PodStart) -> None:
    judgement = judge(found)
    assert len(judgement.steps) == len(found.containers)
    meshes.asked(found, None)
    meshes.asked(found, dict(found.labels), dict(found.annotations))
    troubles(found, "1.2.3")
    if judgement.proxy and meshes.mesh_of(judgement.proxy):
        remedy = hold(found, written)
        assert bool(remedy.annotations) is not bool(remedy.manual)


@pytest.mark.parametrize(
    "text", ["0" * 5000 + "!", "9" * 5000, "until curl " + "-f " * 600, "'" * 5000]
)
def test_texts_that_stall_a_careless_pattern_hold_nobody(text: str) -> None:
    """A pattern that goes back over its text again and again would never end here."""
    is_zero(text)
    found = set()
    for name in NAMES:
        env = {"LINKERD2_PROXY_ADMIN_LISTEN_ADDR": text, "APPMESH_X": text}
        hooks = (["sh", "-c", text], ["linkerd-await", f"--timeout={text}"])
        for hook in hooks:
            proxy = container(name, f"linkerd:{text}", hook=hook, env=env)
            found.add(verdict(pod(proxy, APP)))
    list(misspelt({f"linkerd.io/{text}": text}, "linkerd.io", KEYS))

    assert not found & {Verdict.HELD, Verdict.NATIVE}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("true", True), ("T", True), ("1", True), ("0", False), ("False", False)]
    + [(value, None) for value in ("yes", "on", "tRUE", "", None)],
)
def test_booleans_are_go_s(value: str | None, expected: bool | None) -> None:
    assert parse_bool(value) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--a=1", "-b", "2"], {"a": "1", "b": "2"}),
        (["--s", "--a=1", "cmd", "--x"], {"s": "", "a": "1"}),
        (["--", "--x"], {}),
        ([], {}),
        (["--x=1"], None),
        (["--s=1"], None),
        (["-b"], None),
        (["-"], None),
    ],
)
def test_options(words: list[str], expected: dict[str, str] | None) -> None:
    assert options(words, ("a", "b"), ("s",)) == expected


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("0", True),
        ("0s", True),
        ("0m0s", True),
        ("0.0s", True),
        ("10s", False),
        ("1m0s", False),
        ("", False),
        ("soon", False),
    ],
)
def test_durations(duration: str, expected: bool) -> None:
    assert is_zero(duration) is expected
