"""What the program foretells of a new pod, by the mesh's own configuration alone.

The objects are those that the mesh's chart installs, with the settings that the
injector of the test has; nothing here has seen the pod that it makes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import yaml

from kubectl_meshcheck.control import ControlPlane, Mode, Placed
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.model import PodStart, Proxy
from tests.controlplane import binaries
from tests.controlplane.istio import merged
from tests.e2e.lanes import Marks, Object
from tests.settings.meshes import config_map, istiod, objects, requirement

_PODS = [{"operations": ["CREATE"], "resources": ["pods"]}]


def _hook(name: str, service: str, namespace: str, label: Any) -> Object:
    entry = {
        "name": name,
        "clientConfig": {"service": {"name": service, "namespace": namespace}},
        "rules": _PODS,
        "namespaceSelector": {"matchExpressions": [label]},
    }
    return {"metadata": {"name": name}, "webhooks": [entry]}


def _linkerd(version: str, release: str, settings: Object) -> MeshObjects:
    """The chart's own values, with the settings on top; its ConfigMap keeps all."""
    charts = binaries.built(f"linkerd-{version}") / "charts"
    names = ("linkerd-control-plane", "linkerd2")  # from 2.12 on, and before
    chart = next(charts / name for name in names if (charts / name).exists())
    values = yaml.safe_load((chart / "values.yaml").read_text())
    values["linkerdVersion"] = release
    text = yaml.safe_dump(merged(values, settings))
    off = requirement("config.linkerd.io/admission-webhooks", "NotIn", "disabled")
    name = "linkerd-proxy-injector.linkerd.io"
    return objects(
        _hook(name, "linkerd-proxy-injector", "linkerd", off),
        config_map("linkerd-config", "linkerd", values=text),
    )


def _kuma(version: str, release: str, settings: Object) -> MeshObjects:
    on = requirement("kuma.io/sidecar-injection", "In", "enabled", "true")
    service = "kuma-control-plane"
    image = f"kumahq/kuma-cp:{release}"
    return objects(
        _hook("namespace-kuma-injector.kuma.io", service, "kuma-system", on),
        config_map(
            f"{service}-config",
            "kuma-system",
            **{"config.yaml": yaml.safe_dump(settings)},
        ),
        istiod({}, name=service, namespace="kuma-system", image=image),
    )


#: meshes whose configuration is one file, so that it can be laid down here
PLANES: Mapping[str, Callable[[str, str, Object], MeshObjects]] = {
    "linkerd": _linkerd,
    "kuma": _kuma,
}


def foretold(
    mesh: str,
    version: str,
    settings: Object,
    pod: PodStart,
    around: tuple[Marks, Marks],
    proxy: Proxy,
) -> Mode:
    """The outlook on a pod like this in a namespace of these labels, annotations."""
    planes = _planes(mesh, version, proxy.version, json.dumps(settings))
    labels, notes = around
    place = Placed(pod, "shop", pod.labels, labels, notes, proxy)
    answer = controls.explain(planes, place)
    assert answer is not None
    return answer.outlook.mode


@lru_cache
def _planes(
    mesh: str, version: str, release: str, settings: str
) -> tuple[ControlPlane, ...]:
    return controls.planes(PLANES[mesh](version, release, json.loads(settings)))
