"""Each tool: its marks on an object, and what it does with a change beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from enum import Enum, unique
from typing import Any

import msgspec

from kubectl_meshcheck.ownership.fields import (
    Manager,
    Object,
    Path,
    holders,
    managers,
    mapping,
)


@unique
class Fate(Enum):
    """What becomes of a change to the live object; the worst has the highest rank."""

    STAYS = "stays"
    REVERTED = "will be reverted"
    BREAKS = "will break the next upgrade"

    @property
    def rank(self) -> int:
        return list(Fate).index(self)


class Owner(msgspec.Struct, frozen=True):
    """A tool that writes the object."""

    tool: str  #: "Argo CD"
    name: str  #: of its application, release or object
    evidence: str  #: what on the object says so
    fate: Fate  #: of the change
    when: str  #: what happens, and when, as a clause
    instead: str  #: where the change belongs

    def __str__(self) -> str:
        return f"{self.tool} {self.name}".strip()


class Case(msgspec.Struct, frozen=True):
    """An object, and the fields that are to change."""

    object: Object
    paths: Sequence[Path]

    def mark(self, key: str) -> str:
        """A label or annotation; empty when it is not there."""
        meta = mapping(self.object.get("metadata"))
        for marks in ("annotations", "labels"):
            value = mapping(meta.get(marks)).get(key)
            if isinstance(value, str) and value:
                return value
        return ""

    def by(self, *names: str) -> Manager | None:
        """The manager of one of these names that has set a field that is to change."""
        return next((m for m in self.among(*names) if self._sets(m)), None)

    def among(self, *names: str) -> list[Manager]:
        """The managers of these names."""
        return [m for m in managers(self.object) if m.name in names]

    def sets(self, *names: str) -> bool:
        """Whether the value is theirs: set by them, or there and claimed by nobody.

        Who has forced a field away and let go of it leaves it without a manager.
        """
        orphan = any(
            at(self.object, path) is not None and not holders(self.object, path)
            for path in self.paths
        )
        return orphan or self.by(*names) is not None

    def _sets(self, manager: Manager) -> bool:
        return any(manager.holds(path) for path in self.paths)


def _controller(case: Case) -> Owner | None:
    """An operator: it will write the object again from its own."""
    refs = mapping(case.object.get("metadata")).get("ownerReferences")
    for ref in refs if isinstance(refs, list) else ():
        if not isinstance(ref, dict) or not ref.get("controller"):
            continue
        kind, name = str(ref.get("kind", "")), str(ref.get("name", ""))
        if kind == "ClusterServiceVersion":
            return None  # OLM's
        return Owner(
            tool=kind,
            name=name,
            evidence=f"controller ownerReference {kind}/{name}",
            fate=Fate.REVERTED,
            when="its operator usually writes the object anew within seconds",
            instead=f"the pod annotations that {kind}/{name} offers",
        )
    return None


def _olm(case: Case) -> Owner | None:
    """operator-framework/operator-lifecycle-manager: pkg/controller/install."""
    name, evidence = case.mark("olm.owner"), "label olm.owner"
    refs = mapping(case.object.get("metadata")).get("ownerReferences")
    for ref in refs if isinstance(refs, list) else ():
        if isinstance(ref, dict) and ref.get("kind") == "ClusterServiceVersion":
            name, evidence = str(ref.get("name", "")), "ownerReference"
    if not name:
        return None
    return Owner(
        tool="OLM",
        name=name,
        evidence=f"{evidence}: ClusterServiceVersion {name}",
        fate=Fate.REVERTED,
        when="the next version of the operator brings its own Deployment",
        instead="spec.config.annotations of its Subscription",
    )


def _argo(case: Case) -> Owner | None:
    """argoproj/argo-cd: common/common.go, docs/user-guide/resource_tracking.md."""
    tracked = case.mark("argocd.argoproj.io/tracking-id")
    by = case.among("argocd-controller")
    name, evidence = "", ""
    if tracked and _tracks(tracked, case.object):
        name = tracked.partition(":")[0]
        evidence = f"annotation argocd.argoproj.io/tracking-id: {tracked}"
    elif by:
        name = case.mark("app.kubernetes.io/instance")
        evidence = "field manager argocd-controller"
    else:
        return None
    replaces = "Replace=true" in case.mark("argocd.argoproj.io/sync-options")
    fate, when = Fate.STAYS, "Argo CD does not compare what is not in Git"
    if replaces:
        fate, when = Fate.REVERTED, "a sync replaces the object (Replace=true)"
    elif case.sets("argocd-controller"):
        fate = Fate.REVERTED
        when = "Git sets this value: at once with selfHeal, else at the next sync"
    where = f"the Git source of the Application {name or 'that it belongs to'}"
    return Owner("Argo CD", name, evidence, fate, when, where)


def _tracks(tracked: str, found: Object) -> bool:
    """Whether a tracking id means this very object; else it was copied."""
    meta = mapping(found.get("metadata"))
    group = str(found.get("apiVersion", "")).rpartition("/")[0]
    here = f"{group}/{found.get('kind')}:{meta.get('namespace')}/{meta.get('name')}"
    return tracked.partition(":")[2] == here


def _flux(case: Case) -> Owner | None:
    """fluxcd/pkg: ssa; fluxcd/website: content/en/flux/faq.md."""
    domain = "kustomize.toolkit.fluxcd.io"
    name, space = case.mark(f"{domain}/name"), case.mark(f"{domain}/namespace")
    if not name:
        return None
    evidence = f"label {domain}/name: {name}"
    where = f"spec.path of the Kustomization {space}/{name}"
    if case.mark(f"{domain}/reconcile") == "disabled":
        when = "Flux leaves the object alone: reconcile is disabled on it"
        return Owner("Flux", name, evidence, Fate.STAYS, when, where)
    fate, when = Fate.STAYS, "Flux takes only its own fields and kubectl's away"
    if case.sets("kustomize-controller"):
        fate, when = Fate.REVERTED, "its source sets this value: at the next reconcile"
    return Owner("Flux", name, evidence, fate, when, where)


def _flux_helm(case: Case) -> Owner | None:
    """fluxcd/helm-controller: main.go; drift detection is off by default."""
    domain = "helm.toolkit.fluxcd.io"
    name, space = case.mark(f"{domain}/name"), case.mark(f"{domain}/namespace")
    if not name:
        return None
    fate, when = Fate.STAYS, "the chart does not set this value"
    if case.sets("helm-controller", "helm"):
        fate = Fate.REVERTED
        when = "the chart sets this value: at the next upgrade or drift detection"
    evidence = f"label {domain}/name: {name}"
    where = f"spec.values of the HelmRelease {space}/{name}"
    return Owner("Flux", name, evidence, fate, when, where)


def _fleet(case: Case) -> Owner | None:
    """rancher/fleet: internal/cmd/agent/deployer/desiredset."""
    if not case.mark("objectset.rio.cattle.io/hash"):
        return None
    name = case.mark("objectset.rio.cattle.io/owner-name")
    fate, when = Fate.STAYS, "unless spec.correctDrift is on, Fleet only shows it"
    if case.sets("fleetagent", "fleet-agent", "helm"):
        fate = Fate.REVERTED
        when = "the bundle sets this value: at its next deployment"
    evidence = "objectset.rio.cattle.io/hash"
    return Owner("Fleet", name, evidence, fate, when, "the bundle's Git repository")


def _helm(case: Case) -> Owner | None:
    """helm/helm: pkg/action/validate.go, pkg/kube/client.go.

    The label alone is often copied; Helm itself asks for the annotations too.
    Helm 4 applies on the server and fails where somebody else holds a field.
    """
    release = case.mark("meta.helm.sh/release-name")
    space = case.mark("meta.helm.sh/release-namespace")
    if case.mark("app.kubernetes.io/managed-by") != "Helm" or not release:
        return None
    evidence = f"annotation meta.helm.sh/release-name: {release}"
    by = case.by("helm")
    fate, when = Fate.STAYS, "the chart does not set this value"
    if by and by.operation == "Apply":
        fate = Fate.BREAKS
        when = "helm upgrade (Helm 4) fails with a conflict on this value"
    elif case.sets("helm"):
        fate, when = Fate.REVERTED, "the chart sets this value: at the next upgrade"
    where = f"the values of the release {release} in namespace {space}"
    return Owner("Helm", release, evidence, fate, when, where)


_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _kubectl(case: Case) -> Owner | None:
    """``kubectl apply``, on either side."""
    last = case.mark(_LAST_APPLIED)
    server = [m for m in case.among("kubectl") if m.operation == "Apply"]
    if not last and not server:
        return None
    evidence = f"annotation {_LAST_APPLIED}" if last else "field manager kubectl"
    fate, when = Fate.STAYS, "the manifest does not set this value"
    if case.by("kubectl") and server:
        fate = Fate.BREAKS
        when = "kubectl apply --server-side fails with a conflict on this value"
    elif _applied(last, case.paths):
        fate = Fate.REVERTED
        when = "the manifest sets this value: at the next kubectl apply"
    return Owner("kubectl apply", "", evidence, fate, when, "the manifest")


def _applied(last: str, paths: Sequence[Path]) -> bool:
    """Whether the manifest that was applied sets one of the fields."""
    try:
        manifest = json.loads(last) if last else {}
    except (ValueError, RecursionError):
        return True  # cannot be read: the worse answer is the safe one
    return any(at(manifest, path) is not None for path in paths)


def at(found: Any, path: Path) -> Any:
    """The value at ``path``; None when there is none."""
    for step in path:
        found = found.get(step) if isinstance(found, dict) else None
    return found


TOOLS: tuple[Callable[[Case], Owner | None], ...] = (
    _controller,
    _olm,
    _argo,
    _flux,
    _flux_helm,
    _fleet,
    _helm,
    _kubectl,
)
