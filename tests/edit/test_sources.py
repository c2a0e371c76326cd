"""Encodings, marks and documents: what is not changed stays byte for byte."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.edit import Source, Standing, all_edited
from kubectl_meshcheck.edit.manifest import Edited
from tests.edit.layouts import HOLD, KEY

BEFORE = (
    "apiVersion: v1\nkind: Service\nmetadata:   {name:   \u00e9}   \n---\n\n"
    "# cart\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\nspec:\n"
    '  template:\n    metadata:\n      labels: {sidecar.istio.io/inject: "true"}\n'
    "--- # the end\n...\n\t\n"
)
AFTER = BEFORE.replace(
    "    metadata:\n      labels",
    f'    metadata:\n      annotations:\n        {KEY}: "{HOLD}"\n      labels',
)


def edited(raw: bytes) -> Edited:
    (made,) = all_edited([Source("shop.yaml", raw)])
    return made


ENCODINGS = {
    "utf-8": b"",
    "utf-8 with its mark": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding: str, newline: str) -> None:
    mark = ENCODINGS[encoding]
    before, after = (
        mark + text.replace("\n", newline).encode(encoding.partition(" ")[0])
        for text in (BEFORE, AFTER)
    )

    assert edited(before).after == after


def test_several_json_documents_without_a_break() -> None:
    other = '{"apiVersion": "v1", "kind": "Secret"}'
    cart = (
        '{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},'
        ' "spec": {"template": {"metadata": {"labels":'
        ' {"sidecar.istio.io/inject": "true"}%s}}}}'
    )
    more = f', "annotations": {{"{KEY}": "{HOLD}"}}'

    made = edited(f"{other}{cart % ''}\n{other}".encode())

    assert made.after.decode() == f"{other}{cart % more}\n{other}"


UNREADABLE = {
    "packed": (b"\x1f\x8b\x08", "shop.yaml: it is packed with gzip"),
    "binary": (b"a\0b", "shop.yaml: it is binary data, neither YAML nor JSON"),
    "half a character": (
        codecs.BOM_UTF16_LE + b"a",
        "shop.yaml: it begins like UTF-16 and is not",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_text_is_a_problem(name: str) -> None:
    raw, what = UNREADABLE[name]
    made = edited(raw)

    assert ([problem.what for problem in made.problems], made.after) == ([what], raw)


def test_what_is_nested_beyond_reason_is_a_problem() -> None:
    items = '{"apiVersion": "v1", "kind": "List", "items": [' * 400 + "]}" * 400
    made = edited(items.encode())

    assert [problem.what for problem in made.problems] == [
        "shop.yaml, document 1, line 1: item 1 of the list: nested more than 200 "
        "levels deep"
    ]
    assert not made.changed


#: what means something to YAML, to JSON, to Helm, or to an editor
PIECES = [
    "\n",
    "\r",
    "\t",
    " ",
    "  ",
    ":",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "|",
    ">",
    "'",
    '"',
    "#",
    " #",
    "---\n",
    "...",
    "!!str ",
    "%",
    "{{",
    "}}",
    "null",
    "~",
    "annotations: ",
    "metadata:",
    "\x00",
    "\ufeff",
    "\x85",
    "\u2028",
]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 8), st.sampled_from(PIECES)),
        max_size=4,
    )
)
def test_whatever_is_in_it_nothing_breaks(cuts: list[tuple[int, int, str]]) -> None:
    text = BEFORE
    for at, gone, piece in cuts:
        text = text[:at] + piece + text[at + gone :]
    made = edited(text.encode())
    again = edited(made.after)
    changed = [o.who for o in made.outcomes if o.standing is Standing.CHANGED]

    assert made.changed == bool(changed)
    assert not again.changed
