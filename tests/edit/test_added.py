"""A new annotation, in every layout that a template's metadata may have."""

from __future__ import annotations

from textwrap import dedent

import pytest

from kubectl_meshcheck.edit.changes import Change, edited
from kubectl_meshcheck.edit.parts import YAML
from tests.edit.layouts import HOLD, KEY, json, yaml

BLOCK = {
    "below the key, above its neighbours and their comments": (
        """\
        spec:
          template:
            metadata:
              annotations:  # ours
                # for the scraper
                prometheus.io/scrape: "true"
        """,
        """\
        spec:
          template:
            metadata:
              annotations:  # ours
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                # for the scraper
                prometheus.io/scrape: "true"
        """,
    ),
    "quoted as its neighbours are": (
        """\
        "spec":
          "template":
            "metadata":
              "annotations":
                "a": 'b'
        """,
        """\
        "spec":
          "template":
            "metadata":
              "annotations":
                "proxy.istio.io/config": 'holdApplicationUntilProxyStarts: true'
                "a": 'b'
        """,
    ),
    "no annotations": (
        """\
        spec:
          template:
            metadata:
              # to select by
              labels:
                app: cart
            spec: {}
        """,
        """\
        spec:
          template:
            metadata:
              annotations:
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
              # to select by
              labels:
                app: cart
            spec: {}
        """,
    ),
    "no metadata, four blanks a level": (
        """\
        spec:
            template:   # the pods
                # nothing special
                spec: {}
        """,
        """\
        spec:
            template:   # the pods
                metadata:
                    annotations:
                        proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                # nothing special
                spec: {}
        """,
    ),
    "one blank a level": (
        """\
        spec:
         template:
          metadata:
           labels: {}
        """,
        """\
        spec:
         template:
          metadata:
           annotations:
            proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
           labels: {}
        """,
    ),
    "annotations without a value": (
        """\
        spec:
          template:
            metadata:
              annotations:   # none yet
              labels: {}
        """,
        """\
        spec:
          template:
            metadata:
              annotations:   # none yet
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
              labels: {}
        """,
    ),
    "a null in words": (
        """\
        spec:
          template:
            metadata: null  # nothing
            spec: {}
        """,
        """\
        spec:
          template:
            metadata:  # nothing
              annotations:
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
            spec: {}
        """,
    ),
    "an anchor that nobody refers to": (
        """\
        spec:
          template:
            metadata:
              annotations: &mine
                a: b
        """,
        """\
        spec:
          template:
            metadata:
              annotations: &mine
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                a: b
        """,
    ),
    "an anchor on a line of its own": (
        """\
        spec:
          template:
            metadata:
              annotations:
                &mine
                a: b
        """,
        """\
        spec:
          template:
            metadata:
              annotations:
                &mine
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                a: b
        """,
    ),
    "beside a merge key, whose source stays": (
        """\
        common: &common
          a: b
        spec:
          template:
            metadata:
              annotations:
                <<: *common
        """,
        """\
        common: &common
          a: b
        spec:
          template:
            metadata:
              annotations:
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                <<: *common
        """,
    ),
    "explicit keys": (
        """\
        spec:
          ? template
          : metadata:
              annotations:
                a: b
        """,
        """\
        spec:
          ? template
          : metadata:
              annotations:
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                a: b
        """,
    ),
    "a key given twice, of which the last counts": (
        """\
        spec:
          template:
            metadata:
              annotations:
                a: b
              annotations:
                c: d
        """,
        """\
        spec:
          template:
            metadata:
              annotations:
                a: b
              annotations:
                proxy.istio.io/config: "holdApplicationUntilProxyStarts: true"
                c: d
        """,
    ),
}

#: with KEY and HOLD for the long words that they are
FLOW = {
    "empty braces": (
        """\
        spec:
          template:
            metadata:
              annotations: {}  # none
        """,
        """\
        spec:
          template:
            metadata:
              annotations: {KEY: "HOLD"}  # none
        """,
    ),
    "anchored braces": (
        """\
        spec:
          template:
            metadata:
              annotations: &mine {}
        """,
        """\
        spec:
          template:
            metadata:
              annotations: &mine {KEY: "HOLD"}
        """,
    ),
    "braces on one line": (
        """\
        spec:
          template:
            metadata: {labels: {app: cart}}
        """,
        """\
        spec:
          template:
            metadata: {labels: {app: cart}, annotations: {KEY: "HOLD"}}
        """,
    ),
    "braces over several lines, with comments": (
        """\
        spec:
          template:
            metadata:
              annotations: {
                a: b,  # one
                "c": 'd'  # two
              }
        """,
        """\
        spec:
          template:
            metadata:
              annotations: {
                a: b,  # one
                "c": 'd',
                KEY: 'HOLD'  # two
              }
        """,
    ),
    "a comma at the end": (
        """\
        spec:
          template: {"metadata": {"annotations": {"a":"b",}}}
        """,
        """\
        spec:
          template: {"metadata": {"annotations": {"a":"b","KEY":"HOLD",}}}
        """,
    ),
}


@pytest.mark.parametrize("name", [*BLOCK, *FLOW])
def test_yaml(name: str) -> None:
    before, after = (BLOCK | FLOW)[name]
    after = dedent(after).replace("KEY", KEY).replace("HOLD", HOLD)

    assert yaml(before) == (after, {})


EXACT = {
    "windows": (
        "spec:\r\n  template:\r\n    spec: 1\r\n",
        "spec:\r\n  template:\r\n    metadata:\r\n      annotations:\r\n"
        f'        {KEY}: "{HOLD}"\r\n    spec: 1\r\n',
    ),
    "no line end at the end": (
        "spec:\n  template:\n    spec: 1",
        "spec:\n  template:\n    metadata:\n      annotations:\n"
        f'        {KEY}: "{HOLD}"\n    spec: 1',
    ),
    "no line end behind the key itself": (
        "spec:\n  template:\n    metadata:",
        "spec:\n  template:\n    metadata:\n      annotations:\n"
        f'        {KEY}: "{HOLD}"',
    ),
    "characters beyond the basic plane before it": (
        "# \U0001f680 \u00e9\nspec:\n  template:\n    metadata:\n"
        "      annotations: {}\n",
        "# \U0001f680 \u00e9\nspec:\n  template:\n    metadata:\n"
        f'      annotations: {{{KEY}: "{HOLD}"}}\n',
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_line_ends(name: str) -> None:
    before, after = EXACT[name]

    assert yaml(before) == (after, {})


JSON_LAYOUTS = {
    "one line, no blanks": (
        '{"spec":{"template":{"metadata":{"annotations":{"a":"b"}},"spec":{}}}}',
        '{"spec":{"template":{"metadata":{"annotations":{"a":"b",'
        f'"{KEY}":"{HOLD}"}}}},"spec":{{}}}}}}}}',
    ),
    "null": (
        '{"spec": {"template": {"metadata": null}}}',
        '{"spec": {"template": {"metadata": {"annotations": '
        f'{{"{KEY}": "{HOLD}"}}}}}}}}}}',
    ),
    "tabs, metadata missing": (
        '{\n\t"spec": {\n\t\t"template": {\n\t\t\t"spec": {}\n\t\t}\n\t}\n}\n',
        '{\n\t"spec": {\n\t\t"template": {\n\t\t\t"spec": {},\n\t\t\t"metadata": {\n'
        '\t\t\t\t"annotations": {\n'
        f'\t\t\t\t\t"{KEY}": "{HOLD}"\n'
        "\t\t\t\t}\n\t\t\t}\n\t\t}\n\t}\n}\n",
    ),
    "three blanks, annotations empty, windows": (
        '{"spec": {"template": {\r\n   "metadata": {\r\n      "annotations": {}\r\n'
        "   }\r\n}}}",
        '{"spec": {"template": {\r\n   "metadata": {\r\n      "annotations": {\r\n'
        f'         "{KEY}": "{HOLD}"\r\n      }}\r\n   }}\r\n}}}}}}',
    ),
    "escapes and braces within texts": (
        '{"a": "\\"}{\\u00e9", "spec": {"template": {"metadata": {"annotations": '
        '{"b\\/c": "{"}}}}}',
        '{"a": "\\"}{\\u00e9", "spec": {"template": {"metadata": {"annotations": '
        f'{{"b\\/c": "{{", "{KEY}": "{HOLD}"}}}}}}}}}}',
    ),
}


@pytest.mark.parametrize("name", JSON_LAYOUTS)
def test_json(name: str) -> None:
    before, after = JSON_LAYOUTS[name]

    assert json(before) == (after, {})


def test_several_items_of_a_list_at_once() -> None:
    before = """\
        kind: List
        items:
        - spec:
            template:
              spec: 1
        -   # set apart
            spec:
                template:
                    metadata:
                        name: x
        """
    after = """\
        kind: List
        items:
        - spec:
            template:
              metadata:
                annotations:
                  a: b
              spec: 1
        -   # set apart
            spec:
                template:
                    metadata:
                        annotations:
                            c: "true"
                        name: x
        """
    changes = [
        Change(("items", 0, "spec", "template"), {"a": "b"}),
        Change(("items", 1, "spec", "template"), {"c": "true"}),
    ]

    assert edited(dedent(before), changes, YAML) == (dedent(after), {})
