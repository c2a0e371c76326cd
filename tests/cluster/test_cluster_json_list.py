"""The list reader against hostile documents, any chunking and any buffer size."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.cluster.json_items import Shape
from kubectl_meshcheck.cluster.json_list import ListReader
from kubectl_meshcheck.cluster.json_window import MalformedError, TruncatedError
from tests.cluster.support import Item

ANY: Shape[Any] = Shape(Any)
ITEM = Shape(Item)

#: what the reader looks for, where it must not be taken for what it looks like
HOSTILE = [
    '},{"metadata":{"name":"x"',
    "]}",
    '"',
    "\\",
    '\\"',
    "}}",
    ',"items":[',
    "\u2028é",
]
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=6))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["metadata", "items", "name", ""]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
pods: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"metadata": st.fixed_dictionaries({"name": texts, "labels": values})},
    optional={"spec": values, "volumeClaimTemplates": st.just([{"metadata": {}}] * 2)},
)


class Dribble:
    """Gives the document in pieces of these sizes, over and over."""

    def __init__(self, document: bytes, sizes: list[int]) -> None:
        self._document = io.BytesIO(document)
        self._sizes = self._endless(sizes)

    def __call__(self) -> bytes:
        return self._document.read(next(self._sizes))

    def _endless(self, sizes: list[int]) -> Iterator[int]:
        while True:
            yield from sizes


def read(
    document: bytes, shape: Shape[Any], sizes: list[int], buffer: int
) -> list[Any]:
    return list(ListReader(Dribble(document, sizes), shape, pytest.fail, size=buffer))


@st.composite
def documents(draw: st.DrawFn) -> tuple[bytes, list[Any]]:
    """A list document, and its items; keys in any order, any white space."""
    items = draw(st.lists(pods, max_size=12) | st.lists(values, max_size=12))
    fields = [
        ("kind", "PodList"),
        (
            "metadata",
            draw(st.dictionaries(texts, scalars, max_size=3)) | {"continue": "c"},
        ),
        ("items", items),
        ("other", draw(values)),
    ]
    whole = dict(draw(st.permutations(fields)))
    indent = draw(st.sampled_from([None, 0, 2]))
    ascii_only = draw(st.booleans())
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n", "\t:")]))
    text = json.dumps(
        whole, indent=indent, ensure_ascii=ascii_only, separators=separators
    )
    return text.encode() + draw(st.sampled_from([b"", b"\n", b" \r\n"])), items


chunkings = st.lists(st.integers(1, 40), min_size=1, max_size=4)
buffers = st.integers(8, 400)


@settings(max_examples=300, deadline=None)
@given(documents(), chunkings, buffers)
def test_items_are_those_of_the_document(
    document: tuple[bytes, list[Any]], sizes: list[int], buffer: int
) -> None:
    text, items = document

    assert read(text, ANY, sizes, buffer) == items


@settings(max_examples=200, deadline=None)
@given(documents(), buffers, st.data())
def test_a_document_cut_anywhere_is_an_error(
    document: tuple[bytes, list[Any]], buffer: int, data: st.DataObject
) -> None:
    text = document[0].rstrip()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]

    with pytest.raises(TruncatedError):
        read(cut, ANY, [1000], buffer)


@settings(max_examples=200, deadline=None)
@given(st.lists(texts.filter(bool), unique=True, min_size=1), buffers, st.data())
def test_a_list_goes_on_behind_any_of_its_items(
    names: list[str], buffer: int, data: st.DataObject
) -> None:
    names.sort(key=lambda name: name.encode())
    text = json.dumps(
        {"items": [{"metadata": {"name": name}} for name in names]}
    ).encode()
    place = data.draw(st.integers(0, len(names) - 1))
    reader = ListReader(
        Dribble(text, [1000]), ITEM, pytest.fail, size=buffer,
        after=f"/{names[place]}".encode(),
    )  # fmt: skip

    assert [item.metadata.name for item in reader] == names[place + 1 :]


def test_a_list_without_order_is_not_gone_on_with() -> None:
    text = b'{"items":[{"metadata":{"name":"b"}},{"metadata":{"name":"a"}}]}'
    reader = ListReader(Dribble(text, [99]), ITEM, pytest.fail, after=b"/c")

    with pytest.raises(MalformedError, match="no order"):
        list(reader)


@pytest.mark.parametrize("buffer", [16, 100, 10_000])
def test_items_that_do_not_fit_are_named_and_the_rest_goes_on(buffer: int) -> None:
    items: list[Any] = [
        {"metadata": {"name": f"p{n}", "namespace": "shop"}} for n in range(9)
    ]
    items[3]["note"] = 7
    items[5] = None
    items[7]["metadata"]["name"] = "\x1b[31m"
    items[7]["note"] = []
    text = json.dumps({"items": items}).encode()
    told: list[str] = []
    reader = ListReader(Dribble(text, [50]), ITEM, told.append, size=buffer)

    assert [item.metadata.name[1:] for item in reader] == list("012468")
    assert told == [
        "shop/p3: Expected `str`, got `int` - at `$.note`",
        "an item without a name: Expected `object`, got `null` - at `$`",
        r"shop/\x1b[31m: Expected `str`, got `array` - at `$.note`",
    ]


@pytest.mark.parametrize(
    ("inside", "why"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'"\\ud800"', "truncated"),
        (b"01", "malformed"),
    ],
)
def test_an_item_that_cannot_be_decoded_costs_only_itself(
    inside: bytes, why: str
) -> None:
    text = b'{"items":[{"metadata":{"name":"a"},"x":%b},{"metadata":{"name":"b"}}]}'
    told: list[str] = []
    reader = ListReader(Dribble(text % inside, [99]), ITEM, told.append)

    assert [item.metadata.name for item in reader] == ["b"]
    assert why in told[0]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('{"kind":"PodList","items":null}', 0),
        ('{"kind":"PodList"}', 0),
        ('{"items":[]}', 0),
        ('\n { "items" : [ ] , "metadata" : null } \n', 0),
        ('{"\\u0069tems":[{"metadata":{"name":"a"}}]}', 1),
        ('{"items":[{"metadata":{"name":"a"}}],"kind":"PodList","metadata":{}}', 1),
    ],
)
def test_unusual_lists_are_lists(text: str, items: int) -> None:
    assert len(read(text.encode(), ITEM, [7], 20)) == items


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[]", "not a JSON object"),
        ("<html>", "not a JSON object"),
        ('{"kind":"Pod"}', "no list but Pod"),
        ("{}", "no list but an object"),
        ('{"items":{}}', "items are no list"),
        ('{"items":[1 2]}', "not JSON"),
        ('{"items":[,]}', "not JSON"),
        ('{"items":[1,]}', "not JSON"),
        ('{"items":[1,2,]}', "not JSON"),
        ('{"items":[1:2]}', "not JSON"),
        ('{"items":[]]', "not JSON"),
        ('{"items":[]} x', "follows"),
        ('{"items" []}', "not JSON"),
        ('{"metadata":{"continue":1},"items":[]}', "not JSON"),
        ("{1:2}", "not JSON"),
    ],
)
def test_what_is_no_list_is_an_error(text: str, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        read(text.encode(), ANY, [7], 20)


def test_an_endless_item_is_an_error_and_not_all_the_memory() -> None:
    text = b'{"items":[{"metadata":{"name":"' + b"x" * 3_000_000
    reader = ListReader(Dribble(text, [10**6]), ITEM, pytest.fail, size=64, most=10**6)

    with pytest.raises(MalformedError, match="larger than"):
        list(reader)


def test_the_buffer_stays_small_whatever_the_list() -> None:
    items = b",".join(b'{"metadata":{"name":"p%05d"}}' % n for n in range(50_000))
    reader = ListReader(
        Dribble(b'{"items":[' + items + b"]}", [4096]), ITEM, pytest.fail, size=8192
    )

    assert sum(1 for _ in reader) == 50_000
    assert len(reader._window.data) < 2 * 8192


def test_a_raw_field_outlives_the_buffer() -> None:
    class Kept(msgspec.Struct):
        metadata: msgspec.Raw

    texts = [b'{"name":"p%05d"}' % n for n in range(2_000)]
    items = b",".join(b'{"metadata":%b}' % text for text in texts)
    reader = ListReader(
        Dribble(b'{"items":[' + items + b"]}", [4096]),
        Shape(Kept),
        pytest.fail,
        size=8192,
    )

    assert [bytes(one.metadata) for one in list(reader)] == texts
