"""Every mesh and revision, and which workloads use it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.meshes import controls, judge, mesh_of
from kubectl_meshcheck.model import PodStart, Proxy
from kubectl_meshcheck.workload import Subject


class Use(msgspec.Struct, frozen=True):
    """The workloads of one namespace that use a control plane."""

    namespace: str
    workloads: int = 0
    pods: int = 0


class Plane(msgspec.Struct, frozen=True):
    """One control plane and who uses it."""

    plane: ControlPlane
    uses: tuple[Use, ...] = ()

    @property
    def workloads(self) -> int:
        return sum(use.workloads for use in self.uses)

    @property
    def pods(self) -> int:
        return sum(use.pods for use in self.uses)


class Survey(msgspec.Struct, frozen=True):
    """The answer to ``mesh``."""

    planes: tuple[Plane, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.UNREADABLE if self.problems else ExitCode.CLEAN


Key = tuple[str, str]  #: mesh and revision


def survey(planes: Sequence[ControlPlane], subjects: Iterable[Subject]) -> Survey:
    """The control planes with their users, those that pods alone tell of at the end."""
    used: dict[Key, dict[str, dict[str, int]]] = {}
    known = {(one.mesh, one.revision) for one in planes}
    injected: set[Key] = set()
    for subject in subjects:
        for key in _planes(subject, known):
            names = used.setdefault(key, {}).setdefault(subject.ref.namespace, {})
            name = f"{subject.ref.kind.qualified}/{subject.ref.name}"
            names[name] = names.get(name, 0) + subject.pods
            if not _written(subject, key[0]):
                injected.add(key)
    rows = [Plane(one, _uses(used.get((one.mesh, one.revision)))) for one in planes]
    lost = sorted(used.keys() - known)
    rows += [Plane(_lost(key, key in injected), _uses(used[key])) for key in lost]
    return Survey(tuple(rows))


def _written(subject: Subject, mesh: str) -> bool:
    """Whether the workload's own template holds the mesh's proxy."""
    template = subject.template
    own = judge(template).found if template is not None else ()
    return any(proxy.mesh == mesh for proxy in own)


def _uses(found: dict[str, dict[str, int]] | None) -> tuple[Use, ...]:
    return tuple(
        Use(namespace, len(pods), sum(pods.values()))
        for namespace, pods in sorted((found or {}).items())
    )


def _planes(subject: Subject, known: set[Key]) -> Iterator[Key]:
    """The control planes of the pods that run; of a template, the one to inject it."""
    explained = subject.explained
    there = [proxy for proxy in subject.judgement.found if mesh_of(proxy)]
    yield from dict.fromkeys(_plane(subject.pod, proxy, known) for proxy in there)
    if there or subject.running or explained is None:
        return
    if explained.injection.injected:
        yield explained.injection.mesh, explained.injection.revision


def _plane(pod: PodStart, proxy: Proxy, known: set[Key]) -> Key:
    hinted = controls.hint(pod, proxy.mesh)
    own = [revision for mesh, revision in known if mesh == proxy.mesh]
    revision = proxy.revision or (hinted[0] if hinted else "")
    if not revision and len(own) == 1:
        revision = own[0]
    return proxy.mesh, revision


def _lost(key: Key, injected: bool) -> ControlPlane:
    note = "pods of it run, and nothing of its control plane was seen"
    if not injected:
        note = "it is written in the workloads' own templates, and nothing injects it"
    return ControlPlane(*key, notes=(note,))


def with_problems(
    found: Survey, problems: Iterable[Problem], webhooks_unknown: str
) -> Survey:
    """The survey with what could not be read; without the webhooks it is no survey."""
    told = list(problems)
    if webhooks_unknown:
        hint = "list is needed on mutatingwebhookconfigurations, for the whole cluster"
        told.append(Problem(webhooks_unknown, hint))
    return replace(found, problems=tuple(told))
