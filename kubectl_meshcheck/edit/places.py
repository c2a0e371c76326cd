"""The way to a pod template's annotations in a document, and what is shared there."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kubectl_meshcheck.edit.nodes import CannotEditError, Node, Shape

Step = str | int


class Place(msgspec.Struct, frozen=True):
    """A mapping, and the key that it is the value of."""

    node: Node
    key: Node | None  #: None: an item of a list, or the whole document
    above: Node | None  #: the mapping that ``key`` stands in


def template(root: Node, path: Sequence[Step]) -> Place:
    """The pod template at ``path``.  Raises CannotEditError."""
    place = Place(root, None, None)
    for step in path:
        place = _item(place, step) if isinstance(step, int) else _value(place, step)
    if place.node.shape is not Shape.MAPPING:
        raise CannotEditError(f"{_said(path)} is {place.node.shape.value}")
    return place


def _item(place: Place, step: int) -> Place:
    if place.node.shape is not Shape.SEQUENCE or step >= len(place.node.items):
        raise CannotEditError("the list stands elsewhere")
    node = place.node.items[step]
    _refuse_alias(node, f"item {step + 1} of the list")
    return Place(node, None, None)


def _value(place: Place, step: str) -> Place:
    found = place.node.pair(step)
    if found is None:
        raise CannotEditError(f"{step} comes in by a merge key (<<)")
    _refuse_alias(found[1], step)
    return Place(found[1], found[0], place.node)


def below(place: Place, step: str, *, there: bool) -> Place | None:
    """The mapping under ``step``; None where there is none, or only a null.

    ``there`` says whether the data have one.  Raises CannotEditError where it is
    shared or of another shape.
    """
    found = place.node.pair(step)
    if found is None:
        if there:
            raise CannotEditError(f"{step} comes in by a merge key (<<)")
        return None
    key, value = found
    _refuse_alias(value, step)
    if value.null:
        return None
    if value.shape is not Shape.MAPPING:
        raise CannotEditError(f"{step} is {value.shape.value}, not a mapping")
    return Place(value, key, place.node)


def _refuse_alias(node: Node, name: str) -> None:
    if node.shape is Shape.ALIAS:
        raise CannotEditError(
            f"{name} is the alias *{node.text}, so another place shares it"
        )


def _said(path: Sequence[Step]) -> str:
    return ".".join(str(step) for step in path) or "the document"
