"""How a pod with an Istio sidecar starts, told from its JSON by first principles.

The kubelet starts containers in the order of the lists, waits for an init container's
end, for a native sidecar's startup probe, and for every postStart hook. Traffic is
redirected when ``istio-init`` has ended, or always where a CNI plugin does it. Nothing
here imports the program: it is what the program is held against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
PROXY = "istio-proxy"
OURS = (
    PROXY,
    "istio-init",
    "istio-validation",
    "enable-core-dump",
    "grpc-bootstrap-init",
)
PORT = "status.sidecar.istio.io/port"


@dataclass(frozen=True)
class Start:
    """What comes of it."""

    verdict: str
    #: the user's init containers that are redirected to a proxy that is not ready
    refused: tuple[str, ...] = ()
    #: whether anything is redirected at all
    redirected: bool = False


def start(pod: Object) -> Start:
    """The start of one pod, as the API server has it."""
    spec = pod["spec"]
    inits, mains = spec.get("initContainers") or [], spec["containers"]
    role = _role([*inits, *mains])
    if role is None:
        return Start("NONE")
    if role != "sidecar":
        return Start("GATEWAY")
    return Start(
        _verdict(pod, inits, mains),
        _refused(inits),
        _redirects(pod, inits),
    )


def _role(containers: list[Object]) -> str | None:
    """The word behind ``proxy``: sidecar, router ...; None without a proxy."""
    for one in containers:
        args = one.get("args") or []
        if one["name"] == PROXY and args[:1] == ["proxy"]:
            return str(args[1])
    return None


def _verdict(pod: Object, inits: list[Object], mains: list[Object]) -> str:
    proxy = next((one for one in inits if one["name"] == PROXY), None)
    if proxy is not None:
        if proxy.get("restartPolicy") != "Always":
            return "UNKNOWN"  # it runs for ever, and nothing after it
        if "startupProbe" in proxy:
            return "NATIVE"
        return {"waits": "NATIVE", "none": "RACE"}.get(_hook(pod, proxy), "UNKNOWN")
    names = [one["name"] for one in mains]
    at = names.index(PROXY)
    before, after = names[:at], names[at + 1 :]
    hook = _hook(pod, mains[at])
    if not before and not after:
        return "NONE"
    if hook == "none" or not after:
        return "RACE"
    if before:
        return "PARTIAL"
    return "HELD" if hook == "waits" else "UNKNOWN"


def _hook(pod: Object, proxy: Object) -> str:
    """Whether the postStart hook waits for the proxy: waits, unknown, none."""
    found = (proxy.get("lifecycle") or {}).get("postStart")
    if not found:
        return "none"
    command = (found.get("exec") or {}).get("command") or []
    agent = command[2:] == ["--url=http://localhost:15020/healthz/ready"]
    if command[:2] != ["pilot-agent", "wait"] or (command[2:] and not agent):
        return "unknown"
    notes = pod["metadata"].get("annotations") or {}
    env = {one["name"]: one.get("value") for one in proxy.get("env", [])}
    # without Envoy only the agent answers, and with port 0 not even that
    deaf = env.get("DISABLE_ENVOY") == "true" and not agent
    return "unknown" if deaf or notes.get(PORT) == "0" else "waits"


def _redirects(pod: Object, inits: list[Object]) -> bool:
    names = {one["name"]: one for one in inits}
    notes = pod["metadata"].get("annotations") or {}
    if notes.get("sidecar.istio.io/interceptionMode") == "NONE":
        return False
    if notes.get("traffic.sidecar.istio.io/includeOutboundIPRanges") == "":
        return False
    return "istio-init" in names or "istio-validation" in names


def _refused(inits: list[Object]) -> tuple[str, ...]:
    names = [one["name"] for one in inits]
    redirected, ready, found = "istio-validation" in names, False, []
    for one in inits:
        if one["name"] == "istio-init":
            redirected = True
        elif one["name"] == PROXY:
            ready = "startupProbe" in one
        elif one["name"] not in OURS:
            meets = redirected or one.get("restartPolicy") == "Always"
            passes = one.get("securityContext", {}).get("runAsUser") == 1337
            if meets and not ready and not passes:
                found.append(one["name"])
    return tuple(found)
