"""One row a workload, for people."""

from __future__ import annotations

from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.model import Judgement, Verdict
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, grid
from kubectl_meshcheck.report.text import View, cut, paint, safe
from kubectl_meshcheck.scan import Report, Row

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
#: the cells that a pod's shape decides
_Shape = tuple[str, str, str, str]


def render(report: Report, view: View) -> str:
    """The report as a table without borders, as kubectl prints them."""
    rows = shown(report, view)
    if not rows:
        return ""
    headers, table = _whole(rows, view)
    missing = _missing(headers, table, view)
    if missing:
        kept = [n for n, name in enumerate(headers) if name not in missing]
        headers, *table = [[line[n] for n in kept] for line in (headers, *table)]
    if view.width and not view.wide:
        _cut([headers, *table] if view.headers else table, view.width)
    at = headers.index("VERDICT")
    for row, line in zip(rows, table, strict=True):
        line[at] = paint(line[at], row.subject.judgement.verdict, view)
    lines = grid.lines([headers, *table] if view.headers else table)
    return "\n".join(lines) + "\n"


def left_out(report: Report, view: View) -> tuple[str, ...]:
    """The columns for which the terminal is too narrow."""
    rows = shown(report, view)
    return _missing(*_whole(rows, view), view) if rows else ()


def shown(report: Report, view: View) -> list[Row]:
    """The rows that are wanted: all, or those with a warning or an error."""
    if not view.only_problems:
        return list(report.rows)
    least = Severity.WARNING.rank
    return [r for r in report.rows if any(f.severity.rank >= least for f in r.counted)]


def _whole(rows: list[Row], view: View) -> tuple[list[str], list[list[str]]]:
    """The headers and the cells of a terminal that is wide enough."""
    shapes: dict[int, _Shape] = {}
    return list(_headers(view)), [_cells(row, view, shapes) for row in rows]


def _headers(view: View) -> tuple[str, ...]:
    headers: tuple[str, ...] = _HEADERS
    if view.wide:
        headers = (*headers[:6], "FINDINGS", "REVISION", "PODS", headers[6])
    return ("NAMESPACE", *headers) if view.namespaces else headers


def _cells(row: Row, view: View, shapes: dict[int, _Shape]) -> list[str]:
    subject = row.subject
    judgement = subject.judgement
    shape = shapes.get(id(judgement))  # many workloads share one, which a row keeps
    if shape is None:
        shape = shapes[id(judgement)] = _shape(judgement)
    line = [str(subject.ref), cells.ready(subject), *shape]
    if view.wide:
        ids = dict.fromkeys(found.check.id for found in row.counted)
        revision = judgement.proxy.revision if judgement.proxy else ""
        line += [",".join(ids) or "-", revision or "-", ",".join(subject.names) or "-"]
    line.append(_why(row))
    if view.namespaces:
        line.insert(0, subject.ref.namespace or "-")
    return [safe(cell) for cell in line]


def _shape(judgement: Judgement) -> _Shape:
    return (
        cells.mesh(judgement),
        start_order(judgement),
        cells.waits_on(judgement),
        judgement.verdict.value,
    )


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


def _missing(headers: list[str], table: list[list[str]], view: View) -> tuple[str, ...]:
    """The columns that are left out, so that a row is one line of the terminal."""
    if view.wide or not view.width:
        return ()
    lines = [headers, *table] if view.headers else table
    columns = zip(headers, zip(*lines, strict=True), strict=True)
    widths = {name: max(map(len, cells)) + grid.GAP for name, cells in columns}
    widths["WHY"] = min(widths["WHY"] - grid.GAP, _WANTED)
    for missing in _LEFT_OUT:
        if sum(widths.values()) - sum(widths[name] for name in missing) <= view.width:
            return missing
    return _LEFT_OUT[-1]


def _cut(table: list[list[str]], width: int) -> None:
    """Cuts the last column so that a line fits the terminal."""
    columns = list(zip(*table, strict=True))[:-1]
    used = sum(max(map(len, column)) + grid.GAP for column in columns)
    room = max(_LEAST, width - used)
    for line in table:
        line[-1] = cut(line[-1], room)
