"""One row a workload, for people."""

from __future__ import annotations

from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.model import Judgement, Verdict
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, grid
from kubectl_meshcheck.report.text import View, cut, paint, safe
from kubectl_meshcheck.scan import Report, Row

_HEADERS = ("WORKLOAD", "READY", "MESH", "START ORDER", "WAITS ON", "VERDICT", "WHY")
#: the last column is not cut below this, the terminal wraps instead
_LEAST = 24
#: the cells that a pod's shape decides
_Shape = tuple[str, str, str, str]


def render(report: Report, view: View) -> str:
    """The report as a table without borders, as kubectl prints them."""
    rows = shown(report, view)
    if not rows:
        return ""
    shapes: dict[int, _Shape] = {}
    table = [_cells(row, view, shapes) for row in rows]
    headers = list(_headers(view))
    if view.width and not view.wide:
        _fit([headers, *table] if view.headers else table, view.width)
    for row, line in zip(rows, table, strict=True):
        verdict = row.subject.judgement.verdict
        at = headers.index("VERDICT")
        line[at] = paint(line[at], verdict, view)
    lines = grid.lines([headers, *table] if view.headers else table)
    return "\n".join(lines) + "\n"


def shown(report: Report, view: View) -> list[Row]:
    """The rows that are wanted: all, or those with a warning or an error."""
    if not view.only_problems:
        return list(report.rows)
    least = Severity.WARNING.rank
    return [r for r in report.rows if any(f.severity.rank >= least for f in r.counted)]


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


def _fit(table: list[list[str]], width: int) -> None:
    """Cuts the last column so that a line fits the terminal."""
    columns = list(zip(*table, strict=True))[:-1]
    used = sum(max(map(len, column)) + grid.GAP for column in columns)
    room = max(_LEAST, width - used)
    for line in table:
        line[-1] = cut(line[-1], room)
