"""Who else writes an object, and what becomes of a change made beside them.

Read from the plain JSON of the object alone.  A mark on the object says which tool
it belongs to; ``metadata.managedFields`` says which fields the tool has set itself.
Both are needed: charts set labels of tools that never saw the object, and people
copy annotations.
"""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck.ownership.fields import (
    Manager,
    Object,
    Path,
    holders,
    managers,
)
from kubectl_meshcheck.ownership.tools import TOOLS, Case, Fate, Owner

__all__ = ["Fate", "Manager", "Owner", "holders", "managers", "owners"]


def owners(found: Object, paths: Sequence[Path]) -> tuple[Owner, ...]:
    """Every tool that writes ``found``, the one that matters most first.

    ``paths`` are the fields that are to change, from the object's root.
    """
    case = Case(found, paths)
    known = [owner for tool in TOOLS if (owner := tool(case)) is not None]
    if any(o.tool in ("Flux", "Fleet") for o in known):
        # both work through Helm and leave its marks; the change belongs with them
        known = [o for o in known if o.tool != "Helm" or o.fate is Fate.BREAKS]
    return tuple(sorted(known, key=lambda owner: -owner.fate.rank))
