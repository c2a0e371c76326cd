"""The shapes of pods: each is judged once on a page, and known there by a number.

Two processes that read one list tell each other of the shapes that they meet.  What
they send has each container once, for most stand in many pods, and in their judgements.
"""

from __future__ import annotations

import msgspec

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.model import (
    Container,
    Judgement,
    PodStart,
    Proxy,
    State,
    Step,
    Verdict,
)


class Shape(msgspec.Struct, frozen=True, gc=False):
    """A pod as it starts, and what is thought of that."""

    pod: PodStart
    judgement: Judgement


class _Opinion(msgspec.Struct, array_like=True):
    """A judgement without the containers, which are the pod's in its order."""

    verdict: Verdict
    steps: list[tuple[State, str, str]]
    proxies: tuple[Proxy, ...]
    reason: str
    others: list[_Opinion]


class _Sent(msgspec.Struct, array_like=True):
    """A shape with its containers by their numbers."""

    containers: tuple[int, ...]
    annotations: dict[str, str]
    labels: dict[str, str]
    host_network: bool
    restart_policy: str
    opinion: _Opinion


class News(msgspec.Struct, array_like=True):
    """The shapes of a page, for another process."""

    containers: list[Container]
    shapes: list[_Sent]


class Shapes:
    """The shapes of one page."""

    def __init__(self) -> None:
        self.all: list[Shape] = []  #: by their numbers
        self._numbers: dict[object, int] = {}
        self._containers: dict[Container, int] = {}

    def number(self, pod: PodStart) -> int:
        """The number of a shape, judged where it is new."""
        key = (
            tuple(map(self._number, pod.containers)),
            tuple(pod.annotations.items()),
            tuple(pod.labels.items()),
            pod.host_network,
            pod.restart_policy,
        )
        found = self._numbers.setdefault(key, len(self.all))
        if found == len(self.all):
            self.all.append(Shape(pod, meshes.judge(pod)))
        return found

    def news(self) -> News:
        """All of them, to be sent."""
        return News(list(self._containers), [self._sent(one) for one in self.all])

    def _number(self, container: Container) -> int:
        return self._containers.setdefault(container, len(self._containers))

    def _sent(self, shape: Shape) -> _Sent:
        pod = shape.pod
        return _Sent(
            tuple(self._containers[one] for one in pod.containers),
            dict(pod.annotations),
            dict(pod.labels),
            pod.host_network,
            pod.restart_policy,
            _opinion(shape.judgement),
        )


def told(news: News) -> list[Shape]:
    """What another process has met, by its numbers."""
    containers = [parse.shared(one) for one in news.containers]
    return [_told(sent, containers) for sent in news.shapes]


def _told(sent: _Sent, containers: list[Container]) -> Shape:
    pod = PodStart(
        tuple(containers[number] for number in sent.containers),
        parse.marked(*sent.annotations.items()),
        parse.marked(*sent.labels.items()),
        sent.host_network,
        sent.restart_policy,
    )
    return Shape(pod, _judgement(pod, sent.opinion))


def _opinion(told: Judgement) -> _Opinion:
    steps = [(step.state, step.waits_on, step.why) for step in told.steps]
    others = [_opinion(other) for other in told.others]
    return _Opinion(told.verdict, steps, told.proxies, told.reason, others)


def _judgement(pod: PodStart, told: _Opinion) -> Judgement:
    steps = zip(pod.containers, told.steps, strict=True)
    return Judgement(
        told.verdict,
        tuple(Step(one, *step) for one, step in steps),
        told.proxies,
        told.reason,
        tuple(_judgement(pod, other) for other in told.others),
    )
