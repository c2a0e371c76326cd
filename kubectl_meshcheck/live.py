"""Fills an inventory from a cluster, with one list a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from kubectl_meshcheck import events, mesh_reading, parallel, parse, twin
from kubectl_meshcheck.abreast import Abreast
from kubectl_meshcheck.cluster import Alone, ApiError, Aside, Cluster, Page
from kubectl_meshcheck.errors import MeshcheckError, Problem, nearest
from kubectl_meshcheck.inventory import Inventory
from kubectl_meshcheck.kinds import KINDS, POD, REPLICA_SET, Kind
from kubectl_meshcheck.listed import ListedPod
from kubectl_meshcheck.workload import Subject

#: kinds that only lead on to an owner; their templates say nothing new
_BARE = (REPLICA_SET,)
_STEP = 500  #: pods from one word on progress to the next
Progress = Callable[[int], None]
Done = Callable[[list[Subject]], None]


class Scope(msgspec.Struct, frozen=True):
    """Which part of a cluster to read."""

    namespaces: tuple[str, ...] = ()  #: empty: all of them
    selector: str = ""  #: a label selector for the pods
    #: the user asked for proof, so events that cannot be read are a problem
    proof: bool = False
    #: read the kubelets' versions where a mesh's mode depends on them
    nodes: bool = False


def from_cluster(
    cluster: Cluster,
    scope: Scope,
    progress: Progress = lambda _: None,
    done: Done | None = None,
) -> tuple[Inventory, list[Problem]]:
    """Reads the pods of ``scope`` and whoever owns them.

    ``done`` is for all namespaces: it is given the workloads of those that are whole
    while others are read, and the inventory has the rest; who keeps little of each
    needs no memory for a big cluster.  What is denied becomes a problem, and the rest
    is read all the same.  Raises ``MeshcheckError`` when nothing at all can be had, and
    ``DisorderError`` where ``done`` was given too little.
    """
    reader = _Reader(cluster, scope, progress, done)
    # a copy is made before there are threads, and one namespace is not worth it; the
    # meshes' settings are one list and a few single objects, beside everything else
    with (
        twin.of(reader.inventory, wanted=not scope.namespaces) as reader.twin,
        parallel.beside([reader.abreast.task(reader.meshes)]),
    ):
        for namespace in scope.namespaces or ("",):
            reader.read(namespace)
    reader.finish()
    return reader.inventory, reader.problems


def pods_again(
    cluster: Cluster, scope: Scope, before: Inventory
) -> tuple[Inventory, list[Problem]]:
    """The same scan a little later: the pods, and events where they may tell more.

    Owners and settings are those of ``before``; an owner that is new is looked for.
    """
    reader = _Reader(cluster, scope)
    reader.inventory.adopt(before)
    for namespace in scope.namespaces or ("",):
        reader.again(namespace)
    reader.refused()
    return reader.inventory, reader.problems


class _Reader:
    def __init__(
        self,
        cluster: Cluster,
        scope: Scope,
        progress: Progress = lambda _: None,
        done: Done | None = None,
    ) -> None:
        self._cluster = cluster
        self._scope = scope
        self._progress = progress
        self._done = done
        self.inventory = Inventory()
        self.problems: list[Problem] = []
        self.twin: twin.Twins | None = None  #: who reads some of the pages
        self.abreast = Abreast()  #: what is read beside the pods
        #: waits for the kubelet's warnings, where they are read beside the pods
        self._warnings: Callable[[], BaseException | None] | None = None

    def read(self, namespace: str) -> None:
        """One namespace, or all when it is empty."""
        before = len(self.problems)
        kinds = [kind for kind in KINDS if kind.always and kind is not POD]
        tasks = [self.abreast.task(partial(self._namespace, namespace))]
        tasks += [
            self.abreast.list(partial(self._owners, kind, namespace), kind)
            for kind in kinds
        ]
        with parallel.beside(tasks):
            self._pods(namespace)
        failure = self._warnings() if self._warnings else None
        if failure is not None:
            raise failure
        # whoever is slow must not decide what is told first
        self.problems[before:] = sorted(self.problems[before:])
        self._follow(namespace, {kind for kind in KINDS if kind.always})
        self._told(namespace)

    def again(self, namespace: str) -> None:
        """One namespace, or all, where the owners are known already."""
        self._pods(namespace)
        self._follow(namespace, {POD})
        self._told(namespace)

    def meshes(self) -> None:
        """What configures the meshes; nothing that fails here fails the scan."""
        objects = self.inventory.mesh_objects
        mesh_reading.read_webhooks(self._cluster, objects)
        mesh_reading.read_settings(self._cluster, objects)

    def finish(self) -> None:
        """What could only be asked for when all the rest was known."""
        objects, planes = self.inventory.mesh_objects, self.inventory.control_planes
        if objects.webhooks_unknown and planes():  # the pods name control planes
            mesh_reading.read_settings(self._cluster, objects)
        self.refused()
        if self._scope.nodes:
            mesh_reading.read_nodes(self._cluster, objects, planes)

    def _pods(self, namespace: str) -> None:
        params = {"labelSelector": self._scope.selector} if self._scope.selector else {}
        path = POD.path(namespace)
        before = self.inventory.pods
        try:
            aside: Aside | None = self.twin
            if self._done:
                others = self.twin or Alone(self.inventory.turn)
                aside = _Between(self._hand_out, others)
            self._counted(self._stream(path, ListedPod, params, aside=aside))
        except MeshcheckError as error:
            seen = self.inventory.pods - before
            unread = self.inventory.pods_unread
            if not seen and isinstance(error, ApiError):
                self._denied(error)
                unread[namespace] = "its pods may not be listed"
                return
            if not seen:
                raise
            unread[namespace] = "the list of pods broke off"
            what = f"the list of pods broke off after {seen}: {error.what}"
            self.problems.append(Problem(what, "run it again; some pods are missing"))

    def _counted(self, pods: Iterator[ListedPod]) -> None:
        inventory = self.inventory
        told = 0
        try:
            for pod in pods:
                inventory.take_pod(pod, self._invalid)
                if inventory.pods >= told + _STEP:
                    told = inventory.pods
                    self._progress(told)
        except MeshcheckError:  # what was read till then counts; an interrupt waits not
            self._join()
            raise
        self._join()

    def _hand_out(self) -> None:
        """Tells of the namespaces that are whole, where that is wanted and possible."""
        inventory = self.inventory
        if not self._done or inventory.mesh_objects.webhooks_unknown:
            return
        if self._warnings is None and inventory.awaits_events():
            task = partial(self._events, "", events.SELECTOR)
            self._warnings = parallel.start([self.abreast.task(task)])
            return
        events_read = self._warnings is not None
        self._done(inventory.finished(self.abreast.past, events=events_read))

    def _join(self) -> None:
        for sentence in self.twin.join() if self.twin else ():
            self._invalid(sentence)

    def _invalid(self, sentence: str) -> None:
        self.problems.append(Problem(sentence))

    def _stream(
        self,
        path: str,
        item: type[Any],
        params: dict[str, str],
        bare: bool = False,
        aside: Aside | None = None,
    ) -> Iterator[Any]:
        found: Iterator[Any] = self._cluster.stream(
            path,
            item,
            params=params,
            metadata_only=bare,
            on_invalid=self._invalid,
            aside=aside,
        )
        return found

    def _namespace(self, namespace: str) -> None:
        try:
            if namespace:
                found = self._cluster.get(f"/api/v1/namespaces/{namespace}", parse.Bare)
                self.inventory.add_namespace(found.metadata)
                return
            for one in self._stream("/api/v1/namespaces", parse.Bare, {}, bare=True):
                self.inventory.add_namespace(one.metadata)
        except ApiError as error:
            if error.status == 404 and namespace:
                raise self._no_such(namespace) from error
            self._denied(error)

    def _no_such(self, namespace: str) -> MeshcheckError:
        try:
            known = [
                one.metadata.name
                for one in self._stream("/api/v1/namespaces", parse.Bare, {}, bare=True)
            ]
        except MeshcheckError:
            known = []
        hint = nearest(namespace, known) or "kubectl get namespaces lists them"
        return MeshcheckError(f'namespaces "{namespace}" not found', hint)

    def _owners(self, kind: Kind, namespace: str) -> None:
        bare = kind in _BARE
        item = parse.Bare if bare else parse.Workload
        try:
            stream = self._stream(kind.path(namespace), item, {}, bare=bare)
            for found in self.abreast.items(kind, stream, _namespace_of):
                if bare:
                    self.inventory.add_owner(kind, found.metadata)
                else:
                    self.inventory.add_workload(kind, found)
        except ApiError as error:
            if error.status != 404:  # 404: this server has no such kind
                self._denied(error)

    def _follow(self, namespace: str, done: set[Kind]) -> None:
        """Reads further kinds until every pod's top-most owner is known."""
        while True:
            wanted = [k for k in self.inventory.missing() if k not in done]
            wanted = [kind for kind in wanted if kind in KINDS]
            if not wanted:
                return
            for kind in wanted:
                done.add(kind)
                self._owners(kind, namespace)

    def _told(self, namespace: str) -> None:
        """The kubelet's warnings and injectors' reasons, where these may tell more."""
        if self._warnings is None and self.inventory.wants_events():
            self._events(namespace, events.SELECTOR)
        if self.inventory.wants_skips():
            self._events(namespace, events.SKIPS)

    def refused(self) -> None:
        """The controllers' words on pods that they could not create."""
        if self.inventory.wants_refusals():
            for namespace in self._scope.namespaces or ("",):
                self._events(namespace, events.REFUSALS)

    def _events(self, namespace: str, selector: str) -> None:
        """One list of events."""
        place = f"/namespaces/{namespace}" if namespace else ""
        params = {"fieldSelector": selector}
        try:
            for one in self._stream(f"/api/v1{place}/events", parse.Event, params):
                self.inventory.add_event(one)
        except MeshcheckError as error:
            what = f"events could not be read: {error.what}"
            if not self._scope.proof:
                self.inventory.notes.append(what)
            elif isinstance(error, ApiError):
                self.problems.append(error.problem()._replace(what=what))
            else:
                self.problems.append(Problem(what, error.hint))

    def _denied(self, error: ApiError) -> None:
        """Goes on without what was refused; anything else ends the scan."""
        if error.status != 403:
            raise error
        problem = error.problem()
        if problem not in self.problems:
            self.problems.append(problem)


def _namespace_of(found: parse.Bare | parse.Workload) -> str:
    return found.metadata.namespace


class _Between:
    """An ``Aside`` that does something where a page is on its way to be read."""

    def __init__(self, do: Callable[[], None], aside: Aside) -> None:
        self._do, self._aside = do, aside
        self.free = aside.free

    def take(self, page: Page) -> None:
        self._aside.take(page)
        self._do()

    def here(self, number: int) -> None:
        self._aside.here(number)
        self._do()
