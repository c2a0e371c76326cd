"""A pod's start as a chart: what is known of when each container ran; pure.

Times of statuses and conditions are whole seconds, those of logs exact; a chart
keeps which, and no renderer says more than its source does.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, unique

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import evidence
from kubectl_meshcheck.evidence import Evidence, Kind
from kubectl_meshcheck.model import ContainerStatus, Role, Run, State, Step
from kubectl_meshcheck.moment import clock, moment
from kubectl_meshcheck.workload import Subject

#: seconds behind the pod's start up to which it is still its start
_START = 900.0
#: steps of the axis, in seconds
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600)


@unique
class Phase(Enum):
    """What a container did."""

    RUNS = "runs"
    EXPOSED = "exposed"  #: ran while its proxy was not known to be ready
    STARTS = "starting"  #: a proxy that was not ready yet
    READY = "ready"  #: a proxy that was
    UNCLEAR = "running"  #: a proxy of which that is not known


class Span(msgspec.Struct, frozen=True):
    """A stretch of time, in seconds from the chart's beginning."""

    begin: float
    end: float
    phase: Phase


class Lane(msgspec.Struct, frozen=True):
    """One container."""

    name: str
    spans: tuple[Span, ...] = ()
    died: float | None = None  #: when a run ended with an error
    note: str = ""


class Distance(msgspec.Struct, frozen=True):
    """What the chart is about: the time between two points."""

    begin: float
    end: float
    text: str


class Chart(msgspec.Struct, frozen=True):
    """A pod's start."""

    title: str
    length: float  #: seconds
    lanes: tuple[Lane, ...]
    distance: Distance | None = None
    sources: tuple[str, ...] = msgspec.field(default=())  #: how precise, in words

    def step(self, most: int) -> int:
        """Seconds between two marks of an axis that has room for ``most``."""
        fitting = (step for step in _STEPS if self.length / step <= max(most, 1))
        return next(fitting, _STEPS[-1])

    def marks(self, most: int) -> list[int]:
        """The seconds at which the axis is marked, from 0."""
        step = self.step(most)
        return list(range(0, int(self.length) + 1, step))


def chart(subject: Subject) -> Chart | None:
    """The start of the pod that shows most; None when too little is known of it."""
    judgement = subject.judgement
    if not subject.running or judgement.proxy is None:
        return None
    seen = evidence.of(subject)
    proof = next((e for e in seen if e.gap and e.at is not None), None)
    known = dict(_known(subject))
    origin = moment(subject.started)
    times = [t for spans in known.values() for s in spans for t in (s.begin, s.end)]
    if origin is None:
        origin = min(times, default=None)
    if origin is None or sum(1 for spans in known.values() if spans) < 2:
        return None
    ends = [time - origin for time in times if 0 <= time - origin <= _START]
    length = max([*ends, 1.0])
    length = max(length * 1.06, length + 1)
    lanes = tuple(
        _lane(subject, step, known.get(step.container.name, []), origin, length, proof)
        for step in judgement.steps
    )
    if sum(1 for lane in lanes if lane.spans) < 2:
        return None
    pod = subject.names[0] if subject.names else str(subject.ref)
    return Chart(
        title=f"Start of {pod}, 0s is {clock(origin)[:8]} UTC",
        length=length,
        lanes=lanes,
        distance=_distance(proof, origin, length),
        sources=_sources(subject),
    )


def _sources(subject: Subject) -> tuple[str, ...]:
    exact = subject.heard is not None
    told = "statuses, to the second"
    return (told, "logs, exact") if exact else (told,)


def _distance(proof: Evidence | None, origin: float, length: float) -> Distance | None:
    if proof is None or proof.gap is None or proof.at is None:
        return None
    begin, end = sorted((proof.at, proof.at + proof.gap.seconds))
    if begin < origin or end - origin > length:
        return None
    waited = f"waited {proof.gap.length}"
    text = waited if proof.kind is Kind.HOLDING else str(proof.gap)
    return Distance(begin - origin, end - origin, text)


def _known(subject: Subject) -> Iterator[tuple[str, list[Span]]]:
    """The spans of each container whose times are known, since 1970.

    One that goes on has no length yet.
    """
    ready = _ready(subject)
    for step in subject.judgement.steps:
        told = subject.statuses.get(step.container.name)
        if told is None:
            continue
        spans = list(_spans(step, told))
        if step.state is State.PROXY and ready is not None and spans:
            last = spans[-1]
            if last.begin <= ready:
                spans[-1:] = [
                    Span(last.begin, ready, Phase.STARTS),
                    Span(ready, ready, Phase.READY),
                ]
        yield step.container.name, spans


def _spans(step: Step, told: ContainerStatus) -> Iterator[Span]:
    phase = Phase.UNCLEAR if step.state is State.PROXY else Phase.RUNS
    if step.state in (State.EXPOSED, State.UNKNOWN):
        phase = Phase.EXPOSED
    for run in dict.fromkeys((told.last, told.ended)):
        times = _times(run) if run else None
        if times:
            yield Span(*times, phase)
    started = moment(told.started)
    if told.state == "running" and started is not None:
        yield Span(started, started, phase)


def _times(run: Run) -> tuple[float, float] | None:
    begun, ended = moment(run.started), moment(run.finished)
    if begun is None or ended is None or begun > ended:
        return None
    return begun, ended


def _ready(subject: Subject) -> float | None:
    """When the proxy was ready, by its own word or by what waited for it."""
    if subject.heard and subject.heard.ready:
        return subject.heard.ready.at
    if any(one.kind is Kind.HOOK for one in evidence.of(subject)):
        return None  # it was started although the proxy was not ready
    proxy = subject.judgement.proxy
    assert proxy is not None  # a chart has one
    container = subject.judgement.steps[proxy.index].container
    told = subject.statuses.get(container.name)
    if told is None or told.restarts:
        return None
    held = subject.judgement.named(State.WAITS, Role.MAIN)
    starts = [
        at
        for name in held
        if (one := subject.statuses.get(name)) and not one.restarts
        if (at := moment(one.started)) is not None
    ]
    return min(starts, default=None)


def _lane(
    subject: Subject,
    step: Step,
    spans: list[Span],
    origin: float,
    length: float,
    proof: Evidence | None,
) -> Lane:
    name = step.container.name
    told = subject.statuses.get(name)
    lane = Lane(name, note=_note(subject, step, told))
    shown = []
    for span in spans:
        begin, end = span.begin - origin, span.end - origin
        goes_on = span.begin == span.end and told is not None and _now(told, span)
        if goes_on or (span.phase is Phase.READY):
            end = length
        if 0 <= begin <= length:
            shown.append(replace(span, begin=begin, end=min(max(end, begin), length)))
    if shown and told and _failed(told) and shown[-1].phase is not Phase.READY:
        over = [s for s in shown if s.end < length]
        lane = replace(lane, died=_death(over, proof, name, origin))
    return replace(lane, spans=tuple(shown))


def _now(told: ContainerStatus, span: Span) -> bool:
    """Whether this is the run that goes on."""
    return told.state == "running" and moment(told.started) == span.begin


def _failed(told: ContainerStatus) -> bool:
    run = told.ended or told.last
    return run is not None and run.exit_code != 0


def _death(
    over: list[Span], proof: Evidence | None, name: str, origin: float
) -> float | None:
    if proof and proof.container == name and proof.kind is Kind.CRASH and proof.at:
        return proof.at - origin
    return over[-1].end if over else None


def _note(subject: Subject, step: Step, told: ContainerStatus | None) -> str:
    if told is None:
        return "not known"
    if step.state is State.PROXY:
        return _proxy_note(subject, told)
    if told.restarts and _failed(told):
        run = told.ended or told.last
        assert run is not None  # _failed says so
        only = "; others not kept" if told.restarts > 1 else ""
        return f"exit {run.exit_code}{only}"
    if told.state == "waiting":
        return told.reason or "waits"
    return ""


def _proxy_note(subject: Subject, told: ContainerStatus) -> str:
    heard = subject.heard
    if heard and heard.ready:
        return f"ready at {clock(heard.ready.at)}"
    if told.restarts:
        return f"restarted {told.restarts}x"
    if told.state == "waiting":
        return told.reason
    if _ready(subject) is not None:
        return ""
    return "ready, since unknown" if told.ready else "not ready"
