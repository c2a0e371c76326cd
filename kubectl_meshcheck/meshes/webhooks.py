"""Which injecting webhook is called for a pod, for the meshes that have just one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.control import ControlPlane, Injection, Placed, Webhook
from kubectl_meshcheck.mesh_objects import (
    MeshObjects,
    WebhookConfiguration,
    WebhookEntry,
)
from kubectl_meshcheck.meshes import registry
from kubectl_meshcheck.meshes.base import Asked
from kubectl_meshcheck.selectors import Labels, Met, Selector, selector


def injectors(
    objects: MeshObjects, mesh: str
) -> Iterator[tuple[WebhookConfiguration, list[WebhookEntry]]]:
    """The configurations with webhooks of the mesh's injector, and those webhooks."""
    for name in sorted(objects.webhooks):
        configuration = objects.webhooks[name]
        entries = configuration.webhooks or ()
        found = [one for one in entries if registry.injects(mesh, one)]
        if found:
            yield configuration, found


def webhook(
    configuration: WebhookConfiguration, entry: WebhookEntry, tag: str = ""
) -> Webhook:
    """A webhook with its selectors read."""
    return Webhook(
        configuration.metadata.name,
        entry.name,
        namespaces=selector(entry.namespace_selector),
        objects=selector(entry.object_selector),
        tag=tag,
        failure_policy=entry.failure_policy or "Fail",
        unclear="its matchConditions cannot be judged"
        if entry.match_conditions
        else "",
    )


def met(one: Webhook, placed: Placed, domain: str) -> Met:
    """Whether the webhook is called.

    ``domain``: that of the mesh's own labels, which are known also where the others
    of the pod are not.
    """
    answers = (
        one.namespaces.met(namespace_labels(placed)),
        one.objects.met(_labels(placed, one.objects, domain)),
    )
    if Met.NO in answers:
        return Met.NO
    return Met.UNKNOWN if Met.UNKNOWN in answers or one.unclear else Met.YES


def namespace_labels(placed: Placed) -> Labels | None:
    """With the label that the API server adds to every namespace since 1.21."""
    if placed.namespace_labels is None:
        return None
    name = {"kubernetes.io/metadata.name": placed.namespace}
    return name | dict(placed.namespace_labels)


def around(placed: Placed, *annotations: str) -> Labels | None:
    """A namespace's labels, and of these keys its annotations instead."""
    if placed.namespace_labels is None:
        return None
    marks = placed.namespace_annotations or {}
    labels = {k: v for k, v in placed.namespace_labels.items() if k not in annotations}
    return labels | {key: marks[key] for key in annotations if key in marks}


def _labels(placed: Placed, objects: Selector, domain: str) -> Labels | None:
    if placed.labels is not None:
        return placed.labels
    ours = all(f"{domain}/" in r.key for r in objects.requirements)
    return placed.pod.labels if ours else None


def injection(
    mesh: str,
    planes: Sequence[ControlPlane],
    placed: Placed,
    asked: Asked | None,
    domain: str,
    unknown: str = "",
) -> Injection:
    """By the first webhook that is called, where somebody asks for it.

    ``unknown`` says why it cannot be told what becomes of a pod for which nobody asks.
    """
    calls = [
        (plane, one, met(one, placed, domain))
        for plane in planes
        for one in plane.webhooks
    ]
    if not calls:
        return Injection(mesh=mesh, unknown="no injection webhook was seen")
    for plane, one, answer in calls:
        if answer is Met.YES and asked is None and unknown:
            return Injection(None, mesh, webhook=str(one), unknown=unknown)
        if answer is Met.YES:
            return _decided(mesh, plane, one, asked)
    unsure = next((one for _, one, answer in calls if answer is Met.UNKNOWN), None)
    if unsure is not None:
        why = f"whether webhook {unsure} is called cannot be told"
        return Injection(None, mesh, unknown=why)
    return Injection(False, mesh, rule=_uncalled(calls[0][1], placed, asked))


def on_request(
    mesh: str,
    planes: Sequence[ControlPlane],
    placed: Placed,
    asked: Asked | None,
    domain: str,
) -> Injection | None:
    """The same for a mesh that has no say about a pod which does not ask for it."""
    if asked is None and (placed.proxy is None or placed.proxy.mesh != mesh):
        return None
    return injection(mesh, planes, placed, asked, domain)


def _decided(
    mesh: str, plane: ControlPlane, one: Webhook, asked: Asked | None
) -> Injection:
    on = asked is not None and asked.wanted and not asked.futile
    rule = "nothing asks for it"
    if asked is not None:
        rule = f"{asked.by}, but {asked.futile}" if asked.futile else asked.by
    return Injection(on, mesh, plane.revision, rule, str(one))


def _uncalled(one: Webhook, placed: Placed, asked: Asked | None) -> str:
    failed = one.namespaces.failed(namespace_labels(placed))
    where = "namespace" if failed else "pod"
    failed = failed or one.objects.failed(placed.labels or placed.pod.labels)
    wanted = ",".join(str(requirement) for requirement in failed)
    by = f"{asked.by}, but " if asked and asked.wanted else ""
    return f"{by}the webhook is not called: it takes {where} label {wanted}"
