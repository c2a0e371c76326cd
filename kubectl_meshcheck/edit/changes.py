"""Annotations put into the text of one document, and proof that nothing else changed.

In: the text of a document, and which pod template gets which annotations.  Out: the
text with these and nothing else changed.  Both are read before anything is
handed on: where their data differ in more than the annotations, the text stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.edit import insertion, places, replacement, splices
from kubectl_meshcheck.edit.nodes import CannotEditError, Node
from kubectl_meshcheck.edit.places import Place, Step
from kubectl_meshcheck.edit.splices import Splice

Ways = list[tuple[Splice, ...]]
MAX_SIZE = 64 * 1024**2  #: of a document, in characters
#: how much is read to find out which changes of many cannot be made
_READ = 32 * 1024**2
_LEAST_PROOFS = 40


class Change(msgspec.Struct, frozen=True):
    """Annotations for one pod template."""

    path: tuple[Step, ...]  #: from the document's root to the template
    marks: Mapping[str, str]


class Language(msgspec.Struct, frozen=True):
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
    if len(text) > MAX_SIZE:
        raise CannotEditError(f"the document is larger than {MAX_SIZE // 1024**2} MiB")
    value = language.value(text)
    refused: dict[int, str] = {}
    ways: dict[int, Ways] = {}
    tree = language.tree(text)
    for number, change in enumerate(changes):
        try:
            ways[number] = list(_ways(text, tree, value, change, language))
        except CannotEditError as error:
            refused[number] = str(error)
    allowed = max(_LEAST_PROOFS, _READ // max(len(text), 1))
    proof = _Proof(text, value, changes, ways, language, allowed)
    good = proof.good([number for number, choices in ways.items() if choices])
    if allowed - proof.left > 1 and not replace(proof, left=1).proves(good):
        good = {}  # each is right by itself, and together they are not
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


class _Proof(msgspec.Struct):
    """Finds out which changes can be made, with as few readings as will do."""

    text: str
    value: Any
    changes: Sequence[Change]
    ways: Mapping[int, Ways]
    language: Language
    left: int  #: readings that may still be made

    def good(self, numbers: Sequence[int]) -> dict[int, tuple[Splice, ...]]:
        """For each of these changes the way that makes it and changes nothing else."""
        first = {number: self.ways[number][0] for number in numbers}
        if not numbers or self.proves(first):
            return first
        if len(numbers) == 1:
            return self._otherwise(numbers[0])
        half = len(numbers) // 2
        return self.good(numbers[:half]) | self.good(numbers[half:])

    def _otherwise(self, number: int) -> dict[int, tuple[Splice, ...]]:
        for way in self.ways[number][1:]:
            if self.proves({number: way}):
                return {number: way}
        return {}

    def proves(self, made: Mapping[int, tuple[Splice, ...]]) -> bool:
        """Whether the text then says what it said, and these changes."""
        self.left -= 1
        if self.left < 0:
            return False
        wanted = self.value
        for number in made:
            change = self.changes[number]
            wanted = annotated(wanted, change.path, change.marks)
        splice = chain.from_iterable(made.values())
        try:
            after = self.language.value(splices.apply(self.text, splice))
        except ValueError:
            return False
        # not ==, for which 1 and true are the same
        return _canonical(wanted) == _canonical(after)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


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
