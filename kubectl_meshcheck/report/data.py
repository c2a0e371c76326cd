"""The report as plain data: the versioned contract of ``-o json`` and ``-o yaml``.

Fields are only added within one apiVersion; docs/report.schema.json says the same
and the tests hold both to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import yaml

from kubectl_meshcheck import __version__, evidence, logs, mismatch
from kubectl_meshcheck.checks.base import Found
from kubectl_meshcheck.control import Setting
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.evidence import Evidence
from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.model import ContainerStatus, Proxy, Step, Verdict
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.report import cells, settings
from kubectl_meshcheck.report.table import wanted
from kubectl_meshcheck.report.text import View, safe_json
from kubectl_meshcheck.scan import Kept, Outcome, Report, Row, damage
from kubectl_meshcheck.workload import Subject

API_VERSION = "meshcheck/v1"
#: where the workloads stand in a report without any; and how far in they stand
_EMPTY = '"workloads": []'
_INDENT = "\n" + 8 * " "


class Piece(Kept, frozen=True, gc=False):
    """A workload as JSON, and what the summary counts of it."""

    verdict: Verdict
    pods: int
    levels: tuple[str, ...]  #: the severities of the findings that count
    text: bytes  #: empty where it is not shown


class Pieces:
    """The report as JSON, of rows that come one after another.

    A workload takes five times as much memory before it is written.
    """

    def __init__(self, view: View) -> None:
        self._view = view

    def of(self, row: Row) -> Piece:
        """A row's piece."""
        subject, worst = row.subject, row.worst
        return Piece(
            damage(row),
            subject.ref,
            worst,
            subject.judgement.verdict,
            subject.pods,
            tuple(found.severity.value for found in row.counted),
            _encoded(_workload(row)) if wanted(worst, self._view) else b"",
        )

    def text(self, found: Outcome[Piece]) -> Iterator[str]:
        """The whole, in parts."""
        before, empty, behind = json_text(_frame(found)).partition(_EMPTY)
        shown = [piece.text for piece in found.rows if piece.text]
        if not shown:
            yield before + empty + behind
            return
        yield before + _EMPTY[:-1] + _INDENT
        for number, text in enumerate(shown):
            comma = "," + _INDENT if number else ""
            yield comma + _formatted(text).replace("\n", _INDENT)
        yield _INDENT[:-4] + _EMPTY[-1] + behind

    def missing(self, _: Outcome[Piece]) -> tuple[str, ...]:
        """Nothing: it is not cut to a terminal."""
        return ()


def _frame(found: Outcome[Piece]) -> dict[str, Any]:
    """All of a report but its workloads."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Report",
        "version": __version__,
        "exitCode": int(found.exit_code),
        "summary": _summary(found.rows),
        "workloads": [],
        "problems": [problem(one) for one in found.problems],
        "warnings": list(found.warnings),
    }


def as_json(report: Report, view: View) -> str:
    """The report as JSON."""
    pieces = Pieces(view)
    rows = [pieces.of(row) for row in report.rows]
    found = Outcome(rows, report.problems, report.warnings, report.fail_on)
    return "".join(pieces.text(found))


def json_text(found: dict[str, Any]) -> str:
    """Data as JSON, indented as kubectl does it."""
    return _formatted(_encoded(found)) + "\n"


def _formatted(text: bytes) -> str:
    return safe_json(msgspec.json.format(text, indent=4).decode())


def _encoded(found: dict[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(found)
    except UnicodeEncodeError:  # a file's name may be any bytes
        return msgspec.json.encode(_encodable(found))


def _encodable(value: Any) -> Any:
    """The same with what UTF-8 cannot carry written out as ``\\udcff``."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, list):
        return [_encodable(one) for one in value]
    if isinstance(value, dict):
        return {key: _encodable(one) for key, one in value.items()}
    return value


def as_yaml(report: Report, view: View) -> str:
    """The report as YAML: the same data."""
    return yaml_text(msgspec.json.decode(as_json(report, view)))


def yaml_text(found: dict[str, Any]) -> str:
    """Data as YAML, in ASCII."""
    dumped: str = yaml.safe_dump(
        found, sort_keys=False, allow_unicode=False, width=10_000
    )
    return dumped


def _summary(pieces: Sequence[Piece]) -> dict[str, Any]:
    """How many there are of what."""
    levels = Counter(level for piece in pieces for level in piece.levels)
    verdicts = Counter(piece.verdict for piece in pieces)
    return {
        "workloads": len(pieces),
        "pods": sum(piece.pods for piece in pieces),
        "verdicts": {v.value: verdicts[v] for v in Verdict if verdicts[v]},
        "findings": dict(sorted(levels.items())),
    }


def _workload(row: Row) -> dict[str, Any]:
    subject = row.subject
    judgement = subject.judgement
    return {
        "namespace": subject.ref.namespace,
        "kind": subject.ref.kind.kind,
        "group": subject.ref.kind.group,
        "name": subject.ref.name,
        "owners": [
            {"kind": ref.kind.kind, "group": ref.kind.group, "name": ref.name}
            for ref in subject.owners
        ],
        "source": subject.source,
        "pods": {
            "total": subject.pods,
            "ready": subject.ready,
            "restarts": subject.restarts,
            "names": list(subject.names),
        },
        "injected": bool(judgement.proxies),
        "proxies": [_proxy(subject, proxy) for proxy in judgement.proxies],
        "startOrder": start_order(judgement),
        "waitsOn": cells.waits_on(judgement),
        "containers": [_step(step, subject) for step in judgement.steps],
        "verdict": judgement.verdict.value,
        "why": row.why,
        "evidence": [_evidence(one) for one in evidence.of(subject)],
        "injection": settings.injection(subject.explained),
        "settings": settings.settings(_settings(subject)),
        "differences": list(mismatch.reasons(subject)),
        "findings": [_found(found) for found in row.found],
    }


def _settings(subject: Subject) -> tuple[Setting, ...]:
    return subject.explained.settings if subject.explained else ()


def _proxy(subject: Subject, proxy: Proxy) -> dict[str, Any]:
    return {
        "container": subject.pod.containers[proxy.index].name,
        "mesh": proxy.mesh if mesh_of(proxy) else "",
        "version": proxy.version,
        "revision": proxy.revision,
        "waits": proxy.gate.waits.value,
        "by": proxy.gate.by,
        "reason": proxy.gate.reason,
        "redirectedBy": proxy.capture.by.value,
        "redirectedReason": proxy.capture.reason,
    }


def _step(step: Step, subject: Subject) -> dict[str, Any]:
    container = step.container
    return {
        "name": container.name,
        "kind": container.role.value,
        "image": container.image,
        "start": step.state.value,
        "waitsOn": step.waits_on,
        "why": step.why,
        "postStart": str(container.post_start or ""),
        "preStop": str(container.pre_stop or ""),
        "startupProbe": str(container.startup or ""),
        "readinessProbe": str(container.readiness or ""),
        "status": _status(subject.statuses.get(container.name)),
    }


def _status(status: ContainerStatus | None) -> dict[str, Any] | None:
    if status is None:
        return None
    last = status.last
    return {
        "state": status.state,
        "reason": status.reason,
        "ready": status.ready,
        "restarts": status.restarts,
        "startedAt": status.started,
        "lastExit": last
        and {
            "exitCode": last.exit_code,
            "reason": last.reason,
            "message": logs.mask(last.message),
            "startedAt": last.started,
            "finishedAt": last.finished,
        },
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    gap = one.gap
    return {
        "kind": one.kind.value,
        "strength": one.strength.value,
        "container": one.container,
        "pod": one.pod,
        "text": one.text,
        # positive: before the proxy's start or readiness
        "gapSeconds": gap and round(gap.seconds, 3),
        "gapTo": gap and f"proxy {gap.to}",
        "exact": bool(gap and gap.exact),
        "source": one.source,
        "quote": one.quote,
    }


def _found(found: Found) -> dict[str, Any]:
    return {
        "id": found.check.id,
        "name": found.check.name,
        "severity": found.severity.value,
        "container": found.finding.container,
        "message": found.finding.message,
        "next": found.finding.next,
        "docs": found.check.url,
        "ignored": found.ignored,
    }


def problem(found: Problem) -> dict[str, Any]:
    """What could not be looked at, as data."""
    return {
        "what": found.what,
        "hint": found.hint,
        "verb": found.verb,
        "resource": found.resource,
        "namespace": found.namespace,
        "source": found.source,
    }
