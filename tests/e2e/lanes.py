"""What is combined behind each mesh's own injector, Istio's apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.controlplane import oracle
from tests.e2e.objects import container

Object = dict[str, Any]
Marks = Mapping[str, str]

AWAIT = "config.linkerd.io/proxy-await"
NATIVE = "proxy-enable-native-sidecar"
GA, BETA, ALPHA = (
    f"config.{grade}linkerd.io/{NATIVE}" for grade in ("", "beta.", "alpha.")
)
WAIT = "kuma.io/wait-for-dataplane-ready"
DAPR_NATIVE = "dapr.io/enable-native-sidecar"
VAULT = "vault.hashicorp.com"
CONSUL = "consul.hashicorp.com"
DATAPLANE = f"{CONSUL}/enable-consul-dataplane-as-sidecar"
LIFECYCLE = f"{CONSUL}/enable-sidecar-proxy-lifecycle"
TRANSPARENT = f"{CONSUL}/transparent-proxy"


@dataclass(frozen=True)
class Lane:
    """One mesh: where it may be told what, and what is tried there."""

    inject: str  #: the key that asks for injection
    by_label: bool = False  #: a label of the pod; else an annotation
    around_by_label: bool = False  #: a label of the namespace
    by_namespace: bool = True  #: whether a namespace may ask
    always: Marks = field(default_factory=dict)  #: annotations of every pod
    remedy: Marks = field(default_factory=dict)  #: what might help; empty for nothing
    #: settings of the whole installation
    configs: Mapping[str, Object] = field(default_factory=dict)
    around: tuple[Marks, ...] = ({},)  #: annotations of the namespace
    settings: tuple[Marks, ...] = ({},)  #: annotations of the pod
    #: values of ``inject``, of the namespace as of the pod; None: it is not there
    values: tuple[str | None, ...] = (None,)
    others: tuple[str, ...] = ()  #: containers beside which it injects nothing

    def asks(self, value: str | None) -> tuple[Marks, Marks]:
        """The labels and the annotations of a pod that asks with a value."""
        told = {} if value is None else {self.inject: value}
        return (told, {}) if self.by_label else ({}, told)

    def asks_around(self, value: str | None) -> tuple[Marks, Marks]:
        """The same of a namespace."""
        told = {} if value is None else {self.inject: value}
        return (told, {}) if self.around_by_label else ({}, told)


def _kuma(settings: Object) -> Object:
    """The settings of Kuma's injector, in its control plane's."""
    return {"runtime": {"kubernetes": {"injector": settings}}}


KUMA_WAITS = _kuma({"sidecarContainer": {"waitForDataplaneReady": True}})
KUMA_CLASSIC: Object = {"experimental": {"sidecarContainers": False}}

LANES: Mapping[str, Lane] = {
    "linkerd": Lane(
        inject="linkerd.io/inject",
        remedy={AWAIT: "enabled"},
        configs={
            "defaults": {},
            "await off": {"proxy": {"await": False}},
            "CNI": {"cniEnabled": True},
            "CNI, await off": {"cniEnabled": True, "proxy": {"await": False}},
            "native": {"proxy": {"nativeSidecar": True}},
            "native, await off": {"proxy": {"nativeSidecar": True, "await": False}},
            "native, CNI": {"cniEnabled": True, "proxy": {"nativeSidecar": True}},
            "classic": {"proxy": {"nativeSidecar": False}},
        },
        around=(
            {},
            {AWAIT: "disabled"},
            {ALPHA: "true"},
            {BETA: "true"},
            {GA: "true"},
            {ALPHA: "true", AWAIT: "disabled"},
        ),
        settings=(
            {},
            {AWAIT: "enabled"},
            {AWAIT: "disabled"},
            {AWAIT: "true"},
            {ALPHA: "true"},
            {ALPHA: "false"},
            {ALPHA: "on"},
            {BETA: "true"},
            {GA: "true"},
            {GA: "on", ALPHA: "true"},
            {ALPHA: "true", AWAIT: "disabled"},
            {"config.linkerd.io/admin-port": "4999"},
            {"config.linkerd.io/enable-debug-sidecar": "true"},
        ),
        values=(None, "enabled", "ingress", "disabled", "true", ""),
        others=("istio-proxy",),
    ),
    "kuma": Lane(
        inject="kuma.io/sidecar-injection",
        by_label=True,
        around_by_label=True,
        remedy={WAIT: "true"},
        configs={
            "defaults": {},
            "waiting": KUMA_WAITS,
            "CNI": _kuma({"cniEnabled": True}),
            "native": {"experimental": {"sidecarContainers": True}},
            "classic": KUMA_CLASSIC,
            "classic, waiting": {**KUMA_CLASSIC, **KUMA_WAITS},
            "classic, CNI": {**KUMA_CLASSIC, **_kuma({"cniEnabled": True})},
        },
        around=({}, {WAIT: "true"}),
        settings=({}, {WAIT: "true"}, {WAIT: "false"}, {"kuma.io/init-first": "true"}),
        values=(None, "enabled", "disabled"),
        others=("istio-proxy",),
    ),
    "consul": Lane(
        inject=f"{CONSUL}/connect-inject",
        by_namespace=False,
        remedy={DATAPLANE: "true"},
        configs={
            "defaults": {},
            "not transparent": {"EnableTransparentProxy": False},
            "always": {"RequireAnnotation": False},
        },
        settings=(
            {},
            {DATAPLANE: "true"},
            {DATAPLANE: "false"},
            {TRANSPARENT: "false"},
            {TRANSPARENT: "false", DATAPLANE: "true"},
            {LIFECYCLE: "false"},
            {LIFECYCLE: "false", DATAPLANE: "true"},
            {f"{CONSUL}/sidecar-proxy-startup-failure-seconds": "10"},
        ),
        values=(None, "true", "1", "T", "false", "0"),
    ),
    "dapr": Lane(
        inject="dapr.io/enabled",
        by_namespace=False,
        always={"dapr.io/app-id": "app"},
        remedy={DAPR_NATIVE: "true"},
        configs={"defaults": {}, "native": {"EnableNativeSidecar": True}},
        around=({}, {DAPR_NATIVE: "true"}),
        settings=({}, {DAPR_NATIVE: "true"}, {DAPR_NATIVE: "false"}),
        values=(None, "true", "yes", "On", "1", "false", "enabled", ""),
        others=("istio-proxy",),
    ),
    "appmesh": Lane(
        inject="appmesh.k8s.aws/sidecarInjectorWebhook",
        around_by_label=True,
        configs={"defaults": {}, "traced": {"EnableXrayTracing": True}},
        values=("enabled", "disabled"),
        others=("istio-proxy",),
    ),
    "vault": Lane(
        inject=f"{VAULT}/agent-inject",
        by_namespace=False,
        always={f"{VAULT}/role": "app"},
        remedy={f"{VAULT}/agent-pre-populate": "true"},
        configs={"defaults": {}},
        settings=(
            {},
            {f"{VAULT}/agent-pre-populate": "false"},
            {f"{VAULT}/agent-pre-populate-only": "true"},
        ),
        values=(None, "true", "1", "false"),
        others=("istio-proxy",),
    ),
}


def _helper(name: str, **more: Any) -> Object:
    return container(name, restartPolicy="Always", **more)


def shapes(mesh: str) -> dict[str, Object]:
    """Pod specs as users write them."""
    passing = {"runAsUser": max(oracle.MESHES[mesh].uid, 0)}
    app, init = container("app"), container("migrate")
    return {
        "one container": {"containers": [app]},
        "two containers": {"containers": [app, container("log")]},
        "init container": {"containers": [app], "initContainers": [init]},
        "init container as the proxy's user": {
            "containers": [app],
            "initContainers": [container("migrate", securityContext=passing)],
        },
        "native sidecar": {"containers": [app], "initContainers": [_helper("cache")]},
        "all of them": {
            "containers": [app, container("log")],
            "initContainers": [init, _helper("cache"), container("warm")],
        },
    }
