"""What must be there for every check, so that nothing can be forgotten."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from kubectl_meshcheck import checks
from kubectl_meshcheck.checks import CHECKS
from kubectl_meshcheck.checks.base import Check
from kubectl_meshcheck.cli.about import silencing
from tests.pages import DOCS, ROOT, headings, hold, section

#: modules of the package that are no checks
_OTHERS = ("__init__", "base", "remedy")
_WHY = ["Why it matters", "How it is fixed"]
_PAGE = ["Fires", "Stays quiet", *_WHY, "How to silence it"]
_FOLDER = DOCS / "checks"
#: modules that are longer than the rest, each with its reason
LONGER: Mapping[str, str] = {
    "kubectl_meshcheck/cli/options.py": "a list: every option with its help",
    "kubectl_meshcheck/parse.py": "a list: every field of an object that is read",
}
LONGEST = 320
every_check = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)


def _module(check: Check) -> Path:
    name = check.name.replace("-", "_")
    return ROOT / "kubectl_meshcheck" / "checks" / f"{name}.py"


def test_ids_are_unique_and_sorted() -> None:
    ids = [check.id for check in CHECKS]

    assert ids == sorted(set(ids))
    assert [one for one in ids if not re.fullmatch(r"MC\d{3}", one)] == []


def test_every_check_is_listed_and_named_after_its_file() -> None:
    folder = ROOT / "kubectl_meshcheck" / "checks"
    there = {path for path in folder.glob("*.py") if path.stem not in _OTHERS}

    assert {_module(check) for check in CHECKS} == there


def test_a_check_is_found_by_its_id_and_its_name() -> None:
    found = [(checks.named(c.id.lower()), checks.named(c.name)) for c in CHECKS]

    assert found == [(check, check) for check in CHECKS]


@every_check
def test_the_module_tells_why_and_how(check: Check) -> None:
    assert headings(check.page) == _WHY
    assert re.fullmatch(r"[A-Z][^\n]*\.", check.page.strip().split("\n\n")[0])


@every_check
def test_the_page_agrees_with_the_module(check: Check) -> None:
    path = _FOLDER / f"{check.id}.md"
    assert path.exists(), f"docs/checks/{check.id}.md: write Fires and Stays quiet"
    page = path.read_text(encoding="utf-8")
    body = {name: section(page, name) for name in _PAGE}
    body |= {name: section(check.page, name) for name in _WHY}
    body["How to silence it"] = silencing(check.id).strip()
    made = f"# {check.id} {check.name}\n\n{check.title}. Severity: "
    made += f"{check.severity.value}.\n"
    made += "".join(f"\n## {name}\n\n{text}\n" for name, text in body.items())

    hold(path, made, "tests/test_registry.py")
    assert headings(made) == _PAGE


def test_the_index_lists_the_checks() -> None:
    rows = [
        f"| [{c.id}]({c.id}.md) | {c.name} | {c.severity.value} | {c.title} |"
        for c in CHECKS
    ]
    made = "\n".join(
        [
            "# Checks",
            "",
            "Each finding shows the id of its check; `kubectl meshcheck checks ID`",
            "prints the page. A severity is the usual one: a finding may weigh less",
            "where its page says so.",
            "",
            "| Id | Name | Severity | What |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )

    hold(_FOLDER / "index.md", made, "tests/test_registry.py")


def test_there_is_no_page_without_a_check() -> None:
    pages = {path.name for path in _FOLDER.glob("*.md")}

    assert pages == {"index.md", *(f"{check.id}.md" for check in CHECKS)}


def test_modules_stay_small() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_bytes().splitlines())
        for path in (ROOT / "kubectl_meshcheck").rglob("*.py")
    }
    long = {name: size for name, size in lengths.items() if size > LONGEST}

    assert sorted(long) == sorted(LONGER)
