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
from functools import lru_cache
from typing import Any

import yaml

_NULL = "tag:yaml.org,2002:null"


Path = tuple[str, ...]


@lru_cache(maxsize=512)
def with_true(text: str, key: str, *aliases: str, inside: Path = ()) -> str | None:
    """``text`` with ``key: true`` in its first document, all else byte for byte.

    ``inside`` are the keys that lead to the mapping.  An ``alias`` that stands there
    is set instead of adding the key.  None when that cannot be done and proven.
    Raises what the parser raises for text that is no YAML.
    """
    before = first_document(text)
    for merged in _candidates(text, (key, *aliases), inside):
        try:
            after = first_document(merged)
        except (yaml.YAMLError, ValueError, RecursionError):
            continue
        if _only_changed(before, after, (key, *aliases), inside):
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


def _only_changed(before: Any, after: Any, keys: Path, inside: Path) -> bool:
    """Whether the one difference is that one of ``keys`` is true now."""
    if not isinstance(after, dict):
        return False
    settings = before if before is not None else {}
    if inside:
        step, *rest = inside
        one, other = settings.get(step), after.get(step)
        same = _rest(settings, step) == _rest(after, step)
        return same and _only_changed(one, other, keys, tuple(rest))
    written = next((key for key in keys if key in settings), keys[0])
    # repr tells 1 from true and "1" from 1, and keeps the order in view
    return after.get(written) is True and _rest(settings, written) == _rest(
        after, written
    )


def _rest(settings: dict[Any, Any], key: str) -> str:
    return repr([pair for pair in settings.items() if pair[0] != key])


def _candidates(text: str, keys: Path, inside: Path) -> Iterator[str]:
    """Ways to write it, the most natural first."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    body = text[len(mark) :]
    plain = _without_tabs(body)
    node = next(iter(yaml.compose_all(plain, Loader=yaml.SafeLoader)), None)
    for merged in _in_body(body, node, keys, inside):
        yield mark + merged


def _in_body(
    text: str, node: yaml.Node | None, keys: Path, inside: Path
) -> Iterator[str]:
    if node is None or node.tag == _NULL:
        lines = _nested(keys[0], inside, _newline(text))
        yield lines if node is not None or not text.strip() else _below(text, lines)
        return
    if not isinstance(node, yaml.MappingNode):
        return
    if inside:
        pair = _pair(node, inside[:1])
        if pair is None:
            yield from _added(text, node, keys[0], inside)
        elif pair[1].tag == _NULL:
            yield _filled(text, node, pair[1], keys[0], inside[1:])
        else:
            yield from _in_body(text, pair[1], keys, inside[1:])
        return
    pair = _pair(node, keys)
    if pair is not None:
        yield _replaced(text, pair)
    else:
        yield from _added(text, node, keys[0], ())


def _added(text: str, node: yaml.MappingNode, key: str, inside: Path) -> Iterator[str]:
    """The key as a new one of the mapping ``node``, in mappings of its own."""
    if node.flow_style:
        yield _in_flow(text, node, key, inside)
        return
    indent = " " * node.start_mark.column
    lines = _nested(key, inside, _newline(text) + indent)
    yield _at_the_end(text, node, lines)
    yield _spliced(text, node.start_mark.index, f"{lines}{_newline(text)}{indent}")


def _nested(key: str, inside: Path, break_: str) -> str:
    """``a:``, below it ``b:``, below that ``key: true``."""
    names = [f"{name}:" for name in inside] + [f"{key}: true"]
    return break_.join("  " * depth + name for depth, name in enumerate(names))


def _flow(names: Path) -> str:
    """``{"a": {"b": true}}``."""
    opened = "".join(f'{{"{name}": ' for name in names)
    return f"{opened}true{'}' * len(names)}"


def _filled(
    text: str, node: yaml.MappingNode, value: yaml.Node, key: str, inside: Path
) -> str:
    """In place of a mapping that is there and empty."""
    start, end = value.start_mark.index, value.end_mark.index
    if node.flow_style:
        lead = " " if text[start - 1 : start] == ":" else ""
        return text[:start] + lead + _flow((*inside, key)) + text[end:]
    break_ = _newline(text) + " " * (node.start_mark.column + 2)
    return text[:start] + break_ + _nested(key, inside, break_) + text[end:]


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


def _in_flow(text: str, node: yaml.MappingNode, key: str, inside: Path) -> str:
    """``{"a": 1}``: the key as its neighbours are written."""
    if inside:
        value = _flow((*inside[1:], key))
        key = inside[0]
    else:
        value = "true"
    if not node.value:
        return _spliced(text, node.start_mark.index + 1, f'"{key}": {value}')
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
        text, last[1].end_mark.index, f"{between}{quote}{key}{quote}{colon}{value}"
    )


def _at_the_end(text: str, node: yaml.MappingNode, line: str) -> str:
    """On a line of its own behind the last setting and its comment."""
    end = _end(text, node)
    if not text[:end].endswith("\n"):
        rest = re.compile(r"[^\r\n]*").match(text, end)
        end = rest.end() if rest else end
        return _spliced(text, end, f"{_newline(text)}{' ' * _column(node)}{line}")
    return _spliced(text, end, f"{' ' * _column(node)}{line}{_newline(text)}")


def _column(node: yaml.MappingNode) -> int:
    return int(node.start_mark.column)


def _end(text: str, node: yaml.MappingNode) -> int:
    """Where the last setting of the mapping ends."""
    end = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        start, stop = event.start_mark, event.end_mark
        if isinstance(event, yaml.DocumentEndEvent) or start is None or stop is None:
            break
        # a block's own end is where the next thing begins: it has no width
        if start.index < stop.index <= node.end_mark.index:
            end = stop.index
    return end


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _spliced(text: str, at: int, more: str) -> str:
    return text[:at] + more + text[at:]
