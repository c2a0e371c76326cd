"""Istio's settings on a pod, read as the injector reads them.

``proxy.istio.io/config`` is a document of its own: YAML turned into JSON, then
read strictly, and once more with unknown fields allowed (istio/istio:
pkg/util/protomarshal/protomarshal.go ``ApplyJSON``).  A value of the wrong type
fails the whole injection, so no pod is created (pkg/kube/inject/inject.go
``RunTemplate``, failurePolicy Fail); an unknown key is dropped without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec
import yaml

from kubectl_meshcheck.errors import alike
from kubectl_meshcheck.meshes.base import Annotations, BadSetting, Hold, release
from kubectl_meshcheck.meshes.istio_merge import first_document, with_true
from kubectl_meshcheck.model import PodStart

PROXY_CONFIG = "proxy.istio.io/config"
HOLD = "holdApplicationUntilProxyStarts"
HOLD_SNAKE = "hold_application_until_proxy_starts"
NATIVE = "sidecar.istio.io/nativeSidecar"
INJECT = "sidecar.istio.io/inject"
INTERCEPTION = "sidecar.istio.io/interceptionMode"

#: read from the pod only, so without effect on a workload's own metadata (IST0107)
TEMPLATE_ONLY = (
    PROXY_CONFIG,
    INJECT,
    NATIVE,
    INTERCEPTION,
    "inject.istio.io/templates",
    "traffic.sidecar.istio.io/excludeOutboundIPRanges",
    "traffic.sidecar.istio.io/excludeOutboundPorts",
    "traffic.sidecar.istio.io/includeOutboundIPRanges",
)
#: what people write in the belief that it is an annotation (istio/istio#38800)
_HOLD_AS_KEY = re.compile(r"(?:.*/)?hold-?application-?until-?proxy-?starts", re.I)
#: the release notes of 1.24 and 1.27 print this name, which nothing reads
_NATIVE_MISPRINT = "sidecar.istio.io/native-side"


class ProxyConfig(msgspec.Struct, frozen=True):
    """What the injector makes of one ``proxy.istio.io/config``."""

    hold: bool | None = None  #: None when it is not set
    error: str = ""  #: why it is rejected; no pod is created then
    ignored: tuple[str, ...] = ()  #: keys meant as the hold that nothing reads
    values: Any = None  #: the mapping as read


# a fleet writes the same few texts over and over, and YAML is slow
@lru_cache(maxsize=512)
def read_proxy_config(text: str) -> ProxyConfig:
    """Reads the annotation's value; total, whatever it holds."""
    try:
        value = first_document(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return ProxyConfig(error=f"it is not YAML: {_one_line(error)}")
    return proxy_config(value)


def proxy_config(value: object) -> ProxyConfig:
    """The same of a document that was read, the mesh's ``defaultConfig`` say."""
    if value is None:
        return ProxyConfig(values={})
    if not isinstance(value, dict):
        return ProxyConfig(error="it is not a mapping of settings")
    wrong = _wrong_type(value)
    if wrong:
        return ProxyConfig(error=wrong, values=value)
    hold = value.get(HOLD)
    if hold is None:
        hold = value.get(HOLD_SNAKE)
    return ProxyConfig(_boolean(hold), ignored=_meant_as_hold(value), values=value)


def _one_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    return f"line {mark.line + 1}: {problem}" if mark else problem.splitlines()[0]


def _boolean(value: object) -> bool | None:
    # YAML 1.1 as Go reads it: a bare y or n is a boolean too
    if value in ("y", "Y"):
        return True
    if value in ("n", "N"):
        return False
    return value if isinstance(value, bool) else None


def _wrong_type(config: dict[Any, Any]) -> str:
    for key in (HOLD, HOLD_SNAKE):
        value = config.get(key)
        if value is not None and _boolean(value) is None:
            return f"{key} is {_shown(value)}, not a boolean"
    metadata = config.get("proxyMetadata") or {}
    if not isinstance(metadata, dict):
        return f"proxyMetadata is {_shown(metadata)}, not a mapping"
    for key, value in metadata.items():
        if not isinstance(value, str | None):
            return f"proxyMetadata.{key} is {_shown(value)}, not text: quote it"
    concurrency = config.get("concurrency")
    if concurrency is not None and not re.fullmatch(r"-?\d+", str(concurrency)):
        return f"concurrency is {_shown(concurrency)}, not a number"
    return ""


def _shown(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) < 40 else text[:36] + " ..."


def _meant_as_hold(config: dict[Any, Any]) -> tuple[str, ...]:
    wanted = (HOLD, HOLD_SNAKE)
    keys = [str(key) for key in config if key not in wanted]
    plain = HOLD.lower()
    near = [key for key in keys if _is_near(re.sub(r"[-_ ]", "", key).lower(), plain)]
    inner = config.get("defaultConfig")
    if isinstance(inner, dict) and any(key in inner for key in wanted):
        near.append(f"defaultConfig.{HOLD}")
    return tuple(near)


def _is_near(word: str, wanted: str) -> bool:
    """The same word, or one that is a slip of the pen away from it."""
    return bool(alike(word[:64], [wanted], most=1, cutoff=0.8))


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Settings on a pod template that are rejected or silently ignored.

    ``version`` is Istio's where it is known; it decides how a boolean is read.
    """
    for key, value in pod.annotations.items():
        if key == PROXY_CONFIG:
            yield from _bad_config(value)
        elif key == NATIVE:
            yield from _bad_native(value, version)
        elif key == INTERCEPTION and value not in ("REDIRECT", "TPROXY", "NONE"):
            cure = "REDIRECT, TPROXY or NONE"
            yield BadSetting(key, f"{value!r} is no interception mode", cure, True)
        else:
            yield from _misspelt(key)
    for kept in (pod.annotations, pod.labels):
        yield from _bad_inject(kept.get(INJECT))


def _bad_config(text: str) -> Iterator[BadSetting]:
    config = read_proxy_config(text)
    if config.error:
        yield BadSetting(PROXY_CONFIG, config.error, f"{HOLD}: true", rejected=True)
    for key in config.ignored:
        trouble = f"the key {key} is not known and is ignored"
        yield BadSetting(PROXY_CONFIG, trouble, f"{HOLD}: true")


def _bad_native(value: str, version: str) -> Iterator[BadSetting]:
    # 1.24 to 1.26: exactly "true"; 1.27 and later: anything but "false"
    if value in ("true", "false"):
        return
    effect = "on" if release(version)[:2] >= (1, 27) else "off"
    trouble = f"{value!r} is read as {effect}"
    yield BadSetting(NATIVE, trouble, '"true" or "false"')


def _bad_inject(value: str | None) -> Iterator[BadSetting]:
    if value in (None, "", "true", "false"):
        return
    trouble = f"{value!r} is no boolean since Istio 1.27 and is ignored from there on"
    yield BadSetting(INJECT, trouble, '"true" or "false"')


def _misspelt(key: str) -> Iterator[BadSetting]:
    if _HOLD_AS_KEY.fullmatch(key):
        yield BadSetting(key, "no such annotation exists", f"{PROXY_CONFIG}: {HOLD}")
    elif key == _NATIVE_MISPRINT:
        yield BadSetting(key, "a misprint of upstream's that nothing reads", NATIVE)
    elif key.partition("/")[0].endswith("istio.io") and key not in _KNOWN:
        same = [k for k in TEMPLATE_ONLY if k.lower() == key.lower()]
        close = same or alike(key, TEMPLATE_ONLY, most=1, cutoff=0.93)
        if close:
            yield BadSetting(key, "no such annotation exists", close[0])


#: ours, and what is close to one in spelling and real, too (istio/api: annotation/
#: annotations.yaml)
_KNOWN = (
    *TEMPLATE_ONLY,
    "traffic.sidecar.istio.io/excludeInboundPorts",
    "traffic.sidecar.istio.io/includeInboundPorts",
    "traffic.sidecar.istio.io/includeOutboundPorts",
    "traffic.sidecar.istio.io/excludeInterfaces",
)


#: what holding brings with it (pilot/cmd/pilot-agent/app/wait.go; kubelet's
#: kuberuntime_container.go kills a container whose postStart hook fails)
_RISKS = (
    "the application starts only when the proxy is ready: up to 60 seconds later, then "
    "the kubelet restarts the proxy and starts the application without one",
)


def hold_annotation(annotations: Annotations) -> Hold:
    """The annotation that holds, with everything else in it kept as it is written."""
    return _held(annotations.get(PROXY_CONFIG, ""))


@lru_cache(maxsize=1024)  # a fleet's templates say few things there
def _held(text: str) -> Hold:
    config = read_proxy_config(text)
    if config.error:
        return Hold(manual=f"mend the annotation {PROXY_CONFIG} first: {config.error}")
    if config.hold:
        return Hold({PROXY_CONFIG: text}, risks=_RISKS)
    merged = with_true(text, HOLD, HOLD_SNAKE)
    if merged is None or read_proxy_config(merged).hold is not True:
        return Hold(manual=f"set {HOLD}: true in the annotation {PROXY_CONFIG}")
    decided = f"{HOLD} is false there on purpose" if config.hold is False else ""
    return Hold({PROXY_CONFIG: merged}, risks=_RISKS, overrules=decided)
