"""One workload in full: every container in start order, then the findings."""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import evidence
from kubectl_meshcheck.model import ContainerStatus, Redirect, Role, State, Step
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, grid, settings, timeline, timeline_text
from kubectl_meshcheck.report.table import shown
from kubectl_meshcheck.report.text import View, bold, paint, safe
from kubectl_meshcheck.scan import Report, Row

_STATES = {
    State.PROXY: "the proxy",
    State.HELPER: "part of the mesh",
    State.EXPOSED: "EXPOSED",
    State.WAITS: "waits",
    State.FREE: "free",
    State.UNKNOWN: "UNKNOWN",
}

HEADERS = ("CONTAINER", "KIND", "IMAGE", "START", "STATE")


def render(report: Report, view: View) -> str:
    """Each workload as a block of its own."""
    blocks = ["\n".join(_block(row, view)) for row in shown(report, view)]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _block(row: Row, view: View) -> Iterator[str]:
    subject = row.subject
    verdict = subject.judgement.verdict
    place = f" in namespace {subject.ref.namespace}" if subject.ref.namespace else ""
    yield bold(safe(f"{subject.ref}{place}"), view)
    for name, value in facts(row).items():
        yield f"{name + ':':<12}{safe(value)}"
    yield ""
    yield _containers(row)
    yield ""
    why = f"  {safe(row.why)}" if row.why else ""
    yield f"Verdict: {paint(verdict.value, verdict, view)}{why}"
    yield from settings.block(subject)
    yield from _evidence(row)
    yield from _timeline(row, view)
    yield from _findings(row, view)


def _evidence(row: Row) -> Iterator[str]:
    seen = evidence.of(row.subject)
    if seen:
        yield ""
        yield "Evidence:"
    for one in seen:
        yield f"  {safe(f'{one.container}: {one.text}')}"
        quote = f": {one.quote}" if one.quote else ""
        place = f" of {one.pod}" if one.pod else ""
        yield f"    {safe(f'{one.source}{place}{quote}')}"


def _timeline(row: Row, view: View) -> Iterator[str]:
    chart = timeline.chart(row.subject)
    if chart is None:
        return
    yield ""
    yield safe(f"{chart.title}:")
    yield from timeline_text.lines(chart, view)
    yield f"  {timeline_text.legend(view)}"
    yield f"  times from {'; '.join(chart.sources)}"


def facts(row: Row) -> dict[str, str]:
    """What is known of the workload as a whole, by name; untrusted text."""
    subject = row.subject
    chain = " < ".join(str(ref) for ref in subject.owners)
    known = {
        "Mesh": cells.mesh(subject.judgement),
        "Revision": subject.judgement.proxy.revision if subject.judgement.proxy else "",
        "Order": start_order(subject.judgement),
        "Redirected": _redirected(row),
        "Owners": chain if len(subject.owners) > 1 else "",
        "Pods": _pods(row),
        "Source": subject.source,
    }
    return {name: value for name, value in known.items() if value}


def _redirected(row: Row) -> str:
    proxy = row.subject.judgement.proxy
    if proxy is None:
        return ""
    capture = proxy.capture
    if capture.by is Redirect.NONE:
        return f"no ({capture.reason})" if capture.reason else "no"
    if capture.by is Redirect.CNI:
        return "before the first container, by a CNI plugin"
    name = row.subject.pod.containers[capture.after].name
    return f"when {name} has ended"


def _pods(row: Row) -> str:
    subject = row.subject
    if not subject.running:
        told = f"not known, {subject.unread}" if subject.unread else "none"
        return f"{told}; judged by the template"
    more = ", ..." if subject.pods > len(subject.names) else ""
    names = ", ".join(subject.names) + more
    return (
        f"{subject.ready}/{subject.pods} ready, {subject.restarts} restarts ({names})"
    )


def _containers(row: Row) -> str:
    steps = row.subject.judgement.steps
    table = []
    for number, step in enumerate(steps, 1):
        status = row.subject.statuses.get(step.container.name)
        table.append([str(number), *(safe(cell) for cell in cells_of(step, status))])
    first, *lines = grid.lines([["", *HEADERS], *table])
    shown = [first]
    for step, line in zip(steps, lines, strict=True):
        shown += [line, *(f"       {safe(detail)}" for detail in details(step))]
    return "\n".join(shown)


def cells_of(step: Step, status: ContainerStatus | None) -> list[str]:
    """One container: name, kind, image, how it starts, its state; untrusted text."""
    container = step.container
    return [
        container.name,
        container.role.value,
        container.image or "-",
        _start(step),
        _state(status),
    ]


def _start(step: Step) -> str:
    said = _STATES[step.state]
    if step.state is State.WAITS:
        return f"waits: {step.waits_on}"
    return f"{said}: {step.why}" if step.why else said


def _state(status: ContainerStatus | None) -> str:
    if status is None or not status.state:
        return "-"
    said = str(status)
    if status.restarts:
        said += f", {status.restarts} restarts"
    if status.last and status.last.exit_code:
        said += f", last exit {status.last.exit_code}"
    return said


def details(step: Step) -> Iterator[str]:
    """The hooks, and the probes that decide something."""
    container = step.container
    if container.post_start:
        yield f"postStart: {container.post_start}"
    if container.pre_stop:
        yield f"preStop: {container.pre_stop}"
    if container.startup:
        gates = container.role is Role.NATIVE
        note = "" if gates else " (holds nobody: not a native sidecar)"
        yield f"startupProbe: {container.startup}{note}"
    elif step.state is State.PROXY and container.readiness:
        yield f"readinessProbe: {container.readiness} (holds nobody)"


def _findings(row: Row, view: View) -> Iterator[str]:
    for found in row.found:
        finding = found.finding
        yield ""
        subject = f"{finding.container}: " if finding.container else ""
        level = paint(found.severity.value, found.severity, view)
        head = f"{found.check.id} {found.check.name} ({level})"
        yield f"{head}\n  {safe(subject + finding.message)}"
        if found.ignored:
            yield f"  ignored: {safe(found.ignored)}"
            continue
        if finding.next:
            yield f"  next: {safe(finding.next)}"
        yield f"  more: {view.command} checks {found.check.id}"
