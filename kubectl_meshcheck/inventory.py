"""Gathers pods, their owners and their settings as they come, for one scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from kubectl_meshcheck import evidence, explaining, meshes, parse
from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.events import Events
from kubectl_meshcheck.grouping import NAMES, Group, Groups, Share
from kubectl_meshcheck.kinds import Kind
from kubectl_meshcheck.listed import ListedPod
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls, registry
from kubectl_meshcheck.model import PodEvent, PodStart, Verdict
from kubectl_meshcheck.owners import Key, Known, Owners, key_of
from kubectl_meshcheck.workload import Ref, Subject

#: with what the pod shows whose statuses it has
_Weighed = tuple[Subject, tuple[int, int]]


class Inventory:
    """Everything that one scan has read."""

    def __init__(self, *, live: bool = True) -> None:
        self._live = live
        self._groups = Groups(live=live)
        self._owners = Owners(live=live)
        self._namespaces: dict[str, parse.Meta] = {}
        self._events = Events()
        self.mesh_objects = MeshObjects()  #: what configures the meshes
        #: why not all pods of a namespace are known; "" stands for all namespaces
        self.pods_unread: dict[str, str] = {}
        #: what could not be read and nobody asked for: said, and no problem
        self.notes: list[str] = []

    # -- taking in ---------------------------------------------------------

    def add_pod(self, pod: parse.Pod, source: str = "") -> None:
        """Counts a pod in with those of its owner that start alike.

        Raises ``ValueError`` for an environment that was left undecoded and is none.
        """
        self._groups.add(pod, source)

    def take_pod(self, pod: ListedPod, on_invalid: Callable[[str], None]) -> None:
        """The same for a pod of a list; a sentence for one that does not fit."""
        self._groups.take(pod, on_invalid)

    def turn(self, page: int) -> None:
        """The pods that follow are of this page of a list that several read."""
        self._groups.turn(page)

    def join(self, share: Share) -> None:
        """Adds pods that another process has read; ``settle`` follows the last."""
        self._groups.join(share)

    def settle(self) -> None:
        """Puts the pages of a list that several have read together."""
        self._groups.settle()

    @property
    def pods(self) -> int:
        """How many were counted."""
        return self._groups.pods

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
            evidence.telling(self._groups.judged[group.shape][1])
            for group in self._groups
        )

    def wants_skips(self) -> bool:
        """Whether an injector's events could tell why a pod has no proxy."""
        for group in self._groups:
            pod, _ = self._groups.judged[group.shape]
            around = self._namespaces.get(group.ref.namespace)
            if meshes.writes_events(pod, around.annotations if around else None):
                return True
        return False

    def wants_refusals(self) -> bool:
        """Whether events could tell that an injector keeps pods from being created."""
        objects = self.mesh_objects
        if not objects.webhooks_unknown and not any(registry.present(objects)):
            return False
        return bool(self._owners.lacking())

    # -- owners ------------------------------------------------------------

    def missing(self) -> list[Kind]:
        """The kinds that have to be read to know who owns the pods."""
        wanted: dict[Kind, None] = {}
        for group in self._groups:
            top = self._chain(group)[-1]
            if self._owners.missing(top):
                wanted[top.kind] = None
        return list(wanted)

    def _chain(self, group: Group) -> tuple[Ref, ...]:
        return self._owners.chain(group.ref, group.hash)

    # -- giving out --------------------------------------------------------

    def subjects(self) -> list[Subject]:
        """Every workload and shape, in no particular order."""
        merged: dict[tuple[Key, int], _Weighed] = {}
        covered: set[Key] = set()
        for group in self._groups:
            chain = self._chain(group)
            covered.update(key_of(ref) for ref in chain)
            key = (key_of(chain[-1]), group.shape)
            subject = self._subject(group, chain)
            before = merged.get(key)
            both = _merged(before, (subject, group.worst)) if before else None
            merged[key] = both or (subject, group.worst)
        rows = [subject for subject, _ in merged.values()]
        rows += [self._from_template(one) for one in self._owners.alone(covered)]
        rows = self._refused(rows)
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
            told = (controls.hint(pod) for pod, _ in self._groups.judged)
            objects.hints.update(dict.fromkeys(one for one in told if one))
        return controls.planes(objects)

    def _subject(self, group: Group, chain: tuple[Ref, ...]) -> Subject:
        pod, judgement = self._groups.judged[group.shape]
        owner = self._keeper(chain)
        return Subject(
            ref=chain[-1],
            owners=chain,
            pod=pod,
            judgement=judgement,
            pods=group.pods,
            ready=group.ready,
            names=tuple(group.names),
            restarts=group.restarts,
            statuses=group.statuses,
            conditions=group.conditions,
            started=group.started,
            events=self._events_of(group),
            skipped=self._skipped(chain),
            live=group.live,
            labels=owner.labels if owner else group.labels,
            source=group.source or (owner.source if owner else ""),
            **self._around(chain[-1].namespace, owner),
        )

    def _keeper(self, chain: tuple[Ref, ...]) -> Known | None:
        """The top-most owner whose template was read."""
        for ref in reversed(chain):
            found = self._owners.with_template(ref)
            if found is not None:
                return found
        return None

    def _events_of(self, group: Group) -> tuple[PodEvent, ...]:
        ref = group.ref
        return self._events.of_owner(
            ref.namespace, ref.name, ref.kind.kind, group.names
        )

    def _skipped(self, chain: tuple[Ref, ...]) -> str:
        for ref in chain:
            told = self._events.skipped(ref.namespace, ref.kind.kind, ref.name)
            if told:
                return told
        return ""

    def _refused(self, rows: list[Subject]) -> list[Subject]:
        """With the newest word on why no pod is created, each on one row."""
        told = self._owners.refused(self._events.refused)
        if not told:
            return rows
        for row in rows:  # what was refused before its newest pod was made is over
            event = told.get(key_of(row.ref))
            if event is not None and event.last and event.last < row.started:
                del told[key_of(row.ref)]
        return [
            replace(row, refused=event)
            if (event := told.pop(key_of(row.ref), None)) is not None
            else row
            for row in rows
        ]

    def _from_template(self, known: Known) -> Subject:
        pod = known.pod or PodStart()
        judgement = meshes.judge(pod)
        unread = self.pods_unread.get(known.ref.namespace, self.pods_unread.get("", ""))
        if unread and judgement.verdict is Verdict.NONE and known.replicas != 0:
            # what its pods have that its template has not
            judgement = replace(judgement, verdict=Verdict.UNKNOWN, reason=unread)
        return Subject(
            ref=known.ref,
            owners=(known.ref,),
            pod=pod,
            judgement=judgement,
            unread=unread,
            live=self._live,
            labels=known.labels,
            source=known.source,
            **self._around(known.ref.namespace, known),
        )

    def _around(self, namespace: str, owner: Known | None) -> dict[str, Any]:
        """What a subject has of its owner and of its namespace."""
        meta = self._namespaces.get(namespace)
        return {
            "template": owner.pod if owner else None,
            "own_marks": _own_marks(owner) if owner else parse.NONE,
            "replicas": owner.replicas if owner else None,
            "namespace_labels": (meta.labels or {}) if meta else None,
            "namespace_annotations": (meta.annotations or {}) if meta else None,
        }


def _own_marks(owner: Known) -> Mapping[str, str]:
    """What stands on the owner's own metadata, where no mesh looks."""
    labels, annotations = owner.meta.labels, owner.meta.annotations
    if not labels and not annotations:
        return parse.NONE
    return dict((*meshes.relevant(labels), *meshes.relevant(annotations)))


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
