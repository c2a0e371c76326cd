"""Writes a change by server-side apply, so that nobody's work is overwritten.

The manager ``meshcheck`` owns exactly the fields that it sets.  The uid makes sure
that it is the object that was looked at, the resourceVersion (where a value is
replaced) that nothing has changed since.  Record and change go in one request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from kubectl_meshcheck.apply import objects
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.plan import MANAGER, Change
from kubectl_meshcheck.plan.record import RECORD
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at, marks
from kubectl_meshcheck.workload import Ref

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
#: how often an object that only its controllers touch is tried again
TRIES = 5
_STRICT = {"fieldManager": MANAGER, "fieldValidation": "Strict"}


class Unfinished(MeshcheckError):  # noqa: N818 - it says how things stand
    """It cannot be told whether the server has done what it was asked."""


def write(
    cluster: Cluster, change: Change, *, force: bool = False, dry: bool = False
) -> dict[str, Any]:
    """The object as the server made it.

    Raises ``MeshcheckError`` with code REFUSED where somebody else is in the way,
    and ``Unfinished`` when the connection broke and the object cannot be read.
    """
    body: Object = change.body
    for again in reversed(range(TRIES)):
        try:
            found = _send(cluster, change.ref, body, force, dry)
        except ApiError as error:
            if again and _ours(error):
                force = True  # a claim that an interrupted undo has left over
            elif again and changed_since(error):
                body = _reread(cluster, change, error)
            else:
                return _settle(cluster, change, error, dry)
            continue
        except MeshcheckError as error:
            return _settle(cluster, change, error, dry)
        break
    _kept(change, found)
    return found


def _send(
    cluster: Cluster, ref: Ref, body: Object, force: bool, dry: bool
) -> dict[str, Any]:
    params = {**_STRICT, "force": "true" if force else "false"}
    if dry:
        params["dryRun"] = "All"
    return patch(cluster, ref, body, APPLY, params)


def patch(
    cluster: Cluster, ref: Ref, body: Object, kind: str, params: Mapping[str, str]
) -> dict[str, Any]:
    """One PATCH, and the object in the answer."""
    answer = cluster.request(
        "PATCH",
        objects.path_of(ref),
        body=json.dumps(body).encode(),
        content_type=kind,
        params=params,
    )
    try:
        found: dict[str, Any] = msgspec.json.decode(answer, type=dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MeshcheckError(
            f"the answer to the patch does not read: {error}"
        ) from None
    return found


def changed_since(error: ApiError) -> bool:
    """A conflict about the resourceVersion, not about a field or the uid."""
    return (
        error.status == 409
        and not conflicts(error)
        and "object has been modified" in error.message
    )


def _ours(error: ApiError) -> bool:
    held = {manager for _, manager in conflicts(error)}
    return error.status == 409 and held == {MANAGER}


def conflicts(error: ApiError) -> list[tuple[str, str]]:
    """Field and manager of each conflict of a server-side apply."""
    found = [
        re.fullmatch(r'(?:(.*): )?conflict with "([^"]*)".*', one, re.S)
        for one in error.details
    ]
    return [(match[1] or "", match[2]) for match in found if match]


def refusal(ref: Ref, error: ApiError) -> MeshcheckError:
    """Why the server did not write, in words that say who is in the way."""
    held = conflicts(error)
    if held:
        names = ", ".join(dict.fromkeys(manager for _, manager in held))
        what = f"{ref}: the field is held by the manager {names}"
        hint = "--force-conflicts takes it from there; nothing was written"
        return MeshcheckError(what, hint, code=ExitCode.REFUSED)
    if error.status == 404 or _other_uid(error):
        what = f"{ref} was deleted, or made anew, since it was read"
        return MeshcheckError(what, "look again", code=ExitCode.REFUSED)
    if error.status == 409:
        what = f"{ref} keeps changing: {error.message}"
        hint = "nothing was written; try again"
        return MeshcheckError(what, hint, code=ExitCode.REFUSED)
    if error.status in (400, 403, 422):
        hint = error.hint or "nothing was written"
        return MeshcheckError(error.what, hint, code=ExitCode.REFUSED)
    return error


def _other_uid(error: ApiError) -> bool:
    if error.status not in (409, 422):
        return False
    return any("uid" in text.lower() for text in (error.message, *error.details))


def _reread(cluster: Cluster, change: Change, error: ApiError) -> dict[str, Any]:
    """The body for the object's newest version, if the template is still the same."""
    now = objects.read(cluster, change.ref)
    meta = at(now, ("metadata",))
    same = at(now, change.path) == at(change.live, change.path)
    if meta.get("uid") != change.uid or not same:
        what = f"the pod template of {change.ref} was changed since it was read"
        hint = "nothing was written; look again"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED) from error
    version = {"resourceVersion": meta.get("resourceVersion")}
    return {**change.body, "metadata": {**at(change.body, ("metadata",)), **version}}


def _settle(
    cluster: Cluster, change: Change, error: MeshcheckError, dry: bool
) -> dict[str, Any]:
    """Finds out whether a request that was not answered well has been carried out."""
    told = error if isinstance(error, ApiError) else None
    if told is not None and told.status < 500:
        raise refusal(change.ref, told) from error
    if dry:
        raise error
    try:
        now = objects.read(cluster, change.ref)
    except MeshcheckError as again:
        what = f"whether {change.ref} was changed is not known: {error.what}"
        hint = "run it again: it finishes what was begun, or finds nothing to do"
        raise Unfinished(what, hint) from again
    if marks(now).get(RECORD) == marks(change.body).get(RECORD):
        return now
    what = f"{change.ref} is untouched: {error.what}"
    raise MeshcheckError(what, error.hint or "try again") from error


def _kept(change: Change, found: Object) -> None:
    """Somebody's admission webhook may take the annotation away again."""
    now = marks(found, change.path)
    lost = [edit.key for edit in change.edits if now.get(edit.key) != edit.after]
    if lost:
        what = f"an admission webhook does not leave {', '.join(lost)} as written"
        hint = "look at the mutating webhooks and policies of the cluster"
        raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
