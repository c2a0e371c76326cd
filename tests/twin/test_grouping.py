"""Who reads which page of a list does not show in what comes of it.

A ``Groups`` is joined by one other at most: three stand in a row, and the last one's
shares reach the first through the second.  What is not the same, and may not be
looked at, is the numbers of shapes: each reader numbers those that it meets.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.grouping import Groups, Share
from kubectl_meshcheck.listed import ListedPod
from tests.twin.pods import SHAPES, Object, cut, pod

OWNERS = [
    ("ReplicaSet", "cart-abcde"),
    ("ReplicaSet", "till-abcde"),
    ("StatefulSet", "db"),
    ("Job", "mail"),
    ("Widget", "odd"),  # of a kind that is not known
    ("Node", "node-1"),  # a static pod, which stands for itself
    None,
]
ODD_ENV = "no list"
_decode = msgspec.json.Decoder(list[ListedPod]).decode
_share = msgspec.msgpack.Decoder(Share).decode


@st.composite
def lists(draw: st.DrawFn) -> list[Object]:
    """The pods of a list: a few owners with few or many, one after the other."""
    found: list[Object] = []
    for namespace in ("shop", "team"):
        for owner in draw(st.lists(st.sampled_from(OWNERS), unique=True)):
            shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=2))
            for _ in range(draw(st.integers(1, 14))):
                shape = draw(st.sampled_from(shapes))
                one = _pod(draw, f"pod-{len(found):03}", owner, namespace, shape)
                found.append(one)
    return found


def _pod(
    draw: st.DrawFn,
    name: str,
    owner: tuple[str, str] | None,
    namespace: str,
    shape: str,
) -> Object:
    one = pod(
        name,
        owner,
        namespace=namespace,
        shape=shape,
        restarts=draw(st.sampled_from([0, 0, 0, 1, 2, 7])),
        ready=draw(st.booleans()),
        crashed=draw(st.booleans()),
        env=draw(st.sampled_from([None, None, None, [], ODD_ENV])),
    )
    odd = draw(st.sampled_from(["", "", "", "", "leaving", "failed", "no status"]))
    if odd == "leaving":
        one["metadata"]["deletionTimestamp"] = "2026-03-02T11:00:00Z"
    elif odd == "failed":
        one["status"]["phase"] = "Failed"
    elif odd == "no status":
        del one["status"]
    return one


def _taken(groups: Groups, pods: list[Object], told: list[str]) -> None:
    for one in _decode(msgspec.json.encode(pods)):
        groups.take(one, told.append)


def _result(groups: Groups) -> list[Any]:
    """All groups in their order, each with its shape and its judgement themselves."""
    found: list[Any] = [groups.pods]
    for group in groups:
        fields = msgspec.structs.asdict(group)
        fields["shape"] = groups.judged[group.shape]
        fields["first"] = list(group.first.items())  # which have an order
        fields["names"] = list(group.names.items())
        found.append(fields)
    return found


def _alone(pages: list[list[Object]]) -> tuple[list[Any], list[str]]:
    """What one reader makes of them that knows of no pages."""
    groups = Groups(live=True)
    told: list[str] = []
    for page in pages:
        _taken(groups, page, told)
    return _result(groups), sorted(told)


def _passed(share: Share) -> Share:
    """The share as it comes out of a pipe."""
    return _share(msgspec.msgpack.encode(share))


def _together(
    pages: list[list[Object]], readers: list[int], often: list[bool]
) -> tuple[list[Any], list[str]]:
    """What the first of three makes of them, each of whom reads some of the pages.

    ``often``: behind which pages the others tell what they have.
    """
    row = [Groups(live=True) for _ in range(3)]
    told: list[str] = []
    for number, (page, reader) in enumerate(zip(pages, readers, strict=True)):
        row[reader].turn(number)
        _taken(row[reader], page, told)
        if often[number]:
            row[0].join(_passed(row[1].share()))
    row[1].join(_passed(row[2].share()))
    row[0].join(_passed(row[1].share()))
    row[0].settle()
    return _result(row[0]), sorted(told)


@settings(max_examples=150, deadline=None)
@given(lists(), st.integers(1, 12), st.data())
def test_it_does_not_show_who_has_read_which_page(
    pods: list[Object], size: int, data: st.DataObject
) -> None:
    pages = [list(page) for page in cut(pods, size)]
    count = len(pages)
    readers = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    often = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))

    assert _together(pages, readers, often) == _alone(pages)


@settings(max_examples=50, deadline=None)
@given(lists(), st.data())
def test_a_page_may_be_read_in_two_parts(
    pods: list[Object], data: st.DataObject
) -> None:
    """A page that broke off is asked for again, and goes on with the same number."""
    pages = [list(page) for page in cut(pods, 5)]
    groups, other = Groups(live=True), Groups(live=True)
    told: list[str] = []
    for number, page in enumerate(pages):
        if data.draw(st.booleans()):
            other.turn(number)
            _taken(other, page, told)
            groups.join(_passed(other.share()))
            continue
        middle = data.draw(st.integers(0, len(page)))
        for part in (page[:middle], page[middle:]):
            groups.turn(number)
            _taken(groups, part, told)
    groups.settle()

    assert (_result(groups), sorted(told)) == _alone(pages)


def test_nothing_that_was_read_is_nothing_to_settle() -> None:
    groups, other = Groups(live=True), Groups(live=True)
    groups.join(_passed(other.share()))
    groups.settle()

    assert _result(groups) == [0]


def test_pods_that_follow_are_counted_in() -> None:
    """What was put together is no different from what was read in one go."""
    first, second = [[pod(f"cart-{n}") for n in part] for part in ((1, 2), (3, 4, 5))]
    groups, other = Groups(live=True), Groups(live=True)
    told: list[str] = []
    other.turn(0)
    _taken(other, first, told)
    groups.join(_passed(other.share()))
    groups.settle()
    _taken(groups, second, told)

    assert (_result(groups), told) == _alone([first, second])
