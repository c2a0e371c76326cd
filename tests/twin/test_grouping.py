"""Who reads which page of a list does not show in what comes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.grouping import Grouping, Part, Sent
from kubectl_meshcheck.listed import ListedPod
from kubectl_meshcheck.pages import DisorderError, Pages
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
_sent = msgspec.msgpack.Decoder(Sent).decode


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


def _taken(page: Grouping, pods: list[Object], told: list[str]) -> Grouping:
    for one in _decode(msgspec.json.encode(pods)):
        page.take(one, told.append)
    return page


def _passed(page: Grouping) -> Part:
    """What was read as it comes out of a pipe."""
    return _sent(msgspec.msgpack.encode(page.sent())).received()


def _result(whole: Pages) -> list[Any]:
    """All groups in their order, each with its shape and its judgement themselves."""
    found: list[Any] = [whole.pods]
    for shape, group in whole:
        fields = msgspec.structs.asdict(group)
        fields["shape"] = shape
        fields["first"] = list(group.first.items())  # which have an order
        fields["names"] = list(group.names.items())
        found.append(fields)
    return found


def _alone(pods: list[Object]) -> tuple[list[Any], list[str]]:
    """What comes of them as one page."""
    whole, told = Pages(), list[str]()
    whole.put(_taken(Grouping(live=True), pods, told).part())
    whole.settle()
    return _result(whole), sorted(told)


@settings(max_examples=150, deadline=None)
@given(lists(), st.integers(1, 12), st.data())
def test_it_does_not_show_who_has_read_which_page(
    pods: list[Object], size: int, data: st.DataObject
) -> None:
    """Some pages are read elsewhere, and what came of any may be there at any time."""
    pages = [list(page) for page in cut(pods, size)]
    whole, told = Pages(), list[str]()
    for number in data.draw(st.permutations(range(len(pages)))):
        read = _taken(Grouping(number, live=True), pages[number], told)
        whole.put(_passed(read) if data.draw(st.booleans()) else read.part())
        whole.whole(number)
    at_once = _result(whole)
    whole.settle()

    assert (at_once, sorted(told)) == _alone(pods)
    assert _result(whole) == at_once


@settings(max_examples=50, deadline=None)
@given(lists(), st.data())
def test_a_page_may_be_read_in_two_parts(
    pods: list[Object], data: st.DataObject
) -> None:
    """A page that broke off is asked for again, and goes on with the same number."""
    whole, told = Pages(), list[str]()
    for number, page in enumerate(cut(pods, 5)):
        middle = data.draw(st.integers(0, len(page)))
        for part in (list(page[:middle]), list(page[middle:])):
            whole.put(_taken(Grouping(number, live=True), part, told).part())
    whole.settle()

    assert (_result(whole), sorted(told)) == _alone(pods)


def test_nothing_that_was_read_is_nothing_to_settle() -> None:
    whole = Pages()
    whole.put(_passed(Grouping(live=True)))
    whole.settle()

    assert _result(whole) == [0]


def _page(number: int, *namespaces: str) -> Part:
    pods = [pod(f"cart-{n}", namespace=one) for n, one in enumerate(namespaces)]
    return _taken(Grouping(number, live=True), pods, []).part()


def test_a_namespace_is_whole_when_all_pages_to_the_next_one_are_there() -> None:
    whole = Pages()
    told = []
    pages = {0: ("a", "b"), 2: ("c", "d"), 3: ("d", "d"), 1: ("b", "b", "c")}
    for number, namespaces in pages.items():
        whole.put(_page(number, *namespaces))
        whole.whole(number)
        told.append(whole.behind())

    assert told == [["a"], ["a"], ["a"], ["a", "b", "c"]]
    assert whole.spaces() == ["a", "b", "c", "d"]


def test_a_page_that_is_not_whole_keeps_those_behind_it() -> None:
    whole = Pages()
    for number, namespaces in enumerate([("a", "b"), ("b", "c"), ("c", "d")]):
        whole.put(_page(number, *namespaces))
        if number != 1:
            whole.whole(number)
    waiting = whole.behind()
    whole.settle()

    assert (waiting, whole.behind()) == (["a"], ["a", "b", "c"])


def test_pods_of_a_namespace_that_was_taken_are_an_error() -> None:
    """A server that does not sort its lists, as every API server does."""
    whole = Pages()
    for number, namespaces in enumerate([("a", "b"), ("b", "c")]):
        whole.put(_page(number, *namespaces))
        whole.whole(number)
    whole.take("a")
    whole.put(_page(2, "c", "a"))

    with pytest.raises(DisorderError, match="a"):
        whole.whole(2)
    assert [group.ref.namespace for _, group in whole] == ["b", "c"]
