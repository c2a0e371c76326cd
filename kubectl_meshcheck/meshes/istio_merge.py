"""Writes one boolean into a ``proxy.istio.io/config`` and leaves the rest as it is.

The annotation is a document that somebody wrote by hand: YAML or JSON, with
comments, an order and quoted map values that the injector insists on.  So it is
never parsed and written anew.  The key is put into the text at the place that the
parser names, and the result is read again: every other setting must be what it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

_NULL = "tag:yaml.org,2002:null"


def with_true(text: str, key: str, *aliases: str) -> str | None:
    """``text`` with ``key: true`` in its first document, all else byte for byte.

    An ``alias`` that stands there is set instead of adding the key.  None when that
    cannot be done and proven.  Raises what the parser raises for text that is no YAML.
    """
    before = first_document(text)
    for merged in _candidates(text, (key, *aliases)):
        try:
            after = first_document(merged)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        if _only_changed(before, after, (key, *aliases)):
            return merged
    return None


def first_document(text: str) -> Any:
    """What the injector reads: the first document, the rest is left alone.

    Raises ``yaml.YAMLError``, ``ValueError`` or ``RecursionError``.
    """
    return next(yaml.safe_load_all(_without_tabs(text.removeprefix("\ufeff"))), None)


def _without_tabs(text: str) -> str:
    """The same with each tab of indented JSON as a space, which PyYAML insists on."""
    if "\t" not in text or not text.lstrip().startswith("{"):
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")  # within a string JSON has no bare tab


def _only_changed(before: Any, after: Any, keys: tuple[str, ...]) -> bool:
    """Whether the one difference is that one of ``keys`` is true now."""
    if not isinstance(after, dict):
        return False
    settings = before or {}
    written = next((key for key in keys if key in settings), keys[0])
    # repr tells 1 from true and "1" from 1, and keeps the order in view
    return after.get(written) is True and _rest(settings, written) == _rest(
        after, written
    )


def _rest(settings: dict[Any, Any], key: str) -> str:
    return repr([pair for pair in settings.items() if pair[0] != key])


def _candidates(text: str, keys: tuple[str, ...]) -> Iterator[str]:
    """Ways to write it, the most natural first."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    for merged in _in_body(body, keys):
        yield mark + merged


def _in_body(text: str, keys: tuple[str, ...]) -> Iterator[str]:
    plain = _without_tabs(text)
    node = next(iter(yaml.compose_all(plain, Loader=yaml.SafeLoader)), None)
    line = f"{keys[0]}: true"
    if node is None or node.tag == _NULL:
        yield line if node is not None or not text.strip() else _below(text, line)
        return
    if not isinstance(node, yaml.MappingNode):
        return
    pair = _pair(node, keys)
    if pair is not None:
        yield _replaced(text, pair)
    elif node.flow_style:
        yield _in_flow(text, node, keys[0])
    else:
        yield _at_the_end(text, node, line)
        start = node.start_mark
        yield _spliced(text, start.index, line + _newline(text) + " " * start.column)


def _pair(
    node: yaml.MappingNode, keys: tuple[str, ...]
) -> tuple[yaml.Node, yaml.Node] | None:
    """The pair that counts: the first of ``keys``, and the last of its duplicates."""
    for key in keys:
        for name, value in reversed(node.value):
            if isinstance(name, yaml.ScalarNode) and name.value == key:
                return name, value
    return None


def _replaced(text: str, pair: tuple[yaml.Node, yaml.Node]) -> str:
    _name, value = pair
    start, end = value.start_mark.index, value.end_mark.index
    lead = " " if text[start - 1 : start] == ":" and start == end else ""
    return text[:start] + lead + "true" + text[end:]


def _below(text: str, line: str) -> str:
    """Behind comments that are all there is."""
    break_ = "" if text.endswith("\n") else _newline(text)
    return f"{text}{break_}{line}"


def _in_flow(text: str, node: yaml.MappingNode, key: str) -> str:
    """``{"a": 1}``: the key as its neighbours are written."""
    if not node.value:
        return _spliced(text, node.start_mark.index + 1, f'"{key}": true')
    first, first_value = node.value[0]
    last = node.value[-1]
    quote = getattr(first, "style", None) or ""
    colon = text[first.end_mark.index : first_value.start_mark.index]
    if len(node.value) > 1:
        between = text[node.value[-2][1].end_mark.index : last[0].start_mark.index]
    else:
        space = text[node.start_mark.index + 1 : first.start_mark.index]
        between = "," + (space or (" " if colon.endswith(" ") else ""))
    if not re.fullmatch(r"\s*,\s*", between):
        between = ", "
    return _spliced(
        text, last[1].end_mark.index, f"{between}{quote}{key}{quote}{colon}true"
    )


def _at_the_end(text: str, node: yaml.MappingNode, line: str) -> str:
    """On a line of its own behind the last setting and its comment."""
    end = _end(text)
    if not text[:end].endswith("\n"):
        rest = re.compile(r"[^\r\n]*").match(text, end)
        end = rest.end() if rest else end
        return _spliced(text, end, f"{_newline(text)}{' ' * _column(node)}{line}")
    return _spliced(text, end, f"{' ' * _column(node)}{line}{_newline(text)}")


def _column(node: yaml.MappingNode) -> int:
    return int(node.start_mark.column)


def _end(text: str) -> int:
    """Where the last setting of the first document ends."""
    end = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.DocumentEndEvent):
            break
        # a block's own end is where the next thing begins: it has no width
        start, stop = event.start_mark, event.end_mark
        if start and stop and start.index < stop.index:
            end = stop.index
    return end


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _spliced(text: str, at: int, more: str) -> str:
    return text[:at] + more + text[at:]
