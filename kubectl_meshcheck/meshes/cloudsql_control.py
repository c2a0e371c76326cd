"""The Cloud SQL proxy operator, its settings, and what it makes of one pod.

It asks the API server for its version when it starts, and nothing else decides the
start order (GoogleCloudPlatform/cloud-sql-proxy-operator: internal/controller/setup.go
``UseSidecar``, internal/workload/podspec_updates.go, config/webhook/core_webhook.yaml
@v1.8.1; native sidecars came with 1.6.0, CHANGELOG.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck.control import (
    ControlPlane,
    Injection,
    Mode,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import cloudsql, injector, kubelets
from kubectl_meshcheck.meshes.base import release
from kubectl_meshcheck.meshes.control_base import Control, built_in
from kubectl_meshcheck.meshes.injector import Injector

NATIVE = "useSidecar"
_NATIVE_SINCE = (1, 6)


def _places(one: Injector) -> tuple[Wanted, ...]:
    name = one.service.removesuffix("-webhook-service")
    return injector.deployments(one, f"{name}-controller-manager")


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    program = injector.program(objects, one, _places(one), "manager")
    return ControlPlane(
        mesh="cloudsql",
        namespace=one.namespace,
        version=program.version,
        injector=one.address,
        webhooks=one.webhooks,
        settings=(_native(objects, program),),
        order="no setting decides it: a native sidecar with a startup probe where the "
        "operator is 1.6.0 or newer and Kubernetes 1.29 or newer, else last",
        notes=(
            "an AuthProxyWorkload with spec.authProxyContainer.container brings a "
            "container of its own, probes and all",
        ),
    )


def _native(objects: MeshObjects, program: injector.Program) -> Setting:
    version = release(program.version)
    if version and version < _NATIVE_SINCE:
        why = f"the operator {program.version} has no native sidecars"
        return Setting(Topic.NATIVE, NATIVE, False, built_in(why), True)
    known = kubelets.server(objects)
    age = "older than" if known is False else "of"
    newer = " or newer" if known else ""
    origin = built_in(f"the API server is {age} Kubernetes 1.29{newer}")
    if known is None:
        origin = built_in("the API server's version decides")
    unknown = ""
    if known is not False and not version:
        unknown = program.unknown or "the operator's version is not known"
    elif known is None:
        why = objects.kubelets_unknown if objects.kubelets is None else "not known"
        unknown = f"auto, by the API server's version: {why}"
    value = None if unknown else known
    return Setting(Topic.NATIVE, NATIVE, value, origin, True, unknown=unknown)


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection | None:
    """By an AuthProxyWorkload, of which only the pod tells that there is one."""
    if placed.proxy is None or placed.proxy.mesh != "cloudsql":
        return None
    for index, container in enumerate(placed.pod.containers):
        own = not container.name.startswith(cloudsql.OPERATOR)
        if own and cloudsql.recognise(placed.pod, index):
            return Injection(False, "cloudsql", rule="the pod brings its own proxy")
    return Injection(True, "cloudsql", rule="an AuthProxyWorkload selects its workload")


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Held as a native sidecar; a race before that.

    Its container may be an AuthProxyWorkload's own, so what runs counts as well.
    """
    native = effective[0]
    if native.unknown:
        return Outlook(reason=f"whether it is native is not known: {native.unknown}")
    if native.value is True:
        return Outlook(Mode.NATIVE)
    return Outlook(Mode.RACE, "the operator lists its proxy last")


CLOUDSQL_CONTROL = Control(
    mesh="cloudsql",
    wanted=injector.wanted("cloudsql", _places),
    planes=injector.planes("cloudsql", _plane),
    injection=injection,
    settings=injector.settings(()),  # a pod has a say in none of them
    outlook=outlook,
)
