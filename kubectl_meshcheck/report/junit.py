"""Findings as JUnit's XML, which every CI server shows; one case a finding."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from kubectl_meshcheck.checks.base import Found
from kubectl_meshcheck.report.table import shown
from kubectl_meshcheck.report.text import View, safe
from kubectl_meshcheck.scan import Report, Row

#: what XML 1.0 cannot carry and ``safe`` leaves
_FORBIDDEN = re.compile("[\ufffe\uffff]")


def render(report: Report, view: View) -> str:
    """A suite a namespace, one more for what could not be read.

    A finding at or above ``--fail-on`` is a failure; an ignored one is skipped.
    """
    suites: dict[str, list[str]] = {}
    for row in shown(report, view):
        name = row.subject.ref.namespace or "without a namespace"
        suites.setdefault(name, []).extend(_cases(row, report))
    body = [_suite(name, cases) for name, cases in suites.items()]
    if report.problems:
        body.append(_suite("what could not be read", _problems(report)))
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return (
        f'{head}<testsuites name="kubectl-meshcheck">\n{"".join(body)}</testsuites>\n'
    )


def _suite(name: str, cases: list[str]) -> str:
    def having(tag: str) -> int:
        return sum(f"<{tag} " in case for case in cases)

    return (
        f'<testsuite name={_attribute(name)} tests="{len(cases)}" '
        f'failures="{having("failure")}" errors="{having("error")}" '
        f'skipped="{having("skipped")}" time="0">\n' + "".join(cases) + "</testsuite>\n"
    )


def _cases(row: Row, report: Report) -> Iterable[str]:
    if not row.found:
        yield _case(row, "", "")
    for found in row.found:
        yield _case(
            row, f" {found.check.id} {found.check.name}", _outcome(found, report)
        )


def _case(row: Row, name: str, body: str) -> str:
    subject = row.subject
    place = ".".join(part for part in ("meshcheck", subject.ref.namespace) if part)
    names = f"name={_attribute(str(subject.ref) + name)} classname={_attribute(place)}"
    if not body:
        return f'<testcase {names} time="0"/>\n'
    return f'<testcase {names} time="0">{body}</testcase>\n'


def _outcome(found: Found, report: Report) -> str:
    finding = found.finding
    about = f"{finding.container}: " if finding.container else ""
    said = about + finding.message
    more = "\n".join(part for part in (said, finding.next, found.check.url) if part)
    if found.ignored:
        return f"<skipped message={_attribute(f'{said}; ignored: {found.ignored}')}/>"
    fails = report.fail_on is not None and found.severity.rank >= report.fail_on.rank
    if fails:
        kind = _attribute(f"{found.check.id} {found.severity.value}")
        return (
            f"<failure message={_attribute(said)} type={kind}>{_text(more)}</failure>"
        )
    return f"<system-out>{_text(more)}</system-out>"


def _problems(report: Report) -> list[str]:
    return [
        f'<testcase name={_attribute(problem.what)} classname="meshcheck" time="0">'
        f'<error message={_attribute(problem.what)} type="unreadable">'
        f"{_text(problem.hint)}</error></testcase>\n"
        for problem in report.problems
    ]


def _clean(text: str) -> str:
    """The lines of a text without anything that XML or a terminal dislikes."""
    return _FORBIDDEN.sub("", "\n".join(safe(line) for line in text.split("\n")))


def _text(text: str) -> str:
    return escape(_clean(text))


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))
