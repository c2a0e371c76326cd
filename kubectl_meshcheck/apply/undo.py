"""Takes back what a fix wrote, and the claim on the fields with it.

A key that was not there is taken back by applying an empty intent: the server
removes what only ``meshcheck`` owns, record and all, in one request.  A value that
was replaced is put back first.  That makes the manager an updater of the field, an
entry which only a patch of ``managedFields`` can drop (kubernetes-sigs/
structured-merge-diff: merge/update.go).  Each step leaves a state that a second
``undo`` goes on from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from kubectl_meshcheck import ownership
from kubectl_meshcheck.apply import objects
from kubectl_meshcheck.apply.write import (
    APPLY,
    MERGE,
    TRIES,
    changed_since,
    patch,
    refusal,
)
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.kinds import REPLICA_SET
from kubectl_meshcheck.plan import MANAGER, Edit, Record
from kubectl_meshcheck.plan import record as records
from kubectl_meshcheck.plan.body import identity
from kubectl_meshcheck.plan.record import RECORD
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at, marks, template_path
from kubectl_meshcheck.workload import Ref


class Undoing(msgspec.Struct, frozen=True):
    """What is to be taken back from one object."""

    ref: Ref
    live: Object
    path: tuple[str, ...]
    record: Record | None  #: None: only a claim is left over from an earlier undo
    restore: tuple[Edit, ...] = ()  #: values to be put back
    remove: tuple[Edit, ...] = ()  #: keys to be taken away
    kept: tuple[str, ...] = ()  #: keys that somebody else has set as well

    @property
    def told(self) -> dict[str, str | None]:
        """The annotations that tell the pods made after it."""
        edits = (*self.restore, *self.remove)
        return {e.key: e.before for e in edits if e.key not in self.kept}


def prepare(ref: Ref, found: Object) -> Undoing | None:
    """What there is to take back; None when the object was never fixed.

    Raises ``MeshcheckError`` with code REFUSED when somebody has changed it since.
    """
    deployment = _copied(ref, found)
    if deployment:
        what = f"{ref} only has a copy of the record of {deployment}"
        hint = f"kubectl meshcheck undo {deployment} -n {ref.namespace}"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
    path = template_path(ref.kind)
    ours = [m for m in ownership.managers(found) if m.name == MANAGER]
    text = marks(found).get(RECORD)
    if text is None:
        if any(m.operation == "Apply" for m in ours):
            what = f"{ref} was fixed, but the record {RECORD} is gone from it"
            hint = "take the annotation away from its pod template by hand"
            raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
        return Undoing(ref, found, path, None) if ours else None
    try:
        record = records.parse(text)
    except ValueError as error:
        what = f"the record {RECORD} of {ref} does not read: {error}"
        hint = "take the annotation away from its pod template by hand"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED) from error
    return _undoing(ref, found, path, record)


def _copied(ref: Ref, found: Object) -> str:
    """The Deployment whose annotations its controller copies to this ReplicaSet.

    Source: kubernetes/kubernetes: pkg/controller/deployment/util/deployment_util.go.
    """
    owners = at(found, ("metadata",)).get("ownerReferences")
    for owner in owners if isinstance(owners, list) else ():
        if isinstance(owner, dict) and owner.get("kind") == "Deployment":
            return f"deploy/{owner.get('name')}" if ref.kind is REPLICA_SET else ""
    return ""


def _undoing(ref: Ref, found: Object, path: tuple[str, ...], record: Record) -> Undoing:
    now = marks(found, path)
    restore, remove, kept = [], [], []
    for edit in record.edits:
        field = (*path, "metadata", "annotations", edit.key)
        others = [m for m in ownership.holders(found, field) if m != MANAGER]
        if now.get(edit.key) == edit.before:
            continue  # put back already, by somebody or by a step before
        if now.get(edit.key) != edit.after:
            names = f" by {', '.join(others)}" if others else ""
            what = f"{edit.key} of {ref} was changed{names} since it was fixed"
            hint = "nothing was taken back; change it where that value comes from"
            raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
        if edit.before is None:
            remove.append(edit)
            kept += [edit.key] if others else []
        else:
            restore.append(edit)
    return Undoing(ref, found, path, record, tuple(restore), tuple(remove), tuple(kept))


def undo(cluster: Cluster, undoing: Undoing, *, dry: bool = False) -> dict[str, Any]:
    """Carries it out; the object as it is afterwards.

    Raises ``MeshcheckError`` when the server refuses or somebody is in between.
    """
    params = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
    if dry:
        params["dryRun"] = "All"
    left: Undoing | None = undoing
    found = dict(undoing.live)
    for again in reversed(range(TRIES)):
        try:
            return _steps(cluster, left, params, dry) if left else found
        except ApiError as error:
            if not (again and changed_since(error)):
                raise refusal(undoing.ref, error) from error
        # only its controllers, or somebody whom prepare() will name
        found = objects.read(cluster, undoing.ref)
        left = prepare(undoing.ref, found)
    return found


def _steps(
    cluster: Cluster, undoing: Undoing, params: dict[str, str], dry: bool
) -> dict[str, Any]:
    ref, found = undoing.ref, dict(undoing.live)
    if undoing.restore:
        body = _restored(found, undoing.path, undoing.restore)
        found = patch(cluster, ref, body, MERGE, params)
        if dry:
            return found
    if undoing.record is not None:
        body = identity(found, versioned=True)
        found = patch(cluster, ref, body, APPLY, {**params, "force": "false"})
        if dry:
            return found
        if RECORD in marks(found):  # kubectl rollout undo has brought back a copy
            gone = {"metadata": {**_this(found), "annotations": {RECORD: None}}}
            found = patch(cluster, ref, gone, MERGE, params)
    if any(m.name == MANAGER for m in ownership.managers(found)):
        found = patch(cluster, ref, unclaimed(found), MERGE, params)
    _released(ref, found)
    return found


def _restored(
    found: Object, path: tuple[str, ...], edits: Sequence[Edit]
) -> dict[str, Any]:
    body: dict[str, Any] = {"metadata": _this(found)}
    template: Any = {"metadata": {"annotations": {e.key: e.before for e in edits}}}
    for step in reversed(path[1:]):
        template = {step: template}
    body[path[0]] = template
    return body


def _this(found: Object) -> dict[str, Any]:
    """This very object, unchanged since."""
    meta = at(found, ("metadata",))
    return {key: meta[key] for key in ("uid", "resourceVersion") if key in meta}


def unclaimed(found: Object) -> dict[str, Any]:
    entries = at(found, ("metadata",)).get("managedFields")
    left = [
        entry
        for entry in (entries if isinstance(entries, list) else ())
        if not (isinstance(entry, dict) and entry.get("manager") == MANAGER)
    ]
    # an empty list would be taken for "leave it as it is"
    return {"metadata": {**_this(found), "managedFields": left or [{}]}}


def _released(ref: Ref, found: Object) -> None:
    if any(m.name == MANAGER for m in ownership.managers(found)):
        what = f"{ref} is restored, but the claim of the manager {MANAGER} stays"
        raise MeshcheckError(what, "run undo again", code=ExitCode.INEFFECTIVE)
