"""The injectors, the states of their settings, and the Deployments of the matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.e2e import istio_start
from tests.e2e.objects import Object, container

HOLD = "holdApplicationUntilProxyStarts"
CONFIG = "proxy.istio.io/config"
NATIVE = "sidecar.istio.io/nativeSidecar"
PORT = istio_start.PORT
INJECT = "sidecar.istio.io/inject"
RANGES = "traffic.sidecar.istio.io/includeOutboundIPRanges"
TEMPLATES = "inject.istio.io/templates"
MODE = "sidecar.istio.io/interceptionMode"


def native(mode: str) -> Object:
    return {"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": mode}}}


CNI: Object = {"pilot": {"cni": {"enabled": True}}}


@dataclass(frozen=True)
class Revision:
    """One injector."""

    version: str
    values: Object
    #: the namespace names a tag, not the revision
    tag: str = ""
    #: what it does with a pod that says nothing; None: as the kubelets are
    native: bool | None = False


REVISIONS = {
    "new": Revision("1.31", {}, native=None),
    "new-classic": Revision("1.31", native("false"), "e2e-stable"),
    "new-cni": Revision("1.31", CNI, native=None),
    "old": Revision("1.22", {}),
    "old-native": Revision("1.22", native("true"), native=True),
}


@dataclass(frozen=True)
class State:
    """What the two ConfigMaps of a revision say."""

    values: bool | None = None  #: the hold there; None: nothing
    mesh: bool | None = None
    lifecycle: bool = False  #: a preStop hook in the values
    probe: bool = True

    @property
    def proxy(self) -> Object:
        """Under ``global.proxy`` of the values."""
        sleep = {"preStop": {"exec": {"command": ["sleep", "5"]}}}
        return {
            HOLD: self.values,
            "lifecycle": sleep if self.lifecycle else None,
            "startupProbe": {"enabled": self.probe},
        }


STATES = {
    "nothing": State(),
    "mesh holds": State(mesh=True),
    "values hold": State(values=True),
    "values hold, mesh does not": State(values=True, mesh=False),
    "mesh holds, lifecycle set": State(mesh=True, lifecycle=True),
    "mesh holds, no startup probe": State(mesh=True, probe=False),
}


@dataclass(frozen=True)
class Shape:
    """A Deployment."""

    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    containers: tuple[Object, ...] = (container(),)
    init: tuple[Object, ...] = ()


def _hold(value: str) -> dict[str, str]:
    return {CONFIG: f"{HOLD}: {value}"}


CLASSIC = {NATIVE: "false"}
OWN_HOOK = {"postStart": {"exec": {"command": ["sleep", "3"]}}}
OWN_STOP = {"preStop": {"exec": {"command": ["sleep", "3"]}}}
UID = {"runAsUser": 1337}
SHAPES = {
    "plain": Shape(),
    "two": Shape(containers=(container("one"), container("two"))),
    "hold": Shape(_hold("true")),
    "hold-off": Shape(_hold("false")),
    "hold-yes": Shape(_hold("yes")),
    "hold-snake": Shape({CONFIG: "hold_application_until_proxy_starts: true"}),
    "hold-json": Shape({CONFIG: f'{{"{HOLD}": true, "concurrency": 2}}'}),
    "hold-misspelt": Shape({CONFIG: "holdapplicationuntilproxystarts: true"}),
    "hold-text": Shape(_hold('"true"')),
    "hold-nospace": Shape({CONFIG: f"{HOLD}:true"}),
    "native": Shape({NATIVE: "true"}),
    "classic": Shape(CLASSIC),
    "classic-hold": Shape(CLASSIC | _hold("true")),
    "init": Shape(init=(container("migrate", command=["true"]),)),
    "classic-init": Shape(CLASSIC, init=(container("migrate", command=["true"]),)),
    "init-1337": Shape(
        CLASSIC,
        init=(container("migrate", command=["true"], securityContext=UID),),
    ),
    "native-init": Shape(init=(container("log", restartPolicy="Always"),)),
    "own-hook": Shape(
        CLASSIC | _hold("true"),
        containers=(container(), {"name": "istio-proxy", "lifecycle": OWN_HOOK}),
    ),
    "own-stop": Shape(
        CLASSIC | _hold("true"),
        containers=(container(), {"name": "istio-proxy", "lifecycle": OWN_STOP}),
    ),
    "mode-none": Shape({MODE: "NONE"}),
    "no-ranges": Shape({RANGES: ""}),
    "port-0": Shape({PORT: "0"}),
    "port-0-hold": Shape({PORT: "0"} | CLASSIC | _hold("true")),
    "off": Shape(labels={INJECT: "false"}),
    "off-note": Shape({INJECT: "false"}),
    "gateway": Shape({TEMPLATES: "gateway"}),
    "grpc": Shape({TEMPLATES: "grpc-agent"}),
}
#: shapes, and with them revisions, that an old API server does not take
NATIVES = ("native", "native-init")
#: nobody makes these: the injector rejects them
REJECTED = ("hold-text", "hold-nospace")
