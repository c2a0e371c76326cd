"""The meshes that are known, and the proxies that they find in a pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from kubectl_meshcheck import order
from kubectl_meshcheck.meshes import generic
from kubectl_meshcheck.meshes.base import Asked, Mesh
from kubectl_meshcheck.meshes.istio import ISTIO
from kubectl_meshcheck.model import Judgement, PodStart, Proxy, Verdict

MESHES: tuple[Mesh, ...] = (ISTIO,)

_BY_NAME = {name: mesh for mesh in MESHES for name in mesh.proxies}
_BY_PREFIX = {name: mesh for mesh in MESHES for name in mesh.proxy_prefixes}
_BY_MESH = {mesh.name: mesh for mesh in MESHES}
_DOMAINS = tuple(domain for mesh in MESHES for domain in mesh.domains)
_KEYS = frozenset(key for mesh in MESHES for key in mesh.keys) | {
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/default-logs-container",
    "meshcheck/ignore",
}
_PER_POD = frozenset(key for mesh in MESHES for key in mesh.per_pod)


def proxies(pod: PodStart) -> tuple[Proxy, ...]:
    """Every proxy in the pod, in start order; one pass over its containers."""
    found = []
    for index, container in enumerate(pod.containers):
        mesh = _BY_NAME.get(container.name) or _prefixed(container.name)
        proxy = mesh.recognise(pod, index) if mesh else None
        if proxy:
            found.append(proxy)
    return tuple(found) or generic.proxies(pod)


def judge(pod: PodStart) -> Judgement:
    """The verdict on one pod, with every mesh's facts."""
    found = proxies(pod)
    if not any(mesh_of(proxy) for proxy in found):
        for mesh in MESHES:
            reason = mesh.ambient(pod)
            if reason:
                return replace(
                    order.judge(pod, ()), verdict=Verdict.AMBIENT, reason=reason
                )
    return order.judge(pod, found)


def _prefixed(name: str) -> Mesh | None:
    for prefix, mesh in _BY_PREFIX.items():
        if name.startswith(prefix):
            return mesh
    return None


def mesh_of(proxy: Proxy) -> Mesh | None:
    """The mesh that the proxy belongs to; None for one that no mesh injected."""
    return _BY_MESH.get(proxy.mesh)


def asked(
    pod: PodStart, namespace: Mapping[str, str] | None
) -> tuple[Mesh, Asked] | None:
    """The first mesh that was asked to inject the pod, and by what."""
    for mesh in MESHES:
        found = mesh.asked(pod, namespace)
        if found and found.wanted:
            return mesh, found
    return None


@lru_cache(maxsize=4096)
def _relevant(key: str) -> bool:
    domain = key.partition("/")[0]
    ours = any(domain == d or domain.endswith("." + d) for d in _DOMAINS)
    # an annotation without any domain can only be a slip of the pen
    return ours or key in _KEYS or "holdapplication" in key.lower()


def relevant(marks: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """The annotations or labels that any mesh cares for, the same for equal pods."""
    if not marks:
        return ()
    return tuple(
        (key, "" if key in _PER_POD else value)
        for key, value in marks.items()
        if _relevant(key)
    )
