"""Pages read into an inventory, by whom one likes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kubectl_meshcheck import twin
from kubectl_meshcheck.cluster import Page, Shape
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.listed import ListedPod
from kubectl_meshcheck.workload import Subject
from tests.twin.pods import page

#: how many pods there are, the workloads, and what did not fit
Result = tuple[int, list[Subject], list[str]]


def read(inventory: Inventory, one: Page) -> list[str]:
    """Takes the pods of a page in, as the first process does."""
    told: list[str] = []
    for found in one.items(Shape(ListedPod), told.append):
        inventory.take_pod(found, told.append)
    return told


def result(inventory: Inventory, told: list[str]) -> Result:
    """What came of it; who tells a sentence first says nothing."""
    return inventory.pods, inventory.subjects(), sorted(told)


def directly(pages: Iterable[Sequence[object]]) -> Result:
    """What comes of pages with these items where nobody helps."""
    inventory, told = Inventory(), list[str]()
    for number, items in enumerate(pages):
        told += read(inventory, page(number, items))
    return result(inventory, told)


def handed(inventory: Inventory, pages: Iterable[Page]) -> list[str]:
    """What the copy says of these pages, of which it gets every one."""
    with twin.of(inventory, wanted=True) as copy:
        assert copy is not None
        for one in pages:
            copy.take(one)
        return copy.join()
