"""Every mesh and revision, and which workloads use it; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.control import ControlPlane
from kubectl_meshcheck.errors import ExitCode, Problem
from kubectl_meshcheck.meshes import controls, mesh_of
from kubectl_meshcheck.model import Part
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
    for subject in subjects:
        key = _plane(subject, known)
        if key is None:
            continue
        names = used.setdefault(key, {}).setdefault(subject.ref.namespace, {})
        name = f"{subject.ref.kind.qualified}/{subject.ref.name}"
        names[name] = names.get(name, 0) + subject.pods
    rows = [Plane(one, _uses(used.get((one.mesh, one.revision)))) for one in planes]
    lost = sorted(used.keys() - known)
    rows += [Plane(_lost(*key), _uses(used[key])) for key in lost]
    return Survey(tuple(rows))


def _uses(found: dict[str, dict[str, int]] | None) -> tuple[Use, ...]:
    return tuple(
        Use(namespace, len(pods), sum(pods.values()))
        for namespace, pods in sorted((found or {}).items())
    )


def _plane(subject: Subject, known: set[Key]) -> Key | None:
    """The control plane of the pods that run; of a template, the one to inject it."""
    proxy, explained = subject.judgement.proxy, subject.explained
    if proxy is not None and mesh_of(proxy) and proxy.part is not Part.HELPER:
        hinted = controls.hint(subject.pod)
        own = [revision for mesh, revision in known if mesh == proxy.mesh]
        revision = proxy.revision or (hinted[0] if hinted else "")
        if not revision and len(own) == 1:
            revision = own[0]
        return proxy.mesh, revision
    if subject.running or explained is None or not explained.injection.injected:
        return None
    return explained.injection.mesh, explained.injection.revision


def _lost(mesh: str, revision: str) -> ControlPlane:
    note = "pods of it run, and nothing of its control plane was seen"
    return ControlPlane(mesh, revision, notes=(note,))


def with_problems(
    found: Survey, problems: Iterable[Problem], webhooks_unknown: str
) -> Survey:
    """The survey with what could not be read; without the webhooks it is no survey."""
    told = list(problems)
    if webhooks_unknown:
        hint = "list is needed on mutatingwebhookconfigurations, for the whole cluster"
        told.append(Problem(webhooks_unknown, hint))
    return replace(found, problems=tuple(told))
