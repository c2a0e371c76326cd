"""Pages of a list that are handed on as they were sent, for another to decode.

Half of the time of a big list goes into decoding it, which one processor does while
the others look on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from kubectl_meshcheck.cluster.answer import PIECE, inflated
from kubectl_meshcheck.cluster.json_items import Named, Shape
from kubectl_meshcheck.cluster.json_list import ListReader
from kubectl_meshcheck.cluster.json_window import MalformedError, TruncatedError
from kubectl_meshcheck.errors import MeshcheckError

T = TypeVar("T")


class Page(msgspec.Struct, frozen=True):
    """One page of a list."""

    number: int  #: from 0, in the list's order
    gzip: bool
    body: bytes

    def items(self, shape: Shape[T], on_invalid: Callable[[str], None]) -> Iterator[T]:
        """Its items.  Raises ``MeshcheckError`` where they are not whole."""
        try:
            yield from self._reader(shape, on_invalid)
        except MalformedError as error:
            raise MeshcheckError(f"a page of the list is malformed: {error}") from error
        except TruncatedError as error:
            raise MeshcheckError("a page of the list ended too early") from error

    def last(self) -> bytes:
        """The key of its last item.  Raises ``MalformedError``, ``TruncatedError``."""
        reader = self._reader(Shape(Named), lambda _: None)
        for _ in reader:
            pass
        return reader.last

    def _reader(
        self, shape: Shape[T], on_invalid: Callable[[str], None]
    ) -> ListReader[T]:
        sent = partial(io.BytesIO(self.body).read, PIECE)
        read = inflated(sent, gzip=self.gzip)
        return ListReader(read, shape, on_invalid)


class Aside(Protocol):
    """Who may be handed pages."""

    def free(self) -> bool:
        """Whether a page would be welcome now."""

    def take(self, page: Page) -> None:
        """Have that page; its items are not handed out by the list."""

    def here(self, number: int) -> None:
        """Know that the items of this page are handed out from now on."""


class Alone:
    """An ``Aside`` that takes no page; ``here`` is what it does with each instead."""

    def __init__(self, here: Callable[[int], None]) -> None:
        self.here = here

    def free(self) -> bool:
        """Never."""
        return False

    def take(self, page: Page) -> None:
        """Nobody asks for that."""
        raise AssertionError(f"page {page.number} was not welcome")
