"""Groups the pods of a page by owner and shape: one entry for those that start alike.

Never the pods themselves: memory grows with the workloads, not with the pods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import evidence, meshes, parse
from kubectl_meshcheck.kinds import JOB, POD, kind_of, known
from kubectl_meshcheck.listed import ENDED, ListedPod, Meta, Start, Status
from kubectl_meshcheck.model import Condition, ContainerStatus, PodStart
from kubectl_meshcheck.owners import key_of
from kubectl_meshcheck.shapes import News, Shape, Shapes, told
from kubectl_meshcheck.workload import Ref

#: pod names that are kept of each group
NAMES = 5
#: kinds that give a new pod the name of an old one
_RENAMING = ("Pod", "StatefulSet")
#: owners whose last pod is kept as it came
RECENT = 8
#: the annotations and the labels that matter
_Marks = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]


class Group(msgspec.Struct, gc=False):
    """The pods of one owner with one shape, so far."""

    ref: Ref
    shape: int  #: its number on the page
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
    #: all of the first pod's
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)

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
    """What was read of one page."""

    page: int
    pods: int
    groups: list[Group]
    shapes: list[Shape]  #: by their numbers


class Sent(msgspec.Struct):
    """The same for another process."""

    page: int
    pods: int
    groups: list[Group]
    news: News

    def received(self) -> Part:
        """What it is there."""
        for group in self.groups:
            group.ref = replace(group.ref, kind=known(group.ref.kind))
        return Part(self.page, self.pods, self.groups, told(self.news))


class _Before:
    """A pod of a list, and the group that it is of."""

    def __init__(self, pod: ListedPod, start: PodStart, group: Group) -> None:
        self.group = group
        self._start = Start(pod.spec)
        # copies: what was decoded holds on to all that came with it
        self._annotations = pod.metadata.annotations.copy()
        self._labels = pod.metadata.labels.copy()
        self._marks = (tuple(start.annotations.items()), tuple(start.labels.items()))

    def starts_like(self, pod: ListedPod) -> bool:
        """Whether a pod of the same owner has the same shape."""
        if not self._start.same(pod.spec):
            return False
        annotations, labels = pod.metadata.annotations, pod.metadata.labels
        mine, my_labels = self._marks
        # a network plugin may have written each pod's address down
        return (
            self._annotations == annotations
            or mine == meshes.relevant(pod.marks(annotations))
        ) and (
            self._labels == labels or my_labels == meshes.relevant(pod.marks(labels))
        )


class Grouping:
    """The pods of one page, as far as they start alike."""

    def __init__(self, page: int = 0, *, live: bool) -> None:
        self.page = page
        self.pods = 0
        self._shapes = Shapes()
        self._live = live
        self._groups: dict[tuple[str, str, str, str, int], Group] = {}
        #: the last pod of the owners that came last
        self._before: dict[tuple[str, bytes], _Before] = {}

    def add(self, pod: parse.Pod, source: str = "") -> Group | None:
        """Counts a pod in with those of its owner that start alike: its group.

        None for one that is leaving, or that its controller has already replaced.
        """
        meta, status = pod.metadata, pod.status
        owner = parse.controller(meta)
        if _gone(meta, status, owner):
            return None
        if owner is None or owner.kind == "Node":  # a static pod stands for itself
            owner = parse.Owner("Pod", meta.name or meta.generateName, "v1")
        group = self._group(pod, owner, source)
        self._count(group, pod, lambda: status)
        return group

    def take(self, pod: ListedPod, on_invalid: Callable[[str], None]) -> None:
        """The same for a pod of a list; a sentence for one that does not fit."""
        try:
            self._take(pod)
        except (ValueError, RecursionError) as error:
            meta = pod.metadata
            on_invalid(f"{meta.namespace}/{meta.name}: {error}")

    def _take(self, pod: ListedPod) -> None:
        """Most pods start like the one before of the same owner."""
        owners = pod.owners
        before = self._before.get(owners)
        if before is None or pod.leaves or not before.starts_like(pod):
            group = self.add(pod.decoded())
            if group is not None and group.ref.kind is not POD:
                start = self._shapes.all[group.shape].pod
                self._before[owners] = _Before(pod, start, group)
                if len(self._before) > RECENT:  # lists are sorted: none comes back
                    del self._before[next(iter(self._before))]
            return
        self._count(before.group, pod, pod.seen)

    def part(self) -> Part:
        """What was read."""
        return Part(self.page, self.pods, list(self._groups.values()), self._shapes.all)

    def sent(self) -> Sent:
        """What was read, for another process."""
        groups = list(self._groups.values())
        return Sent(self.page, self.pods, groups, self._shapes.news())

    def _group(self, pod: parse.Pod, owner: parse.Owner, source: str) -> Group:
        """The group of that owner and shape, made where it is the first of them."""
        meta, status = pod.metadata, pod.status
        kind = kind_of(owner.kind, owner.apiVersion)
        shape = self._shapes.number(parse.pod_start(pod.spec, *_marks(meta)))
        ref = Ref(kind, meta.namespace, owner.name)
        key = (*key_of(ref), shape)
        group = self._groups.get(key)
        if group is None:
            # a pod in a manifest has not been started by anybody
            live = self._live or bool(status and status.phase)
            group = self._groups[key] = Group(ref, shape, live, source)
            group.labels = meta.labels or parse.NONE
            group.hash = group.labels.get("pod-template-hash", "")
        return group

    def _count(
        self,
        group: Group,
        pod: parse.Pod | ListedPod,
        seen: Callable[[], parse.PodStatus | None],
    ) -> None:
        """One more; ``seen`` tells its whole status."""
        ready, restarts = _health(pod.status)
        well = ready and not restarts
        if not well or not group.pods:
            self._show(group, pod, restarts, seen(), well=well)
        self.pods += 1
        group.pods += 1
        group.ready += ready
        group.restarts += restarts
        if len(group.first) < NAMES:
            meta = pod.metadata
            group.first[meta.name] = _uid(group, meta)

    def _show(
        self,
        group: Group,
        pod: parse.Pod | ListedPod,
        restarts: int,
        status: parse.PodStatus | None,
        *,
        well: bool,
    ) -> None:
        """Keeps a pod's state, where it shows more than what is kept."""
        statuses = parse.statuses(status)
        judgement = self._shapes.all[group.shape].judgement
        shows = 0 if well else evidence.weight(judgement, statuses)
        if (shows, restarts) <= group.worst:
            return
        group.worst = (shows, restarts)
        group.statuses = statuses
        group.conditions = parse.conditions(status)
        group.started = (status.startTime or "") if status else ""
        group.shown = (pod.metadata.name, _uid(group, pod.metadata))


def _marks(meta: parse.Meta) -> _Marks:
    return meshes.relevant(meta.annotations), meshes.relevant(meta.labels)


def _uid(group: Group, meta: parse.Meta | Meta) -> str:
    return meta.uid if group.ref.kind.kind in _RENAMING else ""


def _health(status: parse.PodStatus | Status | None) -> tuple[bool, int]:
    """Whether all of a pod's containers are ready, and how often they began anew."""
    told = status.containerStatuses if status else None
    if not told:
        return False, 0
    ready, restarts = True, 0
    for one in told:
        ready &= one.ready
        restarts += one.restartCount
    return ready, restarts


def _gone(
    meta: parse.Meta, status: parse.PodStatus | None, owner: parse.Owner | None
) -> bool:
    """A pod that is leaving, or that its controller has already replaced."""
    if meta.deletionTimestamp:
        return True
    ended = status is not None and status.phase in ENDED
    return ended and owner is not None and owner.kind != JOB.kind
