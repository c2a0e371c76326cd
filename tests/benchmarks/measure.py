"""Commands, run in turns, and a table of them in which the first is the yardstick."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Figures = tuple[float, float, float]  #: wall and CPU seconds, peak MiB
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
    """Whole processes: the median of each, in seconds and MiB.

    On a machine that does other things as well, CPU time is the steadier figure.
    """

    title: str
    wall: float
    cpu: float
    peak: float
    runs: int


def once(command: Command, environment: Mapping[str, str]) -> Figures:
    """Wall and CPU seconds and peak MiB of one run; raises where it did not work."""
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
    if not words or int(words[0]) not in command.codes:
        raise SystemExit(f"{command.title}: {words} {done.stderr}")
    wall, cpu, peak = map(float, words[1:])
    return wall, cpu, peak


def in_turns(
    commands: Sequence[Command], runs: int, environment: Mapping[str, str]
) -> list[Measured]:
    """Each command once to warm up, then all of them in turns."""
    found: dict[str, list[Figures]] = {c.title: [] for c in commands}
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
        Measured(title, *_medians(all_), len(all_)) for title, all_ in found.items()
    ]


def _medians(runs: Sequence[Figures]) -> Figures:
    wall, cpu, peak = (median(figures) for figures in zip(*runs, strict=True))
    return wall, cpu, peak


def table(title: str, measured: Sequence[Measured], yardsticks: int) -> str:
    """Every row beside each of the first ``yardsticks`` rows."""
    sticks = measured[:yardsticks]
    head = "".join(f" {'/ ' + chr(ord('A') + i):>8}" for i in range(len(sticks)))
    lines = [
        f"\n{title}",
        f"{'':47}{'wall s':>9}{'CPU s':>8}{'MiB':>7}{'runs':>6}{head}",
    ]
    for number, one in enumerate(measured):
        mark = f"{chr(ord('A') + number)} " if number < yardsticks else "  "
        ratios = "".join(f" {_ratio(one.wall / stick.wall):>8}" for stick in sticks)
        figures = f"{one.wall:9.3f}{one.cpu:8.3f}{one.peak:7.0f}{one.runs:6}"
        lines.append(f"{mark}{one.title:45}{figures}{ratios}")
    return "\n".join(lines)


def _ratio(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}"
