"""Annotations put into the text of one document, and proof that nothing else changed.

In: the text of a document, and which pod template gets which annotations.  Out: the
text with these and nothing else changed.  Both are read before anything is
handed on: where their data differ in more than the annotations, the text stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from kubectl_meshcheck.edit import insertion, places, replacement, splices
from kubectl_meshcheck.edit.nodes import CannotEditError, Node
from kubectl_meshcheck.edit.places import Place, Step
from kubectl_meshcheck.edit.splices import Splice

Ways = list[tuple[Splice, ...]]


@dataclass(frozen=True)
class Change:
    """Annotations for one pod template."""

    path: tuple[Step, ...]  #: from the document's root to the template
    marks: Mapping[str, str]


@dataclass(frozen=True)
class Language:
    """How a document is read."""

    value: Callable[[str], Any]  #: as kubectl reads it; raises ValueError
    tree: Callable[[str], Node]
    json: bool


def edited(
    text: str, changes: Sequence[Change], language: Language
) -> tuple[str, dict[int, str]]:
    """The text with all changes that can be made, and why the others cannot.

    The reasons are by position in ``changes``.
    """
    value = language.value(text)
    refused: dict[int, str] = {}
    ways: dict[int, Ways] = {}
    tree = language.tree(text)
    for number, change in enumerate(changes):
        try:
            ways[number] = list(_ways(text, tree, value, change, language))
        except CannotEditError as error:
            refused[number] = str(error)
    good = _proven(text, value, changes, ways, language)
    for number in ways.keys() - good.keys():
        refused[number] = _unproven(tree, changes[number])
    return splices.apply(text, chain.from_iterable(good.values())), refused


def _unproven(tree: Node, change: Change) -> str:
    """Why no way to write it was right: what is shared, else that it is odd."""
    node: Node | None = tree
    for step in (*change.path, "metadata", "annotations", *change.marks):
        if node is None:
            break
        if isinstance(step, int):
            node = node.items[step]
        else:
            found = node.pair(step)
            node = found[1] if found else None
        if node is not None and node.anchor:
            return f"another place shares its text by the anchor &{node.anchor}"
    return "its layout is one that cannot be changed without changing more"


def _proven(
    text: str,
    value: Any,
    changes: Sequence[Change],
    ways: Mapping[int, Ways],
    language: Language,
) -> dict[int, tuple[Splice, ...]]:
    """For each change the way that does that and nothing else; all in one go if so."""
    first = {number: one[0] for number, one in ways.items() if one}
    wanted = [changes[number] for number in first]
    if _proves(text, value, wanted, chain.from_iterable(first.values()), language):
        return first
    alone = {}
    for number, choices in ways.items():
        for one in choices:
            if _proves(text, value, [changes[number]], one, language):
                alone[number] = one
                break
    wanted = [changes[number] for number in alone]
    together = _proves(
        text, value, wanted, chain.from_iterable(alone.values()), language
    )
    return alone if together else {}


def _proves(
    text: str,
    value: Any,
    changes: Sequence[Change],
    made: Iterator[Splice] | tuple[Splice, ...],
    language: Language,
) -> bool:
    """Whether the text with these splices says what it said, and the changes."""
    wanted = value
    for change in changes:
        wanted = annotated(wanted, change.path, change.marks)
    try:
        after = language.value(splices.apply(text, made))
    except ValueError:
        return False
    # not ==, for which 1 and true are the same
    return json.dumps(wanted, sort_keys=True) == json.dumps(after, sort_keys=True)


def annotated(value: Any, path: Sequence[Step], marks: Mapping[str, str]) -> Any:
    """A copy of ``value`` with the annotations at ``path``; nothing in it is shared."""
    if path:
        step, *rest = path
        inner = annotated(value[step], rest, marks)
        if isinstance(step, int):
            return [*value[:step], inner, *value[step + 1 :]]
        return {**value, step: inner}
    meta = value.get("metadata") or {}
    return {
        **value,
        "metadata": {
            **meta,
            "annotations": {**(meta.get("annotations") or {}), **marks},
        },
    }


def _ways(
    text: str, tree: Node, value: Any, change: Change, language: Language
) -> Iterator[tuple[Splice, ...]]:
    for step in change.path:
        value = value[step]
    meta_value = value.get("metadata")
    template = places.template(tree, change.path)
    place = places.below(template, "metadata", there="metadata" in value)
    new: insertion.Tree = change.marks
    if place is None:
        yield from _added(text, template, "metadata", {"annotations": new})
        return
    there = "annotations" in (meta_value or {})
    inner = places.below(place, "annotations", there=there)
    if inner is None:
        yield from _added(text, place, "annotations", new)
        return
    yield from _marked(text, inner, change.marks, language)


def _added(
    text: str, place: Place, step: str, new: insertion.Tree
) -> Iterator[tuple[Splice, ...]]:
    if place.node.pair(step):
        return insertion.instead_of_null(text, place, step, new)
    return insertion.below(text, place, {step: new})


def _marked(
    text: str, place: Place, marks: Mapping[str, str], language: Language
) -> Iterator[tuple[Splice, ...]]:
    """Values that are there are replaced, the others added."""
    fixed: list[Splice] = []
    added = {}
    for name, new in marks.items():
        found = place.node.pair(name)
        if found is None:
            added[name] = new
        else:
            key, value = found
            fixed += replacement.replaced(text, key, value, new, json=language.json)
    if not added:
        yield tuple(fixed)
        return
    for way in insertion.below(text, place, added):
        yield (*fixed, *way)
