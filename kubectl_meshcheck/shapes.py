"""The shapes of pods: each is judged once, and known by a number.

Two processes that read one list tell each other of the shapes that they meet.  What
they send has each container once, for most stand in many pods, and in their judgements.
"""

from __future__ import annotations

from collections.abc import Mapping

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


class _Opinion(msgspec.Struct, array_like=True):
    """A judgement without the containers, which are the pod's in its order."""

    verdict: Verdict
    steps: list[tuple[State, str, str]]
    proxies: tuple[Proxy, ...]
    reason: str
    others: list[_Opinion]


class _Shape(msgspec.Struct, array_like=True):
    """A pod with its containers by their numbers, and what is thought of it."""

    containers: tuple[int, ...]
    annotations: dict[str, str]
    labels: dict[str, str]
    host_network: bool
    restart_policy: str
    opinion: _Opinion


class News(msgspec.Struct, array_like=True):
    """What another process has met since it told last."""

    containers: list[Container]
    shapes: list[_Shape]


class Shapes:
    """All shapes that were met."""

    def __init__(self) -> None:
        self.judged: list[tuple[PodStart, Judgement]] = []  #: by their numbers
        self._numbers: dict[object, int] = {}
        self._containers: dict[Container, int] = {}
        self._marks: dict[tuple[tuple[str, str], ...], int] = {}
        self._told = (0, 0)  # of the containers and the shapes, to another process
        #: what another process has told, by its numbers
        self._their_containers: list[Container] = []
        self._theirs: list[int] = []

    def number(self, pod: PodStart) -> int:
        """The number of a shape, judged where it is new."""
        found = self._known(pod)
        if found == len(self.judged):
            self.judged.append((pod, meshes.judge(pod)))
        return found

    def news(self) -> News:
        """What was met since this was last asked."""
        containers, shapes = self._told
        self._told = len(self._containers), len(self.judged)
        return News(
            list(self._containers)[containers:],
            [self._sent(pod, told) for pod, told in self.judged[shapes:]],
        )

    def learn(self, news: News) -> None:
        """Takes another process' next news."""
        self._their_containers += map(parse.shared, news.containers)
        for sent in news.shapes:
            pod = PodStart(
                tuple(self._their_containers[number] for number in sent.containers),
                parse.marked(*sent.annotations.items()),
                parse.marked(*sent.labels.items()),
                sent.host_network,
                sent.restart_policy,
            )
            number = self._known(pod)
            if number == len(self.judged):
                self.judged.append((pod, _judgement(pod, sent.opinion)))
            self._theirs.append(number)

    def ours(self, theirs: int) -> int:
        """Our number for a shape that another process has told of by its own."""
        return self._theirs[theirs]

    def _known(self, pod: PodStart) -> int:
        """The number of a shape; of a new one, its number to come."""
        key = (
            tuple(map(self._number, pod.containers)),
            self._marked(pod.annotations),
            self._marked(pod.labels),
            pod.host_network,
            pod.restart_policy,
        )
        return self._numbers.setdefault(key, len(self.judged))

    def _marked(self, marks: Mapping[str, str]) -> int:
        return self._marks.setdefault(tuple(marks.items()), len(self._marks))

    def _number(self, container: Container) -> int:
        return self._containers.setdefault(container, len(self._containers))

    def _sent(self, pod: PodStart, judgement: Judgement) -> _Shape:
        return _Shape(
            tuple(self._containers[one] for one in pod.containers),
            dict(pod.annotations),
            dict(pod.labels),
            pod.host_network,
            pod.restart_policy,
            _opinion(judgement),
        )


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
