"""Label selectors as the API server evaluates them, with the reason for a no.

In: plain JSON as it stands in an object.  Out: requirements that are matched
against labels, also where not all of the labels are known (kubernetes/
apimachinery: pkg/labels/selector.go ``Requirement.Matches``).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any

import msgspec

Labels = Mapping[str, str]
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@unique
class Met(Enum):
    """Whether labels meet a requirement."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Requirement(msgspec.Struct, frozen=True):
    """One demand on one label."""

    key: str
    operator: str  #: In, NotIn, Exists or DoesNotExist; anything else is never met
    values: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether the API server would take it."""
        return self.operator in _OPERATORS

    @property
    def wants(self) -> bool:
        """Whether the label has to be there."""
        return self.operator in ("In", "Exists")

    def met(self, labels: Labels | None) -> Met:
        """Whether ``labels`` meet it; None when they are not known."""
        if labels is None or not self.known:
            return Met.UNKNOWN
        value = labels.get(self.key)
        if self.operator == "Exists":
            good = value is not None
        elif self.operator == "DoesNotExist":
            good = value is None
        elif self.operator == "In":
            good = value is not None and value in self.values
        else:  # NotIn: an absent label is not in the list
            good = value is None or value not in self.values
        return Met.YES if good else Met.NO

    def __str__(self) -> str:
        """``istio-injection=enabled``, in kubectl's own notation."""
        if self.operator == "Exists":
            return self.key
        if self.operator == "DoesNotExist":
            return f"!{self.key}"
        if self.operator == "In" and len(self.values) == 1:
            return f"{self.key}={self.values[0]}"
        if self.operator == "NotIn" and len(self.values) == 1:
            return f"{self.key}!={self.values[0]}"
        word = {"In": "in", "NotIn": "notin"}.get(self.operator, self.operator)
        return f"{self.key} {word} ({','.join(self.values)})"


class Selector(msgspec.Struct, frozen=True):
    """Requirements that must all be met; none of them: everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def met(self, labels: Labels | None) -> Met:
        """Whether ``labels`` meet all of it; a single no decides."""
        answers = {one.met(labels) for one in self.requirements}
        for answer in (Met.NO, Met.UNKNOWN):
            if answer in answers:
                return answer
        return Met.YES

    def failed(self, labels: Labels | None) -> tuple[Requirement, ...]:
        """The requirements that ``labels`` do not meet."""
        return tuple(r for r in self.requirements if r.met(labels) is Met.NO)

    def __str__(self) -> str:
        return ",".join(str(one) for one in self.requirements) or "everything"


EVERYTHING = Selector()


def selector(value: Any) -> Selector:
    """The selector that stands in an object; total.

    A form that the API server would refuse becomes a requirement that nobody
    can judge, so that nothing is claimed about it.
    """
    if value is None:
        return EVERYTHING
    if not isinstance(value, dict):
        return Selector((_unreadable("selector"),))
    return Selector((*_labels(value), *_expressions(value)))


def _labels(value: dict[str, Any]) -> tuple[Requirement, ...]:
    labels = value.get("matchLabels") or {}
    if not isinstance(labels, dict):
        return (_unreadable("matchLabels"),)
    return tuple(Requirement(str(k), "In", (str(v),)) for k, v in labels.items())


def _expressions(value: dict[str, Any]) -> tuple[Requirement, ...]:
    expressions = value.get("matchExpressions") or []
    if not isinstance(expressions, list):
        return (_unreadable("matchExpressions"),)
    return tuple(_expression(one) for one in expressions)


def _expression(one: Any) -> Requirement:
    if not isinstance(one, dict):
        return _unreadable("matchExpressions")
    values = one.get("values") or []
    if not isinstance(values, list):
        return _unreadable(str(one.get("key", "")))
    words = tuple(str(v) for v in values)
    return Requirement(str(one.get("key", "")), str(one.get("operator", "")), words)


def _unreadable(what: str) -> Requirement:
    return Requirement(what, "unreadable")
