"""One name a line, for scripts: ``deployment.apps/cart``."""

from __future__ import annotations

from kubectl_meshcheck.report.table import shown
from kubectl_meshcheck.report.text import View, safe
from kubectl_meshcheck.scan import Report


def render(report: Report, view: View) -> str:
    """The workloads as ``kubectl -o name`` prints them, each once."""
    refs = [row.subject.ref for row in shown(report, view)]
    names = dict.fromkeys(f"{ref.kind.qualified}/{ref.name}" for ref in refs)
    return "".join(f"{safe(name)}\n" for name in names)
