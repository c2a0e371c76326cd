"""What container statuses prove, against and for; rules of kubernetes' kubelet.

Left out: several proxies in one pod, which share these rules.
"""

from __future__ import annotations

import pytest

from kubectl_meshcheck import evidence, scan
from kubectl_meshcheck.evidence import Gap
from kubectl_meshcheck.scan import why
from tests.evidence.pods import (
    REFUSED,
    Json,
    crashed,
    died,
    pod,
    running,
    subject,
    subjects,
    waiting,
)

PROXY = running("istio-proxy", 20)
AGAIN = running("istio-proxy", 20, restarts=1)
ONCE, THRICE = 1, 3


def told(*statuses: Json, held: bool = False) -> list[tuple[str, str, str]]:
    """Kind, strength and words of the evidence in a pod with these statuses."""
    found = evidence.of(subject(pod(*statuses, held=held)))
    return [(e.kind.value, e.strength.value, e.text) for e in found]


CRASHES: dict[str, tuple[Json, Json, str, str]] = {
    "before": (died(18, 19), PROXY, "strong", "exit 1, about 1s before proxy start"),
    "together": (
        died(18, 20),
        PROXY,
        "strong",
        "exit 1, within about 1s of proxy start",
    ),
    # kumahq/kuma#3628: the application starts after the proxy, and still dies
    "just after": (died(21, 21), PROXY, "strong", "exit 1, about 1s after proxy start"),
    "last second": (
        died(21, 25),
        PROXY,
        "strong",
        "exit 1, about 5s after proxy start",
    ),
    "much later": (died(21, 26), PROXY, "weak", "exit 1"),
    "proxy restarted": (died(18, 19), AGAIN, "weak", "exit 1"),
    "no times": (died(None, None), PROXY, "weak", "exit 1"),
    "no proxy time": (died(18, 19), running("istio-proxy"), "weak", "exit 1"),
    "reversed": (died(19, 18), PROXY, "weak", "exit 1"),
    "out of memory": (
        died(18, 19, 137, reason="OOMKilled"),
        PROXY,
        "weak",
        "exit 137",
    ),
    "no such program": (died(18, 19, 127), PROXY, "weak", "exit 127"),
    "no such user": (died(18, 19, 128, reason="StartError"), PROXY, "weak", "exit 128"),
    "refused": (
        died(40, 41, message=f"starting\n{REFUSED}\nbye"),
        PROXY,
        "strong",
        "connection refused, about 21s after proxy start",
    ),
    "refused without times": (
        died(None, None, message=REFUSED),
        PROXY,
        "strong",
        "connection refused",
    ),
    "refused, proxy restarted": (
        died(40, 41, message=REFUSED),
        AGAIN,
        "weak",
        "connection refused",
    ),
    "refused by itself": (
        died(40, 41, message="dial tcp 127.0.0.1:80: connect: connection refused"),
        PROXY,
        "weak",
        "dial tcp 127.0.0.1:80: connect: connection refused",
    ),
    "last words": (
        died(40, 41, message="one\ntoken=abc given\n\n"),
        PROXY,
        "weak",
        "token=*** given",
    ),
}


@pytest.mark.parametrize("case", CRASHES)
def test_a_crash_beside_a_proxy_that_holds_nobody(case: str) -> None:
    run, proxy, strength, words = CRASHES[case]
    found = told(crashed("app", run, THRICE), proxy)
    assert found == [("crash", strength, f"crashed 3x: {words}")]


def test_an_end_that_was_no_error_is_no_crash() -> None:
    assert told(crashed("app", died(18, 19, 0, message=REFUSED)), PROXY) == []


def test_a_run_that_is_over_counts_once() -> None:
    over = {
        "name": "app",
        "restartCount": 0,
        "state": {"terminated": died(18, 19)},
    }
    words = "crashed 1x: exit 1, about 1s before proxy start"
    assert told(over, PROXY) == [("crash", "strong", words)]


def test_the_latest_run_counts_before_the_one_before() -> None:
    over = crashed("app", died(2, 3), THRICE)
    over["state"] = {"terminated": died(40, 41, message=REFUSED)}
    words = "crashed 3x: connection refused, about 21s after proxy start"
    assert told(over, PROXY) == [("crash", "strong", words)]


EXPOSURES = {
    (17, 20): [("exposure", "weak", "started about 3s before istio-proxy")],
    (20, 20): [
        (
            "exposure",
            "weak",
            "started within about 1s of istio-proxy, without waiting for it",
        )
    ],
    (21, 20): [],
    (None, 20): [],
}


@pytest.mark.parametrize("times", EXPOSURES, ids=str)
def test_a_start_before_the_proxy_that_went_well(times: tuple[int | None, int]) -> None:
    app, proxy = times
    found = told(running("app", app), running("istio-proxy", proxy))
    assert found == EXPOSURES[times]


def test_a_proxy_that_started_again_says_nothing_about_the_first_start() -> None:
    assert told(running("app", 2), AGAIN) == []
    assert told(AGAIN, running("app", 2), held=True) == []


def test_holding_is_measured() -> None:
    found = told(running("istio-proxy", 4), running("app", 9), held=True)
    assert found == [("holding", "against", "waited about 5s for istio-proxy")]


HOOK = "postStart hook failed (pilot-agent wait), and app was started all the same"


@pytest.mark.parametrize(
    "reason", ["PostStartHookError", "PostStartHookError: Exec lifecycle hook ([x])"]
)
def test_a_hook_that_failed_now(reason: str) -> None:
    proxy = waiting("istio-proxy", reason, "exited with 1: token=abc")
    found = subject(pod(proxy, running("app", 65), held=True))
    [hook] = evidence.of(found)
    assert (hook.kind.value, hook.strength.value, hook.text, hook.quote) == (
        "hook",
        "strong",
        HOOK,
        "exited with 1: token=***",
    )
    assert why(found) == HOOK


GAVE_UP = {
    "at once": (died(4, 64), running("app", 64), [("hook", "weak", HOOK)]),
    "a second later": (died(4, 64), running("app", 65), [("hook", "weak", HOOK)]),
    "before the end": (died(4, 64), running("app", 30), []),
    "much later": (died(4, 64), running("app", 90), []),
    "a proxy that died early": (died(4, 8), running("app", 8), []),
    "an app that died too": (died(4, 64), running("app", 64, restarts=1), []),
}


@pytest.mark.parametrize("case", GAVE_UP)
def test_a_hook_that_gave_up_earlier(case: str) -> None:
    run, app, expected = GAVE_UP[case]
    assert told(crashed("istio-proxy", run), app, held=True) == expected


def test_an_init_container_that_was_refused() -> None:
    found = pod(waiting("app", "PodInitializing"), waiting("istio-proxy", "x"))
    found["spec"]["initContainers"].append({"name": "migrate", "image": "m:1"})
    run = died(3, 4, message=REFUSED)
    found["status"]["initContainerStatuses"] = [crashed("migrate", run, THRICE)]
    [crash] = evidence.of(subject(found))
    assert (crash.container, crash.text) == (
        "migrate",
        "crashed 3x: connection refused",
    )


def test_the_pod_that_shows_most_is_kept_of_a_group() -> None:
    lucky = pod(crashed("app", died(40, 41), 9), PROXY, name="a", owner="cart")
    proof = pod(crashed("app", died(18, 19), 2), PROXY, name="b", owner="cart")
    healthy = pod(running("app", 2), PROXY, name="c", owner="cart")
    for order in ([lucky, proof, healthy], [healthy, proof, lucky]):
        found = subject(*order)
        [crash] = evidence.of(found)
        assert (crash.pod, crash.text, found.restarts) == (
            "b",
            "crashed 2x: exit 1, about 1s before proxy start",
            11,
        )


def test_what_hurts_most_comes_first() -> None:
    rows = scan.scan(
        subjects(
            pod(running("app", 18), PROXY, name="exposed"),
            pod(running("istio-proxy", 4), running("app", 9), name="held", held=True),
            pod(crashed("app", died(40, 41)), PROXY, name="crashed"),
            pod(crashed("app", died(18, 19)), PROXY, name="proof"),
            pod(
                waiting("istio-proxy", "PostStartHookError"),
                running("app", 65),
                name="hook",
                held=True,
            ),
        )
    ).rows
    assert [row.subject.ref.name for row in rows] == [
        "proof",
        "crashed",
        "hook",
        "exposed",
        "held",
    ]


GAPS = {
    Gap(2.8123, "ready", exact=True): "2.8s before proxy ready",
    Gap(0.041, "ready", exact=True): "41ms before proxy ready",
    Gap(-1.5, "ready", exact=True): "1.5s after proxy ready",
    Gap(3): "about 3s before proxy start",
    Gap(-3): "about 3s after proxy start",
    Gap(0): "within about 1s of proxy start",
}


@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_a_gap_is_never_more_precise_than_its_source(gap: Gap) -> None:
    assert str(gap) == GAPS[gap]
