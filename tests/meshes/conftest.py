"""The conformance table at the end of a run that filled it."""

from __future__ import annotations

import pytest

from tests.meshes.golden import GOLDEN, MISSING, TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not GOLDEN.is_dir():
        terminalreporter.section("conformance of the meshes", red=True)
        terminalreporter.write_line(MISSING)
    if TALLY.counts:
        terminalreporter.section("conformance of the meshes")
        for line in TALLY.lines():
            terminalreporter.write_line(line)
