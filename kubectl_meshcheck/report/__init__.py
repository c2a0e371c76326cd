"""The renderers by name; the only place that formats."""

from __future__ import annotations

from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.scan import Report

FORMATS = ("table", "wide", "json", "yaml", "name")


def render(report: Report, output: str, view: View, *, detail: bool = False) -> str:
    """The report as text in one of the ``FORMATS``.

    ``detail`` shows each workload in full where people read it.
    """
    # each renderer is imported when it is asked for: tabulate alone costs as much
    # as the rest of the program's start
    if output in ("json", "yaml"):
        from kubectl_meshcheck.report import data

        return (data.as_json if output == "json" else data.as_yaml)(report, view)
    if output == "name":
        from kubectl_meshcheck.report import names

        return names.render(report, view)
    if detail:
        from kubectl_meshcheck.report import detail as full

        return full.render(report, view)
    from kubectl_meshcheck.report import table

    return table.render(report, view)
