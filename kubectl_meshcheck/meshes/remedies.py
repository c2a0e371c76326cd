"""What the remedies of all meshes have in common."""

from __future__ import annotations

from collections.abc import Callable

from kubectl_meshcheck.meshes.base import Hold
from kubectl_meshcheck.model import PodStart, Proxy, Waits


def in_vain(
    pod: PodStart, proxy: Proxy, key: str, is_on: Callable[[str], bool]
) -> Hold | None:
    """Why the annotation ``key`` would change nothing; None when it would.

    ``is_on`` says which of its values already ask for the hold.
    """
    if proxy.gate.waits is Waits.YES:
        return Hold(
            manual=f"the proxy already holds what starts after it ({proxy.gate.by}): "
            "another webhook or the pod itself lists a container before it; "
            "move that one behind the proxy"
        )
    if proxy.gate.waits is Waits.UNKNOWN:
        return Hold(manual=f"mend the proxy's own gate first: {proxy.gate.reason}")
    value = pod.annotations.get(key)
    if value is not None and is_on(value):
        return Hold(
            manual=f"the pod template already has {key}: {value!r}: "
            "make the pods anew; if they still race, the injector's log says why"
        )
    return None
