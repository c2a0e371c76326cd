"""When a namespace is whole, by the lists that are read beside the pods."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kubectl_meshcheck.abreast import Abreast
from kubectl_meshcheck.pages import DisorderError


def _read(abreast: Abreast, name: str, *namespaces: str) -> Iterator[str]:
    return abreast.items(name, namespaces, str)


def test_all_lists_have_to_be_past_a_namespace() -> None:
    abreast = Abreast()
    ends = [abreast.list(lambda: None, name) for name in ("jobs", "deployments")]
    jobs = _read(abreast, "jobs", "a", "a", "c")
    deployments = _read(abreast, "deployments", "b", "d")
    told = []
    for one in (jobs, deployments, jobs, jobs, deployments):
        next(one)
        told.append([n for n in "abcd" if abreast.past(n)])
    for end in ends:
        end()
        told.append([n for n in "abcd" if abreast.past(n)])

    assert told == [[], [], [], ["a"], ["a", "b"], ["a", "b", "c"], [*"abcd"]]


def test_what_is_no_list_has_to_be_read_to_its_end() -> None:
    abreast = Abreast()
    task = abreast.task(lambda: None)
    before = abreast.past("a")
    task()

    assert (before, abreast.past("a")) == (False, True)


def test_a_task_that_fails_leaves_every_namespace_open() -> None:
    def fails() -> None:
        raise ValueError("no")

    for make in (Abreast.task, lambda one, do: one.list(do, "jobs")):
        abreast = Abreast()
        with pytest.raises(ValueError, match="no"):
            make(abreast, fails)()
        assert not abreast.past("a")


def test_order_is_that_of_the_keys_in_etcd() -> None:
    """A dash stands before the slash behind a namespace's name."""
    abreast = Abreast()
    abreast.list(lambda: None, "jobs")
    seen = []
    for _ in _read(abreast, "jobs", "team-a", "team", "teams"):
        seen.append([n for n in ("team-a", "team") if abreast.past(n)])

    assert seen == [[], ["team-a"], ["team-a", "team"]]


def test_a_list_without_order_is_an_error() -> None:
    abreast = Abreast()
    abreast.list(lambda: None, "jobs")
    items = _read(abreast, "jobs", "b", "a")

    assert next(items) == "b"
    with pytest.raises(DisorderError, match="a"):
        next(items)


def test_a_list_that_nobody_waits_for_may_be_in_any_order() -> None:
    assert list(_read(Abreast(), "rollouts", "b", "a")) == ["b", "a"]
