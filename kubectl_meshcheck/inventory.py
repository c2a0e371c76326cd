"""Gathers pods, their owners and their settings as they come, for one scan."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kubectl_meshcheck import evidence, explaining, meshes, parse
from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.events import Events
from kubectl_meshcheck.grouping import Group, Grouping, Sent
from kubectl_meshcheck.kinds import Kind
from kubectl_meshcheck.listed import ListedPod
from kubectl_meshcheck.making import Making
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes import controls, registry
from kubectl_meshcheck.owners import Owners
from kubectl_meshcheck.pages import Pages
from kubectl_meshcheck.shapes import Shape
from kubectl_meshcheck.workload import Ref, Subject

_NO_PAGE = -1  #: of pods that came by no page


class Inventory:
    """Everything that one scan has read."""

    def __init__(self, *, live: bool = True) -> None:
        self._live = live
        self._reading = self._page()  # whose pods are coming in
        self._pages = Pages()
        self._late: set[str] = set()  # namespaces of which more has to be read
        self._explaining: explaining.Explaining | None = None
        self._owners = Owners(live=live)
        self._namespaces: dict[str, parse.Meta] = {}
        self._events = Events()
        self.mesh_objects = MeshObjects()  #: what configures the meshes
        #: why not all pods of a namespace are known; "" stands for all namespaces
        self.pods_unread: dict[str, str] = {}
        #: what could not be read and nobody asked for: said, and no problem
        self.notes: list[str] = []
        known = (self._owners, self._namespaces, self._events, self.pods_unread)
        self._making = Making(*known, live=live)

    # -- taking in ---------------------------------------------------------

    def add_pod(self, pod: parse.Pod, source: str = "") -> None:
        """Counts a pod in with those of its owner that start alike.

        Raises ``ValueError`` for an environment that was left undecoded and is none.
        """
        self._reading.add(pod, source)

    def take_pod(self, pod: ListedPod, on_invalid: Callable[[str], None]) -> None:
        """The same for a pod of a list; a sentence for one that does not fit."""
        self._reading.take(pod, on_invalid)

    def turn(self, page: int) -> None:
        """The pods that follow are of this page, from 0; all before it were read here.

        Raises ``DisorderError``, as ``join`` and ``settle`` do, where ``finished`` has
        told of a namespace too early: its pods were no longer among themselves.
        """
        before = self._reading
        if page == before.page:  # which broke off, and goes on
            return
        self._reading = self._page(page)
        self._pages.put(before.part())
        if before.page != _NO_PAGE:
            self._pages.whole(before.page)

    def join(self, sent: Sent, *, whole: bool = True) -> None:
        """Adds a page that another process has read, or as much of it as it could."""
        self._pages.put(sent.received())
        if whole:
            self._pages.whole(sent.page)

    def settle(self) -> None:
        """Puts the pages of a list that several have read together."""
        self._pages.put(self._reading.part())
        self._reading = self._page()
        self._pages.settle()

    @property
    def pods(self) -> int:
        """How many were counted."""
        return self._pages.pods + self._reading.pods

    def _page(self, number: int = _NO_PAGE) -> Grouping:
        return Grouping(number, live=self._live)

    def _groups(self) -> Iterator[tuple[Shape, Group]]:
        self.settle()
        return iter(self._pages)

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
        self._namespaces.update(other._namespaces)
        self.mesh_objects = other.mesh_objects

    def add_event(self, found: parse.Event) -> None:
        """Remembers an event, where it tells something of a start."""
        self._events.add(found)

    def wants_events(self) -> bool:
        """Whether events could add to what the pods show."""
        return any(evidence.telling(shape.judgement) for shape, _ in self._groups())

    def wants_skips(self) -> bool:
        """Whether an injector's events could tell why a pod has no proxy."""
        return any(self._skips(shape, group) for shape, group in self._groups())

    def _skips(self, shape: Shape, group: Group) -> bool:
        around = self._namespaces.get(group.ref.namespace)
        return meshes.writes_events(shape.pod, around.annotations if around else None)

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
        for _, group in self._groups():
            top = self._chain(group)[-1]
            if self._owners.missing(top):
                wanted[top.kind] = None
        return list(wanted)

    def _chain(self, group: Group) -> tuple[Ref, ...]:
        return self._owners.chain(group.ref, group.hash)

    # -- giving out --------------------------------------------------------

    def subjects(self) -> list[Subject]:
        """Every workload and shape that ``finished`` has not told, in no order."""
        self.settle()
        spaces = dict.fromkeys((*self._pages.spaces(), *self._owners.spaces()))
        rows = [row for space in spaces for row in self._made(space)]
        return self._explainer().all(self._making.refused(rows))

    def finished(self, past: Callable[[str], bool], *, events: bool) -> list[Subject]:
        """The workloads of the namespaces that are whole, each once; then forgets them.

        ``past`` says of a namespace whether all its owners were read, all namespaces
        and the settings; ``events``: and the kubelet's events.  Left for ``subjects``
        are those of which more may have to be read.
        """
        whole = filter(past, self._in_question())
        ready = [one for one in whole if self._ready(one, events)]
        if not ready:
            return []
        rows = [row for space in ready for row in self._made(space)]
        for space in ready:
            self._pages.take(space)
            self._owners.forget(space)
        if self._explaining is None:  # nothing changes that any more
            self._explaining = self._explainer()
        return self._explaining.all(rows)

    def awaits_events(self) -> bool:
        """Whether ``finished`` would leave workloads out for want of events."""
        return any(
            evidence.telling(shape.judgement)
            for space in self._in_question()
            for shape, _ in self._pages.of(space)
        )

    def _in_question(self) -> list[str]:
        """The namespaces whose pods were read, and that need not wait for the end."""
        return [one for one in self._pages.behind() if one not in self._late]

    def _ready(self, space: str, events: bool) -> bool:
        """Whether nothing is to be read that tells of a namespace's workloads."""
        groups = list(self._pages.of(space))
        if self._owners.lacking(space) or any(
            self._owners.missing(self._chain(group)[-1]) or self._skips(shape, group)
            for shape, group in groups
        ):
            self._late.add(space)
            return False
        return events or not any(
            evidence.telling(shape.judgement) for shape, _ in groups
        )

    def _made(self, space: str) -> list[Subject]:
        """Every workload and shape of a namespace."""
        return self._making.of(space, self._pages.of(space))

    def _explainer(self) -> explaining.Explaining:
        unknown = self.mesh_objects.webhooks_unknown
        return explaining.Explaining(self.control_planes(), unknown)

    def control_planes(self) -> tuple[ControlPlane, ...]:
        """The meshes' control planes, as far as their objects were read."""
        objects = self.mesh_objects
        for wanted in controls.wanted(objects):
            key = (wanted.kind, "apps", wanted.namespace, wanted.name)
            known = self._owners.template_of(key)
            if known is not None and known.template is not None:
                objects.deployments[wanted] = known.template
        if objects.webhooks_unknown:
            told = (controls.hint(shape.pod) for shape, _ in self._groups())
            objects.hints.update(dict.fromkeys(one for one in told if one))
        return controls.planes(objects)
