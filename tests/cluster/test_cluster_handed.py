"""Pages of a list that are handed on as they were sent, over real HTTP.

Who is handed pages here keeps them: the twin that reads them is tested in
``tests/twin``.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.cluster import ApiError, Cluster, Page, Shape
from kubectl_meshcheck.cluster.held import MOST, Held
from kubectl_meshcheck.errors import MeshcheckError
from tests.cluster.support import PODS, WAYS, Item, Reach, names, pods
from tests.server import Server

ALL = [f"pod-{number:05}" for number in range(1200)]
HERE, HANDED = "here", "handed"
Told = list[tuple[int, str, list[str]]]


class Listener:
    """Takes a page whenever ``welcome`` says so; it says yes when it is used up."""

    def __init__(self, welcome: str) -> None:
        self.told: Told = []  #: of each page its number, who reads it, and its items
        self._welcome = iter(welcome)

    def free(self) -> bool:
        """By the next letter: y or n."""
        return next(self._welcome, "y") == "y"

    def take(self, page: Page) -> None:
        """Keeps it."""
        items = names(page.items(Shape(Item), pytest.fail))
        self.told.append((page.number, HANDED, items))

    def here(self, number: int) -> None:
        """The items that follow are of this page."""
        self.told.append((number, HERE, []))


def _listed(cluster: Cluster, welcome: str = "", chunk: int = 200) -> Told:
    """Who read which items of the pods in the namespace."""
    listener = Listener(welcome)
    _listen(cluster, listener, chunk)
    return listener.told


def _listen(cluster: Cluster, listener: Listener, chunk: int = 200) -> None:
    for item in cluster.stream(PODS, Item, chunk=chunk, aside=listener):
        number, who, items = listener.told[-1]
        assert who == HERE, f"an item of page {number} was handed out"
        items.append(item.metadata.name)


def _pages(readers: str, chunk: int = 200) -> Told:
    """All pods in pages; of each page whether it was handed on: y or n."""
    who = {"y": HANDED, "n": HERE}
    return [
        (number, who[reader], ALL[number * chunk : (number + 1) * chunk])
        for number, reader in enumerate(readers)
    ]


def _asked(server: Server) -> list[str]:
    """Of each request the token that it goes on with; empty for the first page."""
    return [request.query.get("continue", "") for request in server.requests]


def _target(token: str) -> str:
    """A regex for the request that goes on with this token."""
    return re.escape(f"continue={quote(token, safe='')}") + "$"


def _target_of_page(number: int, server: Server, cluster: Cluster) -> str:
    """The same for a page by its number, whose token is asked for."""
    names(cluster.stream(PODS, Item, chunk=200))
    token = _asked(server)[number]
    server.forget()
    return _target(token)


@pytest.mark.parametrize("welcome", ["nnnnn", "ynnnn", "nynyn", "nnyyn", "yyyyy"])
def test_a_page_is_handed_on_or_read_here(
    welcome: str, server: Server, reach: Reach
) -> None:
    assert _listed(reach(server), welcome) == _pages(f"{welcome}n")


def test_the_last_page_is_read_here(server: Server, reach: Reach) -> None:
    assert _listed(reach(server), chunk=500) == _pages("yyn", chunk=500)


@pytest.mark.parametrize("chunk", [0, 1200, 5000])
def test_a_list_of_one_page_is_read_here(
    chunk: int, server: Server, reach: Reach
) -> None:
    assert _listed(reach(server), chunk=chunk) == [(0, HERE, ALL)]


def test_a_list_of_nothing_is_read_here(server: Server, reach: Reach) -> None:
    listener = Listener("")
    path = "/apis/apps/v1/deployments"

    found = names(reach(server).stream(path, Item, aside=listener))

    assert (found, listener.told) == ([], [(0, HERE, [])])


def test_pages_are_asked_for_once(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    names(cluster.stream(PODS, Item, chunk=200))
    usual = _asked(server)
    server.forget()
    _listed(cluster)

    assert _asked(server) == usual


@pytest.mark.parametrize(
    "options",
    [
        *WAYS,
        {"gzip_from": 0, "gzip_level": 9, "indent": 1, "typed_items": True},
    ],
    ids=str,
)
def test_the_way_a_list_is_written_does_not_matter(
    options: dict[str, Any], reach: Reach
) -> None:
    with Server.start(pods(1200, note='},{"metadata":{"'), **options) as server:
        assert _listed(reach(server), "yynyy") == _pages("yynyyn")


def test_a_page_is_handed_on_as_it_was_sent(reach: Reach) -> None:
    class Bodies(Listener):
        def take(self, page: Page) -> None:
            super().take(page)
            kept.append((page.gzip, page.body[:1]))

    kept: list[tuple[bool, bytes]] = []
    with Server.start(pods(1200), gzip_from=0) as server:
        _listen(reach(server), Bodies("ynnnn"))
        _listen(reach(server, disable_compression=True), Bodies("ynnnn"))

    assert kept == [(True, b"\x1f"), (False, b"{")]


def test_who_says_last_what_follows_is_handed_nothing(reach: Reach) -> None:
    """Whether a page is the last is not known before its items."""
    with Server.start(pods(1200), metadata_last=True) as server:
        assert _listed(reach(server)) == _pages("nnnnnn")


@pytest.mark.parametrize(
    ("compressed", "readers"), [(True, "yyn"), (False, "nyn")], ids=str
)
def test_a_page_that_is_too_large_is_read_here(
    compressed: bool, readers: str, reach: Reach
) -> None:
    """What counts is its size as it was sent."""
    large = pods(400, note="x" * (MOST // 180))
    with Server.start([*large[:200], *pods(600)[200:]]) as server:
        cluster = reach(server, disable_compression=not compressed)

        assert _listed(cluster) == [
            (number, who, ALL[number * 200 : number * 200 + 200])
            for number, who, _ in _pages(readers)
        ]


@pytest.mark.parametrize(
    "fault",
    [
        {"cut": 0},
        {"cut": 10},
        {"cut": 10_000, "times": 2},
        {"reset": True},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"status": 503},
    ],
    ids=str,
)
@pytest.mark.parametrize("page", [0, 2])
def test_a_page_that_broke_off_is_handed_on_once(
    fault: dict[str, Any], page: int, reach: Reach
) -> None:
    with Server.start(pods(1200, note="x" * 100)) as server:
        cluster = reach(server, disable_compression=True)
        match = _target_of_page(page, server, cluster) if page else "limit=200$"
        server.fail(match, **fault)

        assert _listed(cluster) == _pages("yyyyyn")


def test_a_page_that_was_read_in_part_is_not_handed_on(reach: Reach) -> None:
    """It is read here twice: up to where it broke off, and from there on."""
    with Server.start(pods(30, note="x" * 100_000)) as server:
        cluster = reach(server, disable_compression=True)
        server.fail("limit=20$", cut=1_500_000)
        told = _listed(cluster, "n", chunk=20)

    (number, who, first), *rest = told
    assert (number, who, first == []) == (0, HERE, False)
    assert rest == [(0, HERE, ALL[len(first) : 20]), (1, HERE, ALL[20:30])]


def test_a_list_goes_on_with_the_token_of_a_410(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    server.fail(
        _target_of_page(2, server, cluster), status=410, reason="Expired", go_on=True
    )

    assert _listed(cluster) == [
        (0, HANDED, ALL[:200]),
        (1, HANDED, ALL[200:400]),
        (2, HANDED, ALL[400:600]),
        (3, HANDED, ALL[600:800]),
        (4, HANDED, ALL[800:1000]),
        (5, HERE, ALL[1000:]),
    ]


@pytest.mark.parametrize("welcome", ["yyyyy", "ynyyy", "nyyyy", "nnnyy"])
def test_an_expired_list_begins_anew_behind_what_was_handed_on(
    welcome: str, server: Server, reach: Reach
) -> None:
    """The pages that are read again are read here; what follows may be handed on."""
    cluster = reach(server)
    server.fail(_target_of_page(2, server, cluster), status=410, reason="Expired")
    told = _listed(cluster, welcome)

    assert told[:2] == _pages(welcome[:2])
    assert [item for _, _, items in told for item in items] == ALL
    # pages 0 and 1 again, of which nothing is left, and the first that is new
    assert told[2:5] == [(2, HERE, []), (3, HERE, []), (4, HERE, ALL[400:600])]
    assert [(number, who) for number, who, _ in told[5:]] == _readers_after(welcome)


def _readers_after(welcome: str) -> list[tuple[int, str]]:
    """Pages 3 to 5 of the list, whose numbers went on while it was read again."""
    left = f"{welcome[2:]}yyy"[:2]
    return [(5 + n, HANDED if w == "y" else HERE) for n, w in enumerate(left)] + [
        (7, HERE)
    ]


def test_a_list_expires_while_a_page_is_asked_for_again(reach: Reach) -> None:
    """What was handed out of that page counts, not the page that was handed on."""
    with Server.start(pods(40, note="x" * 100_000)) as server:
        cluster = reach(server, disable_compression=True)
        listener = Listener("yn")
        server.fail("continue=", cut=1_500_000)
        server.fail("continue=", status=410, reason="Expired")
        _listen(cluster, listener, 20)

    assert [item for _, _, items in listener.told for item in items] == ALL[:40]


def test_a_list_expires_behind_an_empty_page(server: Server, reach: Reach) -> None:
    """A server may send one: all that stood there was filtered out."""
    cluster = reach(server)
    names(cluster.stream(PODS, Item, chunk=200))
    second, third = _asked(server)[1:3]
    empty = {"kind": "PodList", "metadata": {"continue": third}, "items": []}
    server.fail(_target(second), body=json.dumps(empty))
    server.fail(_target(third), status=410, reason="Expired")

    assert [item for _, _, items in _listed(cluster) for item in items] == ALL


def test_a_second_410_is_an_error(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    server.fail("continue=", status=410, reason="Expired", times=2)
    listener = Listener("")

    with pytest.raises(ApiError) as caught:
        _listen(cluster, listener)
    assert (caught.value.status, listener.told) == (
        410,
        [(0, HANDED, ALL[:200]), (1, HERE, [])],
    )


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"body": "<html>log in</html>", "content_type": "text/html"}, "text/html"),
        ({"body": "<html>log in</html>"}, "not a JSON object"),
        ({"body": '{"kind":"Pod","apiVersion":"v1"}'}, "no list but Pod"),
        ({"status": 403}, "forbidden|it failed"),
        ({"cut": 3000, "times": 9}, "broke off"),
    ],
    ids=str,
)
def test_an_answer_that_is_no_page_is_not_handed_on(
    fault: dict[str, Any], why: str, server: Server, reach: Reach
) -> None:
    cluster = reach(server)
    server.fail("continue=", **fault)
    listener = Listener("")

    with pytest.raises(MeshcheckError, match=why):
        _listen(cluster, listener)
    assert listener.told[0] == (0, HANDED, ALL[:200])
    assert [item for _, _, items in listener.told[1:] for item in items] == []


def test_a_list_that_is_left_hands_nothing_on_any_more(
    server: Server, reach: Reach
) -> None:
    cluster = reach(server)
    listener = Listener("yn")
    items = cluster.stream(PODS, Item, chunk=200, aside=listener)
    assert next(items).metadata.name == ALL[200]
    items.close()  # type: ignore[attr-defined]  # it is a generator

    assert listener.told == [(0, HANDED, ALL[:200]), (1, HERE, [])]
    assert _listed(cluster) == _pages("yyyyyn")


# -- a body that is held ------------------------------------------------------

pieces = st.lists(st.binary(min_size=1, max_size=9), max_size=12)


def _rest(held: Held) -> Iterator[bytes]:
    return iter(held.read, b"")


def _source(sent: list[bytes]) -> Held:
    """Gives the pieces one by one, and nothing as often as it is asked then."""
    left = iter(sent)
    return Held(lambda: next(left, b""))


@settings(deadline=None)
@given(pieces, st.integers(0, 14), st.integers(0, 60))
def test_a_reader_goes_on_where_it_was(sent: list[bytes], seen: int, most: int) -> None:
    held = _source(sent)
    first = [held.read() for _ in range(seen)]
    whole = held.whole(most)
    held.release()
    body = b"".join(sent)

    assert whole == (body if len(body) <= most else None)
    assert b"".join([*first, *_rest(held)]) == body


@settings(deadline=None)
@given(pieces, st.integers(0, 14))
def test_a_reader_goes_on_where_nothing_is_kept_any_more(
    sent: list[bytes], seen: int
) -> None:
    held = _source(sent)
    first = [held.read() for _ in range(seen)]
    held.release()

    assert [piece for piece in [*first, *_rest(held)] if piece] == sent


@settings(deadline=None)
@given(st.binary(max_size=99), st.integers(1, 40), st.data())
def test_a_body_is_whole_however_it_was_read(
    body: bytes, size: int, data: st.DataObject
) -> None:
    held = Held(partial(io.BytesIO(body).read, size))
    for _ in range(data.draw(st.integers(0, len(body) // size + 2))):
        held.read()

    assert held.whole() == body
