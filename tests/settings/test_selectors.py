"""Label selectors: every operator against a label that is there, another, none.

Left out: the API server's validation, which keeps malformed selectors out.
"""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.selectors import Met, selector

YES, NO, UNKNOWN = Met.YES, Met.NO, Met.UNKNOWN


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {
        "matchExpressions": [{"key": "a", "operator": operator, "values": list(values)}]
    }


@pytest.mark.parametrize(
    ("value", "there", "other", "absent"),
    [
        (None, YES, YES, YES),
        ({}, YES, YES, YES),
        ({"matchLabels": {"a": "1"}}, YES, NO, NO),
        (expression("In", "1", "3"), YES, NO, NO),
        (expression("NotIn", "1", "3"), NO, YES, YES),
        (expression("Exists"), YES, YES, NO),
        (expression("DoesNotExist"), NO, NO, YES),
        ({"matchLabels": {"a": "1"}, **expression("Exists")}, YES, NO, NO),
        (expression("Gt", "1"), UNKNOWN, UNKNOWN, UNKNOWN),
        (expression("in", "1"), UNKNOWN, UNKNOWN, UNKNOWN),
        ("a=1", UNKNOWN, UNKNOWN, UNKNOWN),
        ({"matchLabels": ["a"]}, UNKNOWN, UNKNOWN, UNKNOWN),
        ({"matchExpressions": {"a": 1}}, UNKNOWN, UNKNOWN, UNKNOWN),
        ({"matchExpressions": ["a"]}, UNKNOWN, UNKNOWN, UNKNOWN),
        (
            {"matchExpressions": [{"key": "a", "operator": "In", "values": "1"}]},
            UNKNOWN,
            UNKNOWN,
            UNKNOWN,
        ),
    ],
)
def test_every_operator(value: Any, there: Met, other: Met, absent: Met) -> None:
    found = selector(value)
    labels: tuple[dict[str, str], ...] = ({"a": "1"}, {"a": "2"}, {"b": "1"})
    assert tuple(found.met(one) for one in labels) == (there, other, absent)


def test_a_no_outweighs_what_cannot_be_judged() -> None:
    found = selector({"matchLabels": {"b": "1"}, **expression("Gt", "1")})
    assert found.met({"a": "1"}) is NO
    assert found.met({"b": "1"}) is UNKNOWN


def test_labels_that_are_not_known_decide_nothing() -> None:
    assert selector(expression("Exists")).met(None) is UNKNOWN
    assert selector({}).met(None) is YES


def test_what_fails_is_named() -> None:
    found = selector({"matchLabels": {"a": "1", "b": "2"}})
    assert [str(one) for one in found.failed({"a": "1", "b": "3"})] == ["b=2"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (expression("In", "1"), "a=1"),
        (expression("In", "1", "2"), "a in (1,2)"),
        (expression("NotIn", "1"), "a!=1"),
        (expression("NotIn", "1", "2"), "a notin (1,2)"),
        (expression("Exists"), "a"),
        (expression("DoesNotExist"), "!a"),
        ({}, "everything"),
    ],
)
def test_is_written_as_kubectl_does(value: Any, text: str) -> None:
    assert str(selector(value)) == text
