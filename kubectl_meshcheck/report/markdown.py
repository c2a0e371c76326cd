"""A block for a ticket or a chat: what was run, what was found, proof, the next step.

What comes from the cluster is escaped: no markup, no mention, no link of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabulate import tabulate

from kubectl_meshcheck import __version__, evidence
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, detail, timeline, timeline_text
from kubectl_meshcheck.report.table import shown
from kubectl_meshcheck.report.text import View, safe
from kubectl_meshcheck.scan import Report, Row

_MARKUP = re.compile(r"([\\`*_\[\]#|~])")
_HEADERS = ("Workload", "Ready", "Mesh", "Start order", "Waits on", "Verdict", "Why")


def render(report: Report, view: View, *, full: bool = False) -> str:
    """The report as GitHub's Markdown, which most trackers and chats read."""
    rows = shown(report, view)
    blocks = [_head(report, view)]
    if rows:
        blocks.append(_table(rows))
    blocks += ["\n".join(_block(row, view)) for row in rows if full or row.counted]
    if report.problems:
        blocks.append("\n".join(_problems(report)))
    return "\n\n".join(blocks) + "\n"


def plain(text: str) -> str:
    """Text without any markup of its own."""
    text = safe(text).replace("&", "&amp;").replace("<", "&lt;")
    # an empty comment keeps a mention from calling anybody, and a link from being one
    return (
        _MARKUP.sub(r"\\\1", text)
        .replace("@", "@<!-- -->")
        .replace("://", ":<!-- -->//")
    )


def code(text: str, *, cell: bool = False) -> str:
    """Text as it is, on one line; in a table's cell a pipe has to be escaped."""
    text = safe(text) or " "
    if cell:
        text = text.replace("|", "\\|")
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    room = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{room}{text}{room}{fence}"


def _fenced(text: str, language: str) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text, fence]


def _head(report: Report, view: View) -> str:
    bad = sum(1 for row in report.rows if row.counted)
    have = "has" if bad == 1 else "have"
    told = f"{bad} of {len(report.rows)} workloads {have} findings"
    ran = f"{code(view.invocation or view.command)}, kubectl-meshcheck {__version__}"
    return f"### Mesh start order: {told}\n\n{ran}, exit code {int(report.exit_code)}"


def _table(rows: list[Row]) -> str:
    lines = []
    for row in rows:
        subject, judgement = row.subject, row.subject.judgement
        place = f"{subject.ref.namespace}/" if subject.ref.namespace else ""
        lines.append(
            [
                code(f"{place}{subject.ref}", cell=True),
                cells.ready(subject),
                plain(cells.mesh(judgement)),
                code(start_order(judgement), cell=True),
                plain(cells.waits_on(judgement)),
                f"**{judgement.verdict.value}**"
                if row.counted
                else judgement.verdict.value,
                plain(row.why),
            ]
        )
    return tabulate(lines, _HEADERS, tablefmt="github", disable_numparse=True)


def _block(row: Row, view: View) -> Iterator[str]:
    subject = row.subject
    place = (
        f" in namespace {code(subject.ref.namespace)}" if subject.ref.namespace else ""
    )
    verdict = subject.judgement.verdict.value
    yield f"#### {code(str(subject.ref))}{place}: {verdict}"
    yield ""
    for name, value in detail.facts(row).items():
        yield f"- {name}: {code(value)}"
    yield ""
    yield _containers(row)
    yield from _evidence(row)
    chart = timeline.chart(subject)
    if chart is not None:
        drawing = View(width=80, ascii=view.ascii)
        picture = [
            *timeline_text.lines(chart, drawing),
            f"  {timeline_text.legend(drawing)}",
        ]
        yield ""
        yield f"{plain(chart.title)}; times from {'; '.join(chart.sources)}"
        yield ""
        yield from _fenced("\n".join(picture), "text")
    yield from _findings(row)


def _containers(row: Row) -> str:
    lines = []
    for step in row.subject.judgement.steps:
        status = row.subject.statuses.get(step.container.name)
        name, kind, image, start, state = detail.cells_of(step, status)
        lines.append(
            [
                code(name, cell=True),
                kind,
                code(image, cell=True),
                plain(start),
                plain(state),
            ]
        )
    headers = [header.capitalize() for header in detail.HEADERS]
    return tabulate(lines, headers, tablefmt="github", disable_numparse=True)


def _evidence(row: Row) -> Iterator[str]:
    seen = evidence.of(row.subject)
    if seen:
        yield ""
        yield "Evidence:"
        yield ""
    for one in seen:
        quote = f": {code(one.quote)}" if one.quote else ""
        pod = f" of {code(one.pod)}" if one.pod else ""
        where = f"{plain(one.source)}{pod}{quote}"
        yield f"- {code(one.container)} {plain(one.text)} ({where})"


def _findings(row: Row) -> Iterator[str]:
    for found in row.found:
        finding = found.finding
        about = f"{code(finding.container)} " if finding.container else ""
        yield ""
        yield (
            f"**{found.check.id} {found.check.name}** ({found.severity.value}): "
            f"{about}{plain(finding.message)}. [More]({found.check.url})"
        )
        if found.ignored:
            yield f"\nIgnored: {plain(found.ignored)}"
        elif finding.next:
            yield "\nNext:\n"
            yield from _fenced(safe(finding.next), "sh")


def _problems(report: Report) -> Iterator[str]:
    yield "#### What could not be read\n"
    for problem in report.problems:
        hint = f" ({code(problem.hint)})" if problem.hint else ""
        yield f"- {plain(problem.what)}{hint}"
