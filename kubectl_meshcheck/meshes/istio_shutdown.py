"""How long a classic Istio proxy goes on after its pod is told to end.

SIGTERM reaches proxy and application together.  The agent drains, sleeps
``terminationDrainDuration`` (5 s by default) and ends, whoever else still runs
(istio/istio: pkg/envoy/agent.go).  With EXIT_ON_ZERO_ACTIVE_CONNECTIONS, since 1.12,
it waits until nobody is connected any more (istio/istio#35059).
"""

from __future__ import annotations

import json
import re

from kubectl_meshcheck.meshes.hooks import sleeps
from kubectl_meshcheck.model import PodStart, Role

_DEFAULT = 5.0  #: seconds
_EXIT_ON_ZERO = "EXIT_ON_ZERO_ACTIVE_CONNECTIONS"
#: of before 1.10; the number of seconds
_SECONDS = "TERMINATION_DRAIN_DURATION_SECONDS"
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(h|ms|m|s)", re.ASCII)


def drains(pod: PodStart, index: int) -> float | None:
    """Seconds until the proxy ends by itself.

    None where it does not end before the application, or where that is not known.
    """
    proxy = pod.containers[index]
    config = _object(proxy.environment("PROXY_CONFIG"))
    metadata = config.get("proxyMetadata")
    told = metadata if isinstance(metadata, dict) else {}
    waits = proxy.environment(_EXIT_ON_ZERO) or str(told.get(_EXIT_ON_ZERO, ""))
    if proxy.role is not Role.MAIN or waits.lower() in ("true", "1", "t"):
        return None
    before = 0.0 if proxy.pre_stop is None else sleeps(proxy.pre_stop)
    drain = _duration(config.get("terminationDrainDuration", f"{_DEFAULT}s"))
    seconds = proxy.environment(_SECONDS)
    if seconds:
        drain = float(seconds) if re.fullmatch(r"\d{1,9}", seconds, re.ASCII) else None
    return None if before is None or drain is None else before + drain


def _duration(value: object) -> float | None:
    """A Go duration ("1m30s") in seconds; None for anything else."""
    text = value if isinstance(value, str) else ""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
