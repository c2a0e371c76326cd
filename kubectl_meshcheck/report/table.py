"""One row a workload, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.model import Verdict
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, grid
from kubectl_meshcheck.report.text import View, cut, paint, safe
from kubectl_meshcheck.scan import Kept, Outcome, Report, Row, damage

_HEADERS = ("WORKLOAD", "READY", "MESH", "START ORDER", "WAITS ON", "VERDICT", "WHY")
#: characters of the last column for which others are left out; it is cut below them
#: where there is nothing more to leave out
_WANTED, _LEAST = 34, 10
#: what a terminal that is too narrow gets, the first of these that fits: a line that
#: wraps is no row of a table
_LEFT_OUT: tuple[tuple[str, ...], ...] = (
    (),
    ("WAITS ON",),
    ("MESH", "WAITS ON"),
    ("READY", "MESH", "WAITS ON"),
    ("START ORDER", "WAITS ON"),
    ("MESH", "START ORDER", "WAITS ON"),
    ("READY", "MESH", "START ORDER", "WAITS ON"),
)


_Row = tuple[str, ...]
_TOLD = 1_000  #: cells that are looked through for an equal one


class Line(Kept, frozen=True, gc=False):
    """A row in the cells that are shown of it."""

    verdict: Verdict
    cells: tuple[str, ...]


class Lines:
    """The table of rows that come one after another."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._told: dict[str, str] = {}  # cells, and how they are safe to show

    def of(self, row: Row) -> Line:
        """A row's line."""
        subject, told = row.subject, self._told
        if len(told) > _TOLD:  # names, of which each is another
            told.clear()
        cells = []
        for cell in _cells(row, self.view):
            known = told.get(cell)
            if known is None:
                known = told[cell] = safe(cell)
            cells.append(known)
        verdict = subject.judgement.verdict
        return Line(damage(row), subject.ref, row.worst, verdict, tuple(cells))

    def text(self, found: Outcome[Line]) -> Iterator[str]:
        """The table."""
        yield draw(self._shown(found), self.view)

    def missing(self, found: Outcome[Line]) -> tuple[str, ...]:
        """The columns for which the terminal is too narrow."""
        return left_out(self._shown(found), self.view)

    def _shown(self, found: Outcome[Line]) -> list[Line]:
        return [line for line in found.rows if wanted(line.worst, self.view)]


def render(report: Report, view: View) -> str:
    """The report as a table without borders, as kubectl prints them."""
    lines = Lines(view)
    return draw([lines.of(row) for row in shown(report, view)], view)


def draw(lines: Sequence[Line], view: View) -> str:
    """The lines as a table, in their order."""
    if not lines:
        return ""
    headers = _headers(view)
    missing = left_out(lines, view)
    rows = [line.cells for line in lines]
    if missing:
        kept = [n for n, name in enumerate(headers) if name not in missing]
        headers, *rows = [tuple(row[n] for n in kept) for row in (headers, *rows)]
    if view.width and not view.wide:
        room = _room([headers, *rows] if view.headers else rows, view.width)
        rows = [(*row[:-1], cut(row[-1], room)) for row in rows]
    if view.color:
        at = headers.index("VERDICT")
        rows = [
            (*row[:at], paint(row[at], line.verdict, view), *row[at + 1 :])
            for line, row in zip(lines, rows, strict=True)
        ]
    return "\n".join(grid.lines([headers, *rows] if view.headers else rows)) + "\n"


def left_out(lines: Sequence[Line], view: View) -> tuple[str, ...]:
    """The columns for which the terminal is too narrow: a row is one line there."""
    if view.wide or not view.width or not lines:
        return ()
    headers = _headers(view)
    columns = zip(
        headers, zip(*(line.cells for line in lines), strict=True), strict=True
    )
    widths = {name: max(map(len, cells)) + grid.GAP for name, cells in columns}
    if view.headers:
        widths = {name: max(n, len(name) + grid.GAP) for name, n in widths.items()}
    widths["WHY"] = min(widths["WHY"] - grid.GAP, _WANTED)
    for missing in _LEFT_OUT:
        if sum(widths.values()) - sum(widths[name] for name in missing) <= view.width:
            return missing
    return _LEFT_OUT[-1]


def shown(report: Report, view: View) -> list[Row]:
    """The rows that are wanted: all, or those with a warning or an error."""
    return [row for row in report.rows if wanted(row.worst, view)]


def wanted(worst: int, view: View) -> bool:
    """Whether a row is shown whose worst finding has that rank."""
    return not view.only_problems or worst >= Severity.WARNING.rank


def _headers(view: View) -> tuple[str, ...]:
    headers: tuple[str, ...] = _HEADERS
    if view.wide:
        headers = (*headers[:6], "FINDINGS", "REVISION", "PODS", headers[6])
    return ("NAMESPACE", *headers) if view.namespaces else headers


def _cells(row: Row, view: View) -> list[str]:
    subject = row.subject
    judgement = subject.judgement
    line = [
        str(subject.ref),
        cells.ready(subject),
        cells.mesh(judgement),
        start_order(judgement),
        cells.waits_on(judgement),
        judgement.verdict.value,
    ]
    if view.wide:
        ids = dict.fromkeys(found.check.id for found in row.counted)
        revision = judgement.proxy.revision if judgement.proxy else ""
        line += [",".join(ids) or "-", revision or "-", ",".join(subject.names) or "-"]
    line.append(_why(row))
    if view.namespaces:
        line.insert(0, subject.ref.namespace or "-")
    return line


def _why(row: Row) -> str:
    """The reason, with the findings that the verdict does not tell."""
    told = [row.why] if row.why else []
    verdict = row.subject.judgement.verdict
    for found in row.counted:
        if found.check.id == "MC001" or found.severity.value == "info":
            continue
        if row.why and found.finding.message == row.why:
            continue
        same = found.check.id == "MC010" and verdict is Verdict.NONE
        if same or (found.check.id == "MC014" and not row.subject.pods):
            told = []  # the same in more words
        who = f"{found.finding.container}: " if found.finding.container else ""
        told.append(f"{found.check.id} {who}{found.finding.message}")
    return "; ".join(told)


def _room(rows: list[_Row], width: int) -> int:
    """How long the last cell may be, so that a line fits the terminal."""
    columns = list(zip(*rows, strict=True))[:-1]
    used = sum(max(map(len, column)) + grid.GAP for column in columns)
    return max(_LEAST, width - used)
