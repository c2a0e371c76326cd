"""What a list's items are decoded as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from kubectl_meshcheck.cluster.decoders import decoder
from kubectl_meshcheck.cluster.text import printable

Buffer = bytes | memoryview
T = TypeVar("T")


class _Meta(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""


class Named(msgspec.Struct, gc=False):
    """An item as far as its name goes."""

    metadata: _Meta = msgspec.field(default_factory=_Meta)

    def key(self) -> bytes:
        """What the API server sorts a list by: the end of the object's path in etcd."""
        return f"{self.metadata.namespace}/{self.metadata.name}".encode()

    def __str__(self) -> str:
        both = (self.metadata.namespace, self.metadata.name)
        return printable("/".join(filter(None, both))) or "an item without a name"


#: the key of an item without a name
NAMELESS = Named().key()


class ListMeta(msgspec.Struct, rename={"continue_": "continue"}):
    """What paging needs of a list's metadata."""

    continue_: str = ""


class Shape(Generic[T]):
    """How to decode lists of one item type; made once for all pages of a list."""

    def __init__(self, item: type[T]) -> None:
        # a type at run time, too
        self.decode: Callable[[Buffer], list[T]] = decoder(
            list[item]  # type: ignore[valid-type]
        )
        self.looked = False  #: for the gap
        self.gap = b""  #: from the brace that ends an item to the next item
        self.separator = b""  #: the gap and how an item begins
