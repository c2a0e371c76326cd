"""The record of a fix on the object itself: what an undo needs, written at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from kubectl_meshcheck.plan.values import Edit

RECORD = "meshcheck/fix"
CAUSE = "kubernetes.io/change-cause"


class Record(msgspec.Struct, frozen=True):
    """What --fix wrote to the pod template."""

    edits: tuple[Edit, ...]
    time: str = ""  #: RFC 3339
    version: str = ""  #: of this program

    def __str__(self) -> str:
        keys = {e.key: {"before": e.before, "after": e.after} for e in self.edits}
        told = {"version": self.version, "time": self.time, "keys": keys}
        return json.dumps(told, separators=(",", ":"))


def parse(text: str) -> Record:
    """The record in an annotation.  Raises ``ValueError`` when it is none."""
    try:
        told = json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    keys = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(keys, dict) or not keys:
        raise ValueError("it names no keys")
    edits = tuple(_edit(key, change) for key, change in keys.items())
    return Record(edits, str(told.get("time", "")), str(told.get("version", "")))


def _edit(key: str, change: Any) -> Edit:
    before = change.get("before") if isinstance(change, Mapping) else 0
    after = change.get("after") if isinstance(change, Mapping) else 0
    if not isinstance(before, str | None) or not isinstance(after, str):
        raise ValueError(f"{key} is not told with its values")
    return Edit(key, before, after)
