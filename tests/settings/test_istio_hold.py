"""Istio's hold: the whole matrix of places and versions, against the formula.

The formula stands here a second time, in one line for each row of upstream's
behaviour, and every combination of the places is held to it.  Left out: what a
custom injection template makes of it, which nobody can judge.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from kubectl_meshcheck.control import Given, Origin, Setting
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.meshes.istio_control import ISTIO_CONTROL
from kubectl_meshcheck.meshes.istio_effective import hold
from kubectl_meshcheck.meshes.istio_settings import HOLD, PROXY_CONFIG
from tests.settings import meshes

VALUES = Origin("ConfigMap", "istio-system", "istio-sidecar-injector", "values")
POD = Origin("annotation", key=PROXY_CONFIG)
MESH = Origin("ConfigMap", "istio-system", "istio", "mesh")
SHARED = Origin("ConfigMap", "istio-system", "shared", "mesh")
PLACES = (VALUES, POD, MESH, SHARED)
UNREAD = "unread"  #: in place of a value: it could not be read


def every(*options: object) -> Iterator[tuple[object, ...]]:
    return itertools.product(options, repeat=len(PLACES))


def given(said: tuple[object, ...]) -> list[Given]:
    return [
        Given(place, unknown=UNREAD) if value == UNREAD else Given(place, value)  # type: ignore[arg-type]
        for place, value in zip(PLACES, said, strict=True)
    ]


def expected(version: tuple[int, ...], said: tuple[object, ...]) -> object:
    """The effective hold; None when it cannot be known."""
    values, *chain = said
    if version < (1, 7):
        return False
    if version < (1, 8):
        return None if values == UNREAD else bool(values)
    first = next((value for value in chain if value is not None), False)
    if True in (values, first):
        return True
    return None if UNREAD in (values, first) else False


@pytest.mark.parametrize(
    "version", [(1, 4, 8), (1, 6), (1, 7, 8), (1, 8), (1, 9, 1), (1, 14, 6), (1, 31)]
)
def test_every_combination_of_the_places(version: tuple[int, ...]) -> None:
    wrong = {
        said: found.value
        for said in every(None, True, False, UNREAD)
        if (found := hold(version, given(said))).value != expected(version, said)
        or bool(found.unknown) != (found.value is None)
    }
    assert wrong == {}


@pytest.mark.parametrize("version", [(1, 7, 8), (1, 14, 6)])
def test_changing_the_stated_origin_changes_the_outcome(
    version: tuple[int, ...],
) -> None:
    """Where nobody else asks for the same, the origin alone decides."""
    for said in every(None, True, False):
        found = hold(version, given(said))
        place = next(i for i, o in enumerate(PLACES) if o == found.origin)
        changed = list(said)
        changed[place] = not found.value
        after = hold(version, given(tuple(changed)))
        agrees = any(one.value is True for one in found.overrode if not one.ignored)
        if found.value is False or not agrees:
            assert after.value is (not found.value), said


def test_an_annotation_cannot_switch_off_the_values() -> None:
    found = hold((1, 14, 6), given((True, False, None, None)))
    assert (found.value, found.origin) == (True, VALUES)
    assert found.overrode == (Given(POD, False),)


def test_an_annotation_overrides_the_mesh() -> None:
    found = hold((1, 14, 6), given((None, False, True, None)))
    assert (found.value, found.origin, found.default) == (False, POD, False)
    assert found.overrode == (Given(MESH, True),)


def test_nobody_asks() -> None:
    found = hold((1, 14, 6), given((False, None, None, None)))
    assert (found.value, found.origin, found.default) == (False, MESH, True)
    assert found.overrode == (Given(VALUES, False),)


def test_istio_1_7_reads_only_the_values() -> None:
    found = hold((1, 7, 8), given((None, True, None, None)))
    assert (found.value, found.origin, found.default) == (False, VALUES, True)
    why = "Istio 1.7 reads only the injector's values"
    assert found.overrode == (Given(POD, True, ignored=why),)


def test_an_unknown_version_is_unknown() -> None:
    assert hold((), given((True, True, True, True))).unknown == (
        "Istio's version is not known"
    )


def effective(plane: Any, pod: Any) -> dict[str, Setting]:
    [found] = controls.planes(plane)
    return {one.name: one for one in ISTIO_CONTROL.settings(found, pod)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("holdApplicationUntilProxyStarts: true", True),
        ("hold_application_until_proxy_starts: true", True),
        ('{"holdApplicationUntilProxyStarts": false}', False),
        ("concurrency: 2", True),
        ("{}", True),
        ("", True),
    ],
)
def test_the_annotation_is_read_as_the_injector_does(text: str, value: bool) -> None:
    plane = meshes.istio(default_config={HOLD: True})
    found = effective(plane, meshes.placed({PROXY_CONFIG: text}))[HOLD]
    assert (found.value, found.unknown) == (value, "")


def test_a_rejected_annotation_makes_it_unknown() -> None:
    text = 'holdApplicationUntilProxyStarts: "true"'
    found = effective(meshes.istio(), meshes.placed({PROXY_CONFIG: text}))[HOLD]
    assert (found.value, found.unknown) == (
        None,
        "the annotation proxy.istio.io/config is rejected, so no pod is made: "
        'holdApplicationUntilProxyStarts is "true", not a boolean',
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ({"holdApplicationUntilProxyStarts": True}, True),
        ({"hold_application_until_proxy_starts": True}, True),
        ({}, False),
        (None, False),
    ],
)
def test_the_mesh_config_is_read_from_its_key(written: Any, value: bool) -> None:
    found = effective(meshes.istio(default_config=written), meshes.placed())[HOLD]
    assert found.value is value
    assert str(found.origin) == (
        "ConfigMap istio-system/istio, mesh: "
        "defaultConfig.holdApplicationUntilProxyStarts"
    )
    assert found.default is not value


def test_the_values_are_read_from_their_key() -> None:
    found = effective(meshes.istio(proxy={HOLD: True}), meshes.placed())[HOLD]
    assert (found.value, str(found.origin)) == (
        True,
        "ConfigMap istio-system/istio-sidecar-injector, values: "
        "global.proxy.holdApplicationUntilProxyStarts",
    )


@pytest.mark.parametrize(
    ("proxy", "mesh", "unknown"),
    [
        (
            {HOLD: "true"},
            {},
            "ConfigMap istio-system/istio-sidecar-injector, values: "
            "global.proxy.holdApplicationUntilProxyStarts is not a boolean",
        ),
        (
            {},
            {HOLD: "true"},
            "ConfigMap istio-system/istio: istiod refuses defaultConfig: "
            'holdApplicationUntilProxyStarts is "true", not a boolean',
        ),
    ],
)
def test_what_is_no_boolean_is_unknown(proxy: Any, mesh: Any, unknown: str) -> None:
    plane = meshes.istio(proxy=proxy, default_config=mesh)
    found = effective(plane, meshes.placed())[HOLD]
    assert (found.value, found.unknown) == (None, unknown)
