"""What the tables have in common."""

from __future__ import annotations

from textwrap import dedent

from kubectl_meshcheck.edit.changes import Change, edited
from kubectl_meshcheck.edit.parts import JSON, YAML

KEY = "proxy.istio.io/config"
HOLD = "holdApplicationUntilProxyStarts: true"
TEMPLATE = ("spec", "template")


def yaml(text: str, value: str = HOLD, key: str = KEY) -> tuple[str, dict[int, str]]:
    """The YAML with one annotation on its pod template, and why not."""
    return edited(dedent(text), [Change(TEMPLATE, {key: value})], YAML)


def json(text: str, value: str = HOLD, key: str = KEY) -> tuple[str, dict[int, str]]:
    """The same for JSON."""
    return edited(text, [Change(TEMPLATE, {key: value})], JSON)
