"""How a pod starts, told from its JSON by the kubelet's rules and by nothing of ours.

Init containers run one after another, a native sidecar until its startup probe has
succeeded; then the containers are started in the order of the list, each as soon as the
one before it has been started and its postStart hook has returned. The pod's packets
are redirected from the end of the mesh's init container on, with a CNI plugin always.
Whoever sends one before the proxy answers is refused: that is what is looked for.

Nothing here imports the program, so that it can be held against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WORDS = {True: "waits", False: "exposed", None: "unknown"}


@dataclass(frozen=True)
class Names:
    """How a mesh calls what it adds to a pod, and the user that it lets pass."""

    proxies: tuple[str, ...]  #: of one release or another
    init: str
    others: tuple[str, ...]
    uid: int
    redirects: bool = True  #: packets; without it only app containers are refused
    done_by: str = ""  #: an init container at whose end everything is there


MESHES: Mapping[str, Names] = {
    "linkerd": Names(
        ("linkerd-proxy",),
        "linkerd-init",
        ("linkerd-network-validator", "linkerd-debug"),
        2102,
    ),
    "kuma": Names(("kuma-sidecar",), "kuma-init", ("kuma-validation",), 5678),
    "consul": Names(
        ("consul-dataplane", "envoy-sidecar"),
        "consul-connect-inject-init",
        ("copy-consul-bin", "consul-sidecar"),
        5995,
    ),
    "dapr": Names(("daprd",), "", (), -1, redirects=False),
    "appmesh": Names(("envoy",), "proxyinit", ("xray-daemon",), 1337),
    "vault": Names(
        ("vault-agent", "vault-agent-init"),
        "",
        (),
        100,
        redirects=False,
        done_by="vault-agent-init",
    ),
}


@dataclass(frozen=True)
class Start:
    """What comes of a pod's start."""

    verdict: str  #: RACE, PARTIAL, UNKNOWN, HELD, NATIVE, or NONE without a proxy
    #: each container of the user's: exposed, unknown, waits or free
    states: Mapping[str, str]


def start(mesh: str, spec: Mapping[str, Any]) -> Start:
    """The start of a pod with this spec."""
    names = MESHES[mesh]
    inits, mains = spec.get("initContainers") or [], spec["containers"]
    everyone = [one["name"] for one in (*inits, *mains)]
    proxy = next((name for name in names.proxies if name in everyone), "")
    if not proxy:
        return Start("NONE", dict.fromkeys(everyone, "free"))
    (*_, by) = (None, *(one for one in inits if one["name"] == names.init))
    redirects = names.redirects and (by is None or _may_redirect(by))
    ready: bool | None = False
    redirected, states = redirects and by is None, {}
    for one in inits:
        native = one.get("restartPolicy") == "Always"
        if one["name"] == proxy:
            ready = native and _is_ready_by(one.get("startupProbe"))
        elif one["name"] == names.init:
            redirected = redirects
        elif one["name"] not in names.others:
            # one that goes on running meets the redirection that comes later
            meets = redirected or (native and redirects)
            passes = one.get("securityContext", {}).get("runAsUser") == names.uid
            states[one["name"]] = WORDS[ready] if meets and not passes else "free"
    done = names.done_by in [one["name"] for one in inits]
    apps = []
    for one in mains:
        if one["name"] == proxy and not done:
            ready = _is_held_by(one)
        elif one["name"] not in (proxy, *names.others):
            states[one["name"]] = WORDS[True if done else ready]
            apps.append(states[one["name"]])
    native = proxy in [one["name"] for one in inits if one.get("restartPolicy")]
    return Start(_verdict(apps, native), states)


def _is_ready_by(probe: Any) -> bool:
    """Whether the startup probe asks the proxy whether it is ready."""
    if not probe:
        return False
    asked = probe.get("exec", {}).get("command", [])
    by_page = probe.get("httpGet", {}).get("path") == "/ready"
    return by_page or "-check-proxy-health" in asked


def _may_redirect(init: Mapping[str, Any]) -> bool:
    """Whether the mesh's init container may set rules for the pod's packets."""
    rights = (init.get("securityContext") or {}).get("capabilities") or {}
    return "NET_ADMIN" in rights.get("add", ())


def _is_held_by(container: Mapping[str, Any]) -> bool | None:
    """Whether the postStart hook returns only when the proxy is ready.

    At a port at which the proxy never answers it fails when its time is over, and the
    next container is started all the same; None where it has no time.
    """
    lifecycle = container.get("lifecycle") or {}
    hook = lifecycle.get("postStart", {}).get("exec", {}).get("command", [])
    program = hook[0].rpartition("/")[2] if hook else ""
    if program == "kuma-dp":
        return bool(hook[1:2] == ["wait"])
    if program != "linkerd-await":
        return False
    asked = [arg.partition("=")[2] for arg in hook if arg.startswith("--port=")]
    env = {one["name"]: one.get("value", "") for one in container.get("env", [])}
    answers = env["LINKERD2_PROXY_ADMIN_LISTEN_ADDR"].rpartition(":")[2]
    if (asked or ["4191"]) == [answers]:
        return True
    return False if any(arg.startswith("--timeout=") for arg in hook) else None


def _verdict(apps: list[str], native: bool) -> str:
    if "exposed" in apps:
        return "PARTIAL" if "waits" in apps else "RACE"
    if "unknown" in apps:
        return "UNKNOWN"
    return "NATIVE" if native else "HELD"
