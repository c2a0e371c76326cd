"""Lists are taken apart, and the logs in a dump are passed over."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from kubectl_meshcheck.files import Document, read

Row = tuple[str, int, int] | str


def parts(text: str) -> list[Any]:
    """Each object, and each problem without the name of its source."""
    return [
        part if isinstance(part, Document) else part.what.split(", ", 2)[-1]
        for part in read(["-"], stdin=io.BytesIO(text.encode()))
    ]


def objects(text: str) -> list[Any]:
    return [part.object if isinstance(part, Document) else part for part in parts(text)]


def rows(text: str) -> list[Row]:
    """Each object as (kind, document, line), each problem as its sentence."""
    return [
        (part.object["kind"], part.number, part.line)
        if isinstance(part, Document)
        else part
        for part in parts(text)
    ]


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "cart"}}
BARE = {"metadata": {"name": "cart"}}
PODS = {"apiVersion": "v1", "kind": "PodList", "items": [BARE]}
V2 = {"apiVersion": "v2"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"kind": "List", "items": [POD, POD]}, [POD, POD]),
        ({"kind": "PodList", "items": [BARE]}, [POD]),
        ({"kind": "PodList", "items": [{"kind": "", **BARE}]}, [POD]),
        ({"kind": "PodList", "items": [{**V2, **BARE}]}, [{**POD, **V2}]),
        ({"kind": "List", "items": [PODS, POD]}, [POD, POD]),
        ({"kind": "PodList", "items": []}, []),
        ({"kind": "PodList", "items": None}, []),
        ({"kind": "FooList"}, [{"apiVersion": "v1", "kind": "FooList"}]),
        ({"kind": "F", "items": []}, [{"apiVersion": "v1", "kind": "F", "items": []}]),
        (
            {"kind": "List", "items": [POD, 3, BARE, POD]},
            [
                POD,
                "line 1: item 2 of the list: it is a number, not a Kubernetes object",
                "line 1: item 3 of the list: it has no apiVersion and no kind",
                POD,
            ],
        ),
        (
            {"kind": "List", "items": {"a": 1}},
            [
                "line 1: its items are a mapping, not a list",
            ],
        ),
        ({**POD, "metadata": 3}, [{**POD, "metadata": 3}]),
    ],
)
@pytest.mark.parametrize("comment", ["", "# as YAML\n"])
def test_lists_are_flattened(value: Any, expected: list[Any], comment: str) -> None:
    text = comment + json.dumps({"apiVersion": "v1", **value})
    line = 2 if comment else 1

    assert objects(text) == [
        part.replace("line 1:", f"line {line}:") if isinstance(part, str) else part
        for part in expected
    ]


def test_items_keep_their_lines_in_yaml_and_json() -> None:
    value = {"apiVersion": "v1", "kind": "PodList", "items": [POD, BARE, POD]}
    as_yaml = "apiVersion: v1\nkind: PodList\nitems:\n- a: 1\n- b: 1\n\n- c: 1\n"

    assert (rows(json.dumps(value, indent=2)), rows(as_yaml)) == (
        [("Pod", 1, 5), ("Pod", 1, 12), ("Pod", 1, 17)],
        [("Pod", 1, 4), ("Pod", 1, 5), ("Pod", 1, 7)],
    )


def test_a_broken_item_leaves_the_others() -> None:
    deep = "[" * 201 + "]" * 201
    text = (
        '{"kind": "PodList", "apiVersion": "v1", "items": [\n'
        f'{{}},\n{{"v":\n1e999}},\n{{"v": {deep}}},\n{{"v": "\\n"}}\n]}}'
    )

    assert rows(text) == [
        ("Pod", 1, 2),
        "line 3: item 2 of the list: malformed JSON: Number out of range - at `$[...]`",
        "line 5: item 3 of the list: nested more than 200 levels deep",
        ("Pod", 1, 6),
    ]


def test_a_list_with_two_keys_items_is_its_last() -> None:
    text = '{"apiVersion": "v1", "kind": "PodList", "items": [{}], "items": [{}, {}]}'

    assert rows(text) == [("Pod", 1, 1), ("Pod", 1, 1)]


def log(text: str, container: str = "app") -> str:
    """As ``kubectl cluster-info dump`` prints it between the objects."""
    name = f"logs for container {container} of pod shop/cart"
    return f"==== START {name} ====\n{text}==== END {name} ====\n"


JA = '{"apiVersion": "v1", "kind": "A"}\n'
JB = '{"apiVersion": "v1", "kind": "B"}\n'
YA = "apiVersion: v1\nkind: A\n"
OTHER_END = "==== END logs for container x of pod y/z ====\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (JA + log("") + JB, [("A", 1, 1), ("B", 2, 4)]),
        (JA + log("---\n{}\n") + JB, [("A", 1, 1), ("B", 2, 6)]),
        (JA + log("no line break") + JB, [("A", 1, 1), ("B", 2, 4)]),
        (JA + log("1\n") + log("2\n", "proxy") + JB, [("A", 1, 1), ("B", 2, 8)]),
        (JA + log(OTHER_END) + JB, [("A", 1, 1), ("B", 2, 5)]),
        (YA + log("log\n") + "---\n" + YA, [("A", 1, 1), ("A", 2, 7)]),
        (YA + "x: ==== START logs for container a ====\n", [("A", 1, 1)]),
        (log("log\n"), ["standard input: there is nothing in it"]),
        (JA + log("")[:55], [("A", 1, 1), "line 2: the dump is cut off within a log"]),
    ],
)
def test_logs_between_objects_are_passed_over(text: str, expected: list[Row]) -> None:
    assert rows(text) == expected
