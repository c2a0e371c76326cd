"""Whatever breaks on the way, the object is untouched or fully fixed with its record.

The program is killed before and after every request that a fix or an undo makes, its
connection is cut, its answers are lost, the server says 429 and 500.  Each time a
second run finishes what was begun, and an undo brings back what was there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fix.relay import Passing, Relay
from tests.fix.space import CONFIG, HOLD, Space, intent, managers, template, workload

pytestmark = pytest.mark.e2e

BREAKS = ("cut", "lose", "kill", "kill after", "429", "500")
FIX = ("deploy/app", "--fix", "--yes", "--no-wait", "--force-conflicts")
UNDO = ("undo", "deploy/app", "--yes", "--no-wait")
TEXT = "concurrency: 2\n"
#: the requests of a fix once it has scanned; nothing is written before the last
STEPS = {
    "read": "GET",
    "preview": "POST",
    "try": "PATCH dry",
    "write": "PATCH",
}


def _at(step: str, what: str) -> Callable[[Passing], str | None]:
    """Breaks the first request of that kind, and every further try of it."""

    def breaks(passing: Passing) -> str | None:
        told = passing.method
        if passing.dry and told == "PATCH":
            told = "PATCH dry"
        if told == "GET" and not passing.target.endswith("/deployments/app"):
            return None
        return what if told == STEPS[step] else None

    return breaks


def _fixed(found: dict[str, Any], value: str) -> bool:
    """Whether the change and its record are there; never one without the other."""
    now = template(found)["metadata"]["annotations"].get(CONFIG)
    record = found["metadata"].get("annotations", {}).get("meshcheck/fix")
    changed: bool = now == value
    assert changed == (record is not None)
    if record is not None:
        assert json.loads(record)["keys"][CONFIG]["after"] == value
    return changed


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize(("config", "value"), [(None, HOLD), (TEXT, f"{TEXT}{HOLD}\n")])
def test_a_broken_fix_is_nothing_or_all(
    space: Space, relay: Relay, step: str, what: str, config: str | None, value: str
) -> None:
    before = space.create(workload("Deployment", config=config, replicas=0))
    relay.breaks = _at(step, what)
    broken = space.run(*FIX, relay=relay)
    assert "Traceback" not in broken.err
    written = _fixed(space.get("Deployment", "app"), value)
    if broken.code in (0, 3, 4):
        assert written == (broken.code == 0 or (what == "lose" and step == "write"))

    relay.breaks = lambda _: None
    again = space.run(*FIX, relay=relay)
    assert again.code == 0, again
    assert _fixed(space.get("Deployment", "app"), value)
    assert space.run(*UNDO, relay=relay).code == 0
    now = space.get("Deployment", "app")
    assert (intent(now), managers(now)) == (intent(before), [("somebody", "Update")])


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize("config", [None, TEXT])
def test_a_broken_undo_is_finished_by_another(
    space: Space, relay: Relay, number: int, what: str, config: str | None
) -> None:
    before = space.create(workload("Deployment", config=config, replicas=0))
    assert space.run(*FIX).code == 0
    seen: list[Passing] = []

    def breaks(passing: Passing) -> str | None:
        seen.append(passing)
        return what if len(seen) == number else None

    relay.breaks = breaks
    broken = space.run(*UNDO, relay=relay)
    assert "Traceback" not in broken.err
    relay.breaks = lambda _: None
    again = space.run(*UNDO, relay=relay)
    assert again.code == 0, (broken, again)
    now = space.get("Deployment", "app")
    assert (intent(now), managers(now)) == (intent(before), [("somebody", "Update")])


def _before_the_write(does: Callable[[], None]) -> Callable[[Passing], Any]:
    done: list[Passing] = []

    def breaks(passing: Passing) -> Any:
        if passing.method == "PATCH" and not passing.dry and not done:
            done.append(passing)
            return does
        return None

    return breaks


def test_another_field_changed_meanwhile_keeps_its_new_value(
    space: Space, relay: Relay
) -> None:
    space.create(workload("Deployment", replicas=0))
    paused = {"spec": {"revisionHistoryLimit": 3}}
    relay.breaks = _before_the_write(lambda: space.patch("Deployment", "app", paused))
    assert space.run(*FIX, relay=relay).code == 0
    now = space.get("Deployment", "app")
    assert now["spec"]["revisionHistoryLimit"] == 3
    assert _fixed(now, HOLD)


@pytest.mark.parametrize("config", [None, TEXT])
def test_the_same_field_changed_meanwhile_is_not_overwritten(
    space: Space, relay: Relay, config: str | None
) -> None:
    space.create(workload("Deployment", config=config, replicas=0))
    notes = {"metadata": {"annotations": {CONFIG: "concurrency: 9"}}}
    change = {"spec": {"template": notes}}
    relay.breaks = _before_the_write(
        lambda: space.patch("Deployment", "app", change, "eve")
    )
    words = FIX[:-1] if config is None else FIX
    ran = space.run(*words, relay=relay)
    assert ran.code == 4, ran
    now = space.get("Deployment", "app")
    assert template(now)["metadata"]["annotations"][CONFIG] == "concurrency: 9"
    assert "meshcheck/fix" not in now["metadata"].get("annotations", {})
    if config is None:
        assert "  deploy/app: the field is held by the manager eve" in ran.out


@pytest.mark.parametrize("again", [True, False])
def test_a_namesake_is_never_hit(space: Space, relay: Relay, again: bool) -> None:
    space.create(workload("Deployment", replicas=0))

    def replace() -> None:
        space.delete("Deployment", "app")
        if again:
            space.create(workload("Deployment", replicas=0), "another")

    relay.breaks = _before_the_write(replace)
    ran = space.run(*FIX, relay=relay)
    assert ran.code == 4, ran
    said = "deploy/app was deleted, or made anew, since it was read"
    assert f"  {said}" in ran.out.splitlines()
    listed = space.plane.client.get(space.path("Deployment"))["items"]
    assert [managers(one) for one in listed] == ([[("another", "Update")]] * again)


def test_two_runs_at_once_agree(space: Space, relay: Relay) -> None:
    space.create(workload("Deployment", replicas=0))
    other: list[int] = []
    relay.breaks = _before_the_write(lambda: other.append(space.run(*FIX).code))
    assert [space.run(*FIX, relay=relay).code, *other] == [0, 0]
    assert _fixed(space.get("Deployment", "app"), HOLD)
    assert space.run(*UNDO).code == 0


def test_an_injector_that_is_down_stops_the_fix_before_it_writes(space: Space) -> None:
    before = space.create(workload("Deployment", replicas=1))
    space.wait_for_pods(1)
    istiod = space.plane.process("istiod")
    istiod.stop()
    try:
        ran = space.run(*FIX)
    finally:
        istiod.again()
    assert ran.code == 4, ran
    assert "no pod of it can be created at present" in ran.err
    assert intent(space.get("Deployment", "app")) == intent(before)
