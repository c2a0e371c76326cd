"""Shows a rollout: a bar over its pods on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys

import click

from kubectl_meshcheck.apply.progress import Progress
from kubectl_meshcheck.report.fixing import name
from kubectl_meshcheck.report.text import cut, safe
from kubectl_meshcheck.workload import Ref

_WIDTH = 20


class Watching:
    """Takes each look at a rollout; ``close`` clears the line."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ""

    def __call__(self, ref: Ref, seen: Progress) -> None:
        text = safe(f"{name(ref)}: {seen.said}")
        if self._terminal:
            full = _WIDTH * seen.updated // seen.wanted if seen.wanted else 0
            bar = "#" * full + "-" * (_WIDTH - full)
            line = f"[{bar}] {seen.updated}/{seen.wanted} {cut(text, 70)}"
            click.echo(f"\r\x1b[K{line}", err=True, nl=False)
        elif text != self._last:
            click.echo(text, err=True)
        self._last = text

    def close(self) -> None:
        """Clears the bar."""
        if self._terminal and self._last:
            click.echo("\r\x1b[K", err=True, nl=False)
        self._last = ""
