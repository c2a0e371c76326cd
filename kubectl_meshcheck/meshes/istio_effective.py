"""Istio's effective settings: of a control plane, and of one pod in it.

The hold is ``values OR (annotation, else mesh)``, so an annotation ``false`` cannot
switch off what the values ask for; 1.7 knows only the values (istio/istio:
pkg/kube/inject/webhook.go ``reorderPod``; files/injection-template.yaml).  Native
sidecars are a matter of istiod's environment from 1.19, of an annotation too from
1.24, and of the kubelets from 1.27 (webhook.go ``DetectNativeSidecar``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec.structs import replace

from kubectl_meshcheck.control import Given, Origin, Placed, Setting, Topic, Value
from kubectl_meshcheck.meshes import istio_settings
from kubectl_meshcheck.meshes.base import release
from kubectl_meshcheck.meshes.control_base import (
    annotation,
    at,
    built_in,
    first_said,
    settled,
)
from kubectl_meshcheck.meshes.istio_settings import HOLD, PROXY_CONFIG

NATIVE = "nativeSidecar"
PROBE = "startupProbe"
LIFECYCLE = "lifecycle"
PORT = "statusPort"
#: Kubernetes' own feature gate, shown where the API server is too old for it
SERVER = "SidecarContainers"
DRAIN = "terminationDrainDuration"
EXIT_ON_ZERO = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS"
POLICY = "policy"
STATUS_PORT = "status.sidecar.istio.io/port"
#: the kubelet whose native sidecars are taken for stable (KEP-753)
STABLE = 33

Version = tuple[int, ...]


def from_annotation(placed: Placed, *path: str) -> Given:
    """What the pod's own ``proxy.istio.io/config`` says at a path."""
    origin = annotation(PROXY_CONFIG, *path)
    text = placed.pod.annotations.get(PROXY_CONFIG)
    if text is None:
        return Given(origin)
    config = istio_settings.read_proxy_config(text)
    if config.error:
        why = f"the annotation {PROXY_CONFIG} is rejected, so no pod is made: "
        return Given(origin, unknown=why + config.error)
    if path == (HOLD,):
        return Given(origin, config.hold)
    value = at(config.values, *path)
    return Given(origin, value if isinstance(value, bool | int | str) else None)


# -- the hold --------------------------------------------------------------


def hold(version: Version, given: Sequence[Given]) -> Setting:
    """The effective hold of ``given``: values, annotation (if any), mesh, shared."""
    given = tuple(_counted(version, one) for one in given)
    if not version:
        why = "Istio's version is not known"
        return settled(Setting(Topic.HOLD, HOLD, unknown=why), given)
    counted = [one for one in given if not one.ignored]
    values = next((one for one in counted if is_values(one)), None)
    chain = [one for one in counted if not is_values(one)]
    asked = first_said(Topic.HOLD, HOLD, chain, _unset(given))
    if values is not None and values.value is True:
        asked = Setting(Topic.HOLD, HOLD, True, values.origin)
    elif values is not None and values.unknown and asked.value is not True:
        asked = Setting(Topic.HOLD, HOLD, None, values.origin, unknown=values.unknown)
    elif values is not None and asked.origin == values.origin:  # nothing else counts
        asked = replace(asked, default=values.value is None)
    return settled(asked, given)


def is_values(given: Given) -> bool:
    """Whether the place is the injector's values."""
    return given.origin.key == "values"


def _counted(version: Version, given: Given) -> Given:
    """Marks a place that this version does not look at."""
    if version and version[:2] < (1, 7):
        return replace(given, ignored="Istio before 1.7 cannot hold an application")
    if version[:2] == (1, 7) and not is_values(given):
        return replace(given, ignored="Istio 1.7 reads only the injector's values")
    return given


def _unset(given: Sequence[Given]) -> Given:
    """Where the hold would be set, and what holds as long as it is not."""
    counted = [one for one in given if not one.ignored]
    if not counted:
        return Given(built_in("Istio before 1.7 cannot hold an application"), False)
    places = [g for g in counted if g.origin.kind == "ConfigMap" and not is_values(g)]
    return Given((places or counted)[0].origin, False)


# -- native sidecars -------------------------------------------------------


def native(
    version: Version,
    given: Sequence[Given],
    kubelets: Sequence[str] | None,
    kubelets_unknown: str,
) -> Setting:
    """Whether the control plane makes native sidecars of its proxies."""
    if not version:
        why = "Istio's version is not known"
        return settled(Setting(Topic.NATIVE, NATIVE, unknown=why), given)
    if version[:2] < (1, 19):
        text = f"Istio before 1.19 has no native sidecars ({_text(version)})"
        none = Setting(Topic.NATIVE, NATIVE, False, built_in(text), True)
        return replace(none, given=tuple(given))
    default = "false" if version[:2] < (1, 27) else "auto"
    places = [g.origin for g in given]
    unset = Given(places[0] if places else built_in("istiod"), default)
    found = first_said(Topic.NATIVE, NATIVE, given, unset)
    if found.unknown:
        return found
    return _switched(version, found, kubelets, kubelets_unknown)


def _switched(
    version: Version,
    found: Setting,
    kubelets: Sequence[str] | None,
    kubelets_unknown: str,
) -> Setting:
    if found.value == "true":
        return replace(found, value=True)
    if version[:2] < (1, 27) or found.value != "auto":
        return replace(found, value=False)
    if kubelets is None:
        return replace(found, value=None, unknown=f"auto, and {kubelets_unknown}")
    minors = [_minor(one) for one in kubelets]
    if not minors or None in minors:
        return replace(found, value=None, unknown="auto, and no kubelet tells")
    return replace(found, value=all(m is not None and m >= STABLE for m in minors))


def _minor(version: str) -> int | None:
    match = re.match(r"v?1\.(\d+)", version)
    return int(match[1]) if match else None


def pod_native(version: Version, plane: Setting, placed: Placed) -> Setting:
    """The same for one pod, with its own annotation."""
    key = istio_settings.NATIVE
    value = placed.pod.annotations.get(key)
    origin = annotation(key)
    if value is None or not version:
        return plane
    if version[:2] < (1, 24):
        why = f"Istio before 1.24 does not read it ({_text(version)})"
        ignored = Given(origin, value, ignored=why)
        return replace(plane, overrode=(ignored, *plane.overrode))
    if version[:2] >= (1, 27) and value == "":
        return plane
    on = value == "true" if version[:2] < (1, 27) else value != "false"
    over = () if plane.unknown else (Given(plane.origin, plane.value),)
    given = (Given(origin, value), *plane.given)
    return Setting(Topic.NATIVE, NATIVE, on, origin, False, over, "", given)


# -- the rest --------------------------------------------------------------


def gates(version: Version, given: dict[str, Given]) -> tuple[Setting, ...]:
    """What the hold and the native sidecar need: lifecycle, probe, status port."""
    lifecycle = _one(Topic.GATE, LIFECYCLE, given[LIFECYCLE], None)
    port = _one(Topic.GATE, PORT, given[PORT], 15020)
    if version and version[:2] < (1, 19):
        return lifecycle, port
    return lifecycle, _one(Topic.GATE, PROBE, given[PROBE], False), port


def _one(topic: Topic, name: str, given: Given, default: Value) -> Setting:
    return first_said(topic, name, (given,), Given(given.origin, default))


def server(known: bool | None) -> tuple[Setting, ...]:
    """What an API server before 1.29 says; nothing of one that knows native sidecars.

    It drops ``restartPolicy`` of a container, and then refuses the hooks and probes of
    what it takes for an ordinary init container (kubernetes/kubernetes:
    pkg/api/pod/util.go ``dropDisabledFields``, pkg/apis/core/validation/validation.go
    ``validateInitContainers``).
    """
    if known is not False:
        return ()
    old = built_in("the API server is older than Kubernetes 1.29")
    return (Setting(Topic.GATE, SERVER, False, old, True),)


def stops(
    version: Version, drain: Sequence[Given], exit_on_zero: Sequence[Given]
) -> tuple[Setting, ...]:
    """How the proxy ends (pkg/envoy/agent.go; EXIT_ON_ZERO since 1.12)."""
    settings = [_list(DRAIN, drain, "5s")]
    if not version or version[:2] >= (1, 12):
        settings.append(_list(EXIT_ON_ZERO, exit_on_zero, "false"))
    return tuple(settings)


def _list(name: str, given: Sequence[Given], default: Value) -> Setting:
    place = next((g.origin for g in given if g.origin.kind == "ConfigMap"), Origin(""))
    return first_said(Topic.STOP, name, given, Given(place, default))


def pod_port(plane: Setting, placed: Placed) -> Setting:
    """The status port of one pod, with its own annotation."""
    value = placed.pod.annotations.get(STATUS_PORT)
    given = Given(annotation(STATUS_PORT), value)
    default = Given(plane.origin, plane.value)
    return first_said(Topic.GATE, PORT, (given, *plane.given), default)


def effective_version(plane: str, placed: Placed, modern: bool) -> Version:
    """The version whose rules count: the injector's, else the running proxy's.

    ``modern``: the webhooks are those of 1.10 and later, which is enough to know
    where the hold is read, though not whether proxies are native.
    """
    proxy = placed.proxy.version if placed.proxy else ""
    return release(plane) or release(proxy) or ((1, 10) if modern else ())


def _text(version: Version) -> str:
    return ".".join(str(part) for part in version)
