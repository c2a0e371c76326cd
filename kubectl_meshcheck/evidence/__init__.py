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

from collections.abc import Callable, Iterator, Mapping
from functools import wraps

from kubectl_meshcheck.evidence import hooks, runs
from kubectl_meshcheck.evidence.base import Evidence, Gap, Kind, Strength, length
from kubectl_meshcheck.logs import Heard
from kubectl_meshcheck.model import ContainerStatus, Judgement, State
from kubectl_meshcheck.workload import Subject

__all__ = [
    "Evidence",
    "Gap",
    "Kind",
    "Strength",
    "harm",
    "length",
    "of",
    "seen",
    "telling",
    "weight",
]


_Seen = tuple[Evidence, ...]
_HARM = (Kind.CRASH, Kind.REFUSED, Kind.HOOK)


def _kept(ask: Callable[[Subject], _Seen]) -> Callable[[Subject], _Seen]:
    """Every check of a workload asks, one after another: the last answer is kept."""
    last: tuple[Subject | None, _Seen] = (None, ())

    @wraps(ask)
    def answer(subject: Subject) -> _Seen:
        nonlocal last
        if last[0] is not subject:
            last = (subject, ask(subject))
        return last[1]

    return answer


@_kept
def of(subject: Subject) -> _Seen:
    """All that was seen of one workload's pods, what proves most first."""
    judgement = subject.judgement
    pod = subject.names[0] if subject.names else ""
    found = [
        *seen(judgement, subject.statuses, pod, subject.heard),
        *hooks.from_events(judgement, subject.events),
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


@_kept
def harm(subject: Subject) -> _Seen:
    """What went wrong: a crash, a refused connection, a hook that failed.

    In a big scan nearly every workload is well, and that is soon seen.
    """
    if _well(subject):
        return ()
    return tuple(one for one in of(subject) if one.kind in _HARM)


def _well(subject: Subject) -> bool:
    """Whether nothing that is known of the pods can show any harm."""
    if subject.events or subject.heard is not None:
        return False
    for told in subject.statuses.values():
        if told.restarts or told.state == "waiting":
            return False
        for run in (told.ended, told.last):
            if run is not None and run.exit_code:
                return False
    return True


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
    return bool(judgement.named(State.EXPOSED) or hooks.gates(judgement))


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
            yield from runs.holding(step, told, name, theirs, pod)
        else:
            yield from runs.crash(step, told, proxy, theirs, pod, heard)
            yield from runs.exposure(step, told, name, theirs, pod, heard)
    yield from hooks.failed(judgement, statuses, pod)
