"""Whole screens, one per renderer and situation, as tests/golden_screens has them.

``MESHCHECK_UPDATE_DOCS=1 pytest tests/report`` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from kubectl_meshcheck.report import FORMATS
from kubectl_meshcheck.report.text import View
from tests.pages import hold
from tests.report.screens import Situation, text_of

SCREENS = Path(__file__).parent.parent / "golden_screens"
_SITUATIONS = {
    "everywhere": Situation(view=View(namespaces=True)),
    "one-workload": Situation("shop", "fireboom", detail=True),
    "ignored": Situation(
        "billing", "invoice", rules=("MC007: a cron job ends it",), detail=True
    ),
    "broken": Situation(file="broken.yaml", view=View(namespaces=True)),
    "nothing": Situation("empty"),
}
#: for people only
_VIEWS = {
    "coloured": Situation("shop", view=View(color=True)),
    "coloured-in-full": Situation(
        "billing", "orders", detail=True, view=View(color=True)
    ),
    "narrow": Situation("shop", view=View(width=100)),
    "narrow-everywhere": Situation(view=View(namespaces=True, width=80)),
    "without-headers": Situation("shop", view=View(headers=False)),
    "only-problems": Situation(view=View(namespaces=True, only_problems=True)),
}


#: formats that hold the whole catalogue or a style sheet, shown in these only
_LARGE = {"html": ("everywhere", "broken"), "sarif": ("everywhere", "broken")}
_SCREENS = [
    (name, output)
    for name in _SITUATIONS
    for output in FORMATS
    if name in _LARGE.get(output, _SITUATIONS)
]


@pytest.mark.parametrize(("name", "output"), _SCREENS)
def test_a_format_prints_a_situation_so(name: str, output: str) -> None:
    made = text_of(_SITUATIONS[name], output)

    hold(SCREENS / f"{name}.{output}.txt", made, "tests/report")


@pytest.mark.parametrize("name", _VIEWS)
def test_people_see_a_table_so(name: str) -> None:
    made = text_of(_VIEWS[name], "table")

    hold(SCREENS / f"{name}.txt", made, "tests/report")


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("width", range(60, 200, 4))
def test_a_row_is_one_line_of_the_terminal(width: int, headers: bool) -> None:
    view = View(namespaces=True, width=width, headers=headers)
    lines = text_of(Situation(view=view), "table").splitlines()

    assert [line for line in lines if len(line) > width] == []
    assert [line for line in lines if "deploy/fireboom" in line and "RACE" in line]


def test_there_is_no_screen_that_nothing_prints() -> None:
    expected = {f"{name}.{output}.txt" for name, output in _SCREENS}
    expected |= {f"{name}.txt" for name in _VIEWS}

    assert {path.name for path in SCREENS.iterdir()} == expected
