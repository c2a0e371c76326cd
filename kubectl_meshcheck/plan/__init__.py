"""What is to be done about each workload, as values; nothing here writes anything."""

from __future__ import annotations

from kubectl_meshcheck.plan.case import Case
from kubectl_meshcheck.plan.consent import allowed, confirmed
from kubectl_meshcheck.plan.draft import MANAGER, draft
from kubectl_meshcheck.plan.record import Record
from kubectl_meshcheck.plan.values import (
    Allowed,
    Change,
    Edit,
    Foreseen,
    Item,
    NoChange,
    Refused,
    Restart,
    Standing,
)

__all__ = [
    "MANAGER",
    "Allowed",
    "Case",
    "Change",
    "Edit",
    "Foreseen",
    "Item",
    "NoChange",
    "Record",
    "Refused",
    "Restart",
    "Standing",
    "allowed",
    "confirmed",
    "draft",
]
