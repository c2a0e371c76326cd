"""What the cluster still knows of the race; pure.

Container statuses keep only the latest run before this one, with times of one
second; events are kept for an hour.  So evidence proves what it shows, and
its absence proves nothing.

A run that ended with an error within a few seconds of the proxy's start counts,
before or after it, for in a pod whose proxy starts first and holds nobody the
application starts later and still dies (kumahq/kuma#3628).  A proxy that has been
started again proves nothing: its times are those of another start.  A connection
that was refused, though the pod's traffic goes to the proxy, was refused by a proxy
that did not listen yet: a listening one takes it, and resets it later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, unique

from kubectl_meshcheck import logs
from kubectl_meshcheck.events import HOOK_FAILED
from kubectl_meshcheck.logs import Heard
from kubectl_meshcheck.model import (
    REFUSED,
    ContainerStatus,
    Judgement,
    PodEvent,
    Proxy,
    Redirect,
    Role,
    Run,
    State,
    Step,
)
from kubectl_meshcheck.moment import clock, moment
from kubectl_meshcheck.workload import Subject

#: seconds around the proxy's start in which a run that ended is put down to it
NEAR = 5
#: runs that ended by something else, whenever that was
_ELSEWISE = ("OOMKilled", "ContainerCannotRun", "StartError")
_NOT_RUNNABLE = (126, 127, 128)
#: seconds that a hook has waited at least when it gave up, and between its end and
#: the application's start
_GAVE_UP, _AT_ONCE = 10, 2


@unique
class Kind(Enum):
    """What was seen."""

    CRASH = "crash"  #: an exposed container died
    REFUSED = "refused"  #: an exposed container was refused, and lives
    HOOK = "hook"  #: the hook that waits has failed
    EXPOSURE = "exposure"  #: it started too early, and may have been lucky
    UNREADY = "unready"  #: the proxy's probes failed
    HOLDING = "holding"  #: it did wait


@unique
class Strength(Enum):
    """What it proves; ``rank`` grows with it."""

    AGAINST = "against"  #: the pod did what it should
    WEAK = "weak"
    STRONG = "strong"

    @property
    def rank(self) -> int:
        return list(Strength).index(self)


@dataclass(frozen=True)
class Gap:
    """The time between an error and the proxy, as exact as its source."""

    seconds: float  #: positive: the error came first
    to: str = "start"  #: of the proxy: start or ready
    exact: bool = False  #: from logs; otherwise whole seconds, one more or less

    def __str__(self) -> str:
        if not self.exact and not self.seconds:
            return f"within about 1s of proxy {self.to}"
        side = "before" if self.seconds >= 0 else "after"
        return f"{self.length} {side} proxy {self.to}"

    @property
    def length(self) -> str:
        """``2.8s``, or ``about 3s`` where it is no better known than that."""
        return length(self.seconds, exact=self.exact)


def length(seconds: float, *, exact: bool) -> str:
    """A span of time, never more precise than its source."""
    size = abs(seconds)
    if not exact:
        return f"about {size:.0f}s"
    return f"{size:.1f}s" if size >= 0.1 else f"{size * 1000:.0f}ms"


@dataclass(frozen=True)
class Evidence:
    """One thing that was seen."""

    kind: Kind
    strength: Strength
    container: str
    text: str  #: a clause whose subject is the container
    pod: str = ""
    gap: Gap | None = None
    source: str = ""  #: where it was read: a field, an event, logs
    quote: str = ""  #: what it says there, masked
    at: float | None = None  #: when it happened, seconds since 1970


def of(subject: Subject) -> tuple[Evidence, ...]:
    """All that was seen of one workload's pods, what proves most first."""
    judgement = subject.judgement
    pod = subject.names[0] if subject.names else ""
    found = [
        *seen(judgement, subject.statuses, pod, subject.heard),
        *_from_events(judgement, subject.events),
    ]
    kept: dict[tuple[Kind, str], Evidence] = {}
    for one in sorted(found, key=lambda e: -e.strength.rank):
        kept.setdefault((one.kind, one.container), one)
    crashed = {one.container for one in kept.values() if one.kind is Kind.CRASH}
    return tuple(
        one
        for one in kept.values()
        if one.kind is not Kind.EXPOSURE or one.container not in crashed
    )


def strongest(subject: Subject, kind: Kind) -> Evidence | None:
    """The proof of ``kind``; None without any that is strong."""
    return next(
        (e for e in of(subject) if e.kind is kind and e.strength is Strength.STRONG),
        None,
    )


def weight(judgement: Judgement, statuses: Mapping[str, ContainerStatus]) -> int:
    """How much one pod shows of the race: 0 for nothing, 2 for proof."""
    return max(
        (
            one.strength.rank
            for one in seen(judgement, statuses)
            if one.kind in (Kind.CRASH, Kind.HOOK)
        ),
        default=0,
    )


def telling(judgement: Judgement) -> bool:
    """Whether events about such pods could add anything."""
    return bool(judgement.named(State.EXPOSED) or _gates(judgement))


def seen(
    judgement: Judgement,
    statuses: Mapping[str, ContainerStatus],
    pod: str = "",
    heard: Heard | None = None,
) -> Iterator[Evidence]:
    """What one pod's statuses and logs show, in no particular order."""
    proxy = judgement.proxy
    if proxy is None:
        return
    name = judgement.steps[proxy.index].container.name
    theirs = statuses.get(name)
    for step in judgement.steps:
        told = statuses.get(step.container.name)
        if told is None or step.state in (State.PROXY, State.HELPER, State.FREE):
            continue
        if step.state is State.WAITS:
            yield from _held(step, told, name, theirs, pod)
        else:
            yield from _crash(step, told, proxy, theirs, pod, heard)
            yield from _exposure(step, told, name, theirs, pod, heard)
    yield from _hook(judgement, statuses, pod)


# -- a run that ended --------------------------------------------------------


def _crash(
    step: Step,
    told: ContainerStatus,
    proxy: Proxy,
    theirs: ContainerStatus | None,
    pod: str,
    heard: Heard | None,
) -> Iterator[Evidence]:
    for run, field in ((told.ended, "state"), (told.last, "lastState")):
        if run is None or not run.exit_code:
            continue
        name = step.container.name
        gap = _gap(step, run, theirs)
        at = moment(run.finished)
        refused = _refusal(run, proxy)
        said = REFUSED if refused else _last_words(run.message)
        source = f"containerStatuses[{name}].{field}.terminated"
        quote = refused or said
        strength = _strength(step, run, gap, refused, theirs)
        if heard and heard.container == name and heard.refused and heard.died:
            said, quote, source = REFUSED, heard.refused.text, "logs"
            strength = _heard(heard, theirs)
            gap, at = _exact(heard) or gap, heard.refused.at
        times = max(told.restarts, 1)
        words = [f"crashed {times}x: {said or f'exit {run.exit_code}'}"]
        if gap and strength is Strength.STRONG:
            words.append(str(gap))
        text = ", ".join(words)
        yield Evidence(Kind.CRASH, strength, name, text, pod, gap, source, quote, at)
        return


def _exact(heard: Heard) -> Gap | None:
    return None if heard.gap is None else Gap(heard.gap, "ready", exact=True)


def _heard(heard: Heard, proxy: ContainerStatus | None) -> Strength:
    """What an error in a log proves: one after the proxy was ready is no race."""
    if heard.gap is None:
        again = proxy is None or proxy.restarts
        return Strength.WEAK if again else Strength.STRONG
    return Strength.STRONG if heard.gap >= 0 else Strength.WEAK


def _gap(step: Step, run: Run, proxy: ContainerStatus | None) -> Gap | None:
    """From the end of a run to the proxy's start, where both are known.

    Init containers end long before; what a restarted proxy says is of later.
    """
    if proxy is None or proxy.restarts or step.container.role is Role.INIT:
        return None
    begun, ended = moment(run.started), moment(run.finished)
    started = moment(proxy.started)
    if ended is None or started is None or (begun is not None and begun > ended):
        return None
    return Gap(started - ended)


def _refusal(run: Run, proxy: Proxy) -> str:
    """The line of a termination message that a connection was refused in."""
    local = proxy.capture.by is Redirect.NONE
    for line in run.message.splitlines():
        if logs.refused_in(line, local=local):
            return logs.quoted(line)
    return ""


def _strength(
    step: Step, run: Run, gap: Gap | None, refused: str, proxy: ContainerStatus | None
) -> Strength:
    if proxy is not None and proxy.restarts:
        return Strength.WEAK
    if refused:
        return Strength.STRONG
    if run.reason in _ELSEWISE or run.exit_code in _NOT_RUNNABLE:
        return Strength.WEAK
    # whether a container waits that cannot be judged, its own fault cannot tell
    near = gap is not None and gap.seconds >= -NEAR
    sure = near and step.state is State.EXPOSED
    return Strength.STRONG if sure else Strength.WEAK


def _last_words(message: str) -> str:
    """The last line of a termination message, masked and cut."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    said = logs.quoted(lines[-1]) if lines else ""
    return said if len(said) <= 90 else "..." + said[-87:]


# -- started too early, or held ----------------------------------------------


def _exposure(
    step: Step,
    told: ContainerStatus,
    proxy: str,
    theirs: ContainerStatus | None,
    pod: str,
    heard: Heard | None,
) -> Iterator[Evidence]:
    name = step.container.name
    if heard and heard.container == name and heard.refused and not heard.died:
        gap = _exact(heard)
        text = f"{REFUSED}, {gap}" if gap else REFUSED
        yield Evidence(
            Kind.REFUSED, _heard(heard, theirs), name, text, pod, gap, "logs",
            heard.refused.text, heard.refused.at,
        )  # fmt: skip
    ahead = _ahead(told, theirs)
    if step.state is not State.EXPOSED or ahead is None or ahead < 0:
        return
    text = (
        f"started {length(ahead, exact=False)} before {proxy}"
        if ahead
        else f"started within about 1s of {proxy}, without waiting for it"
    )
    source = f"containerStatuses[{name}].state.running.startedAt"
    gap, at = Gap(ahead), moment(told.started)
    yield Evidence(Kind.EXPOSURE, Strength.WEAK, name, text, pod, gap, source, "", at)


def _ahead(app: ContainerStatus, proxy: ContainerStatus | None) -> float | None:
    """Seconds by which the first start of a container was before the proxy's."""
    if proxy is None or proxy.restarts or app.restarts:
        return None
    mine, theirs = moment(app.started), moment(proxy.started)
    return None if mine is None or theirs is None else theirs - mine


def _held(
    step: Step,
    told: ContainerStatus,
    proxy: str,
    theirs: ContainerStatus | None,
    pod: str,
) -> Iterator[Evidence]:
    ahead = _ahead(told, theirs)
    if ahead is None or ahead > 0 or step.container.role is Role.INIT:
        return
    name = step.container.name
    text = f"waited {length(ahead, exact=False)} for {proxy}"
    source = f"containerStatuses[{name}].state.running.startedAt"
    gap, at = Gap(ahead), moment(told.started)
    yield Evidence(Kind.HOLDING, Strength.AGAINST, name, text, pod, gap, source, "", at)


# -- hooks -------------------------------------------------------------------


def _gates(judgement: Judgement) -> dict[str, str]:
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


def _hook(
    judgement: Judgement, statuses: Mapping[str, ContainerStatus], pod: str
) -> Iterator[Evidence]:
    for name, text in _gates(judgement).items():
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


# -- events ------------------------------------------------------------------


def _from_events(
    judgement: Judgement, events: Sequence[PodEvent]
) -> Iterator[Evidence]:
    exposed = judgement.named(State.EXPOSED)
    gates = _gates(judgement)
    proxies = [judgement.steps[p.index].container.name for p in judgement.proxies]
    for event in events:
        name = event.container
        many = f"{event.count}x" if event.count > 1 else "once"
        if event.reason.startswith(HOOK_FAILED) and name in gates:
            yield _event(Kind.HOOK, Strength.STRONG, event, gates[name])
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
