"""What the mesh's settings say of a proxy that its injector did not make: nothing."""

from __future__ import annotations

import io
import json
from typing import Any

from kubectl_meshcheck import mismatch, offline
from kubectl_meshcheck.mismatch import Ineffective
from tests.settings.injectors import webhook

Json = dict[str, Any]
AWAIT = "config.linkerd.io/proxy-await"


def failed(**annotations: str) -> Ineffective | None:
    """Of a Deployment whose template brings a proxy that holds nobody."""
    proxy = {"name": "linkerd-proxy", "image": "cr.l5d.io/linkerd/proxy:stable-2.14.10"}
    marks = {"linkerd.io/proxy-version": "stable-2.14.10", **annotations}
    template = {
        "metadata": {"annotations": marks},
        "spec": {"containers": [{"name": "app", "image": "app:1"}, proxy]},
    }
    found: list[Json] = [
        webhook(
            "linkerd-proxy-injector-webhook-config",
            "linkerd-proxy-injector.linkerd.io",
            ("linkerd", "linkerd-proxy-injector"),
        ),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "linkerd-config", "namespace": "linkerd"},
            "data": {"values": "linkerdVersion: stable-2.14.10\nproxy: {await: true}"},
        },
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {
                "name": "shop",
                "annotations": {"linkerd.io/inject": "enabled"},
            },
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"template": template},
        },
    ]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": found})
    inventory, problems = offline.from_files(["-"], stdin=io.BytesIO(text.encode()))
    assert problems == []
    [subject] = inventory.subjects()
    return mismatch.ineffective(subject)


def test_the_mesh_s_default_asks_nothing_of_a_template_s_own_proxy() -> None:
    assert failed() is None


def test_an_annotation_does_nothing_to_a_template_s_own_proxy() -> None:
    assert failed(**{AWAIT: "enabled"}) == Ineffective(
        f"the annotation {AWAIT}",
        "linkerd-proxy stands in the template, where the injector leaves it alone",
        "inject the template anew, or take linkerd-proxy out of it",
    )
