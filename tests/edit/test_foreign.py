"""Helm templates and JSON patches: explained, never written."""

from __future__ import annotations

import json

import pytest

from kubectl_meshcheck.edit import Outcome, Standing
from tests.edit.layouts import HOLD, KEY
from tests.edit.test_wanted import apart, one

CHART = """\
{{- if .Values.cart.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "shop.name" . }}
spec:
  template:
    metadata:
      annotations:
        {{- toYaml .Values.%s | nindent 8 }}
{{- end }}
"""
RENDER = "helm template ... | kubectl meshcheck file --fix -f -"


def template(instead: str, line: int = 1) -> Outcome:
    reason = "this is a Helm template, not a manifest"
    return Outcome(
        "template",
        Standing.REFUSED,
        reason,
        f"{instead}; or mend what it renders: {RENDER}",
        line=line,
    )


TEMPLATES = {
    "with a value for the pods' annotations": (
        CHART % "cart.podAnnotations",
        "",
        template(
            "set cart.podAnnotations in the chart's values: "
            f"{KEY}: '{HOLD}' (for Istio)"
        ),
    ),
    "for the mesh that it names": (
        CHART % "podAnnotations" + "# linkerd.io/inject: enabled\n",
        "",
        template(
            "set podAnnotations in the chart's values: "
            "config.linkerd.io/proxy-await: 'enabled' (for Linkerd)"
        ),
    ),
    "for the mesh that the user names": (
        CHART % "podAnnotations",
        "kuma",
        template(
            "set podAnnotations in the chart's values: "
            "kuma.io/wait-for-dataplane-ready: 'true'"
        ),
    ),
    "without such a value": (
        CHART % "labels",
        "istio",
        template(
            "add a value for the pod template's metadata.annotations to the chart: "
            f"{KEY}: '{HOLD}'"
        ),
    ),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_helm_template(name: str) -> None:
    text, mesh, told = TEMPLATES[name]
    made = one(text, mesh)

    assert (made.outcomes, made.problems, made.changed) == ((told,), (), False)


def test_a_helm_template_without_a_workload_is_nobodys_concern() -> None:
    made = one("kind: Service\nmetadata: {{- .Values.x }}\n")

    assert (made.outcomes, made.problems, made.changed) == ((), (), False)


def test_a_helm_template_that_happens_to_be_yaml_is_refused_too() -> None:
    made = one(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\nspec:\n"
        '  template:\n    metadata:\n      labels: {sidecar.istio.io/inject: "true"}\n'
        '    spec: {containers: [{name: a, image: "{{ .Values.image }}"}]}\n'
    )

    assert [(o.who, o.standing, o.reason) for o in made.outcomes] == [
        (
            "deploy/cart",
            Standing.REFUSED,
            "this is a Helm template, not a manifest",
        )
    ]
    assert not made.changed


def test_braces_that_are_not_helms_are_no_hindrance() -> None:
    made = one(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\nspec:\n"
        '  template:\n    metadata:\n      labels: {sidecar.istio.io/inject: "true"}\n'
        "    spec: {containers: [{name: a, image: b, "
        'args: ["--format={{ .Name }} {{ if .x }}y{{ end }}"]}]}\n'
    )

    assert [o.standing for o in made.outcomes] == [Standing.CHANGED]


def patch(path: str, value: object) -> str:
    return json.dumps([{"op": "add", "path": path, "value": value}])


def add(root: str) -> Outcome:
    pointer = f"{root}/metadata/annotations/proxy.istio.io~1config"
    operation = json.dumps({"op": "add", "path": pointer, "value": HOLD})
    return Outcome(
        "patch",
        Standing.REFUSED,
        "a JSON patch does not say which workload it changes",
        f"add to it, or write it into that workload's manifest: {operation}",
        line=1,
    )


LABEL = "/spec/template/metadata/labels/sidecar.istio.io~1inject"
PATCHES = {
    "about something else": (
        patch("/spec/replicas", 3),
        "",
        apart("no mesh is asked for in this JSON patch", who="patch"),
    ),
    "that asks for a mesh": (patch(LABEL, "true"), "", add("/spec/template")),
    "in a CronJob": (
        patch(LABEL.replace("/spec", "/spec/jobTemplate/spec"), "true"),
        "",
        add("/spec/jobTemplate/spec/template"),
    ),
    "whose mesh the user names": (
        "- op: replace\n  path: /spec/replicas\n  value: 3\n",
        "istio",
        add("/spec/template"),
    ),
    "that does it already": (
        patch("/spec/template/metadata/annotations/proxy.istio.io~1config", HOLD),
        "",
        apart(f"this JSON patch sets {KEY} itself", who="patch"),
    ),
}


@pytest.mark.parametrize("name", PATCHES)
def test_a_json_patch(name: str) -> None:
    text, mesh, told = PATCHES[name]
    made = one(text, mesh)

    assert (made.outcomes, made.problems, made.changed) == ((told,), (), False)
