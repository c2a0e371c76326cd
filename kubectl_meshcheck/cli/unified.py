"""Differences of manifests as ``diff -u`` writes them, in time that grows with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import pairwise

Lines = Sequence[str]
Opcode = tuple[str, int, int, int, int]


def lines(name: str, before: Lines, after: Lines) -> Iterator[str]:
    """The lines of the difference; none where there is none."""
    if before == after:
        return
    yield from (f"--- a/{name}\n", f"+++ b/{name}\n")
    for group in _Compared(_by_document(before, after)).get_grouped_opcodes():
        (_, first, _, second, _), (_, _, last, _, end) = group[0], group[-1]
        yield f"@@ -{_range(first, last)} +{_range(second, end)} @@\n"
        for tag, a, b, c, d in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[a:b])
            else:
                yield from (f"-{line}" for line in before[a:b])
                yield from (f"+{line}" for line in after[c:d])


def _range(start: int, stop: int) -> str:
    """As POSIX has it: lines count from 1, an empty range names the line before it."""
    size = stop - start
    return str(start + 1) if size == 1 else f"{start + 1 if size else start},{size}"


class _Compared(difflib.SequenceMatcher[str]):
    """Files that were compared already, to be put into groups with some context."""

    def __init__(self, found: list[Opcode]) -> None:
        super().__init__()
        self._found = found

    def get_opcodes(self) -> list[Opcode]:  # type: ignore[override]  # no named tuples
        return self._found


def _by_document(before: Lines, after: Lines) -> list[Opcode]:
    """Documents one by one where both files have as many.

    difflib takes the square of what it is given, minutes for a thousand documents.
    """
    old, new = _documents(before), _documents(after)
    if len(old) != len(new):
        old, new = [before], [after]
    found: list[Opcode] = []
    first, second = 0, 0
    for this, other in zip(old, new, strict=True):
        for tag, a, b, c, d in _opcodes(this, other):
            code = (tag, a + first, b + first, c + second, d + second)
            if found and found[-1][0] == tag == "equal":
                code = (tag, found[-1][1], code[2], found.pop()[3], code[4])
            found.append(code)
        first, second = first + len(this), second + len(other)
    return found


def _opcodes(this: Lines, other: Lines) -> Sequence[Opcode]:
    if this == other:
        return [("equal", 0, len(this), 0, len(other))]
    return difflib.SequenceMatcher(None, this, other).get_opcodes()


def _documents(all_: Lines) -> list[Lines]:
    """The lines of each YAML document; JSON is one."""
    marks = [n for n, line in enumerate(all_) if n and line.startswith("---")]
    return [all_[a:b] for a, b in pairwise([0, *marks, len(all_)])]
