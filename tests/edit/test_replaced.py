"""A value that stands there already, changed in its own style."""

from __future__ import annotations

from textwrap import dedent

import pytest

from kubectl_meshcheck.edit.changes import Change, edited
from kubectl_meshcheck.edit.parts import YAML
from tests.edit.layouts import KEY, json, yaml

#: name: before, the new value, after; all of it below the annotations
VALUES = {
    "a block keeps its lines, comments and blanks": (
        """\
        proxy.istio.io/config: |  # ours
            # one
            concurrency: 2   
        
        other: x
        """,  # noqa: W291, W293
        "# one\nconcurrency: 2   \nhold: true\n",
        """\
        proxy.istio.io/config: |  # ours
            # one
            concurrency: 2   
            hold: true
        
        other: x
        """,  # noqa: W291, W293
    ),
    "a block with the new line first": (
        """\
        proxy.istio.io/config: |-
          a: 1
          b: 2
        """,
        "hold: true\na: 1\nb: 2",
        """\
        proxy.istio.io/config: |-
          hold: true
          a: 1
          b: 2
        """,
    ),
    "a block in which a line changes": (
        """\
        proxy.istio.io/config: |+
          a: 1
          hold: false # on purpose
          b: 2

        """,
        "a: 1\nhold: true # on purpose\nb: 2\n\n",
        """\
        proxy.istio.io/config: |+
          a: 1
          hold: true # on purpose
          b: 2

        """,
    ),
    "a block with an indentation of its own": (
        """\
        proxy.istio.io/config: |2
            # deep
          a: 1
        """,
        "  # deep\na: 1\nhold: true\n",
        """\
        proxy.istio.io/config: |2
            # deep
          a: 1
          hold: true
        """,
    ),
    "a block that ends otherwise than the new value": (
        """\
        proxy.istio.io/config: |
          a: 1
        """,
        "a: 1\nhold: true",
        """\
        proxy.istio.io/config: |-
          a: 1
          hold: true
        """,
    ),
    "a block with nothing in it": (
        """\
        proxy.istio.io/config: |  # empty
        other: x
        """,
        "hold: true",
        """\
        proxy.istio.io/config: "hold: true"  # empty
        other: x
        """,
    ),
    "a folded block of one line": (
        """\
        proxy.istio.io/config: >-
          {"a": 1}
        """,
        '{"a": 1, "hold": true}',
        """\
        proxy.istio.io/config: >-
          {"a": 1, "hold": true}
        """,
    ),
    "a folded block that gets more lines": (
        """\
        proxy.istio.io/config: >
          a: 1
        other: x
        """,
        "a: 1\nhold: true\n",
        """\
        proxy.istio.io/config: |
          a: 1
          hold: true
        other: x
        """,
    ),
    "single quotes": (
        "proxy.istio.io/config: '{\"a\": ''1''}'  # ours\n",
        '{"a": \'1\', "hold": true}',
        "proxy.istio.io/config: '{\"a\": ''1'', \"hold\": true}'  # ours\n",
    ),
    "double quotes with escapes": (
        'proxy.istio.io/config: "a: 1\\nb: 2"\n',
        "a: 1\nb: 2\nhold: true",
        'proxy.istio.io/config: "a: 1\\nb: 2\\nhold: true"\n',
    ),
    "double quotes over two lines": (
        'proxy.istio.io/config: "{a: 1,\n  b: 2}"\nother: x\n',
        "{a: 1, b: 2, hold: true}",
        'proxy.istio.io/config: "{a: 1, b: 2, hold: true}"\nother: x\n',
    ),
    "a plain word": (
        "proxy.istio.io/config: disabled # why\n",
        "enabled",
        "proxy.istio.io/config: enabled # why\n",
    ),
    "a plain word that would become a boolean": (
        "proxy.istio.io/config: nope\n",
        "true",
        'proxy.istio.io/config: "true"\n',
    ),
    "an anchor that nobody refers to": (
        "proxy.istio.io/config: &mine 'x'\n",
        "y",
        "proxy.istio.io/config: &mine 'y'\n",
    ),
    "a quoted key in braces": (
        '{"proxy.istio.io/config": "{}", other: x}\n',
        "{hold: true}",
        '{"proxy.istio.io/config": "{hold: true}", other: x}\n',
    ),
}
_HEAD = "spec:\n  template:\n    metadata:\n      annotations:\n"


def _document(annotations: str, newline: str = "\n") -> str:
    lines = dedent(annotations).splitlines(keepends=True)
    body = "".join(f"        {line}" if line.strip() else line for line in lines)
    return (_HEAD + body).replace("\n", newline)


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize("name", VALUES)
def test_yaml(name: str, newline: str) -> None:
    before, value, after = VALUES[name]

    made = yaml(_document(before, newline), value)

    assert made == (_document(after, newline), {})


def test_json_texts_stay_on_their_line() -> None:
    before = '{"spec": {"template": {"metadata": {"annotations": {"%s": "a: 1\\n"}}}}}'
    after = before.replace("a: 1\\n", "a: 1\\nhold: true\\n")

    assert json(before % KEY, "a: 1\nhold: true\n") == (after % KEY, {})


#: name: the document, why it stays as it is
REFUSED = {
    "annotations are an alias": (
        """\
        common: &common {a: b}
        spec:
          template:
            metadata:
              annotations: *common
        """,
        "annotations is the alias *common, so another place shares it",
    ),
    "annotations are referred to from elsewhere": (
        """\
        spec:
          template:
            metadata:
              annotations: &mine
                a: b
        other: *mine
        """,
        "another place shares its text by the anchor &mine",
    ),
    "the whole template is referred to from elsewhere": (
        """\
        spec:
          template: &mine
            spec: 1
        other: *mine
        """,
        "another place shares its text by the anchor &mine",
    ),
    "the value is an alias": (
        """\
        common: &common "a: 1"
        spec:
          template:
            metadata:
              annotations:
                proxy.istio.io/config: *common
        """,
        "proxy.istio.io/config is the alias *common, so the text is shared with "
        "another place",
    ),
    "the value is referred to from elsewhere": (
        """\
        spec:
          template:
            metadata:
              annotations:
                proxy.istio.io/config: &mine |
                  a: 1
        other: *mine
        """,
        "another place shares its text by the anchor &mine",
    ),
    "annotations come in by a merge key": (
        """\
        common: &common {annotations: {a: b}}
        spec:
          template:
            metadata:
              <<: *common
        """,
        "annotations comes in by a merge key (<<)",
    ),
    "metadata come in by a merge key": (
        """\
        common: &common {metadata: {name: x}}
        spec:
          template:
            <<: *common
        """,
        "metadata comes in by a merge key (<<)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_others_share_is_left_alone(name: str) -> None:
    before, why = REFUSED[name]

    assert yaml(before) == (dedent(before), {0: why})


def test_one_that_is_refused_does_not_keep_the_others_back() -> None:
    before = """\
        items:
        - spec:
            template: &mine
              spec: 1
        - spec:
            template: *mine
        - spec:
            template:
              spec: 1
        """
    after = """\
        items:
        - spec:
            template: &mine
              spec: 1
        - spec:
            template: *mine
        - spec:
            template:
              metadata:
                annotations:
                  a: b
              spec: 1
        """
    paths = [("items", item, "spec", "template") for item in range(3)]
    why = {
        0: "another place shares its text by the anchor &mine",
        1: "template is the alias *mine, so another place shares it",
    }

    made = edited(dedent(before), [Change(path, {"a": "b"}) for path in paths], YAML)

    assert made == (dedent(after), why)


def test_many_that_share_a_text_are_told_apart_from_those_that_do_not() -> None:
    shared = "- spec:\n    template: &mine\n      spec: 1\n- spec: {template: *mine}\n"
    own = "- spec:\n    template:\n      spec: 1\n"
    text = "items:\n" + own * 20 + shared + own * 20
    paths = [("items", item, "spec", "template") for item in range(42)]
    added = own.replace(
        "      spec",
        "      metadata:\n        annotations:\n          a: b\n      spec",
    )

    made = edited(text, [Change(path, {"a": "b"}) for path in paths], YAML)

    assert made == (
        "items:\n" + added * 20 + shared + added * 20,
        {
            20: "another place shares its text by the anchor &mine",
            21: "template is the alias *mine, so another place shares it",
        },
    )
