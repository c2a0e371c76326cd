"""The examples of docs/checks are run.

A YAML block is what one scan reads.  ``# MC001 message`` behind a container's name
expects exactly that finding on that container; behind ``kind:`` it is about the
whole workload of that object.  A severity that is not the check's own stands in
parentheses: ``# MC001 (info) message``.  Lines without a comment expect nothing.
A block is judged by its page's check alone, and by those that it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

import pytest

from kubectl_meshcheck import offline
from kubectl_meshcheck.checks import CHECKS
from kubectl_meshcheck.scan import scan
from tests.pages import DOCS, section

_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(
    r"(?:\bname: *(?P<name>[\w.-]+).*?|^kind: \w+)  ?# (?P<id>MC\d{3}) "
    r"(?:\((?P<severity>\w+)\) )?(?P<message>.+)$"
)
Line = tuple[str, str, str, str]  #: container, id, severity, message


@dataclass(frozen=True)
class Example:
    """One YAML block of a page."""

    check: str
    fires: bool
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.check}-{'fires' if self.fires else 'quiet'}-{self.number}"


def _examples(check: str) -> list[Example]:
    path = DOCS / "checks" / f"{check}.md"
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    return [
        Example(check, fires, number, text)
        for fires, heading in ((True, "Fires"), (False, "Stays quiet"))
        for number, text in enumerate(_BLOCK.findall(section(page, heading)), 1)
    ]


_EXAMPLES = [example for check in CHECKS for example in _examples(check.id)]


def _expected(text: str) -> list[Line]:
    own = {check.id: check.severity.value for check in CHECKS}
    found = [match for line in text.splitlines() if (match := _COMMENT.search(line))]
    assert len(found) == text.count("# MC"), "a comment that is not understood"
    return sorted(
        (m["name"] or "", m["id"], m["severity"] or own[m["id"]], m["message"])
        for m in found
    )


@pytest.mark.parametrize("example", _EXAMPLES, ids=str)
def test_an_example_shows_what_it_says(example: Example) -> None:
    stdin = BytesIO(example.text.encode())
    inventory, problems = offline.from_files(["-"], stdin=stdin)
    expected = _expected(example.text)
    ids = {example.check, *(line[1] for line in expected)}
    found = sorted(
        (one.finding.container, one.check.id, one.severity.value, one.finding.message)
        for row in scan(inventory.subjects()).rows
        for one in row.counted
        if one.check.id in ids
    )

    assert problems == []
    assert found == expected
    assert example.fires == (example.check in {line[1] for line in found})


@pytest.mark.parametrize("check", [check.id for check in CHECKS])
def test_a_page_shows_both(check: str) -> None:
    assert {example.fires for example in _examples(check)} == {True, False}
