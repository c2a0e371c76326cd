"""A cluster as the rest of the program sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TypeVar

import msgspec

from kubectl_meshcheck.cluster.access import Access, resolve
from kubectl_meshcheck.cluster.connection import Connection
from kubectl_meshcheck.cluster.decoders import decoder
from kubectl_meshcheck.cluster.failures import ApiError
from kubectl_meshcheck.cluster.handed import Aside, Page
from kubectl_meshcheck.cluster.held import Held
from kubectl_meshcheck.cluster.json_items import NAMELESS, Shape
from kubectl_meshcheck.cluster.json_list import ListReader
from kubectl_meshcheck.cluster.json_window import MalformedError, TruncatedError
from kubectl_meshcheck.cluster.patience import NETWORK
from kubectl_meshcheck.cluster.transport import Request, Sent, Transport
from kubectl_meshcheck.errors import MeshcheckError

T = TypeVar("T")
_NONE: Mapping[str, str] = {}
_JSON = "application/json"
_METADATA = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{_JSON}"
_RESTARTS = 1  #: of a list whose place the server has forgotten


def connect(connection: Connection) -> Cluster:
    """Read the configuration; nothing is sent, and no plugin run, before a request."""
    return Cluster(resolve(connection), connection)


class Cluster:
    """One API server, asked as one user.  May be shared by threads."""

    def __init__(self, access: Access, connection: Connection) -> None:
        self.namespace = access.namespace  #: where ``-n`` and the context say
        self.server = access.server  #: URL
        self.context = access.context  #: empty inside a pod
        self._transport = Transport(access, connection)
        self._early: Sent | None = None  # a list's first page, asked for already

    @property
    def warnings(self) -> list[str]:
        """What the server warned of, each once, in order."""
        return self._transport.warnings

    def stream(
        self,
        path: str,
        item: type[T],
        *,
        params: Mapping[str, str] = _NONE,
        chunk: int = 500,
        metadata_only: bool = False,
        on_invalid: Callable[[str], None] | None = None,
        aside: Aside | None = None,
    ) -> Iterator[T]:
        """The items of a list ("/api/v1/namespaces/shop/pods"), while they arrive.

        ``chunk`` items a request, 0 for all in one; memory does not depend on it.
        ``on_invalid`` gets a sentence for each item that does not fit the type, and
        the rest goes on; without it that is an error.  A list that breaks off is
        continued behind the last item, without duplicates: what changed meanwhile may
        then be seen as it was or as it is.  Pages that ``aside`` takes are left out.
        """
        shape = Shape(item)
        place = _Place(_pages(path, params, chunk, metadata_only=metadata_only))
        early = self._early
        if early and early.request == place.page(""):
            self._early, place.ahead = None, early
        try:
            while not place.done:
                yield from self._page(shape, place, on_invalid or _refuse, aside)
        finally:
            if place.ahead:
                place.ahead.line.close()

    def expect(
        self, path: str, *, params: Mapping[str, str] = _NONE, chunk: int = 500
    ) -> None:
        """Ask for the first page of a list now that ``stream`` is called for later.

        For who has something else to do until then.  Whatever stands against it is
        left for ``stream`` to meet; a plugin is not run for it.
        """
        if self._transport.plain and self._early is None:
            first = _pages(path, params, chunk, metadata_only=False)("")
            with suppress(MeshcheckError):
                self._early = self._transport.ahead(first)

    def get(self, path: str, type: type[T], *, params: Mapping[str, str] = _NONE) -> T:
        """One object."""
        request = Request("GET", path, tuple(params.items()), (("Accept", _JSON),))
        body = self._transport.fetch(request)
        try:
            found: T = decoder(type)(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._transport.explain(MalformedError(f"{path}: {error}")) from error
        return found

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        content_type: str = _JSON,
        params: Mapping[str, str] = _NONE,
        headers: Mapping[str, str] = _NONE,
    ) -> bytes:
        """Any request, and the body of its answer.  Only reads are sent twice."""
        all_headers = {"Accept": _JSON, **headers}
        if body is not None:
            all_headers.setdefault("Content-Type", content_type)
        request = Request(
            method, path, tuple(params.items()), tuple(all_headers.items()), body
        )
        return self._transport.fetch(request, json=False)

    def close(self) -> None:
        """Hang up.  A later request dials again."""
        self._transport.close()
        early, self._early = self._early, None
        if early:
            early.line.close()

    def _page(
        self,
        shape: Shape[T],
        place: _Place,
        on_invalid: Callable[[str], None],
        aside: Aside | None,
    ) -> Iterator[T]:
        """One page, in as many tries as it takes; moves ``place`` on."""
        transport, request = self._transport, place.page(place.token)
        patience = transport.patience(request)
        while True:
            try:
                answer = transport.open(request, patience, place.sent(request))
            except ApiError as error:
                place.expired(error)
                return
            welcome = aside is not None and not place.after and aside.free()
            held = answer.hold() if welcome else None
            after = place.after
            reader = ListReader(answer.piece, shape, on_invalid, after=after)
            try:
                with answer:
                    answer.require_json()
                    reader.begin()  # behind the list's metadata
                    place.look_ahead(reader, transport)
                    page = place.whole(reader, held, gzip=answer.gzip)
                    if aside is not None and page is not None:
                        aside.take(page)
                    else:
                        if aside is not None:
                            aside.here(place.number)
                        yield from reader
            except MalformedError as error:
                raise transport.explain(error) from error
            except NETWORK as error:
                if not patience.network(error):
                    raise transport.explain(error) from error
                place.broke_off(reader)
            else:
                place.turn(reader, page)
                return


class _Place:
    """How far a list has been read.

    A page that broke off is asked for again, and a list whose continue token has
    expired from the start; ``seen`` then tells what was handed out already.  Counting
    would not do: the second answer may be of a later state of the cluster.
    """

    def __init__(self, page: Callable[[str], Request]) -> None:
        self.page = page  #: the request for what a token stands for
        self.ahead: Sent | None = None  #: the next page, asked for already
        self.token = ""
        self.done = False
        self.after = b""  #: key up to which items are to be left out
        self.number = 0  #: of the page, in the list's order
        self._seen = b""
        self._handed: Page | None = None  # the page before, if it was handed on
        self._restarts = _RESTARTS

    def look_ahead(self, reader: ListReader[T], transport: Transport) -> None:
        """Ask for the next page when this one's token for it is known.

        A page costs the API server more than its way to us, and us less than both:
        whoever waits for a page's end before asking on pays for all three in a row.
        """
        token = reader.meta.continue_
        if token and token != self.token and self.ahead is None:
            self.ahead = transport.ahead(self.page(token))

    def whole(
        self, reader: ListReader[T], held: Held | None, *, gzip: bool
    ) -> Page | None:
        """The page to be handed on; None for one that is to be read here.

        The last one always is: whoever hands it on has nothing else to do.  So is one
        without items: behind it a list could not be taken up again.
        """
        if held is None:
            return None
        worth = reader.meta.continue_ and not reader.empty
        body = held.whole() if worth else None
        held.release()
        return None if body is None else Page(self.number, gzip, body)

    def sent(self, request: Request) -> Sent | None:
        """That request, if it is on its way."""
        ahead, self.ahead = self.ahead, None
        if ahead is None or ahead.request == request:
            return ahead
        ahead.line.close()  # the page was read again, and names another as next
        return None

    def turn(self, reader: ListReader[T], handed: Page | None) -> None:
        """The page is complete."""
        if handed or reader.last:  # a page may have no items
            self._seen, self._handed = reader.last, handed
        self.number += 1
        self.after = reader.after
        if reader.meta.continue_ and reader.meta.continue_ == self.token:
            raise MeshcheckError(
                "the server's list has no end: a page names itself as next"
            )
        self.token = reader.meta.continue_
        self.done = not self.token

    def broke_off(self, reader: ListReader[T]) -> None:
        """The page came in part."""
        if reader.last:
            self._again(reader.last)

    def expired(self, error: ApiError) -> None:
        """The server does not know the continue token any more, or another refusal.

        It may give a token to go on with, at a later state (API conventions:
        "Retrieving large results sets in chunks"); else the list begins anew, once.
        """
        if error.status != 410 or not self.token:
            raise error
        self.token = error.continue_token
        if self.token:
            return
        if not self._restarts:
            raise error
        self._restarts -= 1
        try:
            seen = self._handed.last() if self._handed else self._seen
        except (MalformedError, TruncatedError):
            raise error from None
        if seen:
            self._again(seen)

    def _again(self, key: bytes) -> None:
        if key == NAMELESS:
            raise MeshcheckError(
                "the list broke off, and its items have no names to go on by",
                "try again",
            )
        self._seen = self.after = key
        self._handed = None  # whose last item is no longer the last


def _pages(
    path: str, params: Mapping[str, str], chunk: int, *, metadata_only: bool
) -> Callable[[str], Request]:
    """The request for the page of a list that a token stands for."""
    headers = (("Accept", _METADATA if metadata_only else _JSON),)
    limit = {"limit": str(chunk)} if chunk else {}

    def page(token: str) -> Request:
        more = {"continue": token} if token else {}
        all_params = tuple((dict(params) | limit | more).items())
        return Request("GET", path, all_params, headers)

    return page


def _refuse(sentence: str) -> None:
    raise MeshcheckError(f"the server's answer does not fit: {sentence}")
