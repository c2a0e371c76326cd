"""A namespace on a real control plane with Istio's real injector, and a shell at it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane import ControlPlane, Istio, UnavailableError
from tests.fix.relay import Relay
from tests.fix.space import Space

CLASSIC = {"env": {"ENABLE_NATIVE_SIDECARS": "false"}}


@pytest.fixture(scope="session")
def plane() -> ControlPlane:
    """It stays up for the next run; ``python -m tests.controlplane down`` ends it."""
    plane = ControlPlane("fix")
    try:
        plane.up()
    except UnavailableError as error:
        pytest.skip(f"no control plane here: {error}")
    istio = Istio(plane)
    if not istio.process.pid:
        istio.install(CLASSIC)
    return plane


@pytest.fixture
def space(plane: ControlPlane, tmp_path: Path) -> Iterator[Space]:
    """A namespace of its own, with injection."""
    name = f"fix-{uuid.uuid4().hex[:8]}"
    plane.client.request(
        "POST",
        "/api/v1/namespaces",
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"istio-injection": "enabled"}},
        },
    )
    yield Space(plane, name, tmp_path)
    plane.client.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def relay(plane: ControlPlane, tmp_path: Path) -> Iterator[Relay]:
    """A server between the program and the API server, to break what passes."""
    with Relay.start(plane.kubeconfig) as relay:
        yield relay
