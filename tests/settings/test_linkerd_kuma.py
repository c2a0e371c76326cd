"""Linkerd's and Kuma's control planes: settings with their origin, what follows.

Left out: their real injectors, and Kuma's list of exceptions, which the control
plane keeps to itself.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from msgspec.structs import replace

from kubectl_meshcheck.control import Explained, Mode, Placed
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls
from tests.settings.meshes import config_map, istiod, objects, placed, requirement

AWAIT = "config.linkerd.io/proxy-await"
NATIVE = "config.linkerd.io/proxy-enable-native-sidecar"
ALPHA = "config.alpha.linkerd.io/proxy-enable-native-sidecar"
WAIT = "kuma.io/wait-for-dataplane-ready"
ENV = "KUMA_RUNTIME_KUBERNETES_INJECTOR_SIDECAR_CONTAINER_WAIT_FOR_DATAPLANE_READY"
_PODS = [{"operations": ["CREATE"], "resources": ["pods"]}]


def hook(name: str, service: str, namespace: str, *labels: Any) -> dict[str, Any]:
    client = {"service": {"name": service, "namespace": namespace}}
    entry = {
        "name": name,
        "clientConfig": client,
        "rules": _PODS,
        "namespaceSelector": {"matchExpressions": list(labels)},
    }
    return {"metadata": {"name": name}, "webhooks": [entry]}


def linkerd(version: str = "edge-25.7.5", **proxy: Any) -> MeshObjects:
    text = yaml.safe_dump({"linkerdVersion": version, "proxy": proxy})
    off = requirement("config.linkerd.io/admission-webhooks", "NotIn", "disabled")
    name = "linkerd-proxy-injector.linkerd.io"
    return objects(
        hook(name, "linkerd-proxy-injector", "linkerd", off),
        config_map("linkerd-config", "linkerd", values=text),
    )


def kuma(version: str = "2.9.1", config: str = "", **env: str) -> MeshObjects:
    on = requirement("kuma.io/sidecar-injection", "In", "enabled", "true")
    name, service = "namespace-kuma-injector.kuma.io", "kuma-control-plane"
    image = f"kumahq/kuma-cp:{version}"
    return objects(
        hook(name, service, "kuma-system", on),
        config_map(f"{service}-config", "kuma-system", **{"config.yaml": config}),
        istiod(env, name=service, namespace="kuma-system", image=image),
    )


def meshed(
    own: dict[str, str] | None = None, around: dict[str, str] | None = None
) -> Placed:
    """A pod in a namespace that asks for Linkerd by its annotations."""
    pod = placed(own, namespace_labels={})
    marks = {"linkerd.io/inject": "enabled", **(around or {})}
    return replace(pod, namespace_annotations=marks)


def explain(found: MeshObjects, pod: Placed) -> Explained:
    answer = controls.explain(controls.planes(found), pod)
    assert answer is not None
    return answer


def setting(found: Explained, name: str) -> tuple[Any, str]:
    one = next(s for s in found.settings if s.name == name)
    return one.value, one.unknown or str(one.origin)


@pytest.mark.parametrize(
    ("proxy", "pod", "value", "origin", "mode"),
    [
        (
            {"await": True},
            meshed(),
            True,
            "ConfigMap linkerd/linkerd-config, values: proxy.await",
            Mode.HELD,
        ),
        (
            {"await": False},
            meshed(),
            False,
            "ConfigMap linkerd/linkerd-config, values: proxy.await",
            Mode.RACE,
        ),
        (
            {"await": False},
            meshed({AWAIT: "enabled"}),
            True,
            f"pod template, annotation {AWAIT}",
            Mode.HELD,
        ),
        (
            {"await": True},
            meshed(None, {AWAIT: "disabled"}),
            False,
            f"Namespace shop, annotation {AWAIT}",
            Mode.RACE,
        ),
        (
            {"await": True},
            meshed({AWAIT: "enabled"}, {AWAIT: "disabled"}),
            True,
            f"pod template, annotation {AWAIT}",
            Mode.HELD,
        ),
        (
            {"await": True, "nativeSidecar": True},
            meshed(),
            True,
            "ConfigMap linkerd/linkerd-config, values: proxy.await",
            Mode.NATIVE,
        ),
    ],
)
def test_linkerds_hold(
    proxy: Any, pod: Placed, value: bool, origin: str, mode: Mode
) -> None:
    found = explain(linkerd(**proxy), pod)
    assert setting(found, "proxy-await") == (value, origin)
    assert found.outlook.mode is mode


@pytest.mark.parametrize(
    ("version", "key", "mode"),
    [
        ("stable-2.14.10", ALPHA, Mode.HELD),
        ("enterprise-2.16.0", ALPHA, Mode.NATIVE),
        ("enterprise-2.16.0", NATIVE, Mode.HELD),
        ("edge-26.8.3", NATIVE, Mode.NATIVE),
    ],
)
def test_linkerds_native_names_by_release(version: str, key: str, mode: Mode) -> None:
    found = explain(linkerd(version, **{"await": True}), meshed({key: "true"}))
    assert found.outlook.mode is mode


def test_linkerd_before_it_could_hold() -> None:
    found = explain(linkerd("stable-2.10.2"), meshed())
    assert (found.outlook.mode, found.outlook.reason) == (
        Mode.RACE,
        "Linkerd 2.10.2 cannot hold an application",
    )


@pytest.mark.parametrize(
    ("pod", "injected", "rule"),
    [
        (meshed(), True, "namespace annotation linkerd.io/inject: enabled"),
        (
            meshed({"linkerd.io/inject": "disabled"}),
            False,
            "pod annotation linkerd.io/inject: disabled",
        ),
        (placed(namespace_labels={}), False, "nothing asks for it"),
    ],
)
def test_who_is_injected_by_linkerd(pod: Placed, injected: bool, rule: str) -> None:
    found = explain(linkerd(), pod).injection
    assert (found.injected, found.rule) == (injected, rule)


def test_linkerds_config_that_was_not_read() -> None:
    found = linkerd()
    found.config_maps.clear()
    answer = explain(found, meshed())
    name = "ConfigMap linkerd/linkerd-config was not read"
    assert setting(answer, "proxy-await") == (None, name)
    assert answer.outlook.mode is Mode.UNKNOWN


ON = {"kuma.io/sidecar-injection": "enabled"}
FILE = """
runtime: {kubernetes: {injector: {sidecarContainer: {waitForDataplaneReady: true}}}}
"""


@pytest.mark.parametrize(
    ("found", "annotations", "value", "origin", "mode"),
    [
        (
            kuma(),
            {},
            False,
            "ConfigMap kuma-system/kuma-control-plane-config, config.yaml: runtime."
            "kubernetes.injector.sidecarContainer.waitForDataplaneReady",
            Mode.RACE,
        ),
        (
            kuma(config=FILE),
            {},
            True,
            "ConfigMap kuma-system/kuma-control-plane-config, config.yaml: runtime."
            "kubernetes.injector.sidecarContainer.waitForDataplaneReady",
            Mode.HELD,
        ),
        (
            kuma(config=FILE, **{ENV: "false"}),
            {},
            False,
            f"Deployment kuma-system/kuma-control-plane, env {ENV}",
            Mode.RACE,
        ),
        (
            kuma(),
            {WAIT: "true"},
            True,
            f"pod template, annotation {WAIT}",
            Mode.HELD,
        ),
        (
            kuma("2.14.3"),
            {},
            False,
            "ConfigMap kuma-system/kuma-control-plane-config, config.yaml: runtime."
            "kubernetes.injector.sidecarContainer.waitForDataplaneReady",
            Mode.NATIVE,
        ),
        (
            kuma("2.9.1", KUMA_EXPERIMENTAL_SIDECAR_CONTAINERS="true"),
            {},
            False,
            "ConfigMap kuma-system/kuma-control-plane-config, config.yaml: runtime."
            "kubernetes.injector.sidecarContainer.waitForDataplaneReady",
            Mode.NATIVE,
        ),
    ],
)
def test_kumas_hold(
    found: MeshObjects, annotations: Any, value: bool, origin: str, mode: Mode
) -> None:
    answer = explain(found, placed(annotations, namespace_labels=ON))
    assert setting(answer, "waitForDataplaneReady") == (value, origin)
    assert answer.outlook.mode is mode


BETA = "config.beta.linkerd.io/proxy-enable-native-sidecar"
PORT = {"config.linkerd.io/admin-port": "4999"}


@pytest.mark.parametrize(
    ("found", "pod", "mode"),
    [
        # what a pod says badly hides what its namespace says
        (linkerd(), meshed({AWAIT: "true"}, {AWAIT: "disabled"}), Mode.HELD),
        (linkerd("edge-23.4.3", nativeSidecar=True), meshed(), Mode.HELD),
        (linkerd("stable-2.10.2", nativeSidecar=True), meshed(), Mode.RACE),
        (linkerd("stable-2.11.1"), meshed(PORT), Mode.UNKNOWN),
        (linkerd("stable-2.13.7"), meshed(PORT), Mode.RACE),
        (linkerd("stable-2.14.0"), meshed(PORT), Mode.HELD),
        (linkerd("edge-25.10.7"), meshed(None, {BETA: "true"}), Mode.NATIVE),
        (linkerd("edge-26.8.3"), meshed(None, {BETA: "true"}), Mode.HELD),
        (linkerd("edge-26.8.3"), meshed({BETA: "true"}), Mode.NATIVE),
        (kuma("2.6.0", "experimental: {sidecarContainers: true}"), None, Mode.RACE),
        (kuma("2.7.0", "experimental: {sidecarContainers: true}"), None, Mode.NATIVE),
    ],
)
def test_a_release_does_what_it_knows(
    found: MeshObjects, pod: Placed | None, mode: Mode
) -> None:
    answer = explain(found, pod or placed(namespace_labels=ON))
    assert answer.outlook.mode is mode


def test_who_is_injected_by_kuma() -> None:
    calm = explain(kuma(), placed(namespace_labels={})).injection
    asked = explain(kuma(), placed(namespace_labels=ON)).injection
    assert (asked.injected, asked.rule) == (
        True,
        "namespace label kuma.io/sidecar-injection=enabled",
    )
    assert (calm.injected, calm.rule) == (
        False,
        "the webhook is not called: it takes namespace label "
        "kuma.io/sidecar-injection in (enabled,true)",
    )


def test_both_beside_each_other() -> None:
    one, other = linkerd(), kuma()
    one.webhooks |= other.webhooks
    one.config_maps |= other.config_maps
    one.deployments |= other.deployments
    planes = controls.planes(one)
    assert [(p.mesh, p.version, p.mode) for p in planes] == [
        ("linkerd", "edge-25.7.5", "hold"),
        ("kuma", "2.9.1", "classic"),
    ]
    answers = [
        explain(one, pod).injection.mesh
        for pod in (meshed(), placed(namespace_labels=ON))
    ]
    assert answers == ["linkerd", "kuma"]
