"""Lists, over real HTTP from a server process: paging, resuming, broken answers."""

from __future__ import annotations

import time
from typing import Any

import pytest

from kubectl_meshcheck.cluster import ApiError
from kubectl_meshcheck.errors import MeshcheckError
from tests.cluster.support import PODS, WAYS, Item, Reach, names, pod, pods
from tests.server import Server

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


def test_selectors_are_handed_on(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    params = {"labelSelector": "app=pod-00007"}

    assert names(cluster.stream("/api/v1/pods", Item, params=params)) == ["pod-00007"]


def test_an_empty_list_is_empty(server: Server, reach: Reach) -> None:
    cluster = reach(server)

    assert names(cluster.stream("/apis/apps/v1/deployments", Item)) == []


@pytest.mark.parametrize(
    "options",
    [
        *WAYS,
        {"metadata_last": True},
        {"indent": 1, "metadata_last": True, "typed_items": True, "gzip_from": 0},
    ],
    ids=str,
)
def test_the_way_a_list_is_written_does_not_matter(
    options: dict[str, Any], reach: Reach
) -> None:
    with Server.start(pods(50, note='},{"metadata":{"'), **options) as server:
        cluster = reach(server)

        assert names(cluster.stream(PODS, Item, chunk=20)) == ALL[:50]
        assert server.requests[0].header("Accept-Encoding") == "gzip"


def test_metadata_alone_can_be_asked_for(server: Server, reach: Reach) -> None:
    cluster = reach(server)

    items = list(cluster.stream(PODS, Item, metadata_only=True))
    assert [item.metadata.name for item in items] == ALL
    assert "as=PartialObjectMetadataList" in server.requests[0].header("Accept")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "headers": {"Retry-After": "0"}, "times": 4},
        {"status": 503, "headers": {"Retry-After": "0"}},
        {"status": 500, "times": 2},
        {"status": 504},
        {"reset": True, "times": 2},
        {"cut": 0},
        {"cut": 10},
        {"cut": 40_000, "times": 2},
        {"stall": 0.2},
        {"break_gzip": "truncate"},
    ],
    ids=str,
)
@pytest.mark.parametrize("page", ["first", "second"])
def test_what_passes_is_not_noticed(
    fault: dict[str, Any], page: str, reach: Reach
) -> None:
    match = "continue=" if page == "second" else "limit=600$"
    with Server.start(pods(1200, note="x" * 100), gzip_from=100_000) as server:
        cluster = reach(server)
        server.fail(match, **fault)

        assert names(cluster.stream(PODS, Item, chunk=600)) == ALL


def test_a_page_that_broke_off_is_not_read_twice(reach: Reach) -> None:
    # 2 MB, so that items of the first page are handed out before it breaks off
    with Server.start(pods(20, note="x" * 100_000)) as server:
        cluster = reach(server, disable_compression=True)
        server.fail(cut=1_500_000)
        items = cluster.stream(PODS, Item)
        first = [next(items).metadata.name]
        # meanwhile the cluster has changed: one in front, one behind, one gone
        kept = [one for one in pods(20) if one["metadata"]["name"] != "pod-00018"]
        server.replace([*kept, pod("aaa"), pod("zzz")])

        assert first + names(items) == [n for n in ALL[:20] if n != "pod-00018"] + [
            "zzz"
        ]


def test_a_list_goes_on_with_the_token_of_a_410(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    server.fail("continue=", status=410, reason="Expired", go_on=True)

    assert names(cluster.stream(PODS, Item)) == ALL
    assert len(server.requests) == 4


def test_a_410_without_token_starts_anew_and_hands_out_the_rest(
    server: Server, reach: Reach
) -> None:
    cluster = reach(server)
    server.fail("continue=", status=410, reason="Expired")

    assert names(cluster.stream(PODS, Item)) == ALL
    assert ["continue" in request.query for request in server.requests] == [
        False,
        True,
        False,
        True,
        True,
    ]


def test_a_second_410_is_an_error(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    server.fail("continue=", status=410, reason="Expired", times=2)

    with pytest.raises(ApiError) as caught:
        names(cluster.stream(PODS, Item))
    assert (caught.value.status, caught.value.reason) == (410, "Expired")


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"body": "<html>log in</html>", "content_type": "text/html"}, "text/html"),
        ({"body": "<html>log in</html>"}, "not a JSON object"),
        ({"body": '{"kind":"Pod","apiVersion":"v1"}'}, "no list but Pod"),
        ({"break_gzip": "corrupt"}, "compression is corrupt"),
        ({"cut": 3000, "times": 9}, "broke off"),
        ({"break_gzip": "truncate", "times": 9}, "broke off"),
    ],
    ids=str,
)
def test_a_broken_answer_is_an_error_and_no_shorter_list(
    fault: dict[str, Any], why: str, reach: Reach
) -> None:
    with Server.start(pods(500, note="x" * 300)) as server:
        cluster = reach(server)
        server.fail(**fault)

        with pytest.raises(MeshcheckError, match=why):
            names(cluster.stream(PODS, Item))


def test_items_that_do_not_fit_are_told_and_the_rest_goes_on(reach: Reach) -> None:
    broken: dict[str, Any] = pod("bad") | {"note": 7}
    with Server.start([pod("a"), broken, pod("c")]) as server:
        cluster = reach(server)
        told: list[str] = []

        assert names(cluster.stream(PODS, Item, on_invalid=told.append)) == ["a", "c"]
        assert told == ["shop/bad: Expected `str`, got `int` - at `$.note`"]
        with pytest.raises(MeshcheckError, match="shop/bad"):
            names(cluster.stream(PODS, Item))


def _arrived(server: Server, count: int) -> list[bool]:
    """Of the requests that have come, whether each goes on with a list."""
    until = time.monotonic() + 10
    while len(server.requests) < count and time.monotonic() < until:
        time.sleep(0.01)
    return ["continue" in request.query for request in server.requests]


def test_the_next_page_is_asked_for_before_this_one_is_read(
    server: Server, reach: Reach
) -> None:
    items = reach(server).stream(PODS, Item)
    next(items)

    assert _arrived(server, 2) == [False, True]
    assert names(items) == ALL[1:]
    assert _arrived(server, 3) == [False, True, True]


def test_a_limit_of_time_is_counted_from_when_a_page_is_wanted(
    server: Server, reach: Reach
) -> None:
    items = reach(server, request_timeout="10s").stream(PODS, Item)
    first = [next(items).metadata.name]

    assert len(server.requests) == 1
    assert first + names(items) == ALL


def test_a_page_that_is_read_again_may_name_another_as_next(reach: Reach) -> None:
    with Server.start(pods(30, note="x" * 100_000)) as server:
        cluster = reach(server, disable_compression=True)
        server.fail(cut=1_500_000)
        items = cluster.stream(PODS, Item, chunk=20)
        first = [next(items).metadata.name]
        assert _arrived(server, 2) == [False, True]
        server.replace([*pods(30, note="x" * 100_000), pod("zzz")])

        assert first + names(items) == [*ALL[:30], "zzz"]


def test_a_list_may_be_left_in_the_middle(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    items = cluster.stream(PODS, Item)
    next(items)
    items.close()  # type: ignore[attr-defined]  # it is a generator

    assert names(cluster.stream(PODS, Item)) == ALL


def test_a_kept_connection_that_the_server_closed_is_replaced(reach: Reach) -> None:
    with Server.start([pod("a")]) as server:
        cluster = reach(server)
        names(cluster.stream(PODS, Item))
        server.fail(reset=True)

        assert names(cluster.stream(PODS, Item)) == ["a"]


def test_one_object_is_read(server: Server, reach: Reach) -> None:
    cluster = reach(server)

    found = cluster.get(f"{PODS}/pod-00003", Item)
    assert (found.metadata.namespace, found.metadata.name) == ("shop", "pod-00003")


def test_an_object_that_does_not_fit_is_an_error(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    server.fail(body='{"metadata":{"name":1}}')

    with pytest.raises(MeshcheckError, match=r"got `int` - at `\$.metadata.name`"):
        cluster.get(f"{PODS}/pod-00003", Item)


def test_a_write_is_sent_once(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    server.fail(reset=True)

    with pytest.raises(MeshcheckError, match="broke off"):
        cluster.request("POST", PODS, body=b"{}", params={"dryRun": "All"})
    assert [(r.method, r.query, r.body) for r in server.requests] == [
        ("POST", {"dryRun": "All"}, "{}")
    ]


def test_a_write_is_sent_again_when_the_server_asks_for_it(
    server: Server, reach: Reach
) -> None:
    cluster = reach(server)
    server.fail(status=429, headers={"Retry-After": "0"})

    assert cluster.request("POST", PODS, body=b'{"a":1}') == b'{"a":1}'
    assert server.requests[1].header("Content-Type") == "application/json"
