"""How far lists have come that are read beside each other.

The API server sorts each of them by namespace (its keys in etcd), so of a namespace
that a list has gone past nothing more comes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from kubectl_meshcheck.pages import DisorderError

T = TypeVar("T")


class Abreast:
    """May be shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0  # tasks that tell nothing before their ends
        self._at: dict[object, str] = {}  # where lists are, each by its own key

    def task(self, do: Callable[[], None]) -> Callable[[], None]:
        """A task without which no namespace is whole."""
        self._count(1)

        def run() -> None:
            do()
            self._count(-1)

        return run

    def _count(self, more: int) -> None:
        with self._lock:
            self._open += more

    def list(self, do: Callable[[], None], name: object) -> Callable[[], None]:
        """The task that reads a list of that name, whose items go through ``items``."""
        self._at[name] = ""

        def run() -> None:
            do()
            self._at.pop(name)

        return run

    def items(
        self, name: object, items: Iterable[T], namespace: Callable[[T], str]
    ) -> Iterator[T]:
        """The items of a list.  Raises ``DisorderError`` where it is not sorted.

        A list of another name is passed through.
        """
        if name not in self._at:
            yield from items
            return
        before = ""
        for one in items:
            key = _key(namespace(one))
            if key < before:
                raise DisorderError(namespace(one))
            before = self._at[name] = key
            yield one

    def past(self, namespace: str) -> bool:
        """Whether all have come past a namespace."""
        key = _key(namespace)
        return not self._open and all(at > key for at in tuple(self._at.values()))


def _key(namespace: str) -> str:
    return f"{namespace}/"
