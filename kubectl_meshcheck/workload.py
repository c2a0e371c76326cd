"""What a check looks at: one workload's pods of one shape, and all that is known."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from kubectl_meshcheck.control import Explained
from kubectl_meshcheck.kinds import KINDS, Kind
from kubectl_meshcheck.logs import Heard
from kubectl_meshcheck.model import (
    Condition,
    ContainerStatus,
    Judgement,
    PodEvent,
    PodStart,
)


class Ref(msgspec.Struct, frozen=True, gc=False):
    """One object, named."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        """As kubectl takes it: ``deploy/cart``."""
        return f"{self.kind.short}/{self.name}"


class Subject(msgspec.Struct, frozen=True, gc=False):
    """The pods of one workload that start alike, or its template without pods."""

    ref: Ref  #: the top-most owner
    pod: PodStart
    judgement: Judgement
    owners: tuple[Ref, ...] = ()  #: from the pod's own owner up to ``ref``
    pods: int = 0  #: how many pods have this shape; 0: judged by the template
    unread: str = ""  #: why nobody can tell whether there are more, as a clause
    ready: int = 0
    names: tuple[str, ...] = ()  #: some of the pods, first the one that shows most
    restarts: int = 0  #: of all containers of all these pods
    #: of the first named pod
    statuses: Mapping[str, ContainerStatus] = msgspec.field(default_factory=dict)
    conditions: Mapping[str, Condition] = msgspec.field(default_factory=dict)
    started: str = ""  #: when the kubelet took the first named pod, RFC 3339
    events: tuple[PodEvent, ...] = ()  #: about any of the pods
    skipped: str = ""  #: why its injector left it alone, in the words of an event
    refused: PodEvent | None = None  #: why a pod of it could not be created last
    heard: Heard | None = None  #: what the first named pod's logs say, where read
    #: the template as its owner keeps it; None when it was not read
    template: PodStart | None = None
    #: all labels of the pods, as the template has them; None when not known
    labels: Mapping[str, str] | None = None
    #: why new pods are injected as they are; None where no mesh is to be seen
    explained: Explained | None = None
    #: marks on the owner's own metadata, where a mesh does not look
    own_marks: Mapping[str, str] = msgspec.field(default_factory=dict)
    #: the namespace's labels; None when they are not known
    namespace_labels: Mapping[str, str] | None = None
    #: its annotations; None when they are not known
    namespace_annotations: Mapping[str, str] | None = None
    replicas: int | None = None  #: asked for by the owner
    live: bool = True  #: from a cluster or a dump of one, not from a manifest
    source: str = ""  #: the file and document, where it came from one

    @property
    def running(self) -> bool:
        """Whether there are pods, so that injection has had its chance."""
        return self.pods > 0 and self.live

    @property
    def keeper(self) -> Ref:
        """Who keeps the template: the top-most owner of a kind that we know.

        Above it stand operators, whose objects have no pod template.
        """
        known = (ref for ref in reversed(self.owners) if ref.kind in KINDS)
        return next(known, self.ref)

    @property
    def written(self) -> PodStart:
        """The pod as its author wrote it: the template where it is known."""
        return self.template or self.pod
