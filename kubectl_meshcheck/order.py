"""Judges one pod: which container waits for which proxy, and what that makes of it.

The same rules for every mesh: a mesh only says which container is its proxy,
what opens its gate and what redirects the traffic.
"""

from __future__ import annotations

from msgspec.structs import replace

from kubectl_meshcheck.model import (
    Container,
    Judgement,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Role,
    State,
    Step,
    Verdict,
    Waits,
)


def judge(pod: PodStart, found: tuple[Proxy, ...]) -> Judgement:
    """The verdict on ``pod`` with the proxies ``found`` in it."""
    gateway = next((proxy for proxy in found if proxy.part is Part.GATEWAY), None)
    if gateway:
        reason = f"{pod.containers[gateway.index].name} is the application"
        return Judgement(Verdict.GATEWAY, _listed(pod, found), (gateway,), reason)
    meshed = tuple(proxy for proxy in found if proxy.part is Part.SIDECAR)
    if not found:
        return Judgement(Verdict.NONE, _listed(pod, ()))
    theirs = _names(pod, found, meshed)
    others = tuple(
        _judged(pod, (proxy,), theirs)
        for proxy in found
        if meshed and proxy.part is Part.HELPER
    )
    judged = _judged(pod, meshed or found, theirs)
    return replace(judged, others=others) if others else judged


def _judged(
    pod: PodStart, deciding: tuple[Proxy, ...], theirs: dict[str, State]
) -> Judgement:
    steps = tuple(
        _step(pod, index, deciding, theirs) for index in range(len(pod.containers))
    )
    verdict, reason = _verdict(pod, steps, deciding)
    return Judgement(verdict, steps, deciding, reason)


def _names(
    pod: PodStart, found: tuple[Proxy, ...], meshed: tuple[Proxy, ...]
) -> dict[str, State]:
    """The containers that are not the user's, by name.

    A helper that runs to its end, like ``vault-agent-init``, needs the network as
    any init container does, so beside a mesh it is judged like one.
    """
    theirs = {name: State.HELPER for proxy in found for name in proxy.helpers}
    for proxy in found:
        container = pod.containers[proxy.index]
        if not meshed or proxy in meshed or container.role is not Role.INIT:
            theirs[container.name] = State.PROXY
    return theirs


def _listed(pod: PodStart, proxies: tuple[Proxy, ...]) -> tuple[Step, ...]:
    theirs = _names(pod, proxies, proxies)
    return tuple(Step(c, theirs.get(c.name, State.FREE)) for c in pod.containers)


def _step(
    pod: PodStart, index: int, proxies: tuple[Proxy, ...], theirs: dict[str, State]
) -> Step:
    container = pod.containers[index]
    if container.name in theirs:
        return Step(container, theirs[container.name])
    met = [_against(pod, index, proxy) for proxy in proxies]
    # the worst that any of its proxies does to it
    for state in (State.EXPOSED, State.UNKNOWN, State.WAITS, State.FREE):
        for step in met:
            if step.state is state:
                return step
    raise AssertionError("unreachable: every step has one of these states")


def _against(pod: PodStart, index: int, proxy: Proxy) -> Step:
    """How one container of the user's fares with one proxy."""
    container = pod.containers[index]
    name = pod.containers[proxy.index].name
    if container.role is not Role.MAIN and not _captured(container, index, proxy):
        return Step(container, State.FREE, why="runs outside the mesh")
    opens = proxy.index if proxy.gate.at is None else proxy.gate.at
    if index < opens:
        return Step(container, State.EXPOSED, why=f"starts before {name}")
    if proxy.gate.waits is Waits.YES:
        return Step(container, State.WAITS, waits_on=proxy.gate.by)
    if proxy.gate.waits is Waits.UNKNOWN:
        return Step(container, State.UNKNOWN, proxy.gate.by, proxy.gate.reason)
    why = f"does not wait for {name}"
    if proxy.gate.reason:  # a clause about the proxy, not about this container
        why = f"does not wait: {proxy.gate.reason}"
    return Step(container, State.EXPOSED, why=why)


def _captured(container: Container, index: int, proxy: Proxy) -> bool:
    """Whether an init container's traffic is redirected while it runs.

    A native sidecar goes on running, so it is caught by a later redirection too.
    """
    if proxy.capture.by is Redirect.NONE:
        return False
    if proxy.uid is not None and container.run_as_user == proxy.uid:
        return False
    return container.role is Role.NATIVE or index > proxy.capture.after


def _verdict(
    pod: PodStart, steps: tuple[Step, ...], proxies: tuple[Proxy, ...]
) -> tuple[Verdict, str]:
    apps = [s for s in steps if s.container.role is Role.MAIN]
    apps = [s for s in apps if s.state not in (State.PROXY, State.HELPER)]
    if not apps:
        return Verdict.NONE, "no application container to hold"
    endless = _endless(pod, proxies)
    if endless:
        return Verdict.UNKNOWN, endless
    exposed = [step for step in apps if step.state is State.EXPOSED]
    if exposed:
        held = any(step.state is State.WAITS for step in apps)
        verdict = Verdict.PARTIAL if held else Verdict.RACE
        return verdict, f"{exposed[0].container.name} {exposed[0].why}"
    unsure = next((step for step in apps if step.state is State.UNKNOWN), None)
    if unsure:
        return Verdict.UNKNOWN, unsure.why
    native = all(pod.containers[p.index].role is Role.NATIVE for p in proxies)
    return (Verdict.NATIVE if native else Verdict.HELD), ""


def _endless(pod: PodStart, proxies: tuple[Proxy, ...]) -> str:
    """A proxy among the init containers that nothing lets go of: no start at all.

    Clients with an older API drop ``restartPolicy`` (istio/istio#49221).
    """
    for proxy in proxies:
        container = pod.containers[proxy.index]
        if container.role is not Role.INIT:
            continue
        if proxy.part is Part.SIDECAR or proxy.gate.waits is Waits.NO:
            return (
                f"{container.name} is an init container without "
                "restartPolicy: Always and never ends, so nothing after it starts"
            )
    return ""


def start_order(judgement: Judgement) -> str:
    """``istio-init > [app istio-proxy]``: what stands in brackets does not wait.

    A native sidecar carries a star.
    """
    groups: list[list[str]] = [[]]
    for step in judgement.steps:
        container = step.container
        star = "*" if container.role is Role.NATIVE else ""
        groups[-1].append(container.name + star)
        if _closes(judgement, container):
            groups.append([])
    shown = [f"[{' '.join(g)}]" if len(g) > 1 else g[0] for g in groups if g]
    return " > ".join(shown) or "-"


def _closes(judgement: Judgement, container: Container) -> bool:
    """Whether the kubelet waits for this container before it goes on."""
    if container.role is Role.INIT:
        return True
    for proxy in judgement.proxies:
        if judgement.steps[proxy.index].container is container:
            return proxy.gate.waits is Waits.YES
    return container.role is Role.NATIVE and container.startup is not None
