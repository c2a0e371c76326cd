"""Whether native sidecars can be had, from the versions of the kubelets.

For the injectors that look for themselves instead of being told.
"""

from __future__ import annotations

from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes.base import release

#: the first Kubernetes with native sidecars by default (KEP-753)
NATIVE = (1, 29)
#: how many minor releases a kubelet may be older than its API server
#: (kubernetes/website: releases/version-skew-policy.md)
_SKEW = 3


def releases(objects: MeshObjects) -> list[tuple[int, ...]] | None:
    """The kubelets' minor releases, the oldest first; None where they are not known."""
    if objects.kubelets is None:
        return None
    return sorted(release(one)[:2] for one in objects.kubelets)


def server(objects: MeshObjects) -> bool | None:
    """Whether the API server knows native sidecars; None where it cannot be told."""
    told = release(objects.server)[:2]
    if told:
        return told >= NATIVE
    found = releases(objects)
    if not found or not found[-1]:
        return None
    if found[-1] >= NATIVE:  # it is never older than a kubelet
        return True
    newest = (found[-1][0], found[-1][1] + _SKEW)
    return False if newest < NATIVE else None


def every(objects: MeshObjects) -> bool | None:
    """Whether all kubelets know native sidecars; None where it cannot be told."""
    found = releases(objects)
    return found[0] >= NATIVE if found else None
