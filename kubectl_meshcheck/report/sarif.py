"""Findings as SARIF 2.1.0, which code hosts show beside the code.

Source: OASIS, Static Analysis Results Interchange Format 2.1.0.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any
from urllib.parse import quote

import msgspec

from kubectl_meshcheck import __version__
from kubectl_meshcheck.checks import CHECKS
from kubectl_meshcheck.checks.base import Check, Found, Severity
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.report.table import shown
from kubectl_meshcheck.report.text import View, safe, safe_json
from kubectl_meshcheck.scan import Report, Row

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://github.com/meshcheck/kubectl-meshcheck"
_LEVELS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.INFO: "note",
}
_SOURCE = re.compile(r"(.*), document \d+", re.DOTALL)


def render(report: Report, view: View) -> str:
    """One run with every check as a rule and every finding as a result."""
    run = {
        "tool": {
            "driver": {
                "name": "kubectl-meshcheck",
                "semanticVersion": __version__,
                "informationUri": _HOME,
                "rules": [_rule(check) for check in CHECKS],
            }
        },
        "invocations": [_invocation(report, view)],
        "results": [
            _result(row, found) for row in shown(report, view) for found in row.found
        ],
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return (
        safe_json(msgspec.json.format(msgspec.json.encode(log), indent=2).decode())
        + "\n"
    )


def _rule(check: Check) -> dict[str, Any]:
    page = check.page.strip()
    return {
        "id": check.id,
        "name": "".join(word.capitalize() for word in check.name.split("-")),
        "shortDescription": {"text": f"{check.title}."},
        "help": {"text": page, "markdown": page},
        "helpUri": check.url,
        "defaultConfiguration": {"level": _LEVELS[check.severity]},
    }


def _invocation(report: Report, view: View) -> dict[str, Any]:
    return {
        "executionSuccessful": not report.problems,
        "exitCode": int(report.exit_code),
        "commandLine": safe(view.invocation or view.command),
        "toolExecutionNotifications": [_notification(p) for p in report.problems],
    }


def _notification(problem: Problem) -> dict[str, Any]:
    hint = f" ({problem.hint})" if problem.hint else ""
    return {"level": "error", "message": {"text": safe(problem.what + hint)}}


def _result(row: Row, found: Found) -> dict[str, Any]:
    finding = found.finding
    about = f"{finding.container}: " if finding.container else ""
    following = f" Next: {finding.next}" if finding.next else ""
    workload = _workload(row)
    parts = (found.check.id, workload, finding.container)
    key = hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()
    result: dict[str, Any] = {
        "ruleId": found.check.id,
        "ruleIndex": CHECKS.index(found.check),
        "level": _LEVELS[found.severity],
        "message": {
            "text": safe(f"{row.subject.ref}: {about}{finding.message}.{following}")
        },
        "locations": [_location(row, workload, finding.container)],
        "partialFingerprints": {"workload/v1": key},
    }
    if found.ignored:
        reason = {"kind": "external", "justification": safe(found.ignored)}
        result["suppressions"] = [reason]
    return result


def _workload(row: Row) -> str:
    ref = row.subject.ref
    place = f"namespaces/{ref.namespace}/" if ref.namespace else ""
    return f"{place}{ref.kind.resource}/{ref.name}"


def _location(row: Row, workload: str, container: str) -> dict[str, Any]:
    """The file that it was read from; in a cluster the object's place in the API."""
    found = _SOURCE.fullmatch(row.subject.source)
    place = found[1] if found else workload
    uri = quote(place.replace("\\", "/"), safe="/:", errors="replace")
    name = f"{workload}/{container}" if container else workload
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}},
        "logicalLocations": [{"fullyQualifiedName": safe(name), "kind": "resource"}],
    }
