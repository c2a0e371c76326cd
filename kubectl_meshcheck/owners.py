"""Who owns the pods: the objects that were read, and the way up from each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import meshes, parse, refusals
from kubectl_meshcheck.events import Place
from kubectl_meshcheck.kinds import KINDS, POD, REPLICA_SET, Kind, kind_of
from kubectl_meshcheck.model import PodEvent, PodStart
from kubectl_meshcheck.workload import Ref

Key = tuple[str, str, str, str]  #: kind, group, namespace, name
#: that create pods themselves
_MAKERS = {kind.kind: kind for kind in KINDS if kind.group in ("", "apps", "batch")}
_ALPHABET = frozenset("bcdfghjklmnpqrstvwxz2456789")


class Known(msgspec.Struct, frozen=True, gc=False):
    """An owner whose object was read."""

    ref: Ref
    meta: parse.Meta
    pod: PodStart | None = None  #: the template as a pod
    labels: Mapping[str, str] = parse.NONE  #: all labels of its pods
    #: the template itself, where nobody could ask for it again
    template: parse.Template | None = None
    replicas: int | None = None
    source: str = ""
    bare: bool = False  #: only its metadata was read
    lacking: bool = False  #: its status says that it has less pods than it wants
    refused: PodEvent | None = None  #: why, by its own condition


class Owners:
    """Every owner that was read."""

    def __init__(self, *, live: bool = True) -> None:
        self._live = live
        self._spaces: dict[str, dict[Key, Known]] = {}  # by namespace

    def add_workload(self, kind: Kind, found: parse.Workload, source: str = "") -> None:
        """Remembers an owner with its template."""
        meta, spec = _lean(found.metadata), found.spec
        replicas = spec.replicas if spec else None
        ref = Ref(kind, meta.namespace, meta.name or meta.generateName)
        template = found.template
        marks = template.metadata if template else None
        self._space(ref)[key_of(ref)] = Known(
            ref,
            meta,
            meshes.start_of(marks, template.spec) if template else None,
            (marks.labels if marks else None) or parse.NONE,
            None if self._live else template,
            replicas,
            source,
            lacking=refusals.lacks(kind, found),
            refused=refusals.told(kind, found),
        )

    def add_owner(self, kind: Kind, meta: parse.Meta) -> None:
        """Remembers an owner of which only the metadata was read."""
        ref = Ref(kind, meta.namespace, meta.name)
        self._space(ref).setdefault(key_of(ref), Known(ref, meta, bare=True))

    def adopt(self, other: Owners) -> None:
        """Takes over what an earlier scan has read."""
        self._spaces = {name: dict(own) for name, own in other._spaces.items()}

    def spaces(self) -> list[str]:
        """The namespaces in which owners are known."""
        return list(self._spaces)

    def forget(self, namespace: str) -> None:
        """Drops the owners of a namespace, of which everything was told."""
        self._spaces.pop(namespace, None)

    def _space(self, ref: Ref) -> dict[Key, Known]:
        return self._spaces.setdefault(ref.namespace, {})

    def _get(self, key: Key) -> Known | None:
        own = self._spaces.get(key[2])
        return own.get(key) if own else None

    def chain(self, first: Ref, hash_: str) -> tuple[Ref, ...]:
        """From the pods' own owner to the top-most that is known.

        ``hash_`` is the pods' pod-template-hash.
        """
        chain = [first]
        deployment = self._deployment(first, hash_)
        if deployment:
            chain.append(deployment)
        while (known := self._get(key_of(chain[-1]))) is not None:
            owner = parse.controller(known.meta)
            if owner is None:
                break
            kind = kind_of(owner.kind, owner.apiVersion)
            ref = Ref(kind, first.namespace, owner.name)
            if ref in chain:  # nobody owns himself, whatever an object says
                break
            chain.append(ref)
        return tuple(chain)

    def _deployment(self, ref: Ref, hash_: str) -> Ref | None:
        # the controller names a ReplicaSet after its Deployment and the hash
        # (kubernetes/kubernetes: pkg/controller/deployment/sync.go)
        suffix = f"-{hash_}"
        if ref.kind is not REPLICA_SET or not hash_:
            return None
        if not ref.name.endswith(suffix) or self._get(key_of(ref)):
            return None
        name = ref.name[: -len(suffix)]
        known = self._get(("Deployment", "apps", ref.namespace, name))
        return known.ref if known else None

    def lacking(self, *namespaces: str) -> list[Known]:
        """The owners there (all when none) that have less pods than they want."""
        return [
            known
            for namespace in namespaces or self._spaces
            for known in self._spaces.get(namespace, {}).values()
            if known.lacking
        ]

    def refused(self, events: Mapping[Place, PodEvent]) -> dict[Key, PodEvent]:
        """The newest word on why pods cannot be created, by the top-most owner.

        ``events`` are by the controller that makes the pods.  Of one that has all its
        pods they tell of what is over.
        """
        lacking = {key_of(known.ref): known for known in self.lacking()}
        if not lacking:
            return {}
        found: dict[Key, PodEvent] = {}
        for (namespace, name_of_kind, name), event in events.items():
            kind = _MAKERS.get(name_of_kind)
            if kind is None:
                continue
            chain = self.chain(Ref(kind, namespace, name), _hash(name))
            top, before = key_of(chain[-1]), found.get(key_of(chain[-1]))
            if any(key_of(ref) in lacking for ref in chain):
                told = replace(event, pod=f"{kind.short}/{name}")
                newer = before is None or before.last <= told.last
                found[top] = told if newer or before is None else before
        for known in lacking.values():
            if known.refused is not None:
                top = key_of(self.chain(known.ref, "")[-1])
                found.setdefault(top, known.refused)
        return found

    def missing(self, top: Ref) -> bool:
        """Whether an owner at the end of a chain has not been read."""
        return top.kind is not POD and self._get(key_of(top)) is None

    def with_template(self, ref: Ref) -> Known | None:
        """The owner, where its template was read."""
        return self.template_of(key_of(ref))

    def template_of(self, key: Key) -> Known | None:
        """The same by its key."""
        known = self._get(key)
        return known if known and known.pod else None

    def alone(self, namespace: str, covered: Collection[Key]) -> Iterator[Known]:
        """The workloads there without pods that stand for themselves."""
        for key, known in self._spaces.get(namespace, {}).items():
            if key not in covered and self._is_top(known):
                yield known

    def _is_top(self, known: Known) -> bool:
        if known.bare or known.pod is None:
            return False
        if known.ref.kind is REPLICA_SET and not known.replicas:
            return False  # what a rollout has left behind
        owner = parse.controller(known.meta)
        if owner is None:
            return True
        kind = kind_of(owner.kind, owner.apiVersion)
        return self._get(key_of(Ref(kind, known.ref.namespace, owner.name))) is None


def _lean(meta: parse.Meta) -> parse.Meta:
    """Without what nobody reads: the last applied configuration is a whole object."""
    return msgspec.structs.replace(
        meta,
        uid="",
        labels=dict(meshes.relevant(meta.labels)) or None,
        annotations=dict(meshes.relevant(meta.annotations)) or None,
    )


def _hash(name: str) -> str:
    """What stands behind a ReplicaSet's Deployment in its name; empty for none.

    Without vowels (kubernetes/kubernetes: staging/src/k8s.io/apimachinery/pkg/util/
    rand/rand.go ``SafeEncodeString``).
    """
    last = name.rpartition("-")[2]
    return last if 0 < len(last) <= 10 and set(last) <= _ALPHABET else ""


def key_of(ref: Ref) -> Key:
    """What tells one owner from all others."""
    return (ref.kind.kind, ref.kind.group, ref.namespace, ref.name)
