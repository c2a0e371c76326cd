"""Manifests as nobody would write them: only what is intended changes, and once.

Documents are put together from pieces of text, so that comments, quotes, braces,
line ends and indentation are as varied as their authors.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.edit import Source, Standing, all_edited
from kubectl_meshcheck.edit.changes import annotated
from kubectl_meshcheck.edit.parts import objects, parts
from kubectl_meshcheck.meshes.istio_settings import PROXY_CONFIG, read_proxy_config

NEWLINES = st.sampled_from(["\n", "\r\n"])
COMMENTS = st.sampled_from(["", "", "# why", "# {{ not }}: [a", "# \u00e9\U0001f680"])
CONFIGS = st.sampled_from(
    [
        None,
        "'{\"concurrency\": 2}'",
        '"concurrency: 2\\n"',
        "|\n# two\nconcurrency: 2",
        "|-\nconcurrency: 2\nproxyMetadata:\n  A: 'b'",
        ">-\nconcurrency: 2",
        "|\nholdApplicationUntilProxyStarts: false  # on purpose",
        "|\nholdApplicationUntilProxyStarts: true",
        "''",
    ]
)


@st.composite
def marks(draw: st.DrawFn, indent: str, step: str) -> list[str]:
    """The annotations, in block style or in braces."""
    if draw(st.booleans()):
        words = draw(st.sampled_from(["{}", "{ }", "{a: b}", "{'a': \"b\", c: d}", ""]))
        return [f"{indent}annotations: {words}".rstrip()]
    lines = [f"{indent}annotations:"]
    inner = indent + step
    for key in draw(st.lists(st.sampled_from(["a", "'b/c'", '"d"']), unique=True)):
        value = draw(st.sampled_from(["x", "'y: z'", '"1"', "|\nlong\ntext", "''"]))
        lines += _scalar(inner, step, key, value)
    config = draw(CONFIGS)
    if config is not None:
        lines += _scalar(inner, step, PROXY_CONFIG, config)
    return lines if len(lines) > 1 else [*lines, f"{inner}last: one"]


def _scalar(indent: str, step: str, key: str, value: str) -> list[str]:
    first, *rest = value.split("\n")
    below = [f"{indent}{step}{line}" for line in rest]
    return [f"{indent}{key}: {first}".rstrip(), *below]


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """One Deployment that asks for Istio."""
    step = " " * draw(st.integers(1, 4))
    deep = step * 2
    lines = ["apiVersion: apps/v1", "kind: Deployment", "metadata:", f"{step}name: a"]
    lines += ["spec:", f"{step}template:"]
    label = 'sidecar.istio.io/inject: "true"'
    meta = [f"{deep}metadata:", f"{deep}{step}labels:", f"{deep}{step * 2}{label}"]
    if draw(st.booleans()):
        meta += draw(marks(deep + step, step))
    image = draw(st.sampled_from(["- {name: a, image: b}", "- name: a\n  image: b"]))
    spec = [f"{deep}spec:", f"{deep}{step}containers:"]
    spec += [f"{deep}{step}{line}" for line in image.split("\n")]
    lines += [*meta, *spec] if draw(st.booleans()) else [*spec, *meta]
    lines = [piece for line in lines for piece in _commented(draw, line)]
    return "\n".join(lines)


def _commented(draw: st.DrawFn, line: str) -> list[str]:
    """Comments before a line and behind it, where they are none of its value."""
    comment = draw(COMMENTS)
    if not comment or not line.strip().endswith((":", "name: a", "Deployment")):
        return [line]
    if draw(st.booleans()):
        return [f"{line}  {comment}"]
    return [line, " " * draw(st.integers(0, 9)) + comment]


@st.composite
def sources(draw: st.DrawFn) -> bytes:
    """Several documents of which one or two are Deployments."""
    other = st.sampled_from(
        [
            "# nothing",
            "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: '{{ .x }}'  # b",
            '{"apiVersion": "v1", "kind": "Secret"}',
            "",
        ]
    )
    documents = draw(st.lists(st.one_of(manifests(), other), min_size=1, max_size=3))
    text = "\n---\n".join(documents) + draw(st.sampled_from(["", "\n", "\n\n"]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + text.replace("\n", draw(NEWLINES)).encode()


def _values(raw: bytes) -> list[Any]:
    return [part.value for part in parts(bytearray(raw.removeprefix(b"\xef\xbb\xbf")))]


def _intended(value: Any) -> Any:
    """The data of a document as they should be, told from the data alone."""
    for path, found in objects(value):
        if found["kind"] != "Deployment":
            continue
        assert path == ()
        meta = found["spec"]["template"]["metadata"]
        config = (meta.get("annotations") or {}).get(PROXY_CONFIG) or ""
        if read_proxy_config(config).hold is True:
            continue
        return annotated(value, ("spec", "template"), {PROXY_CONFIG: "?"})
    return value


def _hidden(value: Any) -> str:
    """The data with the annotation's value left out."""
    for _, found in objects(value):
        if found["kind"] == "Deployment":
            value = annotated(value, ("spec", "template"), {PROXY_CONFIG: "?"})
    return json.dumps(value, sort_keys=True)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sources())
def test_only_the_intended_changes_and_only_once(raw: bytes) -> None:
    (first,) = all_edited([Source("x.yaml", raw)])
    (second,) = all_edited([Source("x.yaml", first.after)])
    refused = [o for o in first.outcomes if o.standing is Standing.REFUSED]
    holds = [
        read_proxy_config(
            value["spec"]["template"]["metadata"]["annotations"][KEY]
        ).hold
        for value in _values(first.after)
        if value.get("kind") == "Deployment"
    ]

    assert refused == []
    assert holds == [True] * len(holds)
    assert [*map(_hidden, _values(first.after))] == [
        *map(_hidden, map(_intended, _values(raw)))
    ]
    assert second.after == first.after
    assert _without_new_lines(raw, first.after)


KEY = PROXY_CONFIG


def _without_new_lines(before: bytes, after: bytes) -> bool:
    """Whether every line of before is in after, in its order, but for those changed.

    Lines that are neither the annotation's own nor the braces or nulls around it.
    """
    left = iter(after.split(b"\n"))
    kept = [
        line
        for line in before.split(b"\n")
        if not line.lstrip().startswith((b"annotations:", KEY.encode(), b"holdApp"))
        and b"concurrency" not in line
    ]
    # the last line may have ended without a line break
    return all(
        any(line.rstrip(b"\r") == o.rstrip(b"\r") for o in left) for line in kept
    )
