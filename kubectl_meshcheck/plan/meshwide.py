"""The remedy for a whole mesh: which revision's ConfigMap, and who reverts it."""

from __future__ import annotations

import difflib

import msgspec
import yaml
from msgspec.structs import replace

from kubectl_meshcheck import ownership
from kubectl_meshcheck.control import ControlPlane, Origin, Setting
from kubectl_meshcheck.kinds import Kind
from kubectl_meshcheck.meshes.base import release
from kubectl_meshcheck.meshes.istio_merge import with_true
from kubectl_meshcheck.meshes.istio_planes import KUBESPHERE, OSSM2, SAIL
from kubectl_meshcheck.meshes.istio_settings import HOLD, HOLD_SNAKE
from kubectl_meshcheck.ownership import Fate, Owner
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at
from kubectl_meshcheck.workload import Ref

CONFIG_MAP = Kind("ConfigMap", "", "v1", "configmaps", "cm")
_SETTING = f"meshConfig.defaultConfig.{HOLD}: true"

#: where each distribution keeps the setting for good, and who writes it from there
#: (facts of the distributions' own operators; see docs/meshes.md)
_OPERATED = {
    OSSM2: (
        "the OpenShift Service Mesh operator",
        f"spec.techPreview.{_SETTING} in the ServiceMeshControlPlane",
    ),
    SAIL: ("the Sail operator", f"spec.values.{_SETTING} in the Istio resource"),
}
_FOR_GOOD = {
    KUBESPHERE: f"spec.servicemesh.istio.{_SETTING} in the ClusterConfiguration "
    "ks-installer of namespace kubesphere-system; its next run writes the ConfigMap",
    "AKS": "this ConfigMap is yours; copy it when a new revision comes",
}


class MeshPlace(msgspec.Struct, frozen=True):
    """The document to edit: a key of a ConfigMap, and the way inside it."""

    plane: ControlPlane
    ref: Ref
    key: str
    inside: tuple[str, ...]


class MeshChange(msgspec.Struct, frozen=True):
    """One ConfigMap's change."""

    place: MeshPlace
    live: Object  #: as it was read; empty when it has to be made
    before: str | None  #: the document; None: it was not there
    after: str
    today: str  #: one clause
    owners: tuple[Owner, ...] = ()
    for_good: str = ""  #: where it belongs so that it lasts

    @property
    def diff(self) -> str:
        """The document's difference."""
        name = f"{self.place.ref.name}.{self.place.key}"
        lines = difflib.unified_diff(
            (self.before or "").splitlines(),
            self.after.splitlines(),
            f"live/{name}",
            f"fixed/{name}",
            lineterm="",
        )
        return "\n".join(lines)


class MeshLeft(msgspec.Struct, frozen=True):
    """A control plane that is left alone."""

    plane: ControlPlane
    reason: str
    instead: str = ""
    refused: bool = False


def place(plane: ControlPlane) -> MeshPlace | MeshLeft:
    """Where a control plane's hold is to be written, or why it is not."""
    if plane.mesh != "istio":
        why = "only Istio's ConfigMaps are edited; mesh shows where it is set"
        return MeshLeft(plane, why)
    setting = plane.setting(HOLD)
    if setting is None or setting.unknown:
        why = setting.unknown if setting else "its settings are not known"
        return MeshLeft(plane, f"what holds today is not known: {why}", refused=True)
    if setting.value is True:
        return MeshLeft(plane, f"{HOLD} is true already ({setting.whence})")
    if plane.mode == "native":
        return MeshLeft(plane, "its sidecars are native: they need no hold")
    operated = _OPERATED.get(plane.flavour)
    if operated:
        who, where = operated
        reason = f"{who} would revert an edit of the ConfigMap"
        return MeshLeft(plane, reason, f"set {where}", refused=True)
    return _place(plane, setting)


def _place(plane: ControlPlane, setting: Setting) -> MeshPlace | MeshLeft:
    """The weakest document that a person may edit and that counts."""
    wanted = "values" if release(plane.version)[:2] == (1, 7) else "mesh"
    origins = [setting.origin, *(given.origin for given in setting.given)]
    maps = [o for o in origins if o.kind == "ConfigMap" and o.key == wanted]
    if plane.flavour == "AKS":  # its own one is the add-on's: the shared one is yours
        name = f"istio-shared-configmap-{plane.revision}"
        maps = [Origin("ConfigMap", plane.namespace, name, "mesh")]
    if not maps:
        reason = "no ConfigMap of it is known where the setting could be written"
        return MeshLeft(plane, reason, f"set {_SETTING} in its installation", True)
    origin = maps[0]
    inside = ("global", "proxy") if wanted == "values" else ("defaultConfig",)
    ref = Ref(CONFIG_MAP, origin.namespace, origin.name)
    return MeshPlace(plane, ref, wanted, inside)


def change(where: MeshPlace, found: Object) -> MeshChange | MeshLeft:
    """The edited document of ``found``, which is empty when it is not there."""
    plane = where.plane
    before = at(found, ("data",)).get(where.key)
    if before is not None and not isinstance(before, str):
        return MeshLeft(plane, f"{where.key} of {where.ref} is no text", refused=True)
    try:
        after = with_true(before or "", HOLD, HOLD_SNAKE, inside=where.inside)
    except (yaml.YAMLError, ValueError, RecursionError):
        reason = f"{where.key} of {where.ref} is no YAML: mend it first"
        return MeshLeft(plane, reason, refused=True)
    if after is None:
        reason = f"{HOLD} cannot be added to {where.key} of {where.ref} and be proven"
        return MeshLeft(plane, reason, "edit it by hand", refused=True)
    setting = plane.setting(HOLD)
    return MeshChange(
        place=where,
        live=found,
        before=before,
        after=after,
        today=f"{HOLD} is {setting.shown if setting else 'not set'}",
        owners=tuple(map(_whole, ownership.owners(found, [("data", where.key)]))),
        for_good=_FOR_GOOD.get(plane.flavour, f"{_SETTING} in the chart's values"),
    )


def _whole(owner: Owner) -> Owner:
    """An installation writes its document whole, whoever has set it last."""
    if owner.fate is not Fate.STAYS:
        return owner
    when = "its source writes the whole document: at the next upgrade or sync"
    return replace(owner, fate=Fate.REVERTED, when=when)


def lost(planned: MeshChange) -> MeshLeft | None:
    """Why the change will not stay; None where it does."""
    for owner in planned.owners:
        if owner.fate is not Fate.STAYS:
            reason = f"the change {owner.fate.value}: {owner} ({owner.evidence})"
            return MeshLeft(
                planned.place.plane,
                f"{reason}: {owner.when}",
                f"set {planned.for_good}; --allow-drift writes it here all the same",
                refused=True,
            )
    return None
