"""A pod's start as an SVG that stands in an HTML page.

Colours are attributes, so that the drawing is right even where a strict policy
blocks the page's styles; the styles only adapt it to dark and light.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from kubectl_meshcheck.report.text import cut, safe
from kubectl_meshcheck.report.timeline import Chart, Distance, Lane, Phase, Span

_WIDTH, _LEFT, _RIGHT = 960, 150, 230  #: of the drawing, the names and the notes
_ROOM = _WIDTH - _LEFT - _RIGHT
_TOP, _LANE, _BAR = 34, 30, 16
_COLOURS = {
    Phase.RUNS: "#8b949e",
    Phase.EXPOSED: "#d1242f",
    Phase.STARTS: "#d4a72c",
    Phase.READY: "#2da44e",
    Phase.UNCLEAR: "#bf8700",
}
_WORDS = {
    Phase.RUNS: "runs",
    Phase.EXPOSED: "runs exposed",
    Phase.STARTS: "proxy not ready",
    Phase.READY: "proxy ready",
    Phase.UNCLEAR: "proxy, readiness not known",
}


def draw(chart: Chart) -> str:
    """The chart as one SVG element."""
    below = _TOP + len(chart.lanes) * _LANE
    height = below + (64 if chart.distance else 36)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" width="100%" role="img" '
        f'aria-label="{_words(chart.title)}" font-family="system-ui, sans-serif" '
        'font-size="13">',
        f"<title>{_words(_summary(chart))}</title>",
        *_axis(chart, below),
    ]
    for number, lane in enumerate(chart.lanes):
        parts += _lane(lane, chart.length, _TOP + number * _LANE)
    if chart.distance:
        parts += _distance(chart.distance, chart.length, below)
    parts += _legend(chart, height - 12)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _words(text: str) -> str:
    return escape(safe(text))


def _summary(chart: Chart) -> str:
    return f"{chart.title}: {chart.distance.text}" if chart.distance else chart.title


def _x(seconds: float, length: float) -> float:
    return round(_LEFT + min(max(seconds / length, 0), 1) * _ROOM, 1)


def _label(x: float, y: float, text: str, anchor: str = "start", more: str = "") -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#57606a" '
        f'class="t"{more}>{_words(text)}</text>'
    )


def _axis(chart: Chart, below: float) -> Iterator[str]:
    for second in chart.marks(10):
        x = _x(second, chart.length)
        yield _label(x, 18, f"{second}s", "middle")
        yield (
            f'<line x1="{x}" y1="{_TOP - 8}" x2="{x}" y2="{below}" '
            'stroke="#d0d7de" class="g"/>'
        )


def _lane(lane: Lane, length: float, top: float) -> Iterator[str]:
    y = top + _BAR - 3
    yield _label(_LEFT - 10, y, cut(lane.name, 22), "end", ' font-weight="600"')
    for span in lane.spans:
        yield _span(span, length, top)
    if lane.died is not None:
        x = _x(lane.died, length)
        yield (
            f'<path d="M{x - 6} {top - 1}l12 18m0 -18l-12 18" stroke="#d1242f" '
            'stroke-width="3" class="x"/>'
        )
    if lane.note:
        yield _label(_LEFT + _ROOM + 12, y, cut(lane.note, 34))


def _span(span: Span, length: float, top: float) -> str:
    x = _x(span.begin, length)
    width = max(round(_x(span.end, length) - x, 1), 3)
    return (
        f'<rect x="{x}" y="{top}" width="{width}" height="{_BAR}" rx="3" '
        f'fill="{_COLOURS[span.phase]}"><title>{_WORDS[span.phase]}</title></rect>'
    )


def _distance(distance: Distance, length: float, below: float) -> Iterator[str]:
    first, last = _x(distance.begin, length), _x(distance.end, length)
    y = below + 10
    middle = (first + last) / 2
    half = len(distance.text) * 3.6
    at = round(min(max(middle, _LEFT + half), _WIDTH - half), 1)
    yield (
        f'<path d="M{first} {y - 6}v12M{last} {y - 6}v12M{first} {y}H{last}" '
        'stroke="#d1242f" stroke-width="2" fill="none" class="x"/>'
    )
    yield (
        f'<text x="{at}" y="{y + 20}" text-anchor="middle" fill="#d1242f" '
        f'font-weight="600" class="d">{_words(distance.text)}</text>'
    )


def _legend(chart: Chart, y: float) -> Iterator[str]:
    used = dict.fromkeys(span.phase for lane in chart.lanes for span in lane.spans)
    x = float(_LEFT)
    for phase in used:
        yield (
            f'<rect x="{x}" y="{y - 9}" width="10" height="10" rx="2" '
            f'fill="{_COLOURS[phase]}"/>'
        )
        yield _label(x + 15, y, _WORDS[phase])
        x += 34 + 7 * len(_WORDS[phase])
    yield _label(x, y, f"times from {'; '.join(chart.sources)}")
