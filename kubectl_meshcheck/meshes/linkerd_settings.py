"""Linkerd's settings on a pod, and in which release each name is read.

A value that is not known is ignored with a warning in the injector's log
(linkerd/linkerd2: pkg/inject/inject.go ``applyAnnotationOverrides``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kubectl_meshcheck.meshes.base import BadSetting, release, version_of
from kubectl_meshcheck.meshes.reading import misspelt, parse_bool
from kubectl_meshcheck.model import PodStart

INJECT = "linkerd.io/inject"
AWAIT = "config.linkerd.io/proxy-await"
#: the first of these that is there wins, also where it cannot be parsed
NATIVE_GA = "config.linkerd.io/proxy-enable-native-sidecar"
NATIVE_BETA = "config.beta.linkerd.io/proxy-enable-native-sidecar"
NATIVE_ALPHA = "config.alpha.linkerd.io/proxy-enable-native-sidecar"
NATIVE = (NATIVE_GA, NATIVE_BETA, NATIVE_ALPHA)
EXIT = "config.alpha.linkerd.io/proxy-wait-before-exit-seconds"
#: in which release a name is first read (pkg/k8s/labels.go at the tags)
NATIVE_SINCE = {
    NATIVE_GA: ("2.20", "edge-26.5.2"),
    NATIVE_BETA: ("2.19", "edge-25.10.2"),
    NATIVE_ALPHA: ("2.15", "edge-23.11.4"),
}

TEMPLATE_ONLY = (
    INJECT,
    AWAIT,
    *NATIVE,
    "config.linkerd.io/admin-port",
    "config.linkerd.io/proxy-admin-shutdown",
    "config.linkerd.io/skip-inbound-ports",
    "config.linkerd.io/skip-outbound-ports",
    "config.linkerd.io/shutdown-grace-period",
    EXIT,
)


def version(mark: str, image: str) -> str:
    """The version from ``linkerd.io/proxy-version``, else from the image's tag.

    >>> version("stable-2.14.10", ""), version("edge-25.10.2", "")
    ('2.14.10', 'edge-25.10.2')
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    for told in (mark, tag):
        found = re.fullmatch(r"(?:stable-|v)?((?:edge-|enterprise-)?\d+\.\d.*)", told)
        if found:
            return found[1]
    return version_of(image)


def since(version: str, stable: str, edge: str) -> bool:
    """Whether a version has what came with these releases; an unknown one has.

    Edge releases are numbered by year and month.
    """
    numbers = release(version)
    if not numbers:
        return True
    if version.startswith("edge-") or numbers[0] > 10:
        return numbers >= release(edge)
    return numbers >= release(stable)


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Settings on a pod template that Linkerd ignores."""
    yield from _bad_inject(pod)
    value = pod.annotations.get(AWAIT)
    if value not in (None, "enabled", "disabled"):
        trouble = f"{value!r} is neither enabled nor disabled"
        yield BadSetting(AWAIT, trouble, f"{AWAIT}: enabled")
    yield from _bad_native(pod, version)
    yield from misspelt(pod.annotations, "linkerd.io", (INJECT, AWAIT, *NATIVE))


def _bad_inject(pod: PodStart) -> Iterator[BadSetting]:
    value = pod.annotations.get(INJECT)
    if value not in (None, "enabled", "ingress", "disabled"):
        trouble = f"{value!r} is no value that Linkerd knows, so nothing is injected"
        yield BadSetting(INJECT, trouble, f"{INJECT}: enabled")
    if INJECT in pod.labels:
        yield BadSetting(INJECT, "Linkerd reads no label of that name", "an annotation")


def _bad_native(pod: PodStart, version: str) -> Iterator[BadSetting]:
    for key in NATIVE:
        value = pod.annotations.get(key)
        if value is None:
            continue
        if parse_bool(value) is None:
            hides = " and hides the names that come after it"
            trouble = f"{value!r} is no boolean{hides if key != NATIVE_ALPHA else ''}"
            yield BadSetting(key, trouble, f'{key}: "true"')
        elif not since(version, *NATIVE_SINCE[key]):
            trouble = f"Linkerd {version} does not know this name yet"
            yield BadSetting(key, trouble, _known_native(version))


def _known_native(version: str) -> str:
    for key in NATIVE:
        if since(version, *NATIVE_SINCE[key]):
            return f'{key}: "true"'
    return "nothing: native sidecars came with 2.15"
