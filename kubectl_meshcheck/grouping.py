"""Groups pods by owner and shape as they come: one entry for those that start alike.

Never the pods themselves: memory grows with the workloads, not with the pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import evidence, meshes, parse
from kubectl_meshcheck.kinds import JOB, kind_of, known
from kubectl_meshcheck.model import Condition, ContainerStatus, Judgement, PodStart
from kubectl_meshcheck.owners import key_of
from kubectl_meshcheck.workload import Ref

#: pod names that are kept of each group
NAMES = 5
#: kinds that give a new pod the name of an old one
_RENAMING = ("Pod", "StatefulSet")
#: owners whose last pod is kept as it came
RECENT = 8
#: the annotations and the labels that matter
_Marks = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


class Group(msgspec.Struct):
    """The pods of one owner with one shape, so far."""

    ref: Ref
    shape: int  #: an index of ``Groups.judged``
    live: bool
    source: str = ""
    pods: int = 0
    ready: int = 0
    restarts: int = 0
    #: what the pod shows whose state is kept, and its restarts
    worst: tuple[int, int] = (-1, -1)
    shown: tuple[str, str] = ("", "")  #: its name and uid
    statuses: Mapping[str, ContainerStatus] = msgspec.field(default_factory=dict)
    conditions: Mapping[str, Condition] = msgspec.field(default_factory=dict)
    started: str = ""
    #: the first, with their uids where a new pod may have an old one's name
    first: dict[str, str] = msgspec.field(default_factory=dict)
    hash: str = ""  #: the pod-template-hash, to tell the Deployment
    labels: parse.Marks = None  #: all of the first pod's

    @property
    def names(self) -> dict[str, str]:
        """Some of the pods with their uids, before all others the one that is shown."""
        name, uid = self.shown
        if next(iter(self.first), "") == name:
            return self.first
        found = {name: uid, **self.first}
        while len(found) > NAMES:
            found.popitem()
        return found

    def add(self, later: Group) -> None:
        """Counts in the pods of another part of a list, which stood behind these."""
        self.pods += later.pods
        self.ready += later.ready
        self.restarts += later.restarts
        if later.worst > self.worst:
            self.worst, self.shown = later.worst, later.shown
            self.statuses, self.conditions = later.statuses, later.conditions
            self.started = later.started
        for name, uid in later.first.items():
            if len(self.first) == NAMES:
                break
            self.first[name] = uid


class Part(msgspec.Struct):
    """The groups of one page of a list."""

    page: int
    groups: list[Group]


class Share(msgspec.Struct):
    """What another process has read of a list since it told last."""

    pods: int
    parts: list[Part]
    judged: list[tuple[PodStart, Judgement]]  #: shapes that are new


class _Before(msgspec.Struct):
    """A pod, and the group that it is of."""

    pod: parse.PodOf[Any]
    marks: _Marks
    group: Group

    def starts_like(self, pod: parse.PodOf[Any]) -> bool:
        """Whether a pod of the same owner has the same shape."""
        mine, other = self.pod.metadata, pod.metadata
        annotations, labels = self.marks
        return (
            self.pod.spec == pod.spec
            and (
                mine.annotations == other.annotations
                or annotations == meshes.relevant(other.annotations)
            )
            and (mine.labels == other.labels or labels == meshes.relevant(other.labels))
        )


class Groups:
    """The pods that were read, as far as they start alike."""

    def __init__(self, *, live: bool) -> None:
        self.pods = 0
        self.judged: list[tuple[PodStart, Judgement]] = []  #: every shape
        self._live = live
        self._groups: dict[tuple[str, str, str, str, int], Group] = {}
        self._shapes: dict[object, int] = {}
        #: the last pod of the owners that came last
        self._before: dict[tuple[str, str, str], _Before] = {}
        self._page = 0
        self._parts: list[Part] = []  # where a list is read by several
        self._told = 0  # of ``judged``, to another process
        self._theirs: list[int] = []  # our numbers for another's shapes

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def add(self, pod: parse.PodOf[Any], source: str = "") -> None:
        """Counts a pod in with those of its owner that start alike.

        Raises ``ValueError`` for an environment that was left undecoded and is none.
        """
        meta, status = pod.metadata, pod.status
        owner = parse.controller(meta)
        if _gone(meta, status, owner):
            return
        if owner is None or owner.kind == "Node":  # a static pod stands for itself
            owner = parse.Owner("Pod", meta.name or meta.generateName, "v1")
        # most pods start like the one before of the same owner: comparing is half
        # the cost of hashing, and a look-up does both
        owned = (owner.kind, owner.name, meta.namespace)
        before = self._before.get(owned)
        if before is None or not before.starts_like(pod):
            marks = (meshes.relevant(meta.annotations), meshes.relevant(meta.labels))
            group = self._group(pod, owner, marks, source)
            self._before[owned] = before = _Before(pod, marks, group)
            if len(self._before) > RECENT:  # lists are sorted: owners do not come back
                del self._before[next(iter(self._before))]
        self.pods += 1
        self._count(before.group, meta, status)

    def take(self, pod: parse.ListedPod, on_invalid: Callable[[str], None]) -> None:
        """The same for a pod of a list; a sentence for one that does not fit."""
        try:
            self.add(pod)
        except ValueError as error:  # nothing but its environment is decoded so late
            meta = pod.metadata
            on_invalid(f"{meta.namespace}/{meta.name}: a container's env: {error}")

    def turn(self, page: int) -> None:
        """The pods that follow are of this page of a list.

        Where several read one list, each groups its own pages by themselves, so that
        the whole does not depend on who was given which.
        """
        if self._groups:
            self._parts.append(Part(self._page, list(self._groups.values())))
            self._groups, self._before = {}, {}
        self._page = page

    def share(self) -> Share:
        """What was read since this was last asked, to be joined in another process."""
        self.turn(self._page)
        share = Share(self.pods, self._parts, self.judged[self._told :])
        self.pods, self._parts, self._told = 0, [], len(self.judged)
        return share

    def join(self, other: Share) -> None:
        """Takes another process' next share; ``settle`` when there are no more."""
        told = self._theirs
        told += [self._known(pod, judgement) for pod, judgement in other.judged]
        for part in other.parts:
            for group in part.groups:
                group.shape = told[group.shape]
                group.ref = replace(group.ref, kind=known(group.ref.kind))
        self._parts += other.parts
        self.pods += other.pods

    def settle(self) -> None:
        """Puts the pages together, in the list's order."""
        self.turn(self._page)
        for part in sorted(self._parts, key=lambda part: part.page):
            for group in part.groups:
                key = (*key_of(group.ref), group.shape)
                before = self._groups.setdefault(key, group)
                if before is not group:
                    before.add(group)
        self._parts = []

    def _group(
        self, pod: parse.PodOf[Any], owner: parse.Owner, marks: _Marks, source: str
    ) -> Group:
        """The group of that owner and shape, made where it is the first of them."""
        meta, status = pod.metadata, pod.status
        kind = kind_of(owner.kind, owner.apiVersion)
        shape = self._shape(pod.spec, marks)
        ref = Ref(kind, meta.namespace, owner.name)
        key = (*key_of(ref), shape)
        group = self._groups.get(key)
        if group is None:
            # a pod in a manifest has not been started by anybody
            live = self._live or bool(status and status.phase)
            group = self._groups[key] = Group(ref, shape, live, source)
            group.labels = meta.labels
            group.hash = (meta.labels or {}).get("pod-template-hash", "")
        return group

    def _count(
        self, group: Group, meta: parse.Meta, status: parse.PodStatus | None
    ) -> None:
        ready, restarts = False, 0
        if status is not None and status.containerStatuses:
            ready = True
            for one in status.containerStatuses:
                ready &= one.ready
                restarts += one.restartCount
        group.pods += 1
        group.ready += ready
        group.restarts += restarts
        shows = 0
        if restarts or not ready:  # nothing else can have anything to show
            judgement = self.judged[group.shape][1]
            shows = evidence.weight(judgement, parse.statuses(status))
        uid = meta.uid if group.ref.kind.kind in _RENAMING else ""
        if (shows, restarts) > group.worst:
            group.worst = (shows, restarts)
            group.statuses = parse.statuses(status)
            group.conditions = parse.conditions(status)
            group.started = (status.startTime or "") if status else ""
            group.shown = (meta.name, uid)
        if len(group.first) < NAMES:
            group.first[meta.name] = uid

    def _shape(self, spec: parse.SpecOf[Any], marks: _Marks) -> int:
        return self._known(parse.pod_start(spec, *marks))

    def _known(self, pod: PodStart, judgement: Judgement | None = None) -> int:
        """The number of a shape, judged where it is new."""
        marks = (tuple(pod.annotations.items()), tuple(pod.labels.items()))
        key = (pod.containers, marks, pod.host_network, pod.restart_policy)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = len(self.judged)
            self.judged.append((pod, judgement or meshes.judge(pod)))
        return shape


def _gone(
    meta: parse.Meta, status: parse.PodStatus | None, owner: parse.Owner | None
) -> bool:
    """A pod that is leaving, or that its controller has already replaced."""
    if meta.deletionTimestamp:
        return True
    ended = status is not None and status.phase in ("Failed", "Succeeded")
    return ended and owner is not None and owner.kind != JOB.kind
