"""Which logs are worth reading for proof, and what they say together.

Whoever calls brings the reading: from a cluster, or from recorded files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import evidence, logs
from kubectl_meshcheck.errors import MeshcheckError, Problem
from kubectl_meshcheck.model import Redirect, Role, State, Verdict
from kubectl_meshcheck.workload import Subject

#: workloads of one scan whose logs are read, one pod of each, four logs of a pod
MOST_WORKLOADS = 25
_RACING = (Verdict.RACE, Verdict.PARTIAL)


class Wanted(msgspec.Struct, frozen=True):
    """One log."""

    namespace: str
    pod: str
    container: str
    previous: bool = False  #: of the run before this one


#: reads one log with timestamps, from its beginning, at most ``logs.MOST_BYTES``;
#: None: there is no such log
Read = Callable[[Wanted], str | None]


class DeniedError(MeshcheckError):
    """The logs of a namespace may not be read, so no more of them are asked for."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what, problem.hint)
        self.problem = problem


def listen(
    subjects: Iterable[Subject], read: Read
) -> tuple[list[Subject], list[Problem]]:
    """The subjects with what the logs of the racing ones say, and what was unreadable.

    Those that show most come first when there are too many.
    """
    found = list(subjects)
    racing = [s for s in found if s.running and s.judgement.verdict in _RACING]
    racing.sort(key=lambda s: (-evidence.weight(s.judgement, s.statuses), -s.restarts))
    problems: list[Problem] = []
    heard: dict[int, Subject] = {}
    denied: set[str] = set()
    for subject in racing[:MOST_WORKLOADS]:
        if subject.ref.namespace in denied:
            continue
        try:
            heard[id(subject)] = replace(subject, heard=_hear(subject, read))
        except DeniedError as error:
            denied.add(subject.ref.namespace)
            problems.append(error.problem)
        except MeshcheckError as error:
            what = f"the logs of {subject.ref} could not be read: {error.what}"
            problems.append(Problem(what, error.hint))
    return [heard.get(id(subject), subject) for subject in found], problems


def _hear(subject: Subject, read: Read) -> logs.Heard | None:
    proxy = subject.judgement.proxy
    app = _container(subject)
    if proxy is None or not app or not subject.names:
        return None
    theirs = subject.pod.containers[proxy.index].name
    texts = {log: read(log) for name in (app, theirs) for log in _logs(subject, name)}
    over = subject.statuses.get(app)
    ended = over is not None and over.state == "terminated"
    return logs.hear(
        app,
        theirs,
        [
            (log.previous or ended, text)
            for log, text in texts.items()
            if text and log.container == app
        ],
        [text for log, text in texts.items() if text and log.container == theirs],
        local=proxy.capture.by is Redirect.NONE,
    )


def _container(subject: Subject) -> str:
    """The exposed container that suffers most; empty without any."""
    exposed = subject.judgement.named(State.EXPOSED, Role.MAIN)

    def restarts(name: str) -> int:
        told = subject.statuses.get(name)
        return told.restarts if told else 0

    return max(exposed, key=restarts, default="")


def _logs(subject: Subject, container: str) -> list[Wanted]:
    """The logs that there are of one container, the earlier first."""
    told = subject.statuses.get(container)
    place = (subject.ref.namespace, subject.names[0], container)
    before = [Wanted(*place, previous=True)] if told and told.restarts else []
    # of a container that waits the kubelet gives out the run before as this one
    # (kubernetes/kubernetes: pkg/kubelet/kubelet_pods.go validateContainerLogStatus)
    now = [] if before and told and told.state == "waiting" else [Wanted(*place)]
    return before + now
