"""The conformance table at the end of a run that filled it."""

from __future__ import annotations

import pytest

from tests.meshes.golden import TALLY


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TALLY.counts:
        terminalreporter.section("conformance of the meshes")
        for line in TALLY.lines():
            terminalreporter.write_line(line)
