"""New keys in a mapping, written as what stands around them is written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from kubectl_meshcheck.edit import scalars, splices
from kubectl_meshcheck.edit.nodes import Node
from kubectl_meshcheck.edit.places import Place
from kubectl_meshcheck.edit.splices import Splice

#: what is written: a text, or a mapping of such
Tree = Mapping[str, "str | Tree"]
_COLON = re.compile(r"[ \t]*:[ \t]*")


class Hand(msgspec.Struct, frozen=True):
    """How somebody writes: indentation, line ends, quotes."""

    step: str = "  "  #: what one level is indented by; empty: all on one line
    newline: str = "\n"
    quote: str = '"'  #: around values
    key_quote: str = ""  #: around keys; empty: only where they need it
    colon: str = ": "

    def key(self, name: str) -> str:
        quote = self.key_quote
        return scalars.quoted(name, quote) if quote else scalars.inline(name)

    def flow_value(self, text: str) -> str:
        # where all keys are quoted this is JSON, whose values are quoted too
        json = self.key_quote == '"'
        quote = self.quote
        return scalars.quoted(text, '"') if json else scalars.inline(text, quote)


def below(text: str, place: Place, new: Tree) -> Iterator[tuple[Splice, ...]]:
    """Ways to put ``new`` into the mapping at ``place``, the most natural first."""
    node = place.node
    if node.flow:
        yield (_in_flow(text, place, new),)
        return
    first = node.pairs[0][0]
    hand = _block_hand(text, place, first.start)
    column = " " * first.column
    if place.key is not None:
        # above the comments of what stands first there now
        at = splices.end_of_line(text, place.key.end)
        if at < first.start:
            yield (Splice(at, at, _lines(new, column, hand)),)
    lines = _lines(new, column, hand).removeprefix(hand.newline + column)
    at = first.start
    yield (Splice(at, at, lines + hand.newline + column),)


def instead_of_null(
    text: str, place: Place, step: str, new: Tree
) -> Iterator[tuple[Splice, ...]]:
    """``step:`` without a value, or with null, gets ``new`` as its value."""
    found = place.node.pair(step)
    assert found is not None
    key, value = found
    if place.node.flow:
        hand = _flow_hand(text, place.node)
        colon = "" if value.start > key.end else hand.colon
        written = colon + _flow(new, hand, "", spread=False)
        yield (Splice(value.start, value.end, written),)
        return
    hand = _block_hand(text, place, key.start)
    start = text.index(":", key.end) + 1
    at = splices.end_of_line(text, max(value.end, start))
    lines = Splice(at, at, _lines(new, " " * key.column + hand.step, hand))
    yield (Splice(start, value.end, ""), lines) if value.text else (lines,)


def _block_hand(text: str, place: Place, at: int) -> Hand:
    first = place.node.pairs[0][0]
    deeper = first.column - place.key.column if place.key else 0
    return Hand(
        step=" " * (deeper if deeper > 0 else 2),
        newline=splices.newline(text, at),
        quote=_quote(place.node),
        key_quote=_key_quote(place.node),
    )


def _quote(node: Node) -> str:
    """The kind of quotes that the values there have."""
    used = [value.style for _, value in node.pairs if value.style in ("'", '"')]
    return used[-1] if used else '"'


def _key_quote(node: Node) -> str:
    styles = {key.style for key, _ in node.pairs}
    return styles.pop() if len(styles) == 1 else ""


def _lines(new: Tree, column: str, hand: Hand) -> str:
    """Each key on a line of its own, each line with the break before it."""
    written = []
    for name, value in new.items():
        start = f"{hand.newline}{column}{hand.key(name)}:"
        if isinstance(value, str):
            written.append(f"{start} {block_value(value, column, hand)}")
        else:
            written += [start, _lines(value, column + hand.step, hand)]
    return "".join(written)


def block_value(text: str, column: str, hand: Hand) -> str:
    """A value behind its key: on the same line, or as a block below it."""
    if "\n" in text:
        block = scalars.block(text, column + hand.step, hand.newline)
        if block is not None:
            return block
    return scalars.inline(text, hand.quote)


# -- braces ----------------------------------------------------------------


def _flow_hand(text: str, node: Node) -> Hand:
    if not node.pairs:
        return Hand()
    key, value = node.pairs[-1]
    colon = text[key.end : value.start]
    return Hand(
        newline=splices.newline(text, node.start),
        quote=_quote(node),
        key_quote=_key_quote(node),
        colon=colon if _COLON.fullmatch(colon) and key.style else ": ",
    )


def _in_flow(text: str, place: Place, new: Tree) -> Splice:
    node = place.node
    above = place.above if place.above is not None and place.above.flow else None
    if not node.pairs:
        hand = _flow_hand(text, above) if above else Hand()
        return _in_empty(text, place, above, new, hand)
    hand = _flow_hand(text, node)
    last = node.pairs[-1][0]
    at = node.pairs[-1][1].end
    if splices.first_on_its_line(text, last.start):
        indent = splices.indent(text, last.start)
        hand = _stepping(hand, indent, splices.indent(text, node.start))
        between = "," + hand.newline + indent
        written = _flow_pairs(new, hand, indent, spread=True)
        return Splice(at, at, between + between.join(written))
    between = _between(text, node)
    written = _flow_pairs(new, hand, "", spread=False)
    return Splice(at, at, between + between.join(written))


def _in_empty(
    text: str, place: Place, above: Node | None, new: Tree, hand: Hand
) -> Splice:
    node, key = place.node, place.key
    spread = bool(above and key and splices.first_on_its_line(text, key.start))
    indent = ""
    if spread and above is not None:
        indent = splices.indent(text, node.start)
        hand = _stepping(hand, indent, splices.indent(text, above.start))
    written = _flow(new, hand, indent, spread=spread)
    return Splice(node.start + len(_properties(text, node)), node.end, written)


def _properties(text: str, node: Node) -> str:
    """The anchor and the tag that stand before the brace."""
    return text[node.start : text.index("{", node.start)]


def _between(text: str, node: Node) -> str:
    """What stands between two pairs on one line."""
    if len(node.pairs) > 1:
        between = text[node.pairs[-2][1].end : node.pairs[-1][0].start]
        if re.fullmatch(r",[ \t]*", between):
            return between
    compact = _COLON.fullmatch(text[node.pairs[-1][0].end : node.pairs[-1][1].start])
    return "," if compact and compact[0] == ":" else ", "


def _stepping(hand: Hand, inner: str, outer: str) -> Hand:
    step = inner[len(outer) :] if inner.startswith(outer) and inner != outer else "  "
    return Hand(step, hand.newline, hand.quote, hand.key_quote, hand.colon)


def _flow(new: Tree, hand: Hand, indent: str, *, spread: bool) -> str:
    """A mapping in braces, on lines of its own where ``spread``."""
    inner = indent + hand.step
    pairs = _flow_pairs(new, hand, inner, spread=spread)
    if spread:
        line = hand.newline + inner
        return "{" + line + ("," + line).join(pairs) + hand.newline + indent + "}"
    return "{" + (", " if hand.colon.endswith(" ") else ",").join(pairs) + "}"


def _flow_pairs(new: Tree, hand: Hand, indent: str, *, spread: bool) -> list[str]:
    return [
        hand.key(name)
        + hand.colon
        + (
            hand.flow_value(value)
            if isinstance(value, str)
            else _flow(value, hand, indent, spread=spread)
        )
        for name, value in new.items()
    ]
