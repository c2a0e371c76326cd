"""Why a pod that was asked to be held is not, from what Istio made of it.

Each reason is a known one: istio/istio#37541 (lifecycle), #30814 (1.9.0), #59690
(native), #38945 (grpc-agent); pkg/kube/inject/webhook.go ``reapplyOverwritten-
Containers`` (a container of the pod's own).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache

from kubectl_meshcheck.control import Setting
from kubectl_meshcheck.meshes import istio_settings
from kubectl_meshcheck.meshes.base import release
from kubectl_meshcheck.meshes.control_base import Failing
from kubectl_meshcheck.meshes.istio_settings import HOLD, PROXY_CONFIG
from kubectl_meshcheck.model import PodStart, Proxy, Role, Waits

OVERRIDES = "proxy.istio.io/overrides"
TEMPLATES = "inject.istio.io/templates"


def asked_by(pod: PodStart) -> str:
    """What asked for the hold when the pod was made; empty when nothing did.

    ``PROXY_CONFIG`` holds what annotation and mesh said, not the values.
    """
    text = pod.annotations.get(PROXY_CONFIG)
    if text is not None and istio_settings.read_proxy_config(text).hold:
        return f"the annotation {PROXY_CONFIG}"
    proxy = pod.named("istio-proxy")
    config = _json(proxy.environment("PROXY_CONFIG")) if proxy else None
    if isinstance(config, dict) and config.get(HOLD) is True:
        return "the mesh's defaultConfig, when the pod was made"
    return ""


@lru_cache(maxsize=1024)  # one mesh writes the same into all its pods
def _json(text: str) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def failing(pod: PodStart, proxy: Proxy, settings: Sequence[Setting]) -> Failing | None:
    """The known reason why the hold does not work in this pod; None: not known."""
    for reason in _REASONS:
        found = reason(pod, proxy, settings)
        if found is not None:
            return found
    return None


def _version(_: PodStart, proxy: Proxy, settings: Sequence[Setting]) -> Failing | None:
    version = release(proxy.version)
    if version and version[:2] < (1, 7):
        why = f"Istio {proxy.version} cannot hold an application"
        return Failing(why, "upgrade Istio")
    if version[:2] == (1, 7) and not _by_values(settings):
        why = f"Istio {proxy.version} reads only the injector's values"
        return Failing(why, f"set values.global.proxy.{HOLD}=true, or upgrade")
    return None


def _by_values(settings: Sequence[Setting]) -> bool:
    hold = next((one for one in settings if one.name == HOLD), None)
    return hold is not None and hold.origin.key == "values" and hold.value is True


def _native(pod: PodStart, proxy: Proxy, _: Sequence[Setting]) -> Failing | None:
    if pod.containers[proxy.index].role is not Role.NATIVE:
        return None
    return Failing(
        "a native sidecar drops the hold, and this one has no startup probe",
        "give it back its startup probe (values.global.proxy.startupProbe.enabled, "
        "a status port other than 0)",
    )


def _template(pod: PodStart, _: Proxy, __: Sequence[Setting]) -> Failing | None:
    names = pod.annotations.get(TEMPLATES)
    if names is None:
        return None
    why = f"the injection template {names} does not hold the application"
    return Failing(why, f"leave the annotation {TEMPLATES} away, or mend the template")


def _own_container(pod: PodStart, _: Proxy, __: Sequence[Setting]) -> Failing | None:
    if OVERRIDES not in pod.annotations:
        return None
    why = "the pod's own container istio-proxy replaces the injector's hook"
    return Failing(why, f"give that container the postStart hook {_HOOK}")


_HOOK = "pilot-agent wait"


def _deaf(_: PodStart, proxy: Proxy, __: Sequence[Setting]) -> Failing | None:
    if proxy.gate.waits is not Waits.UNKNOWN:
        return None
    return Failing(proxy.gate.reason, "let the proxy answer on its status port")


def _first(pod: PodStart, proxy: Proxy) -> str:
    """An ordinary container that starts before the proxy; empty for none."""
    main = [c for c in pod.containers[: proxy.index] if c.role is Role.MAIN]
    return main[0].name if main else ""


def _order(pod: PodStart, proxy: Proxy, _: Sequence[Setting]) -> Failing | None:
    before = _first(pod, proxy)
    if proxy.gate.waits is not Waits.YES or not before:
        return None
    if release(proxy.version) == (1, 9, 0):
        why = "Istio 1.9.0 lists the proxy last, whatever the mesh says"
        return Failing(why, "upgrade to 1.9.1 or later")
    why = f"another webhook lists {before} before the proxy"
    return Failing(why, f"have that webhook list {before} behind istio-proxy")


def _lifecycle(
    pod: PodStart, proxy: Proxy, settings: Sequence[Setting]
) -> Failing | None:
    """Moved to the front, and yet without the hook."""
    if _first(pod, proxy) or pod.containers[proxy.index].post_start is not None:
        return None
    lifecycle = next((one for one in settings if one.name == "lifecycle"), None)
    cure = f"add the postStart hook {_HOOK} to values.global.proxy.lifecycle"
    if lifecycle is not None and lifecycle.value is not None:
        why = "values.global.proxy.lifecycle takes the place of the waiting hook"
        return Failing(why, cure)
    if pod.containers[proxy.index].pre_stop is not None:
        why = "the proxy has a lifecycle of its own in place of the waiting hook"
        return Failing(why, cure)
    return None


_REASONS: tuple[Callable[[PodStart, Proxy, Sequence[Setting]], Failing | None], ...] = (
    _version,
    _native,
    _template,
    _own_container,
    _deaf,
    _order,
    _lifecycle,
)
