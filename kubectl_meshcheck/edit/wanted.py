"""What a manifest's workload is to say, or why it is left as it is; pure.

A manifest holds no proxy, since that is put into the pods only.  So the remedy goes
to the workloads that ask for a mesh, by marks of their own or of a Namespace in
the same files, and to all that do not ask against it where the user names the
mesh.  Where the proxy stands in the template itself (``istioctl kube-inject``,
``linkerd inject --manual``) an annotation has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, unique
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import ignore, meshes, parse
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.kinds import KINDS, POD, Kind, kind_of
from kubectl_meshcheck.meshes.base import Asked, Hold, Mesh
from kubectl_meshcheck.model import (
    Capture,
    Gate,
    Judgement,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Verdict,
    Waits,
)
from kubectl_meshcheck.plan import where
from kubectl_meshcheck.plan.values import Edit
from kubectl_meshcheck.workload import Ref, Subject


@unique
class Standing(Enum):
    """How a workload stands when all is done."""

    CHANGED = "changed"
    GOOD = "no change"  #: it waits, or says so already
    APART = "left alone"  #: nothing concerns it: no mesh is asked for
    REFUSED = "refused"  #: it should be changed and is not


class Outcome(msgspec.Struct, frozen=True):
    """One workload of the files, and what becomes of it."""

    who: str  #: "deploy/cart"
    standing: Standing
    reason: str  #: one clause
    instead: str = ""  #: what to do where it is refused
    edits: tuple[Edit, ...] = ()
    notes: tuple[str, ...] = ()  #: worth knowing before it is written
    risks: tuple[str, ...] = ()  #: what the remedy brings with it
    line: int = 0  #: of its document, from 1


class Space(msgspec.Struct, frozen=True):
    """A Namespace of the files."""

    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    annotations: Mapping[str, str] = msgspec.field(default_factory=dict)


class Around(msgspec.Struct, frozen=True):
    """What is known beyond the workload itself."""

    spaces: Mapping[str, Space] = msgspec.field(default_factory=dict)
    #: the workloads whose manifest is there in full
    complete: frozenset[Ref] = frozenset()
    mesh: Mesh | None = None  #: the one that the user names
    rules: tuple[Ignore, ...] = ()  #: what the user has decided to live with


def reference(found: Any) -> Ref | None:
    """Which workload the object is; None for everything else."""
    if not isinstance(found, dict):
        return None
    version, name = found.get("apiVersion"), found.get("kind")
    if not isinstance(version, str) or not isinstance(name, str):
        return None
    kind = kind_of(name, version)
    own = where.at(found, ("spec", "template", "spec")).get("containers")
    if kind not in KINDS and not isinstance(own, list):
        return None
    meta = where.at(found, ("metadata",))
    title = meta.get("name") or meta.get("generateName") or ""
    return Ref(kind, str(meta.get("namespace") or ""), str(title))


def steps(kind: Kind) -> tuple[str, ...]:
    """From the object to its pod template; a pod is its own."""
    return () if kind is POD else where.template_path(kind)


def is_complete(found: Mapping[str, Any], kind: Kind) -> bool:
    """Whether it is a manifest and not a patch of one: it says what to run."""
    spec = where.at(found, (*steps(kind), "spec"))
    listed = spec.get("containers")
    listed = listed if isinstance(listed, list) else []
    return any(isinstance(one, dict) and one.get("image") for one in listed)


def wanted(found: Mapping[str, Any], ref: Ref, around: Around) -> Outcome:
    """What becomes of one workload.  Raises ``ValueError`` for a wrong type."""
    path = steps(ref.kind)
    at: Any = found
    for step in path:
        at = at.get(step) if isinstance(at, dict) else None
    if not isinstance(at, dict):
        return Outcome(str(ref), Standing.APART, "there is no pod template in it")
    template = parse.convert(at, parse.Template)
    meta = template.metadata or parse.Meta()
    pod = parse.pod_start(
        template.spec or parse.PodSpec(),
        tuple((meta.annotations or {}).items()),
        tuple((meta.labels or {}).items()),
    )
    judgement = meshes.judge(pod)
    subject = Subject(ref, pod, judgement, own_marks=where.marks(found))
    ignored = _ignored(subject, around)
    if ignored:
        return Outcome(str(ref), Standing.APART, f"ignored: {ignored}")
    if found.get("$patch") == "delete":
        return Outcome(str(ref), Standing.APART, "a patch that deletes it")
    standing = _with_proxy(ref, pod, judgement)
    return standing or _without_proxy(found, ref, pod, around, judgement)


def _ignored(subject: Subject, around: Around) -> str:
    """The reason for which its start order is to stay as it is."""
    own, _ = ignore.on(subject)  # a scan says what is wrong with them
    return ignore.reason([*own, *around.rules], subject, "MC001")


def _with_proxy(ref: Ref, pod: PodStart, judgement: Judgement) -> Outcome | None:
    """Templates in which a mesh's proxy stands already."""
    if judgement.verdict in (Verdict.GATEWAY, Verdict.AMBIENT):
        return Outcome(str(ref), Standing.APART, judgement.reason)
    theirs = [p for p in meshes.proxies(pod) if p.part is Part.SIDECAR]
    proxy = next((p for p in theirs if meshes.mesh_of(p)), None)
    mesh = meshes.mesh_of(proxy) if proxy else None
    if proxy is None or mesh is None:
        return None
    if judgement.verdict in (Verdict.HELD, Verdict.NATIVE):
        return Outcome(str(ref), Standing.GOOD, f"already {judgement.verdict.value}")
    if judgement.verdict is Verdict.NONE:
        return Outcome(str(ref), Standing.APART, judgement.reason)
    name = pod.containers[proxy.index].name
    what = "the pod" if ref.kind is POD else "the template"
    return Outcome(
        str(ref),
        Standing.REFUSED,
        f"{name} stands in {what} itself, where an annotation changes nothing",
        _inject_anew(ref, mesh, pod, proxy),
    )


_BY_HAND = {
    "istio": "istioctl kube-inject -f FILE",
    "linkerd": "linkerd inject --manual FILE",
}


def _inject_anew(ref: Ref, mesh: Mesh, pod: PodStart, proxy: Proxy) -> str:
    if ref.kind is POD:
        return "run this on the manifest of its owner"
    hold = remedy(mesh, pod)
    marks = ", ".join(f"{k}: {v!r}" for k, v in hold.annotations.items())
    again = _BY_HAND.get(mesh.name, f"{mesh.title}'s injector")
    if not marks:
        return f"take it from the manifest without {mesh.title}'s proxy: {hold.manual}"
    return f"inject it anew with {again}, from the manifest without it and with {marks}"


def remedy(mesh: Mesh, pod: PodStart) -> Hold:
    """How the mesh is told to hold the pod that it will make of this template."""
    proxy = Proxy(mesh.name, 0, Gate(Waits.NO), Capture(Redirect.INIT))
    return mesh.hold(replace(pod, containers=_own(mesh, pod)), proxy)


def _own(mesh: Mesh, pod: PodStart) -> Any:
    return tuple(c for c in pod.containers if c.name not in mesh.proxies)


def _without_proxy(
    found: Mapping[str, Any],
    ref: Ref,
    pod: PodStart,
    around: Around,
    judgement: Judgement,
) -> Outcome:
    space = around.spaces.get(ref.namespace)
    request = _request(pod, space, around.mesh)
    if isinstance(request, str):
        return _unasked(ref, pod, judgement, request)
    mesh, asked = request
    own = meshes.asked(pod, None)
    if not own and not is_complete(found, ref.kind) and _elsewhere(ref, around):
        reason = f"a patch of {ref}, whose own manifest is among the files"
        return Outcome(str(ref), Standing.APART, reason)
    outcome = _edits(ref, pod, mesh, space)
    notes = [*outcome.notes]
    if asked.futile and outcome.standing is Standing.CHANGED:
        notes.append(f"{mesh.title} is asked for by the {asked.by}, but {asked.futile}")
    return replace(outcome, notes=tuple(notes))


def _elsewhere(ref: Ref, around: Around) -> bool:
    """Whether the full manifest is there too; patches leave the namespace out."""
    return any(
        one.kind == ref.kind
        and one.name == ref.name
        and ref.namespace in ("", one.namespace)
        for one in around.complete
    )


def _request(
    pod: PodStart, space: Space | None, named: Mesh | None
) -> tuple[Mesh, Asked] | str:
    """Which mesh is asked for and by what, or why there is none."""
    labels = space.labels if space else None
    notes = space.annotations if space else None
    if named is None:
        found = meshes.asked(pod, labels, notes)
        return found or "no mesh is asked for here"
    own = named.asked(pod, {**(notes or {}), **labels} if labels is not None else None)
    if own and not own.wanted:
        return f"the {own.by} turns {named.title} off"
    if pod.host_network:
        return f"hostNetwork: {named.title} injects no proxy"
    return named, own or Asked(True, f"option --mesh {named.name}")


def _unasked(ref: Ref, pod: PodStart, judgement: Judgement, why: str) -> Outcome:
    """No mesh; a sidecar that the author put there himself may race all the same."""
    racing = judgement.verdict in (Verdict.RACE, Verdict.PARTIAL)
    if not racing or judgement.proxy is None:
        return Outcome(str(ref), Standing.APART, why)
    mesh = meshes.mesh_of(judgement.proxy)
    instead = "give the sidecar a startup probe, or a postStart hook that waits"
    if mesh:
        instead = mesh.hold(pod, judgement.proxy).manual or instead
    return Outcome(
        str(ref),
        Standing.REFUSED,
        f"no annotation mends it: {judgement.reason}",
        instead,
    )


def _edits(ref: Ref, pod: PodStart, mesh: Mesh, space: Space | None) -> Outcome:
    hold = remedy(mesh, pod)
    if not hold.annotations:
        return _by_hand(ref, pod, mesh, hold)
    around = space.annotations if space else {}
    said = [pod.annotations.get(key, around.get(key)) for key in hold.annotations]
    if mesh.holds_since and not any(said):
        reason = f"{mesh.title} holds by itself since {mesh.holds_since}"
        return Outcome(str(ref), Standing.GOOD, reason)
    edits = tuple(
        Edit(key, pod.annotations.get(key), value)
        for key, value in hold.annotations.items()
        if pod.annotations.get(key) != value
    )
    if not edits:
        return _already(ref, tuple(hold.annotations))
    keys = ", ".join(edit.key for edit in edits)
    return Outcome(
        str(ref),
        Standing.CHANGED,
        keys,
        edits=edits,
        notes=_notes(ref, hold, edits),
        risks=hold.risks,
    )


def _already(ref: Ref, keys: tuple[str, ...]) -> Outcome:
    return Outcome(str(ref), Standing.GOOD, f"{', '.join(keys)} asks for it already")


def _by_hand(ref: Ref, pod: PodStart, mesh: Mesh, hold: Hold) -> Outcome:
    """No annotation: because it is there, because it is broken, or there is none."""
    keys = tuple(remedy(mesh, replace(pod, annotations={})).annotations)
    broken = {bad.key for bad in mesh.bad_settings(pod, "")}
    there = all(key in pod.annotations for key in keys)
    if keys and there and not broken & set(keys):
        return _already(ref, keys)
    reason = f"no annotation of {mesh.title}'s can be written"
    return Outcome(str(ref), Standing.REFUSED, reason, hold.manual)


#: what an annotation says that was written to have it so
_OFF = ("false", "disabled", "no", "off", "0", "f", "n")


def _notes(ref: Ref, hold: Hold, edits: tuple[Edit, ...]) -> tuple[str, ...]:
    notes = [hold.overrules] if hold.overrules else []
    notes += [f"{e.key} was {e.before!r}" for e in edits if (e.before or "") in _OFF]
    notes = [f"this overrules a decision: {note}" for note in notes]
    if ref.kind.kind in ("Job", "Pod"):
        notes.append(f"{ref} can only be made anew: kubectl replace --force -f FILE")
    return tuple(notes)
