"""Upstream's own webhooks and ConfigMaps, read in place where they are at hand."""

from __future__ import annotations

import pytest

from kubectl_meshcheck import files, parse
from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.mesh_objects import ConfigMap, MeshObjects, WebhookConfiguration
from kubectl_meshcheck.meshes.istio_control import planes
from kubectl_meshcheck.meshes.istio_injection import injection
from kubectl_meshcheck.meshes.istio_settings import HOLD
from tests.meshes.golden import GOLDEN, MISSING
from tests.settings.meshes import placed


def read(*paths: str) -> MeshObjects:
    kept = MeshObjects(webhooks_unknown="")
    for path in paths:
        place = GOLDEN / "istio" / path
        if not place.exists():
            pytest.skip(MISSING)
        for found in files.read([str(place)]):
            assert not isinstance(found, Problem), found
            if found.object["kind"] == "ConfigMap":
                kept.add_config_map(parse.convert(found.object, ConfigMap))
            elif found.object["kind"] == "MutatingWebhookConfiguration":
                kept.add_webhooks(parse.convert(found.object, WebhookConfiguration))
    return kept


def stated(plane: ControlPlane) -> dict[str, tuple[object, str]]:
    return {s.name: (s.value, s.unknown) for s in plane.settings}


UNKNOWN = (None, "Istio's version is not known")


@pytest.mark.parametrize(
    ("version", "hold", "probe"),
    [
        # the charts of a branch say "latest", and only webhooks of 1.10 and later
        # tell enough to know where the hold is read
        ("1.7", UNKNOWN, (False, "")),
        ("1.8", UNKNOWN, (False, "")),
        ("1.14", (False, ""), (False, "")),
        ("1.16", (False, ""), (False, "")),
        ("1.22", (False, ""), (True, "")),
        ("1.26", (False, ""), (True, "")),
    ],
)
def test_the_charts_config_maps(
    version: str, hold: tuple[object, str], probe: tuple[object, str]
) -> None:
    [plane] = planes(read(f"{version}/configmaps"))
    told = stated(plane)
    assert (plane.revision, plane.namespace) == ("default", "istio-system")
    assert told["policy"] == ("enabled", "")
    assert told[HOLD] == hold
    assert told["startupProbe"] == probe
    assert told["statusPort"] == (15020, "")
    assert told["terminationDrainDuration"] == ("5s", "")
    answer = injection([plane], placed())
    assert (answer.injected, answer.rule) == (
        True,
        "namespace label istio-injection=enabled",
    )
    assert injection([plane], placed(namespace_labels={})).injected is False


def test_a_default_tag() -> None:
    [plane] = planes(read("webhooks/default_tag.yaml"))
    assert (plane.revision, plane.tags, plane.injector) == (
        "test-dev2",
        ("default",),
        "istio-system/istiod-test-dev2",
    )


def test_a_revision_with_the_operators_version() -> None:
    [plane] = planes(read("webhooks/rev-16-injector.yaml"))
    assert (plane.revision, plane.version, plane.flavour) == ("1-16", "1.16", "")


def test_a_deactivated_injector_takes_nobody() -> None:
    [plane] = planes(read("webhooks/never-match-injector.yaml"))
    assert plane.notes == ("deactivated: its webhooks match nothing",)
    assert injection([plane], placed()).injected is False


def test_a_deactivated_one_beside_the_one_that_took_over() -> None:
    found = planes(
        read("webhooks/never-match-injector.yaml", "webhooks/default_tag.yaml")
    )
    answer = injection(found, placed())
    assert (answer.injected, answer.revision) == (None, "test-dev2")
