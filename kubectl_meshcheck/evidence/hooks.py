"""What shows that a hook which holds the application has failed, and other events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from kubectl_meshcheck import logs
from kubectl_meshcheck.events import HOOK_FAILED
from kubectl_meshcheck.evidence.base import Evidence, Kind, Strength
from kubectl_meshcheck.model import ContainerStatus, Judgement, PodEvent, Role, State
from kubectl_meshcheck.moment import clock, moment

#: seconds that a hook has waited at least when it gave up, and between its end and
#: the application's start
_GAVE_UP, _AT_ONCE = 10, 2


def gates(judgement: Judgement) -> dict[str, str]:
    """The containers whose hooks hold the application, each with its failure's words.

    Proxies, and what stands in for them.
    """
    held = ", ".join(judgement.named(State.WAITS, Role.MAIN))
    found = {}
    for proxy in judgement.proxies:
        place = proxy.index if proxy.gate.at is None else proxy.gate.at
        container = judgement.steps[place].container
        if container.post_start and held:
            hook = f"postStart hook failed ({proxy.gate.by})"
            found[container.name] = f"{hook}, and {held} was started all the same"
    return found


def failed(
    judgement: Judgement, statuses: Mapping[str, ContainerStatus], pod: str
) -> Iterator[Evidence]:
    for name, text in gates(judgement).items():
        told = statuses.get(name)
        if told is None:
            continue
        if told.state == "waiting" and told.reason.startswith(HOOK_FAILED):
            quote = logs.quoted(told.message or told.reason)
            source = f"containerStatuses[{name}].state.waiting"
            strength = Strength.STRONG
        elif _gave_up(judgement, told, statuses):
            quote, strength = "", Strength.WEAK
            source = f"containerStatuses[{name}].lastState.terminated"
        else:
            continue
        yield Evidence(Kind.HOOK, strength, name, text, pod, None, source, quote)


def _gave_up(
    judgement: Judgement,
    gate: ContainerStatus,
    statuses: Mapping[str, ContainerStatus],
) -> bool:
    """Whether the application was started at the moment when the first run ended.

    The kubelet kills a container whose hook has failed and goes on to the next at
    once (kubernetes/kubernetes: pkg/kubelet/kuberuntime/kuberuntime_container.go).
    """
    if gate.restarts != 1 or gate.last is None:
        return False
    begun, ended = moment(gate.last.started), moment(gate.last.finished)
    if begun is None or ended is None or ended - begun < _GAVE_UP:
        return False
    held = judgement.named(State.WAITS, Role.MAIN)
    told = [statuses[name] for name in held if name in statuses]
    starts = [moment(one.started) for one in told if not one.restarts]
    return any(at is not None and 0 <= at - ended <= _AT_ONCE for at in starts)


def from_events(judgement: Judgement, events: Sequence[PodEvent]) -> Iterator[Evidence]:
    if not events:
        return
    exposed = judgement.named(State.EXPOSED)
    holding = gates(judgement)
    proxies = [judgement.steps[p.index].container.name for p in judgement.proxies]
    for event in events:
        name = event.container
        many = f"{event.count}x" if event.count > 1 else "once"
        if event.reason.startswith(HOOK_FAILED) and name in holding:
            yield _event(Kind.HOOK, Strength.STRONG, event, holding[name])
        elif event.reason == "BackOff" and name in exposed:
            text = f"restarted again and again, seen {many}"
            yield _event(Kind.CRASH, Strength.WEAK, event, text)
        elif event.reason == "Unhealthy" and name in proxies and exposed:
            text = f"failed its probe, seen {many}"
            yield _event(Kind.UNREADY, Strength.WEAK, event, text)


def _event(kind: Kind, strength: Strength, event: PodEvent, text: str) -> Evidence:
    at = moment(event.last)
    when = f" at {clock(at)[:8]}" if at is not None else ""
    reason = event.reason.partition(":")[0]
    source, quote = f"event {reason}{when}", logs.quoted(event.message)
    name, pod = event.container, event.pod
    return Evidence(kind, strength, name, text, pod, None, source, quote, at)
