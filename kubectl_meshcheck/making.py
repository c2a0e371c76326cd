"""Makes what the checks look at of groups of pods, their owners and events; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.events import Events
from kubectl_meshcheck.grouping import NAMES, Group
from kubectl_meshcheck.model import PodEvent, PodStart, Verdict
from kubectl_meshcheck.owners import Key, Known, Owners, key_of
from kubectl_meshcheck.shapes import Shape
from kubectl_meshcheck.workload import Ref, Subject

#: with what the pod shows whose statuses it has
_Weighed = tuple[Subject, tuple[int, int]]


class Making:
    """Makes subjects with what one scan has read, as far as it has."""

    def __init__(
        self,
        owners: Owners,
        namespaces: Mapping[str, parse.Meta],
        events: Events,
        unread: Mapping[str, str],
        *,
        live: bool,
    ) -> None:
        self._owners = owners
        self._namespaces = namespaces
        self._events = events
        self._unread = unread  # why not all pods of a namespace are known
        self._live = live

    def of(self, space: str, groups: Iterable[tuple[Shape, Group]]) -> list[Subject]:
        """Every workload and shape of a namespace, whose groups are given."""
        merged: dict[Key, list[_Weighed]] = {}
        covered: set[Key] = set()
        for shape, group in groups:
            chain = self._owners.chain(group.ref, group.hash)
            covered.update(map(key_of, chain))
            own = merged.setdefault(key_of(chain[-1]), [])
            one = (self._subject(shape, group, chain), group.worst)
            for at, before in enumerate(own):
                if before[0].pod == shape.pod:
                    own[at] = _merged(before, one)
                    break
            else:
                own.append(one)
        rows = [subject for own in merged.values() for subject, _ in own]
        alone = self._owners.alone(space, covered)
        return [*rows, *(self._from_template(one) for one in alone)]

    def _subject(self, shape: Shape, group: Group, chain: tuple[Ref, ...]) -> Subject:
        owner = self._keeper(chain)
        return Subject(
            ref=chain[-1],
            owners=chain,
            pod=shape.pod,
            judgement=shape.judgement,
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

    def refused(self, rows: list[Subject]) -> list[Subject]:
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
        unread = self._unread.get(known.ref.namespace, self._unread.get("", ""))
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
