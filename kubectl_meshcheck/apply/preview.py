"""Asks the cluster's own injector: what would the next pod of this template be?

A pod is created with ``dryRun=All``: the whole admission chain runs, with the real
injector in it, and nothing is stored.  The pod has no owner, because Linkerd's
injector records an event on the owner even in a dry run (linkerd/linkerd2:
controller/proxy-injector/webhook.go).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from kubectl_meshcheck import meshes, parse
from kubectl_meshcheck.cluster import ApiError, Cluster
from kubectl_meshcheck.kinds import POD
from kubectl_meshcheck.plan import Foreseen
from kubectl_meshcheck.plan.values import Object
from kubectl_meshcheck.plan.where import at, template_path
from kubectl_meshcheck.workload import Ref

DRY = {"dryRun": "All", "fieldManager": "meshcheck"}


def foresee(
    cluster: Cluster, ref: Ref, found: Object, path: tuple[str, ...] = ()
) -> Foreseen:
    """The next pod of the object's template, judged.

    Raises ``MeshcheckError`` when the server cannot be reached or trusted; a refusal
    is an answer.
    """
    body = json.dumps(pod(ref, found, path or template_path(ref.kind))).encode()
    try:
        answer = cluster.request("POST", POD.path(ref.namespace), body=body, params=DRY)
    except ApiError as error:
        return _refused(error, ref)
    return judged(answer)


def judged(answer: bytes) -> Foreseen:
    """The verdict on the pod in the server's answer."""
    try:
        made = msgspec.json.decode(answer, type=parse.Pod)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Foreseen(unknown=f"the server's pod does not read as one: {error}")
    if not made.spec.containers:
        return Foreseen(unknown="the server's answer to a dry run holds no pod")
    start = meshes.start_of(made.metadata, made.spec)
    return Foreseen(pod=start, judgement=meshes.judge(start))


def pod(ref: Ref, found: Object, path: tuple[str, ...]) -> dict[str, Any]:
    """The pod that the template's controller would create, but for its owner."""
    template = at(found, path)
    meta = at(template, ("metadata",))
    labels = {**at(meta, ("labels",)), **_LABELS.get(ref.kind.kind, {})}
    spec = dict(at(template, ("spec",)))
    claims = list(_claims(ref, found))
    if claims:
        volumes = spec.get("volumes")
        spec["volumes"] = [*(volumes if isinstance(volumes, list) else ()), *claims]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{ref.name[:40]}-",
            "namespace": ref.namespace,
            "labels": labels,
            "annotations": dict(at(meta, ("annotations",))),
        },
        "spec": spec,
    }


#: what the controllers add, because a webhook's selector may look at it
_LABELS: Mapping[str, Mapping[str, str]] = {
    "Deployment": {"pod-template-hash": "preview"},
    "ReplicaSet": {"pod-template-hash": "preview"},
    "StatefulSet": {
        "controller-revision-hash": "preview",
        "apps.kubernetes.io/pod-index": "0",
    },
    "DaemonSet": {
        "controller-revision-hash": "preview",
        "pod-template-generation": "1",
    },
    "CronJob": {"job-name": "preview", "batch.kubernetes.io/job-name": "preview"},
}


def _claims(ref: Ref, found: Object) -> Iterator[dict[str, Any]]:
    """The volumes that a StatefulSet's controller makes of its claim templates."""
    wanted = at(found, ("spec",)).get("volumeClaimTemplates")
    for claim in wanted if isinstance(wanted, list) else ():
        name = at(claim, ("metadata",)).get("name") if isinstance(claim, dict) else None
        if isinstance(name, str):
            volume = {"claimName": f"{name}-{ref.name}-0"}
            yield {"name": name, "persistentVolumeClaim": volume}


def _refused(error: ApiError, ref: Ref) -> Foreseen:
    """What a refusal says: about the next real pod, or only about the question."""
    said = error.message or error.what
    if error.status == 401:
        raise error
    if error.status == 403 and 'cannot create resource "pods"' in said:
        where = f"in namespace {ref.namespace}"
        return Foreseen(unknown=f"you may not create pods {where}, even as a dry run")
    if "does not support dry run" in said:
        return Foreseen(unknown=f"a webhook does not support dry runs: {said}")
    if "exceeded quota" in said:
        return Foreseen(unknown=f"there is no room for one pod more: {said}")
    if error.status == 429 or (error.status >= 500 and "webhook" not in said):
        return Foreseen(unknown=f"the server did not answer: {said}")
    return Foreseen(rejected=said)
