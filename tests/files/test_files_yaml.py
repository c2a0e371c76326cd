"""What YAML means and what is refused, one document at a time.

The values are those that kubectl 1.32 prints for the same text
(``kubectl label --local -f FILE a=b -o json``).  Left out: the wording of every
error that the parser itself finds; libyaml's and PyYAML's differ.
"""

from __future__ import annotations

import io
from typing import Any

import pytest
import yaml

from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.files import Document, read, yaml_text

HEAD = "apiVersion: v1\nkind: Thing\n"


def load(text: str) -> Any:
    """The value of ``v`` in one document, or the text of its problem."""
    (part,) = read(["-"], stdin=io.BytesIO((HEAD + text).encode()))
    if isinstance(part, Document):
        return part.object["v"]
    return part.what.removeprefix("standard input, document 1, ")


@pytest.fixture(
    params=[
        pytest.param(
            getattr(yaml, "CSafeLoader", None),
            marks=pytest.mark.skipif(
                not hasattr(yaml, "CSafeLoader"), reason="PyYAML without libyaml"
            ),
            id="libyaml",
        ),
        pytest.param(yaml.SafeLoader, id="pure"),
    ],
    autouse=True,
)
def _loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_text, "_LOADER", request.param)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True),
        ("y", True),
        ("On", True),
        ("n", False),
        ("Off", False),
        ("~", None),
        ("", None),
        ("Null", None),
        ("nULL", "nULL"),
        ("017", 15),
        ("0o17", 15),
        ("08", 8),
        ("0x1F", 31),
        ("0x_1F", 31),
        ("0b11", 3),
        ("-0b11", -3),
        ("1_000", 1000),
        ("_1", "_1"),
        ("+1", 1),
        ("-0", 0),
        ("1:30", "1:30"),
        ("190:20:30.5", "190:20:30.5"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        (".5", 0.5),
        (".5_5", 0.55),
        (".5_", ".5_"),
        ("._5", "._5"),
        ("-.5_5", -0.55),
        ("1.0", 1),
        ("1e3", 1000),
        ("1.e3", 1000),
        ("685_230.15", 685230.15),
        ("1e400", "1e400"),
        ("12345678901234567890123", 1.2345678901234568e22),
        ("9" * 5000, "9" * 5000),
        ("18446744073709551615", 2**64 - 1),
        ("1٣", "1٣"),
        ("+", "+"),
        (".", "."),
        ("=", "="),
        ("<<", "<<"),
        ('"1"', "1"),
        ("'yes'", "yes"),
        ("|\n  1\n", "1\n"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ('!!int "5"', 5),
        ("!!float 5", 5),
        ('!!bool "yes"', True),
        ('!!null ""', None),
        ("!!timestamp 2020-01-01", "2020-01-01"),
        ("!!binary aGVsbG8=", "hello"),
        ("!!set {a, b}", {"a": None, "b": None}),
        ('"\\u0000\\x07"', "\0\a"),
    ],
)
def test_a_word_means_what_kubectl_takes_it_for(text: str, value: Any) -> None:
    loaded = load(f"v: {text}")

    assert (loaded, type(loaded)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{1: one}", {"1": "one"}),
        ("{1.5: x}", {"1.5": "x"}),
        ("{true: x, no: z}", {"true": "x", "false": "z"}),
        ("{2020-01-01: x}", {"2020-01-01": "x"}),
        ("{a: 1, a: 2}", {"a": 2}),
        ("{<<: {a: 1, b: 2}, a: 3}", {"a": 3, "b": 2}),
        ("{a: 3, <<: [{a: 1}, {a: 2, c: 4}]}", {"a": 3, "c": 4}),
        ("{<<: [{a: 1}, {a: 2}]}", {"a": 1}),
        ('{"<<": {a: 1}}', {"<<": {"a": 1}}),
        ("[&x {a: 1}, *x]", [{"a": 1}, {"a": 1}]),
        ("[&x k, {*x : 1}]", ["k", {"k": 1}]),
        ("[&x 1, &x 2, *x]", [1, 2, 2]),
    ],
)
def test_keys_merges_and_aliases(text: str, value: Any) -> None:
    assert load(f"v: {text}") == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("v: .nan", "line 3: .nan cannot be written as JSON"),
        ("v: -.Inf", "line 3: -.Inf cannot be written as JSON"),
        ("v: {null: x}", "line 3: null cannot be a key"),
        ("v: {? [x] : y}", "line 3: a list cannot be a key"),
        ("v:\n  ? {a: b}\n  : c", "line 4: a mapping cannot be a key"),
        ("v: [&x [y], {*x : 1}]", "line 3: a list cannot be a key"),
        ("v: {<<: 3}", "line 3: << can merge mappings only"),
        ("v: {<<: [{}, 3]}", "line 3: << can merge mappings only"),
        ("v: !!int x", "line 3: x is no int"),
        ("v: !!int yes", "line 3: yes is no int"),
        ("v: !!binary x", "line 3: a !!binary value is no base64"),
        (
            "v: !!python/name:os.system x",
            "line 3: the tag !!python/name:os.system is not one that Kubernetes knows",
        ),
        ("v: !Ref x", "line 3: the tag !Ref is not one that Kubernetes knows"),
        ("v: !x [y]", "line 3: the tag !x is not one that Kubernetes knows"),
        ("v: *x", "line 3: the alias *x refers to nothing before it"),
        ("v: &x [*x]", "line 3: the alias *x stands inside what it refers to"),
        ("v:\n- " + "[" * 200, "line 4: nested more than 200 levels deep"),
        ("v: &x " + "[" * 150 + "]" * 150, "line 3: nested more than 200 levels deep"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, why: str) -> None:
    if "&x [[" in text:
        text += "\nw: " + "[" * 60 + "*x" + "]" * 60
        why = why.replace("line 3", "line 4")

    assert load(text) == why


def test_the_deepest_nesting_that_is_allowed_is_read() -> None:
    value = load("v: " + "[" * 199 + "]" * 199)

    depth = 0
    while value:
        (value,) = value
        depth += 1
    assert depth == 198


@pytest.mark.parametrize(
    "big", ["[" + "x, " * 10 + "]", "{<<: {}, k: [" + "x," * 9 + "]}"]
)
def test_aliases_of_aliases_are_bounded(big: str) -> None:
    lines = [f"l0: &l0 {big}"]
    lines += [f"l{n}: &l{n} [{f'*l{n - 1}, ' * 10}]" for n in range(1, 12)]

    assert load("\n".join(lines)) == (
        "line 7: the aliases stand for more than 100000 values"
    )


def test_long_text_weighs_more_in_aliases() -> None:
    lines = ["a: &a " + "x" * 256_000, "v: [" + "*a, " * 200 + "]"]

    assert load("\n".join(lines)) == (
        "line 4: the aliases stand for more than 100000 values"
    )


def test_many_aliases_of_something_small_are_fine() -> None:
    value = load("a: &a {k: w}\nv: [" + "*a, " * 5000 + "]")

    assert value == [{"k": "w"}] * 5000


def test_large_yaml_is_refused_and_the_hint_names_a_way() -> None:
    text = f"{HEAD}v: |\n  {'x' * yaml_text.MAX_BYTES}\n---\n{HEAD}".encode()
    large, small = read(["-"], stdin=io.BytesIO(text))

    assert (large, small) == (
        _problem(
            "line 1: the YAML document is larger than 16 MiB",
            "turn it into JSON, of which more is read: yq -o json . FILE",
        ),
        Document({"apiVersion": "v1", "kind": "Thing"}, "-", 2, 6),
    )


def _problem(why: str, hint: str) -> Any:
    source = "standard input, document 1"
    return Problem(f"{source}, {why}", hint, source=source)


@pytest.mark.parametrize(
    "text",
    [
        "v: [",
        'v: "',
        "v:\n\t- b",
        "v: a: b",
        "v: \x07",
        "v: @x",
        'v: "\\ud800"',
        'v: "\\UFFFFFFFF"',
        "v: %",
        "v: {a: b, c: d",
    ],
)
def test_what_the_parser_refuses_is_one_problem_with_a_line(text: str) -> None:
    why = load(text)

    assert isinstance(why, str)
    assert why.startswith("line ")
