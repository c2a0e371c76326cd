"""Markdown, HTML, SARIF and JUnit: well-formed whatever the cluster says.

The pods are hostile on purpose; the same words go through every renderer.
"""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubectl_meshcheck import report
from kubectl_meshcheck.checks import CHECKS
from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.report.markdown import code, plain
from kubectl_meshcheck.report.text import View
from kubectl_meshcheck.scan import Report, scan
from tests.evidence.pods import REFUSED, crashed, died, pod, running, subjects

VIEW = View(invocation="kubectl meshcheck ns shop --logs")
#: markup, mentions, controls and marks that turn text around
EVIL = (
    "</pre><script>alert(1)</script>\"'<!--]]>&amp; @team `x` ``` |a| [l](http://e) "
    "\x1b[31m\x00\x85\u202e\ufffe\ud800"
)
WHOLE = ("markdown", "html", "sarif", "junit", "json", "yaml")
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\ud800]")


def told(word: str = "", **more: Any) -> Report:
    """A race with a crash, a held pod, a problem; ``word`` wherever text may stand."""
    run = died(18, 19, message=f"{REFUSED} {word}", reason=f"Error{word}")
    race = pod(crashed("app", run, 3), running("istio-proxy", 20), name=f"race{word}")
    held = pod(running("istio-proxy", 4), running("app", 9), held=True, name="held")
    race["metadata"]["namespace"] = f"shop{word}"
    race["spec"]["containers"][0]["image"] = f"app:1{word}"
    found = scan(subjects(race, held), [Ignore("MC012", f"known {word}")])
    problems = (Problem(f"cannot list events {word}", f"ask {word}"),)
    return replace(found, problems=problems, **more)


class Page(HTMLParser):
    """Fails on tags that do not match, and collects what a policy cares for."""

    _VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.links: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            assert name != "style", "a strict policy blocks it"
            if name in ("src", "href"):
                self.links.append(value or "")
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("word", ["", EVIL], ids=["plain", "hostile"])
def test_html_is_one_well_formed_page_without_a_script(word: str) -> None:
    page = Page(report.render(told(word), "html", VIEW))
    assert "script" not in page.tags
    assert {"svg", "style", "table"} <= page.tags
    assert all(link.startswith("https://github.com/") for link in page.links)
    assert "crashed 3x: connection refused, about 1s before proxy start" in page.text
    assert "kubectl meshcheck ns shop --logs" in page.text
    assert "cannot list events" in page.text


def test_html_forbids_itself_everything_but_its_styles() -> None:
    text = report.render(told(), "html", VIEW)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1] == (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
    )


@pytest.mark.parametrize("word", ["", EVIL], ids=["plain", "hostile"])
def test_junit_is_well_formed(word: str) -> None:
    root = ElementTree.fromstring(report.render(told(word), "junit", VIEW))
    cases = [
        (case.get("name", "")[:4], [child.tag for child in case])
        for case in root.iter("testcase")
    ]
    assert cases == [
        ("pod/", ["failure"]),
        ("pod/", ["failure"]),
        ("pod/", ["skipped"]),
        ("cann", ["error"]),
    ]
    sums = [
        tuple(int(suite.get(name, "")) for name in ("tests", "failures", "errors"))
        for suite in root.iter("testsuite")
    ]
    assert sums in ([(2, 2, 0), (1, 0, 0), (1, 0, 1)], [(3, 2, 0), (1, 0, 1)])


def test_junit_fails_what_the_exit_code_fails() -> None:
    found = replace(told(fail_on=None), problems=())
    text = report.render(found, "junit", VIEW)
    assert (found.exit_code, "<failure" in text) == (0, False)
    found = replace(found, fail_on=Severity.INFO)
    text = report.render(found, "junit", VIEW)
    assert (found.exit_code, "<failure" in text) == (1, True)


@pytest.mark.parametrize("word", ["", EVIL], ids=["plain", "hostile"])
def test_sarif_says_what_its_schema_wants(word: str) -> None:
    log = json.loads(report.render(told(word), "sarif", VIEW))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [check.id for check in CHECKS]
    for rule in driver["rules"]:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["name"])
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["helpUri"].startswith("https://")
        assert rule["defaultConfiguration"]["level"] in ("error", "warning", "note")
    results = [(r["ruleId"], r["level"]) for r in run["results"]]
    assert results == [("MC001", "error"), ("MC011", "error"), ("MC012", "note")]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        [place] = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~:/%-]+", uri)
        assert place["logicalLocations"][0]["fullyQualifiedName"]
        assert re.fullmatch(
            r"[0-9a-f]{64}", result["partialFingerprints"]["workload/v1"]
        )
    assert [len(r.get("suppressions", [])) for r in run["results"]] == [0, 0, 1]
    [invocation] = run["invocations"]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    assert invocation["toolExecutionNotifications"][0]["level"] == "error"


def test_markdown_is_a_block_for_a_ticket() -> None:
    text = report.render(replace(told(), problems=()), "markdown", VIEW)
    lines = text.splitlines()
    assert lines[:3] == [
        "### Mesh start order: 1 of 2 workloads has findings",
        "",
        "`kubectl meshcheck ns shop --logs`, kubectl-meshcheck 0.1.0, exit code 1",
    ]
    assert "#### `pod/race` in namespace `shop`: RACE" in lines
    assert (
        "- `app` crashed 3x: connection refused, about 1s before proxy start "
        "(containerStatuses\\[app\\].lastState.terminated of `race`: "
        f"`{REFUSED}`)"
    ) in lines
    assert "```text" in lines
    assert "Next:" in lines


def test_markdown_of_a_hostile_pod_has_no_markup_of_its_own() -> None:
    text = report.render(told(EVIL), "markdown", VIEW)
    outside = re.sub(r"^(`{3,})\w+\n.*?\n\1$", "", text, flags=re.M | re.S)
    outside = re.sub(r"\\[\\`]|(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", outside)
    assert "<script" not in outside
    assert not re.search(r"@team|\[l\]\(|http://e", outside)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    pipes = {len(re.findall(r"(?<!\\)\|", row)) for row in rows}
    assert pipes == {8, 6}  # the table of workloads, the tables of containers


CODES = {
    "a": "`a`",
    "": "` `",
    "a`b": "``a`b``",
    "`": "`` ` ``",
    "a``b": "```a``b```",
    "\x1b": "`\\x1b`",
}


@pytest.mark.parametrize("text", CODES)
def test_code(text: str) -> None:
    assert code(text) in (CODES[text], "`   `")


def test_plain() -> None:
    assert plain("*a* <b> @c [d](http://e) f|g\x1b") == (
        "\\*a\\* &lt;b> @<!-- -->c \\[d\\](http:<!-- -->//e) f\\|g\\\\x1b"
    )


@pytest.mark.parametrize("output", [*WHOLE, "table", "wide", "name"])
def test_no_control_character_reaches_the_output(output: str) -> None:
    for full in (False, True):
        text = report.render(told(EVIL), output, VIEW, detail=full)
        text.encode()
        assert not _CONTROLS.search(text)


@settings(deadline=None)  # the first call imports the renderers
@given(st.text(max_size=60))
def test_any_words_make_whole_documents(word: str) -> None:
    found = told(word)
    Page(report.render(found, "html", VIEW))
    ElementTree.fromstring(report.render(found, "junit", VIEW))
    json.loads(report.render(found, "sarif", VIEW))
    for output in WHOLE:
        assert not _CONTROLS.search(report.render(found, output, VIEW))


@pytest.mark.parametrize("output", WHOLE)
def test_nothing_found_is_a_whole_document_too(output: str) -> None:
    text = report.render(Report(), output, VIEW)
    if output == "html":
        Page(text)
    elif output == "junit":
        ElementTree.fromstring(text)
    elif output in ("sarif", "json"):
        json.loads(text)
    assert text.endswith("\n")
