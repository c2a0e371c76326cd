"""How many processors a control group leaves to a process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from kubectl_meshcheck import processors, twin

#: files under /sys/fs/cgroup as the kernel writes them, /proc/self/cgroup, the limits
_GROUPS = {
    "a container that sees itself at the top": (
        {"cpu.max": "150000 100000\n"},
        "0::/\n",
        [1.5],
    ),
    "no limit": ({"cpu.max": "max 100000\n"}, "0::/\n", []),
    "the host's top has no such file": ({}, "0::/user.slice\n", []),
    "a group and the one above it": (
        {"pods/cpu.max": "400000 100000\n", "pods/one/cpu.max": "50000 100000\n"},
        "0::/pods/one\n",
        [4.0, 0.5],
    ),
    "the host's path, which is not mounted": (
        {"cpu.max": "100000 100000\n"},
        "0::/../../kubepods/pod1/c1\n",
        [1.0],
    ),
    "version 1": (
        {"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"},
        "3:cpu,cpuacct:/docker/abc\n2:cpuset:/\n",
        [2.0],
    ),
    "version 1 without a limit": (
        {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
        "1:cpu:/\n",
        [],
    ),
    "both versions beside each other": (
        {
            "cpu/a/cpu.cfs_quota_us": "10000\n",
            "cpu/a/cpu.cfs_period_us": "100000\n",
            "cpuset/a/cpu.cfs_quota_us": "1\n",
        },
        "4:cpuset:/a\n3:cpu:/a\n0::/a\n",
        [0.1],
    ),
    "what nobody can read": (
        {"cpu.max": "soon\n", "a/cpu.max": "0 0\n", "a/b/cpu.max": "1 2 3\n"},
        "0::/a/b\nno line of it\n",
        [],
    ),
}


@pytest.mark.parametrize("name", _GROUPS)
def test_a_limit_is_found_where_it_is_written(name: str, tmp_path: Path) -> None:
    files, own, expected = _GROUPS[name]
    for path, text in files.items():
        file = tmp_path / "cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "own").write_text(own)
    found = processors.limits(str(tmp_path / "cgroup"), str(tmp_path / "own"))
    assert list(found) == expected


def test_where_there_are_no_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert list(processors.limits(str(tmp_path), str(tmp_path / "none"))) == []


@pytest.mark.parametrize(
    ("limits", "usable", "copies"),
    [
        ([], 9, 3),
        ([2.0], 2, 1),
        ([4.0, 1.5], 2, 1),  # half a processor more is worth a copy
        ([1.0], 1, 0),
        ([0.1], 1, 0),
    ],
)
def test_nobody_is_copied_for_processors_that_a_limit_takes_away(
    limits: list[float],
    usable: int,
    copies: int,
    many: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processors, "limits", lambda: iter(limits))
    assert processors.usable() == usable
    assert twin._possible() == copies


@pytest.mark.skipif(sys.platform != "linux", reason="the affinity is Linux'")
def test_this_process_has_a_processor() -> None:
    assert 1 <= processors.usable() <= len(os.sched_getaffinity(0))
