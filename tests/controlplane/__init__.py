"""A real control plane for the tests."""

from __future__ import annotations

from .binaries import UnavailableError
from .plane import ControlPlane

__all__ = ["ControlPlane", "UnavailableError"]
