"""A pod's start as a chart and on a terminal: whole pictures, and any times at all.

Left out: HTML and Markdown, which show the same chart.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck import hearing
from kubectl_meshcheck.hearing import Wanted
from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.report.timeline import chart
from kubectl_meshcheck.report.timeline_text import lines
from kubectl_meshcheck.workload import Subject
from tests.evidence.pods import (
    REFUSED,
    Json,
    crashed,
    died,
    pod,
    running,
    subject,
    waiting,
)

PLAIN = View(ascii=True)
INIT = {
    "name": "istio-init",
    "restartCount": 0,
    "state": {"terminated": died(1, 2, 0)},
}


def started(*statuses: Json, held: bool = False) -> Subject:
    """A pod with its init container's status too."""
    found = pod(*statuses, held=held)
    found["status"]["initContainerStatuses"] = [INIT]
    return subject(found)


def drawn(found: Subject, view: View = PLAIN) -> list[str]:
    """The picture, line by line."""
    made = chart(found)
    assert made is not None
    return list(lines(made, view))


def test_a_crash_before_the_proxy_was_started() -> None:
    app = crashed("app", died(3, 4, message=REFUSED), since=9)
    assert drawn(started(app, running("istio-proxy", 6))) == [
        "               0s         2s          4s          6s          8s",
        "  istio-init        ######",
        "  app                           ######x                             ######"
        "  exit 1",
        "  istio-proxy                                     ========================"
        "  ready, since unknown",
        "                                      <-----------> "
        "about 2s before proxy start",
    ]


def test_a_proxy_that_was_waited_for() -> None:
    told = started(running("istio-proxy", 4), running("app", 9), held=True)
    assert drawn(told, View(width=80, ascii=True)) == [
        "               0s                 5s",
        "  istio-init      ####",
        "  istio-proxy                 ::::::::::::::::::::####",
        "  app                                             ####",
        "                              <-------------------> waited about 5s",
    ]


def test_a_hook_that_failed_says_nothing_of_readiness() -> None:
    proxy = waiting("istio-proxy", "PostStartHookError") | {
        "lastState": {"terminated": died(4, 64, 0)}
    }
    picture = drawn(started(proxy, running("app", 65), held=True))
    assert picture[2].split()[-1] == "PostStartHookError"
    assert ":" not in picture[2]


def test_logs_make_it_exact() -> None:
    loop = waiting("app", "CrashLoopBackOff", restartCount=3) | {
        "lastState": {"terminated": died(58, 59)}
    }

    def read(wanted: Wanted) -> str:
        if wanted.container == "app":
            return f"2024-05-14T10:00:59.120Z {REFUSED}"
        return "2024-05-14T10:01:01.930Z Envoy proxy is ready"

    told, _ = hearing.listen([started(loop, running("istio-proxy", 5))], read)
    made = chart(told[0])
    assert made is not None
    assert made.distance is not None
    assert made.distance.text == "2.8s before proxy ready"
    assert made.sources == ("statuses, to the second", "logs, exact")
    assert [lane.note for lane in made.lanes] == [
        "",
        "exit 1; others not kept",
        "ready at 10:01:01.930",
    ]


NOTHING = {
    "no proxy": subject(pod() | {"spec": {"containers": [{"name": "app"}]}}),
    "no times": started(waiting("app", "x"), waiting("istio-proxy", "x")),
    "no statuses": subject(pod()),
}


@pytest.mark.parametrize("case", NOTHING)
def test_no_chart_where_nothing_is_known(case: str) -> None:
    assert chart(NOTHING[case]) is None


def test_colours_change_no_sign() -> None:
    told = started(running("istio-proxy", 4), running("app", 9), held=True)
    coloured = drawn(told, View(ascii=True, color=True))
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == drawn(told)
    assert coloured != drawn(told)


_SECONDS = st.none() | st.integers(0, 3000)
_NAMES = st.text(max_size=40)


@settings(deadline=None)
@given(_SECONDS, _SECONDS, _SECONDS, _SECONDS, st.integers(0, 3), _NAMES, st.booleans())
def test_any_times_make_a_picture_that_fits(
    begun: int | None,
    ended: int | None,
    app: int | None,
    proxy: int | None,
    restarts: int,
    reason: str,
    held: bool,
) -> None:
    told = running("app", app, restarts) | {
        "lastState": {"terminated": died(begun, ended, reason=reason, message=reason)}
    }
    made = chart(started(told, running("istio-proxy", proxy, restarts), held=held))
    if made is None:
        return
    for view in (View(width=80, ascii=True), View(width=200)):
        for line in lines(made, view):
            assert len(line) <= view.width
            assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line)
