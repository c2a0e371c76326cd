"""The incident that ships with the program, as a cluster would have told it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def incident() -> Path:
    """The file with the incident's objects."""
    return Path(str(files(__package__) / "incident.yaml"))


def log(namespace: str, pod: str, container: str, *, previous: bool) -> str | None:
    """A recorded log, with the kubelet's timestamps; None where there was none."""
    name = f"{namespace}_{pod}_{container}{'.previous' if previous else ''}.log"
    found = Path(str(files(__package__) / "logs")) / name
    return found.read_text(encoding="utf-8") if found.is_file() else None
