"""A pod's start on a terminal: blocks or plain ASCII, from 80 columns up."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kubectl_meshcheck.report.text import View, cut, safe
from kubectl_meshcheck.report.timeline import Chart, Distance, Lane, Phase

_LEAST, _USUAL = 80, 100  #: columns
_NAME = 18  #: of a container's name at most
_NOTE = 24  #: columns for notes at least


class _Signs(msgspec.Struct, frozen=True):
    """One character a phase."""

    phases: dict[Phase, str]
    died: str
    left: str
    line: str
    right: str
    here: str


_ASCII = _Signs(
    {
        Phase.RUNS: "#",
        Phase.EXPOSED: "#",
        Phase.STARTS: ":",
        Phase.READY: "#",
        Phase.UNCLEAR: "=",
    },
    died="x",
    left="<",
    line="-",
    right=">",
    here="^",
)
_BLOCKS = _Signs(
    {
        Phase.RUNS: "█",
        Phase.EXPOSED: "█",
        Phase.STARTS: "░",
        Phase.READY: "█",
        Phase.UNCLEAR: "▒",
    },
    died="✗",
    left="◄",
    line="─",
    right="►",
    here="▲",
)
_COLOURS = {
    Phase.RUNS: "2",
    Phase.EXPOSED: "31",
    Phase.STARTS: "33",
    Phase.READY: "32",
    Phase.UNCLEAR: "33",
}
_DIED = "31;1"


def lines(chart: Chart, view: View) -> Iterator[str]:
    """The chart, its axis above it and what it is about below."""
    signs = _ASCII if view.ascii else _BLOCKS
    width = max(view.width or _USUAL, _LEAST)
    names = [cut(safe(lane.name), _NAME) for lane in chart.lanes]
    indent = max(map(len, names)) + 2
    room = max(24, min(60, width - indent - _NOTE - 4))
    yield " " * (indent + 2) + _axis(chart, room)
    for name, lane in zip(names, chart.lanes, strict=True):
        note = cut(safe(lane.note), max(_NOTE, width - indent - room - 4))
        bar = _bar(lane, chart.length, room, signs, view)
        yield f"  {name:<{indent}}{bar}  {note}".rstrip()
    if chart.distance:
        for line in _arrow(chart.distance, chart.length, room, signs):
            yield " " * (indent + 2) + line


def legend(view: View) -> str:
    """What the signs mean."""
    signs = _ASCII if view.ascii else _BLOCKS
    of = signs.phases
    return (
        f"{of[Phase.RUNS]} runs, {of[Phase.STARTS]} proxy not ready, "
        f"{of[Phase.UNCLEAR]} proxy, readiness not known, {signs.died} died"
    )


def _axis(chart: Chart, room: int) -> str:
    text = ""
    for second in chart.marks(room // 9):
        place = _cell(second, chart.length, room)
        label = f"{second}s"
        if place + len(label) <= room and place >= len(text):
            text = text.ljust(place) + label
    return text


def _cell(second: float, length: float, room: int) -> int:
    return max(0, min(room - 1, int(second / length * room)))


def _bar(lane: Lane, length: float, room: int, signs: _Signs, view: View) -> str:
    cells: list[tuple[str, str]] = [(" ", "")] * room
    for span in lane.spans:
        first, last = (_cell(t, length, room) for t in (span.begin, span.end))
        for cell in range(first, max(last, first + 1)):
            cells[cell] = (signs.phases[span.phase], _COLOURS[span.phase])
        if span.end >= length:
            cells[-1] = (signs.phases[span.phase], _COLOURS[span.phase])
    if lane.died is not None:
        cells[_cell(lane.died, length, room)] = (signs.died, _DIED)
    if not view.color:
        return "".join(sign for sign, _ in cells)
    return _painted(cells)


def _painted(cells: list[tuple[str, str]]) -> str:
    """The signs in their colours, each change of colour once."""
    text, before = "", ""
    for sign, colour in cells:
        if colour != before:
            text += ("\x1b[0m" if before else "") + (
                f"\x1b[{colour}m" if colour else ""
            )
            before = colour
        text += sign
    return text + ("\x1b[0m" if before else "")


def _arrow(
    distance: Distance, length: float, room: int, signs: _Signs
) -> Iterator[str]:
    """The stretch, and beside it what it is; below it where there is no room."""
    first, last = (_cell(t, length, room) for t in (distance.begin, distance.end))
    size = last - first + 1
    arrow = signs.here
    if size > 1:
        arrow = signs.left + signs.line * (size - 2) + signs.right
    text = safe(distance.text)
    if last + 2 + len(text) <= room + _NOTE:
        yield " " * first + f"{arrow} {text}"
    elif first > len(text):
        yield f"{text} {arrow}".rjust(last + 1)
    else:
        yield " " * first + arrow
        yield " " * first + text
