"""The demo tells the crash, the gap and the picture by itself.

Left out: why the mesh decided so, which the tests of settings hold.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

TOLD = [
    "crashed 3x: connection refused, 2.8s before proxy ready",
    "dial tcp 10.14.228.89:9825: connect: connection refused",
    "Start of fireboom-6d8f9c7b54-x7k2p, 0s is 09:13:36 UTC",
    "ready at 09:14:20.930",
    "times from statuses, to the second; logs, exact",
    "MC011 crashed-in-the-gap",
]


def demo(*words: str, encoding: str = "utf-8") -> str:
    """What the demo prints on a stream of that encoding."""
    ran = subprocess.run(
        [sys.executable, "-m", "kubectl_meshcheck", "demo", *words],
        capture_output=True,
        env={"PYTHONIOENCODING": encoding},
        check=True,
    )
    return ran.stdout.decode(encoding)


@pytest.mark.parametrize("part", TOLD)
def test_the_demo_tells(part: str) -> None:
    assert part in demo()


def test_a_stream_without_blocks_gets_plain_signs() -> None:
    assert "2.8s before proxy ready" in demo(encoding="ascii")
    assert "\u2591" in demo()


@pytest.mark.parametrize("output", ["markdown", "html", "sarif", "junit"])
def test_every_format_tells_the_gap(output: str) -> None:
    told = demo("-o", output)
    assert "crashed 3x: connection refused, 2.8s before proxy ready" in told
    # the recorded log holds a password on a line that nobody has to see
    assert "changeme" not in told


def test_the_evidence_in_json() -> None:
    report = json.loads(demo("-o", "json"))
    evidence = report["workloads"][0]["evidence"][0]
    seen = (evidence["kind"], evidence["gapSeconds"], evidence["gapTo"])
    assert (seen, evidence["exact"]) == (("crash", 2.813, "proxy ready"), True)
