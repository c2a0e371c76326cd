"""Which documents a source holds, where each stands, and what breaks alone.

Left out: the meaning of single values (test_files_yaml), what paths stand for
(test_files_paths).
"""

from __future__ import annotations

import gzip
import io

import pytest

from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.files import Document, documents, read

A = "apiVersion: v1\nkind: A\n"
B = "apiVersion: v1\nkind: B\n"
JA = '{"apiVersion": "v1", "kind": "A"}'
JB = '{"apiVersion": "v1", "kind": "B"}'

Row = tuple[str, int, int] | str


def rows(text: str | bytes) -> list[Row]:
    """Each object as (kind, document, line), each problem as its sentence."""
    data = text.encode() if isinstance(text, str) else text
    return [
        (part.object["kind"], part.number, part.line)
        if isinstance(part, Document)
        else part.what.removeprefix("standard input").lstrip(", :")
        for part in read(["-"], stdin=io.BytesIO(data))
    ]


A1, B2 = ("A", 1, 1), ("B", 2, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (A, [A1]),
        (f"{A}---\n{B}", [A1, B2]),
        (f"{A}---   \n{B}", [A1, B2]),
        (f"{A}--- # comment\n{B}", [A1, B2]),
        (f"{A}---\t\n{B}", [A1, B2]),
        (f"---\n{A}", [("A", 1, 2)]),
        (f"# c\n---\n# c\n---\n{A}---\n---\n# end", [("A", 1, 5)]),
        (f"{A}--- {{apiVersion: v1, kind: B}}\n", [A1, ("B", 2, 3)]),
        (f"--- {JA}\n--- {JB}", [A1, ("B", 2, 2)]),
        (f"{A}...\n{B}", [A1, B2]),
        (f"{A}...\n---\n{B}", [A1, ("B", 2, 5)]),
        (f"%YAML 1.1\n---\n{A}", [("A", 1, 3)]),
        (f"# c\n%YAML 1.1\n# c\n---\n{A}", [("A", 1, 5)]),
        (f"{A}v: |\n  x\n---\n{B}", [A1, ("B", 2, 6)]),
        (f"{A}v: |\n  ---\n  ...\n", [A1]),
        (f"{A}v: ---\n", [A1]),
        (f"\n\n{A}", [("A", 1, 3)]),
        (f"{A}---\n{B}".replace("\n", "\r\n"), [A1, B2]),
        (f"\ufeff{A}---\n{B}", [A1, B2]),
        (f"{A}---\n\ufeff{B}", [A1, B2]),
        (f"{A}---\n{B}".encode("utf-16"), [A1, B2]),
        (f"{A}---\n{B}".encode("utf-32"), [A1, B2]),
        (JA, [A1]),
        (f"\ufeff{JA}", [A1]),
        (f"\n {JA}\n\n", [("A", 1, 2)]),
        (JA + JB, [A1, ("B", 2, 1)]),
        (f"{JA}\n{JB}\n", [A1, ("B", 2, 2)]),
        (f"{JA}\n---\n{JB}", [A1, ("B", 2, 3)]),
        (f"{JA}\n---\n{B}", [A1, ("B", 2, 3)]),
        (f"{A}---\n{JB}{JA}", [A1, B2, ("A", 3, 4)]),
        (f"# comment\n{JA}", [("A", 1, 2)]),
        ("{apiVersion: v1, kind: A}", [A1]),
        ("{apiVersion: v1,\n kind: A,}", [A1]),
    ],
)
def test_documents_and_where_they_start(text: str | bytes, expected: list[Row]) -> None:
    found = rows(text)

    assert [
        row[: len(wanted)] if isinstance(row, str) else row
        for row, wanted in zip(found, expected, strict=True)
    ] == expected


TEMPLATE = "this is a Helm template, not a manifest"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("text", 4, "it is text, not a Kubernetes object"),
        ("- 1", 4, "it is a list, not a Kubernetes object"),
        ("1", 4, "it is a number, not a Kubernetes object"),
        ("~", 4, "it is null, not a Kubernetes object"),
        ("a: b", 4, "it has no apiVersion and no kind"),
        ("kind: X", 4, "it has no apiVersion"),
        ("apiVersion: v1", 4, "it has no kind"),
        ("{kind: '', apiVersion: v1}", 4, "it has no kind"),
        ("{kind: [], apiVersion: v1}", 4, "its kind is a list, not text"),
        ("{kind: yes, apiVersion: v1}", 4, "its kind is a truth value, not text"),
        ("{kind: X, apiVersion: {}}", 4, "its apiVersion is a mapping, not text"),
        ("{kind: L, apiVersion: 1.5}", 4, "its apiVersion is a number, not text"),
        ("\nv: [", 5, ""),
        ("v: \x07", 4, ""),
        ("{{ if .x }}", 4, TEMPLATE),
        ("name: {{ .Release.Name }}", 4, TEMPLATE),
        ("a: b\n{{- end -}}", 5, TEMPLATE),
        ('{"a": 1,,\n"b"}', 4, "malformed JSON: "),
        ('{"a": {\n"b": @ }}', 5, "malformed JSON: invalid character"),
        ('{"a":\n', 4, "the JSON is cut off"),
    ],
)
def test_a_broken_document_does_not_take_the_others(
    text: str, line: int, why: str
) -> None:
    first, broken, last = rows(f"{A}---\n{text}\n---\n{B}")

    expected = f"document 2, line {line}: {why}"
    assert isinstance(broken, str)
    assert (first, broken[: len(expected)]) == (A1, expected)
    assert last == ("B", 3, 6 + text.count("\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", "there is nothing in it"),
        (b"# nothing\n---\n\n", "there is nothing in it"),
        (gzip.compress(b"x", mtime=0), "it is packed with gzip"),
        (b"PK\x03\x04....", "it is packed with zip"),
        (b"\0\1\2", "it is binary data, neither YAML nor JSON"),
        (b"x" * 257 + b"ustar\0", "it is a tar archive"),
        (b"\xff\xfe\0\xd8", "it begins like UTF-16 and is not"),
        (b"a: \xff", "document 1, line 1: "),
        (b'{"a": "\xff"}', "document 1, line 1: a text in it is not UTF-8"),
        (b'{"a": 1e999}', "document 1, line 1: malformed JSON: Number out of range"),
        (b'{"a": ' * 201 + b"{}" + b"}" * 201, "document 1, line 1: nested more"),
        (b"[" * 201 + b"]" * 201, "document 1, line 1: nested more"),
        (b"1" * 500, "document 1, line 1: it is text"),
        (b"[1]", "document 1, line 1: it is a list"),
    ],
)
def test_what_cannot_be_read_at_all_says_why(text: bytes, expected: str) -> None:
    (row,) = rows(text)

    assert isinstance(row, str)
    assert row[: len(expected)] == expected


def test_a_problem_is_a_value_with_its_source() -> None:
    (problem,) = read(["-"], stdin=io.BytesIO(b"{{ .Values.x }}"))

    assert problem == Problem(
        "standard input, document 1, line 1: this is a Helm template, not a manifest",
        "render it first: helm template ... | kubectl meshcheck file -f -",
        source="standard input, document 1",
    )


def test_one_source_says_once_that_it_is_a_template() -> None:
    template = "x: {{ .Values.x }}\n"

    assert rows(f"{template}---\n{A}---\n{template}") == [
        "document 1, line 1: this is a Helm template, not a manifest",
        ("A", 2, 3),
    ]


def test_placeholders_within_quotes_are_no_template() -> None:
    assert rows(f'{A}v: "{{{{ inputs.parameters.x }}}}"\n') == [A1]


def test_a_source_that_is_mostly_broken_is_given_up() -> None:
    assert rows(f"{JA}\n" + '{"a": }\n' * 1000) == [
        A1,
        *(
            f"document {n}, line {n}: malformed JSON: invalid character"
            for n in range(2, 102)
        ),
        "more than 100 parts are broken, the rest was not read",
    ]


def test_large_broken_json_is_not_tried_as_yaml(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "_MAX_FLOW", 10)

    (row,) = rows("{apiVersion: v1, kind: A}")

    assert isinstance(row, str)
    assert row.startswith("document 1, line 1: malformed JSON: ")
