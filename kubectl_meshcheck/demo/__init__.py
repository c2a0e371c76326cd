"""The incident that ships with the program, as a cluster would have told it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def incident() -> Path:
    """The file with the incident's objects."""
    return Path(str(files(__package__) / "incident.yaml"))
