"""Several revisions: tags, KubeSphere's patch, two that take the same pod."""

from __future__ import annotations

import pytest

from kubectl_meshcheck.meshes.istio_control import planes
from tests.settings import meshes
from tests.settings.meshes import config_map, injector, objects, values
from tests.settings.test_istio_injection import INJECT, REV, ask, control_plane

KUBESPHERE = objects(
    injector("1-14-6", opened=True),
    config_map("istio-1-14-6", mesh=meshes.mesh()),
    config_map(
        "istio-sidecar-injector-1-14-6",
        values=values("1.14.6"),
        config="policy: disabled\n",
    ),
)


@pytest.mark.parametrize(
    ("namespace", "annotations", "injected", "rule"),
    [
        (
            {"kubesphere.io/workspace": "a"},
            {INJECT: "true"},
            True,
            "the namespace has no label istio.io/rev or istio-injection; "
            'pod annotation sidecar.istio.io/inject: "true"',
        ),
        (
            {"kubesphere.io/workspace": "a"},
            {},
            False,
            "the namespace has no label istio.io/rev or istio-injection; the policy is "
            'disabled, and the pod does not say sidecar.istio.io/inject: "true"',
        ),
        (
            {"istio-injection": "disabled"},
            {INJECT: "true"},
            False,
            "namespace label istio-injection=disabled, so the webhook is not called",
        ),
    ],
)
def test_kubesphere_leaves_it_to_the_annotation(
    namespace: dict[str, str], annotations: dict[str, str], injected: bool, rule: str
) -> None:
    found = ask(KUBESPHERE, namespace_labels=namespace, annotations=annotations)
    assert (found.injected, found.rule) == (injected, rule)
    [plane] = planes(KUBESPHERE)
    assert (plane.flavour, plane.version) == ("KubeSphere", "1.14.6")


def test_a_tag_stands_for_its_revision() -> None:
    found = objects(
        *control_plane("1-20-3"),
        injector("1-20-3", tag="prod"),
        injector("1-20-3", tag="default"),
    )
    [plane] = planes(found)
    assert (plane.revision, plane.tags) == ("1-20-3", ("default", "prod"))
    for labels in ({REV: "prod"}, {"istio-injection": "enabled"}, {REV: "1-20-3"}):
        answer = ask(found, namespace_labels=labels)
        assert (answer.injected, answer.revision) == (True, "1-20-3")
        assert answer.also == ()


def test_two_revisions_that_take_the_same_pod_are_named() -> None:
    found = objects(
        *control_plane("1-11-2"), injector("1-11-2", opened=True), *KUBESPHERE_PARTS
    )
    answer = ask(found, namespace_labels={}, annotations={INJECT: "true"})
    assert (answer.revision, answer.also) == ("1-11-2", ("1-14-6",))


KUBESPHERE_PARTS = (
    injector("1-14-6", opened=True),
    config_map("istio-sidecar-injector-1-14-6", config="policy: disabled", values="{}"),
)


def test_without_the_policy_it_is_not_known() -> None:
    answer = ask(objects(injector()))
    assert (answer.injected, answer.revision, answer.unknown) == (
        None,
        "default",
        "the policy is not known: ConfigMap istio-system/istio-sidecar-injector "
        "was not read",
    )
