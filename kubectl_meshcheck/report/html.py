"""A report for a browser: one file, no script, nothing is loaded from anywhere.

Its own policy forbids everything but the styles inside it; where a server's policy
forbids those too (as Jenkins' does), it is plain but whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from kubectl_meshcheck import __version__, evidence
from kubectl_meshcheck.checks.base import Found
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, detail, svg, timeline
from kubectl_meshcheck.report.table import shown
from kubectl_meshcheck.report.text import View, safe
from kubectl_meshcheck.scan import Report, Row

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
_HEADERS = ("Workload", "Ready", "Mesh", "Start order", "Waits on", "Verdict", "Why")
_STYLE = """\
:root{color-scheme:light dark;--b:#fff;--f:#1f2328;--m:#57606a;--l:#d0d7de;--s:#f6f8fa;
--red:#d1242f;--amber:#9a6700;--green:#1a7f37;--blue:#0969da}
@media(prefers-color-scheme:dark){:root{--b:#0d1117;--f:#e6edf3;--m:#9198a1;--l:#3d444d;
--s:#151b23;--red:#ff7b72;--amber:#d29922;--green:#3fb950;--blue:#58a6ff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:24px;background:var(--b);color:var(--f);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:24px;margin:0 0 4px}h2{font-size:18px;margin:0}
h3{font-size:15px;margin:20px 0 6px}
p.run{color:var(--m);margin:0 0 20px}
code,pre{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--s);border:1px solid var(--l);border-radius:6px;padding:10px 12px;
overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{text-align:left;vertical-align:top;padding:6px 10px;
border-bottom:1px solid var(--l)}
th{color:var(--m);font-weight:600;white-space:nowrap}
td code{overflow-wrap:break-word}
.v{display:inline-block;font-weight:700;font-size:12px;padding:1px 8px;
border-radius:10px;border:1px solid currentColor;white-space:nowrap}
.RACE,.PARTIAL,.error{color:var(--red)}.UNKNOWN,.warning{color:var(--amber)}
.HELD,.NATIVE{color:var(--green)}.GATEWAY,.AMBIENT,.NONE,.info{color:var(--m)}
details{border:1px solid var(--l);border-radius:8px;margin:16px 0;padding:12px 16px}
summary{cursor:pointer;display:flex;gap:10px;align-items:center;flex-wrap:wrap}
summary h2{overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:12px 0}
dt{color:var(--m)}dd{margin:0;overflow-wrap:anywhere}
ul{padding-left:20px;margin:6px 0}li{margin:4px 0;overflow-wrap:anywhere}
.finding{border-left:4px solid var(--l);padding:2px 12px;margin:12px 0}
.finding.error{border-color:var(--red)}.finding.warning{border-color:var(--amber)}
.finding p,.finding pre{color:var(--f)}.finding p{margin:4px 0}
.q{color:var(--m)}a{color:var(--blue)}
svg{display:block;margin:8px 0;min-width:640px}
svg .t{fill:var(--m)}svg .g{stroke:var(--l)}svg .x{stroke:var(--red)}
svg .d{fill:var(--red)}
@media print{details{break-inside:avoid}}
"""


def render(report: Report, view: View, *, full: bool = False) -> str:
    """The report as one HTML document."""
    rows = shown(report, view)
    bad = sum(1 for row in report.rows if row.counted)
    have = "has" if bad == 1 else "have"
    title = f"Mesh start order: {bad} of {len(report.rows)} workloads {have} findings"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_words(title)}</title>",
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{_words(title)}</h1>",
        f'<p class="run">{_code(view.invocation or view.command)}<br>'
        f"kubectl-meshcheck {__version__}, exit code {int(report.exit_code)}</p>",
        *_problems(report),
        *_summary(rows),
    ]
    for row in rows:
        if full or row.found:
            parts += _details(row)
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _words(text: str) -> str:
    return escape(safe(text))


def _code(text: str) -> str:
    return f"<code>{_words(text)}</code>"


def _table(headers: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already."""
    head = "".join(f"<th>{header}</th>" for header in headers)
    body = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>\n"
        for line in lines
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _verdict(row: Row) -> str:
    verdict = row.subject.judgement.verdict.value
    return f'<span class="v {verdict}">{verdict}</span>'


def _summary(rows: list[Row]) -> Iterator[str]:
    if rows:
        yield _table(_HEADERS, [_line(row) for row in rows])


def _line(row: Row) -> list[str]:
    subject, judgement = row.subject, row.subject.judgement
    place = f"{subject.ref.namespace}/" if subject.ref.namespace else ""
    return [
        _code(f"{place}{subject.ref}"),
        _words(cells.ready(subject)),
        _words(cells.mesh(judgement)),
        _code(start_order(judgement)),
        _words(cells.waits_on(judgement)),
        _verdict(row),
        _words(row.why),
    ]


def _details(row: Row) -> Iterator[str]:
    subject = row.subject
    place = f" in namespace {subject.ref.namespace}" if subject.ref.namespace else ""
    yield "<details open><summary>"
    yield f"<h2>{_words(f'{subject.ref}{place}')}</h2>{_verdict(row)}</summary>"
    if row.why:
        yield f"<p>{_words(row.why)}</p>"
    facts = detail.facts(row).items()
    yield "<dl>" + "".join(
        f"<dt>{_words(k)}</dt><dd>{_words(v)}</dd>" for k, v in facts
    )
    yield "</dl>"
    yield _containers(row)
    chart = timeline.chart(subject)
    if chart is not None:
        yield f'<h3>{_words(chart.title)}</h3><div class="wide">{svg.draw(chart)}</div>'
    yield from _evidence(row)
    for found in row.found:
        yield from _finding(found)
    yield "</details>"


def _containers(row: Row) -> str:
    lines = []
    for step in row.subject.judgement.steps:
        status = row.subject.statuses.get(step.container.name)
        name, kind, image, start, state = detail.cells_of(step, status)
        more = "".join(
            f'<br><span class="q">{_words(d)}</span>' for d in detail.details(step)
        )
        lines.append(
            [
                _code(name) + more,
                _words(kind),
                _code(image),
                _words(start),
                _words(state),
            ]
        )
    return _table([header.capitalize() for header in detail.HEADERS], lines)


def _evidence(row: Row) -> Iterator[str]:
    seen = evidence.of(row.subject)
    if not seen:
        return
    yield "<h3>Evidence</h3><ul>"
    for one in seen:
        place = f"{one.source} of {one.pod}" if one.pod else one.source
        quote = f"<br>{_code(one.quote)}" if one.quote else ""
        yield (
            f"<li>{_code(one.container)} {_words(one.text)} "
            f'<span class="q">({_words(place)})</span>{quote}</li>'
        )
    yield "</ul>"


def _finding(found: Found) -> Iterator[str]:
    finding, level = found.finding, found.severity.value
    about = f"{_code(finding.container)} " if finding.container else ""
    name = f"{found.check.id} {found.check.name}"
    yield f'<div class="finding {level}"><strong>{_words(name)}</strong> ({level})'
    yield f"<p>{about}{_words(finding.message)}</p>"
    if found.ignored:
        yield f'<p class="q">ignored: {_words(found.ignored)}</p>'
    elif finding.next:
        yield f"<pre>{_words(finding.next)}</pre>"
    yield f'<a href="{escape(found.check.url)}" rel="noreferrer">more</a></div>'


def _problems(report: Report) -> Iterator[str]:
    if not report.problems:
        return
    yield '<div class="finding error"><strong>Could not be read</strong><ul>'
    for problem in report.problems:
        hint = (
            f'<br><span class="q">{_words(problem.hint)}</span>' if problem.hint else ""
        )
        yield f"<li>{_words(problem.what)}{hint}</li>"
    yield "</ul></div>"
