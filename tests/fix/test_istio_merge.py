"""Writing the hold into ``proxy.istio.io/config``: what stood there stays.

Each row is a document and the whole document afterwards.  Documents that the
injector rejects are in the last table: nothing is ever built upon them.
"""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubectl_meshcheck.meshes.istio_merge import with_true
from kubectl_meshcheck.meshes.istio_settings import (
    HOLD,
    PROXY_CONFIG,
    hold_annotation,
    read_proxy_config,
)

KEPT = {
    "nothing": ("", "HOLD: true"),
    "an empty mapping": ("{}", '{"HOLD": true}'),
    "null": ("null", "HOLD: true"),
    "only a comment": ("# nothing yet\n", "# nothing yet\nHOLD: true"),
    "yaml": ("concurrency: 2", "concurrency: 2\nHOLD: true"),
    "yaml with an end": ("concurrency: 2\n", "concurrency: 2\nHOLD: true\n"),
    "quoted map values": (
        "proxyMetadata:\n  EXIT_ON_ZERO: 'true'\n  N: \"1\"\n",
        "proxyMetadata:\n  EXIT_ON_ZERO: 'true'\n  N: \"1\"\nHOLD: true\n",
    ),
    "comments and order": (
        "# owner: team a\ntracing: {sampling: 10} # much\n\n# two\nconcurrency: 2\n",
        "# owner: team a\ntracing: {sampling: 10} # much\n\n# two\nconcurrency: 2\n"
        "HOLD: true\n",
    ),
    "indented": (
        "  concurrency: 2\n  a: b\n",
        "  concurrency: 2\n  a: b\n  HOLD: true\n",
    ),
    "crlf": ("a: b\r\nc: d\r\n", "a: b\r\nc: d\r\nHOLD: true\r\n"),
    "byte order mark": ("\ufeffa: b", "\ufeffa: b\nHOLD: true"),
    "a document mark": ("---\na: b\n", "---\na: b\nHOLD: true\n"),
    "a second document": ("a: b\n---\nc: d\n", "a: b\nHOLD: true\n---\nc: d\n"),
    "a block scalar last": (
        "a: |\n  text\n\n",
        "a: |\n  text\n\nHOLD: true\n",
    ),
    "a block scalar without an end": ("a: |\n  text", "HOLD: true\na: |\n  text"),
    "a list last": ("a:\n- b\n- c\n", "a:\n- b\n- c\nHOLD: true\n"),
    "json": (
        '{"concurrency":2,"a":{"b":"1"}}',
        '{"concurrency":2,"a":{"b":"1"},"HOLD":true}',
    ),
    "json with spaces": ('{"a": 1}', '{"a": 1, "HOLD": true}'),
    "json over lines": (
        '{\n  "a": 1,\n  "b": "2"\n}\n',
        '{\n  "a": 1,\n  "b": "2",\n  "HOLD": true\n}\n',
    ),
    "json, one key over lines": ('{\n\t"a": 1\n}', '{\n\t"a": 1,\n\t"HOLD": true\n}'),
    "flow": ("{a: b}", "{a: b, HOLD: true}"),
    "an empty value": ("HOLD:\na: b\n", "HOLD: true\na: b\n"),
    "false in json": ('{"HOLD":false,"a":1}', '{"HOLD":true,"a":1}'),
    "false with a comment": ("HOLD: no # slow\na: b", "HOLD: true # slow\na: b"),
    "the other spelling": (
        "hold_application_until_proxy_starts: off\n",
        "hold_application_until_proxy_starts: true\n",
    ),
    "both spellings": (
        "hold_application_until_proxy_starts: true\nHOLD: false\n",
        "hold_application_until_proxy_starts: true\nHOLD: true\n",
    ),
    "twice": ("HOLD: true\nHOLD: false\n", "HOLD: true\nHOLD: true\n"),
    "an anchor": ("a: &x {b: '1'}\nc: *x\n", "a: &x {b: '1'}\nc: *x\nHOLD: true\n"),
    "already so": ("HOLD: yes\n", "HOLD: yes\n"),
}


@pytest.mark.parametrize("case", KEPT)
def test_everything_else_stays_byte_for_byte(case: str) -> None:
    before, after = (text.replace("HOLD", HOLD) for text in KEPT[case])
    assert hold_annotation({PROXY_CONFIG: before}).annotations == {PROXY_CONFIG: after}


@pytest.mark.parametrize("text", ["HOLD: false", '{"HOLD": false}', "HOLD: n"])
def test_a_decision_against_it_is_named(text: str) -> None:
    hold = hold_annotation({PROXY_CONFIG: text.replace("HOLD", HOLD)})
    assert hold.overrules == f"{HOLD} is false there on purpose"


REJECTED = {
    "HOLD: 'true'": 'HOLD is "true", not a boolean',
    "HOLD:true": "it is not a mapping of settings",
    "- a": "it is not a mapping of settings",
    "a: ]": "it is not YAML: line 1: expected the node content, but found ']'",
    "proxyMetadata: {A: true}": "proxyMetadata.A is true, not text: quote it",
    "concurrency: many": 'concurrency is "many", not a number',
}


@pytest.mark.parametrize("text", REJECTED)
def test_nothing_is_built_upon_what_the_injector_rejects(text: str) -> None:
    hold = hold_annotation({PROXY_CONFIG: text.replace("HOLD", HOLD)})
    trouble = REJECTED[text].replace("HOLD", HOLD)
    assert hold.annotations == {}
    assert hold.manual == f"mend the annotation {PROXY_CONFIG} first: {trouble}"


NESTED = {
    "nothing": ("", "defaultConfig:\n  HOLD: true"),
    "no such mapping": (
        "accessLogFile: /dev/stdout\n",
        "accessLogFile: /dev/stdout\ndefaultConfig:\n  HOLD: true\n",
    ),
    "a mapping in the middle": (
        "defaultConfig:\n  discoveryAddress: istiod:15012 # ours\n"
        "  proxyMetadata:\n    A: '1'\nrootNamespace: istio-system\n",
        "defaultConfig:\n  discoveryAddress: istiod:15012 # ours\n"
        "  proxyMetadata:\n    A: '1'\n  HOLD: true\nrootNamespace: istio-system\n",
    ),
    "a mapping at the end": (
        "a: b\ndefaultConfig:\n    c: d",
        "a: b\ndefaultConfig:\n    c: d\n    HOLD: true",
    ),
    "an empty mapping": ("defaultConfig: {}\n", 'defaultConfig: {"HOLD": true}\n'),
    "no mapping yet": (
        "defaultConfig:\na: b\n",
        "defaultConfig:\n  HOLD: true\na: b\n",
    ),
    "false": ("defaultConfig:\n  HOLD: false\n", "defaultConfig:\n  HOLD: true\n"),
    "json": (
        '{"defaultConfig":{"a":1},"b":2}',
        '{"defaultConfig":{"a":1,"HOLD":true},"b":2}',
    ),
    "json without it": ('{"b": 2}', '{"b": 2, "defaultConfig": {"HOLD": true}}'),
    "json null": ('{"defaultConfig": null}', '{"defaultConfig": {"HOLD": true}}'),
}


@pytest.mark.parametrize("case", NESTED)
def test_a_setting_inside_another_is_written_where_it_belongs(case: str) -> None:
    before, after = (text.replace("HOLD", HOLD) for text in NESTED[case])
    assert with_true(before, HOLD, inside=("defaultConfig",)) == after


@pytest.mark.parametrize("text", ["- a", "a", "defaultConfig: [1]", "defaultConfig: x"])
def test_what_is_no_mapping_is_left_alone(text: str) -> None:
    assert with_true(text, HOLD, inside=("defaultConfig",)) is None


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    values=st.dictionaries(st.text(min_size=1), _VALUES, max_size=4),
    flow=st.sampled_from([None, True, False]),
    width=st.sampled_from([20, 80]),
)
def test_any_document_keeps_its_values_or_is_left_alone(
    values: dict[str, object], flow: bool | None, width: int
) -> None:
    text = yaml.safe_dump(values, default_flow_style=flow, width=width, sort_keys=False)
    before = read_proxy_config(text)
    hold = hold_annotation({PROXY_CONFIG: text})
    if before.error or not hold.annotations:
        assert hold.manual
        return
    after = read_proxy_config(hold.annotations[PROXY_CONFIG])
    rest = {key: value for key, value in after.values.items() if key != HOLD}
    assert after.hold is True
    assert repr(rest) == repr(before.values or {})
