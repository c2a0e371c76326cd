"""Lists, over real HTTP from a server process: paging, resuming, refusals."""

from __future__ import annotations

from tests.cluster.support import Item, Reach, names
from tests.server import Server

PODS = "/api/v1/namespaces/shop/pods"
ALL = [f"pod-{number:05}" for number in range(1200)]


def test_a_list_is_read_page_by_page(server: Server, reach: Reach) -> None:
    cluster = reach(server)

    assert names(cluster.stream(PODS, Item)) == ALL
    assert [request.query["limit"] for request in server.requests] == ["500"] * 3
    assert ["continue" in request.query for request in server.requests] == [
        False,
        True,
        True,
    ]


def test_chunk_0_asks_for_everything_at_once(server: Server, reach: Reach) -> None:
    cluster = reach(server)

    assert names(cluster.stream(PODS, Item, chunk=0)) == ALL
    assert [request.query for request in server.requests] == [{}]
