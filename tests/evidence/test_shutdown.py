"""MC008: when an application outlives its proxy, and when nothing is said.

Left out: what an application does after SIGTERM, which no pod tells.
"""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.checks import proxy_stops_first
from kubectl_meshcheck.meshes.hooks import sleeps
from kubectl_meshcheck.model import Handler
from tests.evidence.pods import Json, pod, subject

SLEEP = {"preStop": {"exec": {"command": ["sleep", "15"]}}}
LONG = "sleeps for 15s when the pod ends, istio-proxy is gone after 5s"


def said(app: Json, proxy: Json | None = None, native: bool = False) -> list[str]:
    """What the check says of a pod with these additions to its containers."""
    found = pod(held=True)
    containers = found["spec"]["containers"]
    containers[0] |= proxy or {}
    containers[1] |= {"lifecycle": app}
    if native:
        sidecar = containers.pop(0) | {"restartPolicy": "Always", "lifecycle": {}}
        found["spec"]["initContainers"].append(sidecar)
    return [one.message for one in proxy_stops_first.find(subject(found))]


def env(**values: str) -> dict[str, Any]:
    """A container's environment."""
    return {"env": [{"name": name, "value": value} for name, value in values.items()]}


CASES: dict[str, tuple[Json, Json, list[str]]] = {
    "longer than the proxy's drain": (SLEEP, {}, [LONG]),
    "a shell": (
        {"preStop": {"exec": {"command": ["sh", "-c", "sleep 15; nginx -s quit"]}}},
        {},
        [LONG],
    ),
    "the kubelet's own sleep": ({"preStop": {"sleep": {"seconds": 15}}}, {}, [LONG]),
    "shorter": ({"preStop": {"sleep": {"seconds": 5}}}, {}, []),
    "no hook": ({}, {}, []),
    "a hook that cannot be judged": (
        {"preStop": {"exec": {"command": ["/drain.sh"]}}},
        {},
        [],
    ),
    "the proxy waits for its connections": (
        SLEEP,
        env(EXIT_ON_ZERO_ACTIVE_CONNECTIONS="true"),
        [],
    ),
    "the same in its configuration": (
        SLEEP,
        env(
            PROXY_CONFIG='{"proxyMetadata":{"EXIT_ON_ZERO_ACTIVE_CONNECTIONS":"true"}}'
        ),
        [],
    ),
    "the proxy drains for longer": (
        SLEEP,
        env(PROXY_CONFIG='{"terminationDrainDuration":"1m30s"}'),
        [],
    ),
    "the proxy drains, but not for long enough": (
        SLEEP,
        env(PROXY_CONFIG='{"terminationDrainDuration":"10s"}'),
        [LONG.replace("after 5s", "after 10s")],
    ),
    "an old proxy drains for longer": (
        SLEEP,
        env(TERMINATION_DRAIN_DURATION_SECONDS="20"),
        [],
    ),
    "a drain that cannot be read": (
        SLEEP,
        env(PROXY_CONFIG='{"terminationDrainDuration":7}'),
        [],
    ),
    "a configuration that cannot be read": (SLEEP, env(PROXY_CONFIG="{"), [LONG]),
    "the proxy sleeps too": (SLEEP, {"lifecycle": SLEEP}, []),
    "the proxy has a hook that cannot be judged": (
        SLEEP,
        {"lifecycle": {"preStop": {"exec": {"command": ["/wait.sh"]}}}},
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_classic(case: str) -> None:
    app, proxy, expected = CASES[case]
    assert said(app, proxy) == expected


def test_a_native_sidecar_ends_last() -> None:
    assert said(SLEEP, native=True) == []


SLEEPS = {
    ("sleep", "5"): 5.0,
    ("/bin/sleep", "5s"): 5.0,
    ("sh", "-c", "sleep 2.5 && kill -QUIT 1"): 2.5,
    ("sh", "-c", "kill 1; sleep 5"): None,
    ("sleep", "5m"): None,
    ("sleep", "infinity"): None,
    (): None,
}


@pytest.mark.parametrize("command", SLEEPS, ids=str)
def test_sleeps(command: tuple[str, ...]) -> None:
    assert sleeps(Handler("exec", command=command)) == SLEEPS[command]
