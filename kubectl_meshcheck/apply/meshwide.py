"""Writes the mesh-wide remedy, waits for the injector, and restarts what races.

A ConfigMap's key is one text with many authors, so it is replaced only in the version
that was read.  The record lies beside it, written in the same request.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_meshcheck import __version__, ownership
from kubectl_meshcheck.apply import objects, preview, watch
from kubectl_meshcheck.apply.run import Report, now, rolls
from kubectl_meshcheck.apply.undo import unclaimed
from kubectl_meshcheck.apply.watch import Awaited, RolloutError
from kubectl_meshcheck.apply.write import MERGE, patch, refusal
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.errors import ExitCode, MeshcheckError
from kubectl_meshcheck.plan import MANAGER, Edit, Record
from kubectl_meshcheck.plan import record as records
from kubectl_meshcheck.plan.meshwide import MeshChange, MeshPlace
from kubectl_meshcheck.plan.record import RECORD
from kubectl_meshcheck.plan.values import GOOD, Object
from kubectl_meshcheck.plan.where import at, marks, template_path
from kubectl_meshcheck.workload import Ref

RESTARTED = "kubectl.kubernetes.io/restartedAt"
#: seconds until a kubelet has renewed a mounted ConfigMap and istiod has read it
PATIENCE = 120.0


def read(cluster: Cluster, where: MeshPlace) -> dict[str, Any]:
    """The ConfigMap; empty when there is none."""
    try:
        return objects.read(cluster, where.ref)
    except ApiError as error:
        if error.status == 404:
            return {}
        raise


def write(cluster: Cluster, planned: MeshChange, *, dry: bool = False) -> None:
    """Writes it, in the version that was read.  Raises where somebody was faster."""
    params = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
    if dry:
        params["dryRun"] = "All"
    ref, key = planned.place.ref, planned.place.key
    edit = Edit(f"data.{key}", planned.before, planned.after)
    told = str(Record((edit,), now(), __version__))
    body: dict[str, Any] = {
        "metadata": {**_this(planned.live), "annotations": {RECORD: told}},
        "data": {key: planned.after},
    }
    try:
        if planned.live:
            patch(cluster, ref, body, MERGE, params)
        else:
            _make(cluster, ref, body, params)
    except ApiError as error:
        raise refusal(ref, error) from error


def _make(
    cluster: Cluster, ref: Ref, body: dict[str, Any], params: dict[str, str]
) -> None:
    made = {"apiVersion": "v1", "kind": "ConfigMap", **body}
    made["metadata"] = {**body["metadata"], "name": ref.name}
    text = json.dumps(made).encode()
    cluster.request("POST", ref.kind.path(ref.namespace), body=text, params=params)


def _this(found: Object) -> dict[str, Any]:
    meta = at(found, ("metadata",))
    return {key: meta[key] for key in ("uid", "resourceVersion") if key in meta}


def undo(cluster: Cluster, ref: Ref, *, dry: bool = False) -> bool:
    """Restores the ConfigMap; False when it carries no fix.

    Raises with code REFUSED when somebody has changed it since.
    """
    found = objects.read(cluster, ref)
    params = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry else {})
    text = marks(found).get(RECORD)
    ours = any(m.name == MANAGER for m in ownership.managers(found))
    if text is None and not ours:
        return False
    try:
        if text is not None:
            body = _restored(ref, found, text)
            found = patch(cluster, ref, body, MERGE, params)
        if not dry and any(m.name == MANAGER for m in ownership.managers(found)):
            patch(cluster, ref, unclaimed(found), MERGE, params)
    except ApiError as error:
        raise refusal(ref, error) from error
    return True


def _restored(ref: Ref, found: Object, text: str) -> dict[str, Any]:
    try:
        edits = records.parse(text).edits
    except ValueError as error:
        what = f"the record {RECORD} of {ref} does not read: {error}"
        raise MeshcheckError(what, "edit it", code=ExitCode.REFUSED) from error
    data = {}
    for edit in edits:
        key = edit.key.removeprefix("data.")
        if at(found, ("data",)).get(key) not in (edit.after, edit.before):
            what = f"{key} of {ref} was changed since it was fixed"
            hint = "nothing was taken back; edit it by hand"
            raise MeshcheckError(what, hint, code=ExitCode.REFUSED)
        data[key] = edit.before
    return {
        "metadata": {**_this(found), "annotations": {RECORD: None}},
        "data": data,
    }


def wait_for_injector(cluster: Cluster, ref: Ref, patience: float = PATIENCE) -> str:
    """Empty when a new pod of ``ref`` would wait; else why that did not come true."""
    found = objects.read(cluster, ref)
    since = time.monotonic()
    while True:
        seen = preview.foresee(cluster, ref, found)
        if seen.unknown:
            return ""  # not allowed to ask: the new pods will show
        if seen.judgement and seen.judgement.verdict in GOOD:
            return ""
        if time.monotonic() - since > patience:
            said = seen.judgement.reason if seen.judgement else seen.rejected
            return f"a new pod of {ref} would still not wait: {said}"
        time.sleep(1)


def restart(
    cluster: Cluster, refs: Sequence[Ref], timeout: float, report: Report
) -> Iterator[tuple[Ref, str, bool]]:
    """Restarts the workloads one after the other, and stops at the first that fails.

    Gives each with what is to be said of it, and whether it went well.
    """
    for ref in refs:
        said, well = _restart(cluster, ref, timeout, report)
        yield ref, said, well
        if not well:
            return


def _restart(
    cluster: Cluster, ref: Ref, timeout: float, report: Report
) -> tuple[str, bool]:
    try:
        at_ = now()
        notes: Any = {"metadata": {"annotations": {RESTARTED: at_}}}
        for step in reversed(template_path(ref.kind)):
            notes = {step: notes}
        # as kubectl rollout restart does it, under its name
        found = patch(cluster, ref, notes, MERGE, {"fieldManager": "kubectl-rollout"})
        if not rolls(ref, found):
            return "its pods have to be deleted one by one", True
        uid = str(at(found, ("metadata",)).get("uid", ""))
        awaited = Awaited(ref, uid, {RESTARTED: at_}, at_, timeout)
        watch.rolled_out(cluster, awaited, lambda seen: report(ref, seen))
        verdict, why = watch.proof(cluster, awaited)
    except RolloutError as error:
        return error.what, False
    except ApiError as error:
        return refusal(ref, error).what, False
    return (why, False) if why else (verdict, True)
