"""Commands, run in turns, and a table of them in which the first is the yardstick."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

METER = str(Path(__file__).parent / "meter.py")


@dataclass(frozen=True)
class Command:
    """One row of a table."""

    title: str
    words: tuple[str, ...]
    codes: tuple[int, ...] = (0,)  #: how it may end
    runs: int = 0  #: at most; 0: as many as the others


@dataclass(frozen=True)
class Measured:
    """Whole processes: the median of each, in seconds and MiB."""

    title: str
    wall: float
    peak: float
    runs: int


def once(command: Command, environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall seconds and peak MiB of one run; raises where it did not work."""
    read, write = os.pipe()
    # descriptor 3 is the meter's own way to tell
    script = f'exec 3>&{write}; exec "$@"'
    meter = [sys.executable, "-I", "-S", METER, *command.words]
    done = subprocess.run(
        ["bash", "-c", script, "meter", *meter],
        pass_fds=[write],
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment),
        check=False,
    )
    os.close(write)
    with os.fdopen(read) as told:
        words = told.read().split()
    if len(words) != 3 or int(words[2]) not in command.codes:
        raise SystemExit(f"{command.title}: {words[2:]} {done.stderr}")
    return float(words[0]), int(words[1]) / 1024


def in_turns(
    commands: Sequence[Command], runs: int, environment: Mapping[str, str]
) -> list[Measured]:
    """Each command once to warm up, then all of them in turns."""
    found: dict[str, list[tuple[float, float]]] = {c.title: [] for c in commands}
    for turn in range(-1, runs):
        for command in commands:
            if turn >= (command.runs or runs):
                continue
            if turn < 0 and command.runs == 1:
                continue  # too dear to be run for nothing
            measured = once(command, environment)
            if turn >= 0:
                found[command.title].append(measured)
    return [
        Measured(title, _median(all_, 0), _median(all_, 1), len(all_))
        for title, all_ in found.items()
    ]


def _median(runs: Sequence[tuple[float, float]], which: int) -> float:
    return median(run[which] for run in runs)


def table(title: str, measured: Sequence[Measured], yardsticks: int) -> str:
    """Every row beside each of the first ``yardsticks`` rows."""
    sticks = measured[:yardsticks]
    head = "".join(f" {'/ ' + chr(ord('A') + i):>8}" for i in range(len(sticks)))
    lines = [f"\n{title}", f"{'':47}{'wall s':>9}{'MiB':>7}{'runs':>6}{head}"]
    for number, one in enumerate(measured):
        mark = f"{chr(ord('A') + number)} " if number < yardsticks else "  "
        ratios = "".join(f" {_ratio(one.wall / stick.wall):>8}" for stick in sticks)
        wall, peak = f"{one.wall:9.3f}", f"{one.peak:7.0f}"
        lines.append(f"{mark}{one.title:45}{wall}{peak}{one.runs:6}{ratios}")
    return "\n".join(lines)


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
