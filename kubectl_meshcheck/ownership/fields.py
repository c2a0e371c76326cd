"""Who has set which fields of an object (``metadata.managedFields``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

Object = Mapping[str, Any]
Path = tuple[str, ...]


class Manager(msgspec.Struct, frozen=True):
    """An entry of ``metadata.managedFields``."""

    name: str
    operation: str  #: Apply or Update
    fields: Mapping[str, Any]
    subresource: str = ""

    def holds(self, path: Path) -> bool:
        """Whether it has set the field at ``path``."""
        here: Any = self.fields
        for step in path:
            here = here.get(f"f:{step}") if isinstance(here, dict) else None
        return here is not None


def managers(found: Object) -> list[Manager]:
    """Who has set which fields; total, whatever stands there."""
    entries = mapping(found.get("metadata")).get("managedFields")
    return [
        Manager(
            str(entry.get("manager", "")),
            str(entry.get("operation", "")),
            mapping(entry.get("fieldsV1")),
            str(entry.get("subresource", "")),
        )
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]


def holders(found: Object, path: Path) -> tuple[str, ...]:
    """The managers that have set the field at ``path``."""
    names = [m.name for m in managers(found) if not m.subresource and m.holds(path)]
    return tuple(dict.fromkeys(names))


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a mapping; an empty one elsewhere."""
    return value if isinstance(value, dict) else {}
