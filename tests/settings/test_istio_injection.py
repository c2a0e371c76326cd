"""Who is injected, by which revision and rule: selectors first, then istiod.

The table of webhooks is that of 1.10 to 1.31; KubeSphere's patch, tags and
upstream's own configurations follow.  Left out: webhooks of other products that
change labels before Istio's is called.
"""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kubectl_meshcheck.control import Injection
from kubectl_meshcheck.mesh_objects import MeshObjects
from kubectl_meshcheck.meshes.istio_control import planes
from kubectl_meshcheck.meshes.istio_injection import injection
from tests.settings import meshes
from tests.settings.meshes import config_map, injector, objects, placed, values

INJECT = "sidecar.istio.io/inject"
REV = "istio.io/rev"


def control_plane(
    revision: str = "default",
    version: str = "1.20.3",
    policy: str = "enabled",
    **config: Any,
) -> tuple[Any, ...]:
    suffix = "" if revision == "default" else f"-{revision}"
    text = "".join(f"{k}: {v}\n" for k, v in {"policy": policy, **config}.items())
    return (
        injector(revision, opened=config.pop("opened", False)),
        config_map(f"istio{suffix}", mesh=meshes.mesh()),
        config_map(
            f"istio-sidecar-injector{suffix}", values=values(version), config=text
        ),
    )


BOTH = objects(*control_plane(), *control_plane("canary"))


def ask(found: MeshObjects, **pod: Any) -> Injection:
    return injection(planes(found), placed(**pod))


@pytest.mark.parametrize(
    ("namespace", "labels", "revision", "rule"),
    [
        (
            {"istio-injection": "enabled"},
            {},
            "default",
            "namespace label istio-injection=enabled",
        ),
        ({REV: "default"}, {}, "default", "namespace label istio.io/rev=default"),
        ({REV: "canary"}, {}, "canary", "namespace label istio.io/rev=canary"),
        # istio-injection beats istio.io/rev on a namespace
        (
            {"istio-injection": "enabled", REV: "canary"},
            {},
            "default",
            "namespace label istio-injection=enabled",
        ),
        # a namespace's label beats the pod's revision
        (
            {"istio-injection": "enabled"},
            {REV: "canary"},
            "default",
            "namespace label istio-injection=enabled",
        ),
        ({}, {REV: "canary"}, "canary", "pod label istio.io/rev=canary"),
        ({}, {INJECT: "true"}, "default", f"pod label {INJECT}=true"),
    ],
)
def test_labels_choose_the_revision(
    namespace: dict[str, str], labels: dict[str, str], revision: str, rule: str
) -> None:
    found = ask(BOTH, namespace_labels=namespace, labels=labels)
    assert (found.injected, found.revision, found.also) == (True, revision, ())
    assert found.rule.startswith(rule)


@pytest.mark.parametrize(
    ("namespace", "labels", "rule"),
    [
        (
            {"istio-injection": "disabled"},
            {},
            "namespace label istio-injection=disabled, so the webhook is not called",
        ),
        (
            {"istio-injection": "disabled"},
            {INJECT: "true"},
            "namespace label istio-injection=disabled, so the webhook is not called",
        ),
        (
            {REV: "pigeon"},
            {},
            "namespace label istio.io/rev=pigeon, so the webhook is not called "
            "(no revision or tag is called pigeon)",
        ),
        (
            {"istio-injection": "enabled"},
            {INJECT: "false"},
            "pod label sidecar.istio.io/inject=false, so the webhook is not called",
        ),
        (
            {},
            {},
            "nothing asks for it: there is no namespace label istio.io/rev=default, no "
            "pod label istio.io/rev=default, no namespace label "
            "istio-injection=enabled, no pod label sidecar.istio.io/inject=true",
        ),
    ],
)
def test_labels_keep_the_webhook_away(
    namespace: dict[str, str], labels: dict[str, str], rule: str
) -> None:
    found = ask(BOTH, namespace_labels=namespace, labels=labels)
    assert (found.injected, found.rule) == (False, rule)


def test_a_label_that_keeps_all_webhooks_away_is_the_reason() -> None:
    """Others are missing too, and to add them would change nothing."""
    found = objects(*control_plane("canary"), *control_plane("stable"))
    kept = ask(found, namespace_labels={}, labels={INJECT: "false"})
    assert (kept.injected, kept.rule) == (
        False,
        "pod label sidecar.istio.io/inject=false, so no webhook is called",
    )


def test_an_annotation_alone_calls_no_webhook() -> None:
    found = ask(BOTH, namespace_labels={}, annotations={INJECT: "true"})
    assert found.injected is False
    assert found.rule.startswith("nothing asks for it")


@pytest.mark.parametrize(
    ("policy", "pod", "injected", "rule"),
    [
        ("enabled", {}, True, "namespace label istio-injection=enabled"),
        (
            "disabled",
            {},
            False,
            "namespace label istio-injection=enabled; the policy is disabled, and the "
            'pod does not say sidecar.istio.io/inject: "true"',
        ),
        (
            "disabled",
            {"annotations": {INJECT: "true"}},
            True,
            "namespace label istio-injection=enabled; "
            'pod annotation sidecar.istio.io/inject: "true"',
        ),
        (
            "enabled",
            {"annotations": {INJECT: "false"}},
            False,
            "namespace label istio-injection=enabled; "
            'pod annotation sidecar.istio.io/inject: "false"',
        ),
        # the label wins
        (
            "disabled",
            {"labels": {INJECT: "true"}, "annotations": {INJECT: "false"}},
            True,
            "namespace label istio-injection=enabled; "
            'pod label sidecar.istio.io/inject: "true"',
        ),
        (
            "enabled",
            {"host_network": True},
            False,
            "a pod on the host's network is left",
        ),
        (
            "enabled",
            {"namespace": "kube-system"},
            False,
            "namespace kube-system is always left out",
        ),
    ],
)
def test_istiod_decides_in_its_order(
    policy: str, pod: dict[str, Any], injected: bool, rule: str
) -> None:
    found = ask(objects(*control_plane(policy=policy)), **pod)
    assert (found.injected, found.rule) == (injected, rule)


@pytest.mark.parametrize(
    ("version", "word", "injected"),
    [
        ("1.26.0", "yes", True),
        ("1.26.0", "On", True),
        ("1.26.0", "1", False),
        ("1.27.0", "true", True),
        ("1.27.0", "yes", True),  # not understood, so the policy decides
        ("1.27.0", "false", False),
    ],
)
def test_the_word_is_read_by_version(version: str, word: str, injected: bool) -> None:
    found = objects(*control_plane(version=version))
    assert ask(found, annotations={INJECT: word}).injected is injected


@pytest.mark.parametrize(
    ("config", "injected", "rule"),
    [
        (
            {"policy": "disabled", "alwaysInjectSelector": "[{matchLabels: {app: a}}]"},
            True,
            "namespace label istio-injection=enabled; alwaysInjectSelector app=a",
        ),
        (
            {"neverInjectSelector": "[{matchLabels: {app: a}}]"},
            False,
            "namespace label istio-injection=enabled; neverInjectSelector app=a",
        ),
        (
            {
                "neverInjectSelector": "[{matchLabels: {app: a}}]",
                "alwaysInjectSelector": "[{matchLabels: {app: a}}]",
            },
            False,
            "namespace label istio-injection=enabled; neverInjectSelector app=a",
        ),
    ],
)
def test_the_injectors_selectors(
    config: dict[str, str], injected: bool, rule: str
) -> None:
    found = ask(objects(*control_plane(**config)), labels={"app": "a"})
    assert (found.injected, found.rule) == (injected, rule)


def test_a_selector_on_labels_that_are_not_known() -> None:
    found = objects(*control_plane(neverInjectSelector="[{matchLabels: {app: a}}]"))
    [answer] = [injection(planes(found), replace(placed(), labels=None))]
    assert (answer.injected, answer.unknown) == (
        None,
        "the injector's neverInjectSelector asks for labels that are not known",
    )


def test_a_namespace_that_could_not_be_read() -> None:
    pod = replace(placed(), namespace_labels=None)
    answer = injection(planes(BOTH), pod)
    assert (answer.injected, answer.unknown) == (
        None,
        "the labels of namespace shop are not known",
    )
