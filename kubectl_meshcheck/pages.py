"""Puts the pages of a list together, in the list's order, whoever has read them.

The API server sorts a list by namespace and name, so a namespace is whole as soon as
the pages go on with another: what came of its pods can be told and forgotten while the
rest is read.
"""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.grouping import Group, Part
from kubectl_meshcheck.owners import Key, key_of
from kubectl_meshcheck.shapes import Shape

#: the groups of an owner, each with its shape
_Own = list[tuple[Shape, Group]]


class DisorderError(Exception):
    """Pods came of a namespace that was taken for whole."""


class Pages:
    """The groups of a whole list."""

    def __init__(self) -> None:
        self.pods = 0  #: of all pages
        self._spaces: dict[str, dict[Key, _Own]] = {}
        self._waiting: dict[int, list[Part]] = {}  # for pages before them
        self._read: set[int] = set()  # pages that were read to their ends
        self._next = 0  # the first page that was not
        self._taken: set[str] = set()

    def put(self, part: Part) -> None:
        """Adds what was read of a page; there may be more of it."""
        self.pods += part.pods
        self._waiting.setdefault(part.page, []).append(part)

    def whole(self, page: int) -> None:
        """Nothing more comes of this page.

        Raises ``DisorderError`` where a namespace is in it that was taken already.
        """
        self._read.add(page)
        while self._next in self._read:
            self._read.discard(self._next)
            self._merge(self._next)
            self._next += 1

    def settle(self) -> None:
        """Nothing more comes at all.  Raises as ``whole`` does."""
        for page in sorted(self._waiting):
            self._merge(page)

    def spaces(self) -> list[str]:
        """The namespaces, in the list's order."""
        return list(self._spaces)

    def behind(self) -> list[str]:
        """Those of them that are whole."""
        return list(self._spaces)[:-1]

    def of(self, namespace: str) -> Iterator[tuple[Shape, Group]]:
        """The groups of a namespace, in the list's order."""
        for own in self._spaces.get(namespace, {}).values():
            yield from own

    def __iter__(self) -> Iterator[tuple[Shape, Group]]:
        for namespace in self._spaces:
            yield from self.of(namespace)

    def take(self, namespace: str) -> None:
        """Forgets a namespace, of which everything was told."""
        self._taken.add(namespace)
        del self._spaces[namespace]

    def _merge(self, page: int) -> None:
        for part in self._waiting.pop(page, ()):
            for group in part.groups:
                self._add(part.shapes[group.shape], group)

    def _add(self, shape: Shape, group: Group) -> None:
        namespace = group.ref.namespace
        if namespace in self._taken:
            raise DisorderError(namespace)
        space = self._spaces.setdefault(namespace, {})
        own = space.setdefault(key_of(group.ref), [])
        for before, first in own:
            if before.pod == shape.pod:
                first.add(group)
                return
        own.append((shape, group))
