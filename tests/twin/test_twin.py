"""The copy of the process itself, fed with real pages through its real pipes."""

from __future__ import annotations

import gzip
import os
import signal
from collections.abc import Iterable, Sequence

import pytest

from kubectl_meshcheck import twin
from kubectl_meshcheck.cluster import Page
from kubectl_meshcheck.errors import MeshcheckError
from kubectl_meshcheck.inventory import Inventory
from tests.twin.pods import Object, body, cut, fleet, page, pod
from tests.twin.reading import Result, directly, handed, read, result

pytestmark = pytest.mark.usefixtures("child")

FLEET = list(fleet(130))
PAGES = cut(FLEET, 30)


def _given(copy: twin.Twins, inventory: Inventory, one: Page) -> list[str]:
    """A page for whoever has less to do: what a list does with each."""
    if copy.free():
        copy.take(one)
        return []
    copy.here(one.number)
    return read(inventory, one)


def _shared(pages: Iterable[Page]) -> Result:
    """What comes of these pages where the copy gets all that it has time for."""
    inventory, told = Inventory(), list[str]()
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        for one in pages:
            told += _given(copy, inventory, one)
        told += copy.join()
    return result(inventory, told)


def _all_handed(pages: Iterable[Page]) -> Result:
    inventory = Inventory()
    told = handed(inventory, pages)
    return result(inventory, told)


@pytest.mark.parametrize("compressed", [False, True])
def test_two_read_a_list_as_one_does(compressed: bool) -> None:
    pages = [page(n, i, compressed=compressed) for n, i in enumerate(PAGES)]

    assert _shared(pages) == directly(PAGES)


@pytest.mark.parametrize("theirs", [(), (0,), (4,), (1, 3), (0, 2, 4), range(5)])
def test_it_does_not_matter_which_pages_are_handed_over(theirs: Sequence[int]) -> None:
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        for number, items in enumerate(PAGES):
            if number in theirs:
                copy.take(page(number, items, compressed=True))
            else:
                copy.here(number)
                assert read(inventory, page(number, items)) == []
        told = copy.join()

    assert result(inventory, told) == directly(PAGES)


def test_of_no_page_there_is_nothing_to_say() -> None:
    assert _all_handed([]) == (0, [], [])


def test_pages_may_be_empty() -> None:
    pages = [page(0, []), page(1, FLEET[:9]), page(2, [])]

    assert _all_handed(pages) == directly([FLEET[:9]])


def test_pods_that_do_not_fit_are_told_in_the_same_words() -> None:
    odd: list[Object] = [
        pod("cart-1"),
        pod("cart-2", env="no list"),
        pod("cart-3", env=[{"name": 7}]),
        pod("cart-4") | {"spec": {"containers": "no list"}},
        pod("cart-6") | {"spec": {"securityContext": {"runAsUser": 10**30}}},
        pod("cart-7", restarts=10**20),
        {"metadata": {"name": ["no name"]}},
        pod("cart-5", shape="last", restarts=3),
    ]
    pages = [FLEET[:20], odd, FLEET[20:40]]
    found = _all_handed(page(n, items) for n, items in enumerate(pages))

    env = "$.spec.containers[1].env"
    assert found == directly(pages)
    assert found[2] == [
        "an item without a name: Expected `str`, got `array` - at `$.metadata.name`",
        f"shop/cart-2: Expected `array | null`, got `str` - at `{env}`",
        f"shop/cart-3: Expected `str`, got `int` - at `{env}[0].name`",
        "shop/cart-4: Expected `array | null`, got `str` - at `$.spec.containers`",
        "shop/cart-6: Expected `int` <= 9223372036854775807 "
        "- at `$.spec.securityContext.runAsUser`",
        "shop/cart-7: Expected `int` <= 2147483647 "
        "- at `$.status.containerStatuses[1].restartCount`",
    ]


def test_a_page_and_its_answer_may_be_larger_than_the_pipes() -> None:
    """Each is several times what a pipe holds, on its way while the other is, too."""
    long = "x" * 20_000
    pages = [
        [pod(f"{part}-{n}", ("Job", f"{part}-{n}"), args=[f"{part}-{n}-{long}"])
         for n in range(150)]
        for part in "abcde"
    ]  # fmt: skip

    found = _all_handed(page(n, items) for n, items in enumerate(pages))

    assert found == directly(pages)


def test_one_page_may_be_larger_than_all_that_is_buffered() -> None:
    items = [pod(f"cart-{n}", args=["x" * 100_000]) for n in range(80)]

    assert _all_handed([page(0, items)]) == directly([items])


#: a page of its own pods, which nobody else's are counted with
_OTHERS = [pod(f"odd-{n}", namespace="odd", args=["x" * 400]) for n in range(30)]
_PLAIN = body(_OTHERS)
_PACKED = gzip.compress(_PLAIN, 1)
_HALF = len(_PACKED) // 2
_TORN = _PACKED[:_HALF] + b"\xff" * 64 + _PACKED[_HALF:]
_EARLY = "a page of the list ended too early"
_BAD = "a page of the list is malformed:"
BROKEN = {
    "no JSON": (b"<html>", False, f"{_BAD} the answer is not a JSON object"),
    "no list": (b'{"kind":"Pod"}', False, f"{_BAD} the answer is no list but Pod"),
    "more": (_PLAIN + b"{}", False, f"{_BAD} something follows the answer's JSON"),
    "nothing": (b"", False, _EARLY),
    "short": (_PLAIN[: len(_PLAIN) // 2], False, _EARLY),
    "one byte short": (_PLAIN.rstrip()[:-1], False, _EARLY),
    "no gzip": (_PLAIN, True, f"{_BAD} the answer's compression is corrupt"),
    "corrupt gzip": (_TORN, True, f"{_BAD} the answer's compression is corrupt"),
    "short gzip": (_PACKED[:_HALF], True, _EARLY),
    "no end of gzip": (_PACKED[:-4], True, _EARLY),
}


@pytest.mark.parametrize(("whole", "compressed", "what"), BROKEN.values(), ids=BROKEN)
def test_a_broken_page_is_an_error_and_the_others_are_there(
    whole: bytes, compressed: bool, what: str
) -> None:
    inventory = Inventory()
    bad = Page(1, compressed, whole)
    pages = [page(0, FLEET[:30]), bad, page(2, FLEET[30:], compressed=True)]
    with pytest.raises(MeshcheckError) as caught:
        handed(inventory, pages)

    assert (caught.value.what, caught.value.hint) == (what, "run it again")
    with pytest.raises(MeshcheckError) as alone:
        read(Inventory(), bad)
    assert alone.value.what == what
    others = [one for one in inventory.subjects() if one.ref.namespace != "odd"]
    assert others == directly([FLEET])[1]


def test_the_first_of_several_errors_is_told() -> None:
    pages = [Page(0, False, b"[]"), page(1, FLEET[:9]), Page(2, False, b"")]
    with pytest.raises(MeshcheckError) as caught:
        handed(Inventory(), pages)

    assert caught.value.what == f"{_BAD} the answer is not a JSON object"


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("size", [1, 7, 30])
def test_several_copies_read_as_one_does(size: int) -> None:
    pages = cut(FLEET, size)
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copies:
        assert copies is not None
        told = []
        for number, items in enumerate(pages):
            told += _given(copies, inventory, page(number, items, compressed=True))
        told += copies.join()
        pids = {one.pid for one in copies.all}

    assert len(pids) == 3
    assert result(inventory, told) == directly(pages)


@pytest.mark.usefixtures("many")
def test_every_copy_gets_its_share() -> None:
    """Whoever has least to do, in turn while none has answered."""
    inventory = Inventory()
    with twin.of(inventory, wanted=True) as copies:
        assert copies is not None
        for one in copies.all:
            os.kill(one.pid, signal.SIGSTOP)
        for number in range(6):
            copies.take(page(number, FLEET[20 * number : 20 * number + 20]))
        assert [one.busy for one in copies.all] == [2, 2, 2]
        assert not copies.free()
        for one in copies.all:
            os.kill(one.pid, signal.SIGCONT)
        told = copies.join()
        assert [one.busy for one in copies.all] == [0, 0, 0]

    assert result(inventory, told) == directly([FLEET[:120]])


@pytest.mark.usefixtures("many")
def test_the_first_broken_page_of_several_copies_is_told() -> None:
    pages = [page(0, FLEET[:9]), Page(1, False, b""), Page(2, False, b"[]")]
    with pytest.raises(MeshcheckError) as caught:
        handed(Inventory(), pages)

    assert caught.value.what == _EARLY
