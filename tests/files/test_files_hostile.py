"""Whatever the bytes are, they end in documents and problems, never a traceback.

And every document is plain JSON: encodable, bounded in depth, with its type.
"""

from __future__ import annotations

import io
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.files import Document, read, yaml_text

SEED_YAML = b"""\
# comment
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: &m {name: cart, labels: {a: 'b', "c": d}}
  spec:
    containers:
    - {name: x, args: [--a=1, "\\u00e9"], command: !!str 5}
    text: |
      one
      two
- kind: Pod
  <<: {apiVersion: v1}
  metadata: *m
---
apiVersion: v1
kind: Pod
...
"""
SEED_JSON = b"""\
{"apiVersion": "v1", "kind": "PodList", "items": [
  {"metadata": {"name": "cart", "n": [1, -2.5e3, true, null, "\\u00e9\\ud83d\\ude00"]}},
  {"apiVersion": "v1", "kind": "Pod"}
]}
==== START logs for container a of pod b/c ====
log
==== END logs for container a of pod b/c ====
{"apiVersion": "v1", "kind": "Pod"}
"""
PIECES = [
    b"---", b"...", b"\n", b"\r\n", b"\t", b" ", b": ", b"- ", b"? ", b"{", b"}", b"[",
    b"]", b",", b'"', b"'", b"#", b"&a ", b"*a", b"<<: ", b"!!int ", b"!x ", b"|\n",
    b">\n", b"%YAML 1.1\n", b"\xef\xbb\xbf", b"\xff", b"\0", b"{{ .x }}", b"\\ud800",
    b"kind: Pod\n", b"apiVersion: v1\n", b"items:\n", b"1e999", b"0x", b"~", b".nan",
    b"==== START logs for container a of pod b/c ====\n", b"==== END", b"\xe2\x80\xa8",
]  # fmt: skip

loaders: list[Any] = [yaml.SafeLoader]
if hasattr(yaml, "CSafeLoader"):
    loaders.append(yaml.CSafeLoader)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good source with some bytes cut out, doubled or put in."""
    data = draw(st.sampled_from([SEED_YAML, SEED_JSON, SEED_YAML + SEED_JSON]))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        to = draw(st.integers(at, min(len(data), at + 20)))
        insert = draw(st.one_of(st.sampled_from(PIECES), st.just(data[at:to] * 2)))
        data = data[:at] + insert + data[to:]
    return data


def check(data: bytes) -> None:
    for part in read(["-"], stdin=io.BytesIO(data)):
        if isinstance(part, Document):
            assert isinstance(part.object["apiVersion"], str)
            assert isinstance(part.object["kind"], str)
            assert (part.source, part.number >= 1, part.line >= 1) == ("-", True, True)
            assert part.line <= data.count(b"\n") + 1
            assert msgspec.json.decode(msgspec.json.encode(part.object)) is not None
        else:
            assert isinstance(part, Problem)
            assert (part.what + part.hint + part.source).isprintable()


@pytest.mark.parametrize("loader", loaders)
@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(data=st.one_of(mutated(), st.lists(st.sampled_from(PIECES)).map(b"".join)))
def test_mutated_sources_end_in_documents_and_problems(
    loader: Any, data: bytes
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, "_LOADER", loader)
        check(data)


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(data=st.one_of(st.binary(), st.text().map(str.encode)))
def test_random_bytes_end_in_documents_and_problems(data: bytes) -> None:
    check(data)


@pytest.mark.parametrize("opening", [b"[", b"{a: ", b"- ", b"? ", b'{"a":', b"&a ["])
@pytest.mark.parametrize("loader", loaders)
def test_deep_nesting_ends_in_a_problem(
    opening: bytes, loader: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yaml_text, "_LOADER", loader)
    (part,) = read(["-"], stdin=io.BytesIO(opening * 20_000))

    assert isinstance(part, Problem)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"---\n" * 50_000, id="separators"),
        pytest.param(b"--- x\n" * 50_000, id="tiny documents"),
        pytest.param(b'{"a":\n' * 50_000, id="JSON that never closes"),
        pytest.param(b'{"\n' * 50_000, id="text that never closes"),
        pytest.param(b'{"a": 1}\n' * 50_000, id="JSON lines"),
        pytest.param(
            b"==== START logs for container a of pod b/c ====\n" * 50_000, id="logs"
        ),
        pytest.param(b"a: &a {b: c}\n<<: *a\n" * 10_000, id="merges"),
    ],
)
def test_many_broken_parts_end_in_few_problems(text: bytes) -> None:
    found = list(read(["-"], stdin=io.BytesIO(text)))

    assert {type(part) for part in found} == {Problem}
    assert len(found) <= 101
