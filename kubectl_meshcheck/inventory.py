"""Gathers pods and their owners as they come, and groups what starts alike.

Keeps one entry for the pods of one owner and shape, never the pods themselves:
memory grows with the workloads, not with the pods.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import evidence, explaining, meshes, parse
from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.events import Events
from kubectl_meshcheck.kinds import JOB, Kind, kind_of
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls
from kubectl_meshcheck.model import Judgement, PodEvent, PodStart
from kubectl_meshcheck.owners import Key, Known, Owners, key_of
from kubectl_meshcheck.workload import Ref, Subject

#: pod names that are kept of each group
NAMES = 5
#: owners whose last pod is kept as it came
RECENT = 16
#: the annotations and the labels that matter
_Marks = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
#: with what the pod shows whose statuses it has
_Weighed = tuple[Subject, tuple[int, int]]


class _Group(msgspec.Struct):
    """The pods of one owner with one shape, so far."""

    ref: Ref
    shape: int
    live: bool
    source: str = ""
    pods: int = 0
    ready: int = 0
    restarts: int = 0
    #: what the pod shows whose status is kept, and its restarts
    worst: tuple[int, int] = (-1, -1)
    status: parse.PodStatus | None = None
    #: some, with their uids
    names: dict[str, str] = msgspec.field(default_factory=dict)
    hash: str = ""  #: the pod-template-hash, to tell the Deployment
    labels: parse.Marks = None  #: all of the first pod's


class Inventory:
    """Everything that one scan has read."""

    def __init__(self, *, live: bool = True) -> None:
        self._live = live
        self._groups: dict[tuple[str, str, str, str, int], _Group] = {}
        self._shapes: dict[object, int] = {}
        #: the last pod of the owners that came last
        self._before: dict[
            tuple[str, str, str], tuple[parse.PodSpec, _Marks, _Group]
        ] = {}
        self._judged: list[tuple[PodStart, Judgement]] = []
        self._owners = Owners()
        self._namespaces: dict[str, parse.Meta] = {}
        self._events = Events()
        self.pods = 0
        self.mesh_objects = MeshObjects()  #: what configures the meshes
        #: what could not be read and nobody asked for: said, and no problem
        self.notes: list[str] = []

    # -- taking in ---------------------------------------------------------

    def add_pod(self, pod: parse.Pod, source: str = "") -> None:
        """Counts a pod in with those of its owner that start alike."""
        meta, status = pod.metadata, pod.status
        owner = parse.controller(meta)
        if _gone(meta, status, owner):
            return
        self.pods += 1
        if owner is None or owner.kind == "Node":  # a static pod stands for itself
            owner = parse.Owner("Pod", meta.name or meta.generateName, "v1")
        marks = (meshes.relevant(meta.annotations), meshes.relevant(meta.labels))
        owned = (owner.kind, owner.name, meta.namespace)
        # most pods start like the one before of the same owner: comparing is half
        # the cost of hashing, and a look-up does both
        before = self._before.get(owned)
        if before and before[1] == marks and before[0] == pod.spec:
            self._count(before[2], meta, status)
            return
        group = self._group(pod, owner, marks, source)
        self._before[owned] = (pod.spec, marks, group)
        if len(self._before) > RECENT:  # lists are sorted, so owners do not come back
            del self._before[next(iter(self._before))]
        self._count(group, meta, status)

    def _group(
        self, pod: parse.Pod, owner: parse.Owner, marks: _Marks, source: str
    ) -> _Group:
        """The group of that owner and shape, made where it is the first of them."""
        meta, status = pod.metadata, pod.status
        kind = kind_of(owner.kind, owner.apiVersion)
        shape = self._shape(pod.spec, marks)
        key = (kind.kind, kind.group, meta.namespace, owner.name, shape)
        group = self._groups.get(key)
        if group is None:
            ref = Ref(kind, meta.namespace, owner.name)
            # a pod in a manifest has not been started by anybody
            live = self._live or bool(status and status.phase)
            group = self._groups[key] = _Group(ref, shape, live, source)
            group.labels = meta.labels
            group.hash = (meta.labels or {}).get("pod-template-hash", "")
        return group

    def _count(
        self, group: _Group, meta: parse.Meta, status: parse.PodStatus | None
    ) -> None:
        told = (status.containerStatuses or ()) if status else ()
        ready = bool(told) and all(one.ready for one in told)
        restarts = sum(one.restartCount for one in told)
        group.pods += 1
        group.ready += ready
        group.restarts += restarts
        shows = 0
        if restarts or not ready:  # nothing else can have anything to show
            judgement = self._judged[group.shape][1]
            shows = evidence.weight(judgement, parse.statuses(status))
        if (shows, restarts) > group.worst:
            group.worst, group.status = (shows, restarts), status
            group.names = {meta.name: meta.uid, **group.names}
            if len(group.names) > NAMES:
                group.names.popitem()
        elif len(group.names) < NAMES:
            group.names[meta.name] = meta.uid

    def add_workload(self, kind: Kind, found: parse.Workload, source: str = "") -> None:
        """Remembers an owner with its template."""
        self._owners.add_workload(kind, found, source)

    def add_owner(self, kind: Kind, meta: parse.Meta) -> None:
        """Remembers an owner of which only the metadata was read."""
        self._owners.add_owner(kind, meta)

    def add_namespace(self, meta: parse.Meta) -> None:
        """Remembers a namespace's labels and annotations."""
        self._namespaces[meta.name] = meta

    def adopt(self, other: Inventory) -> None:
        """Takes over the owners and the settings that an earlier scan has read."""
        self._owners.adopt(other._owners)
        self._namespaces = dict(other._namespaces)
        self.mesh_objects = other.mesh_objects

    def add_event(self, found: parse.Event) -> None:
        """Remembers an event, where it tells something of a start."""
        self._events.add(found)

    def wants_events(self) -> bool:
        """Whether events could add to what the pods show."""
        return any(
            evidence.telling(self._judged[group.shape][1])
            for group in self._groups.values()
        )

    def _shape(self, spec: parse.PodSpec, marks: _Marks) -> int:
        annotations, labels = marks
        pod = parse.pod_start(spec, annotations, labels)
        key = (pod.containers, marks, pod.host_network, pod.restart_policy)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = len(self._judged)
            self._judged.append((pod, meshes.judge(pod)))
        return shape

    # -- owners ------------------------------------------------------------

    def missing(self) -> list[Kind]:
        """The kinds that have to be read to know who owns the pods."""
        wanted: dict[Kind, None] = {}
        for group in self._groups.values():
            top = self._chain(group)[-1]
            if self._owners.missing(top):
                wanted[top.kind] = None
        return list(wanted)

    def _chain(self, group: _Group) -> tuple[Ref, ...]:
        return self._owners.chain(group.ref, group.hash)

    # -- giving out --------------------------------------------------------

    def subjects(self) -> list[Subject]:
        """Every workload and shape, in no particular order."""
        merged: dict[tuple[Key, int], _Weighed] = {}
        covered: set[Key] = set()
        for group in self._groups.values():
            chain = self._chain(group)
            covered.update(key_of(ref) for ref in chain)
            key = (key_of(chain[-1]), group.shape)
            subject = self._subject(group, chain)
            before = merged.get(key)
            both = _merged(before, (subject, group.worst)) if before else None
            merged[key] = both or (subject, group.worst)
        rows = [subject for subject, _ in merged.values()]
        rows += [self._from_template(one) for one in self._owners.alone(covered)]
        unknown = self.mesh_objects.webhooks_unknown
        return explaining.explained(rows, self.control_planes(), unknown)

    def control_planes(self) -> tuple[ControlPlane, ...]:
        """The meshes' control planes, as far as their objects were read."""
        objects = self.mesh_objects
        for wanted in controls.wanted(objects):
            key = (wanted.kind, "apps", wanted.namespace, wanted.name)
            known = self._owners.template_of(key)
            if known is not None and known.template is not None:
                objects.deployments[wanted] = known.template
        if objects.webhooks_unknown:
            told = (controls.hint(pod) for pod, _ in self._judged)
            objects.hints.update(dict.fromkeys(one for one in told if one))
        return controls.planes(objects)

    def _subject(self, group: _Group, chain: tuple[Ref, ...]) -> Subject:
        pod, judgement = self._judged[group.shape]
        subject = Subject(
            ref=chain[-1],
            owners=chain,
            pod=pod,
            judgement=judgement,
            pods=group.pods,
            ready=group.ready,
            names=tuple(group.names),
            restarts=group.restarts,
            statuses=parse.statuses(group.status),
            conditions=parse.conditions(group.status),
            started=(group.status.startTime or "") if group.status else "",
            events=self._events_of(group),
            labels=group.labels or {},
            live=group.live,
            source=group.source,
        )
        subject = self._placed(subject)
        found = (self._owners.with_template(ref) for ref in reversed(chain))
        owner = next((one for one in found if one), None)
        return self._owned(subject, owner) if owner else subject

    def _events_of(self, group: _Group) -> tuple[PodEvent, ...]:
        ref = group.ref
        return self._events.of_owner(
            ref.namespace, ref.name, ref.kind.kind, group.names
        )

    def _owned(self, subject: Subject, owner: Known) -> Subject:
        meta = owner.meta
        marks = (*meshes.relevant(meta.labels), *meshes.relevant(meta.annotations))
        return replace(
            subject,
            template=owner.pod,
            labels=owner.labels,
            own_marks=dict(marks),
            replicas=owner.replicas,
            source=subject.source or owner.source,
        )

    def _from_template(self, known: Known) -> Subject:
        pod = known.pod or PodStart()
        subject = Subject(
            ref=known.ref,
            owners=(known.ref,),
            pod=pod,
            judgement=meshes.judge(pod),
            live=self._live,
        )
        return self._owned(self._placed(subject), known)

    def _placed(self, subject: Subject) -> Subject:
        """The subject with what is known of its namespace."""
        meta = self._namespaces.get(subject.ref.namespace)
        if meta is None:
            return subject
        return replace(
            subject,
            namespace_labels=meta.labels or {},
            namespace_annotations=meta.annotations or {},
        )


def _gone(
    meta: parse.Meta, status: parse.PodStatus | None, owner: parse.Owner | None
) -> bool:
    """A pod that is leaving, or that its controller has already replaced."""
    if meta.deletionTimestamp:
        return True
    ended = status is not None and status.phase in ("Failed", "Succeeded")
    return ended and owner is not None and owner.kind != JOB.kind


def _merged(one: _Weighed, other: _Weighed) -> _Weighed:
    """Two groups of one workload that start alike, as one."""
    (a, worst_a), (b, worst_b) = (one, other) if one[1] >= other[1] else (other, one)
    both = replace(
        a,
        pods=a.pods + b.pods,
        ready=a.ready + b.ready,
        restarts=a.restarts + b.restarts,
        names=(a.names + b.names)[:NAMES],
        events=a.events + b.events,
    )
    return both, max(worst_a, worst_b)
