"""Who else writes an object, and what becomes of a change: a row each, with evidence.

``held`` says which manager has set the value that is to change, and by which
operation; None where the value is not there today.
"""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_meshcheck.ownership import owners

PATH = ("spec", "template", "metadata", "annotations", "k")
FIELDS: dict[str, Any] = {
    "f:spec": {"f:template": {"f:metadata": {"f:annotations": {"f:k": {}}}}}
}
TEMPLATE: dict[str, Any] = {"metadata": {"annotations": {"k": "v"}}}
OTHER: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
ARGO = "argocd.argoproj.io/tracking-id"
KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
FLUX_HELM = "helm.toolkit.fluxcd.io"
HELM = {
    "app.kubernetes.io/managed-by": "Helm",
    "meta.helm.sh/release-name": "shop",
    "meta.helm.sh/release-namespace": "prod",
}
FLEET = {"objectset.rio.cattle.io/hash": "x", "objectset.rio.cattle.io/owner-name": "b"}
LAST = "kubectl.kubernetes.io/last-applied-configuration"
SETS = '{"spec":{"template":{"metadata":{"annotations":{"k":"v"}}}}}'
HERE = "shop:apps/Deployment:prod/cart"


def _object(
    marks: dict[str, str],
    held: tuple[str, str] | None = None,
    known: str = "",
    owner: dict[str, Any] | None = None,
) -> dict[str, Any]:
    entries = []
    if held:
        entries.append({"manager": held[0], "operation": held[1], "fieldsV1": FIELDS})
    if known:
        entries.append({"manager": known, "operation": "Apply", "fieldsV1": OTHER})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "cart",
            "namespace": "prod",
            "annotations": marks,
            "managedFields": entries,
            "ownerReferences": [owner] if owner else [],
        },
    }


CASES: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "nobody": (_object({}), []),
    "somebody by hand": (_object({}, ("kubectl-edit", "Update")), []),
    "argo, absent": (_object({ARGO: HERE}), [("Argo CD shop", "stays")]),
    "argo, set by Git": (
        _object({ARGO: HERE}, ("argocd-controller", "Update")),
        [("Argo CD shop", "will be reverted")],
    ),
    "argo, set by hand": (
        _object({ARGO: HERE}, ("kubectl-edit", "Update")),
        [("Argo CD shop", "stays")],
    ),
    "argo, replacing": (
        _object({ARGO: HERE, "argocd.argoproj.io/sync-options": "Replace=true"}),
        [("Argo CD shop", "will be reverted")],
    ),
    "argo's id copied from another object": (
        _object({ARGO: "shop:apps/Deployment:prod/other"}),
        [],
    ),
    "argo by its manager alone": (
        _object({"app.kubernetes.io/instance": "shop"}, known="argocd-controller"),
        [("Argo CD shop", "stays")],
    ),
    "an instance label alone": (_object({"app.kubernetes.io/instance": "shop"}), []),
    "flux, absent": (
        _object({f"{KUSTOMIZE}/name": "apps", f"{KUSTOMIZE}/namespace": "flux"}),
        [("Flux apps", "stays")],
    ),
    "flux, set by its source": (
        _object({f"{KUSTOMIZE}/name": "apps"}, ("kustomize-controller", "Apply")),
        [("Flux apps", "will be reverted")],
    ),
    "flux, told to leave it alone": (
        _object(
            {f"{KUSTOMIZE}/name": "apps", f"{KUSTOMIZE}/reconcile": "disabled"},
            ("kustomize-controller", "Apply"),
        ),
        [("Flux apps", "stays")],
    ),
    "flux's helm-controller": (
        _object({**HELM, f"{FLUX_HELM}/name": "shop"}),
        [("Flux shop", "stays")],
    ),
    "flux's helm-controller, set by the chart": (
        _object({**HELM, f"{FLUX_HELM}/name": "shop"}, ("helm-controller", "Update")),
        [("Flux shop", "will be reverted")],
    ),
    "helm, absent": (_object(HELM), [("Helm shop", "stays")]),
    "helm 3": (
        _object(HELM, ("helm", "Update")),
        [("Helm shop", "will be reverted")],
    ),
    "helm 4": (
        _object(HELM, ("helm", "Apply")),
        [("Helm shop", "will break the next upgrade")],
    ),
    "helm, a value that nobody claims any more": (
        {**_object(HELM), "spec": {"template": TEMPLATE}},
        [("Helm shop", "will be reverted")],
    ),
    "argo, a value that nobody claims any more": (
        {**_object({ARGO: HERE}), "spec": {"template": TEMPLATE}},
        [("Argo CD shop", "will be reverted")],
    ),
    "helm's label alone": (_object({"app.kubernetes.io/managed-by": "Helm"}), []),
    "fleet": (_object(FLEET), [("Fleet b", "stays")]),
    "fleet over helm, set by the bundle": (
        _object({**FLEET, **HELM}, ("helm", "Update")),
        [("Fleet b", "will be reverted")],
    ),
    "olm by its label": (
        _object({"olm.owner": "op.v1"}),
        [("OLM op.v1", "will be reverted")],
    ),
    "olm by its reference": (
        _object(
            {},
            owner={
                "kind": "ClusterServiceVersion",
                "name": "op.v1",
                "controller": True,
            },
        ),
        [("OLM op.v1", "will be reverted")],
    ),
    "an operator": (
        _object({}, owner={"kind": "Shop", "name": "main", "controller": True}),
        [("Shop main", "will be reverted")],
    ),
    "an owner that does not control": (
        _object({}, owner={"kind": "Shop", "name": "main"}),
        [],
    ),
    "kubectl apply, absent": (_object({LAST: "{}"}), [("kubectl apply", "stays")]),
    "kubectl apply, in the manifest": (
        _object({LAST: SETS}),
        [("kubectl apply", "will be reverted")],
    ),
    "kubectl apply, not readable": (
        _object({LAST: "["}),
        [("kubectl apply", "will be reverted")],
    ),
    "kubectl apply --server-side": (
        _object({}, ("kubectl", "Apply")),
        [("kubectl apply", "will break the next upgrade")],
    ),
    "helm 4 under argo": (
        _object({ARGO: HERE, **HELM}, ("helm", "Apply")),
        [("Helm shop", "will break the next upgrade"), ("Argo CD shop", "stays")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_owner_and_the_fate_of_a_change(case: str) -> None:
    found, expected = CASES[case]
    told = [(str(owner), owner.fate.value) for owner in owners(found, [PATH])]
    assert told == expected


def test_every_owner_shows_evidence_and_a_way() -> None:
    told = [one for found, _ in CASES.values() for one in owners(found, [PATH])]
    assert [
        one for one in told if not (one.evidence and one.when and one.instead)
    ] == []


@pytest.mark.parametrize("value", [None, 1, "x", [], ["x"], {"metadata": "x"}])
def test_anything_is_read_without_a_traceback(value: Any) -> None:
    found = {
        "metadata": {
            "managedFields": value,
            "ownerReferences": value,
            "annotations": value,
            "labels": value,
        }
    }
    assert owners(found, [PATH]) == ()
