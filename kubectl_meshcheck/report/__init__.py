"""The renderers by name; the only place that formats."""

from __future__ import annotations

from importlib import import_module

from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.scan import Report

#: those that programs read, or other people, and so hold all there is
_WHOLE = {
    "json": "data",
    "yaml": "data",
    "name": "names",
    "markdown": "markdown",
    "html": "html",
    "sarif": "sarif",
    "junit": "junit",
}
FORMATS = ("table", "wide", *_WHOLE)


def render(report: Report, output: str, view: View, *, detail: bool = False) -> str:
    """The report as text in one of the ``FORMATS``.

    ``detail`` shows each workload in full where people read it.
    """
    # each renderer is imported when it is asked for: a scan pays for no other's start
    if output in ("json", "yaml"):
        from kubectl_meshcheck.report import data

        return (data.as_json if output == "json" else data.as_yaml)(report, view)
    if output in ("markdown", "html"):
        whole = import_module(f"{__name__}.{output}")
        return str(whole.render(report, view, full=detail))
    if output in _WHOLE:
        return str(import_module(f"{__name__}.{_WHOLE[output]}").render(report, view))
    if detail:
        from kubectl_meshcheck.report import detail as full

        return full.render(report, view)
    from kubectl_meshcheck.report import table

    return table.render(report, view)
