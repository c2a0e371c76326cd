"""Which workloads of a manifest get the remedy, and why the others do not."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest

from kubectl_meshcheck import meshes
from kubectl_meshcheck.edit import Outcome, Source, Standing, all_edited
from kubectl_meshcheck.edit.manifest import Edited
from kubectl_meshcheck.plan.values import Edit
from tests.edit.layouts import HOLD, KEY

MESH = {mesh.name: mesh for mesh in meshes.MESHES}
RISK = (
    "the application starts only when the proxy is ready: up to 60 seconds later, then "
    "the kubelet restarts the proxy and starts the application without one",
)
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {istio-injection: enabled}
"""
ASKS = 'metadata: {labels: {sidecar.istio.io/inject: "true"}}\n'
APP = "spec: {containers: [{name: app, image: app}]}\n"
ADDED = (Edit(KEY, None, HOLD),)


def workload(
    template: str = APP, kind: str = "Deployment", version: str = "apps/v1"
) -> str:
    """A manifest with that pod template."""
    head = f"apiVersion: {version}\nkind: {kind}\n"
    head += "metadata: {name: cart, namespace: shop}\nspec:\n"
    deep = "  "
    if kind == "CronJob":
        head += "  jobTemplate:\n    spec:\n"
        deep = "      "
    return head + f"{deep}template:\n" + indent(dedent(template), deep + "  ")


def one(text: str, mesh: str = "") -> Edited:
    """The only source of a call."""
    (made,) = all_edited([Source("shop.yaml", text.encode())], MESH.get(mesh))
    return made


def outcome(text: str, mesh: str = "") -> Outcome:
    """What becomes of the only workload in the text."""
    (told,) = one(text, mesh).outcomes
    return told


def both(*documents: str) -> str:
    return "---\n".join(documents)


def apart(reason: str, line: int = 1, who: str = "deploy/cart") -> Outcome:
    return Outcome(who, Standing.APART, reason, line=line)


def changed(
    line: int = 1, who: str = "deploy/cart", notes: tuple[str, ...] = ()
) -> Outcome:
    return Outcome(who, Standing.CHANGED, KEY, "", ADDED, notes, RISK, line)


REMADE = "can only be made anew: kubectl replace --force -f FILE"
ISTIO = {
    "nobody asks": (workload(), apart("no mesh is asked for here")),
    "the namespace asks": (both(NAMESPACE, workload()), changed(7)),
    "another namespace asks": (
        both(NAMESPACE.replace("shop", "till"), workload()),
        apart("no mesh is asked for here", 7),
    ),
    "the pod asks": (workload(ASKS + APP), changed()),
    "the namespace is against it": (
        both(NAMESPACE.replace("enabled", "disabled"), workload(ASKS + APP)),
        changed(
            7,
            notes=(
                'Istio is asked for by the sidecar.istio.io/inject: "true" on the pod, '
                "but the namespace label istio-injection=disabled comes first",
            ),
        ),
    ),
    "on the host's network": (
        both(NAMESPACE, workload("spec: {hostNetwork: true, containers: []}\n")),
        apart("no mesh is asked for here", 7),
    ),
    "a gateway": (
        workload(ASKS + "spec: {containers: [{name: istio-proxy, image: auto}]}\n"),
        apart("istio-proxy is the application"),
    ),
    "no template at all": (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: cart}\n",
        apart("there is no pod template in it"),
    ),
    "a CronJob": (
        workload(ASKS + APP, "CronJob", "batch/v1"),
        changed(who="cronjob/cart"),
    ),
    "a Job": (
        workload(ASKS + APP, "Job", "batch/v1"),
        changed(who="job/cart", notes=(f"job/cart {REMADE}",)),
    ),
    "a pod": (
        "apiVersion: v1\nkind: Pod\n"
        'metadata: {name: cart, labels: {sidecar.istio.io/inject: "true"}}\n' + APP,
        changed(who="pod/cart", notes=(f"pod/cart {REMADE}",)),
    ),
    "a kind of somebody's own": (
        workload(ASKS + APP, "CloneSet", "apps.kruise.io/v1alpha1"),
        changed(who="cloneset/cart"),
    ),
    "a patch that asks itself": (workload(ASKS), changed()),
    "a patch that deletes": (
        "$patch: delete\n" + workload(ASKS),
        apart("a patch that deletes it"),
    ),
    "ignored by its own annotation": (
        workload(ASKS + APP).replace(
            "namespace: shop", "annotations: {meshcheck/ignore: 'MC001: it retries'}"
        ),
        apart("ignored: it retries"),
    ),
    "asked for already": (
        workload(
            ASKS.replace("}}\n", f"}}, annotations: {{{KEY}: '{HOLD}'}}}}\n") + APP
        ),
        Outcome("deploy/cart", Standing.GOOD, f"{KEY} asks for it already", line=1),
    ),
    "a setting that the injector rejects": (
        workload(ASKS.replace("}}\n", f"}}, annotations: {{{KEY}: '[]'}}}}\n") + APP),
        Outcome(
            "deploy/cart",
            Standing.REFUSED,
            "no annotation of Istio's can be written",
            f"mend the annotation {KEY} first: it is not a mapping of settings",
            line=1,
        ),
    ),
}


@pytest.mark.parametrize("name", ISTIO)
def test_istio(name: str) -> None:
    text, told = ISTIO[name]

    assert outcome(text) == told


NAMED = {
    "nobody asks": (workload(), changed()),
    "the pod is against it": (
        workload(ASKS.replace("true", "false") + APP),
        apart('the label sidecar.istio.io/inject: "false" turns Istio off'),
    ),
    "on the host's network": (
        workload("spec: {hostNetwork: true, containers: [{name: a, image: b}]}\n"),
        apart("hostNetwork: Istio injects no proxy"),
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_mesh_that_the_user_names(name: str) -> None:
    text, told = NAMED[name]

    assert outcome(text, "istio") == told


def test_an_explicit_false_is_said_before_it_is_changed() -> None:
    false = HOLD.replace("true", "false")
    text = workload(
        ASKS.replace("}}\n", f"}}, annotations: {{{KEY}: '{false} # slow'}}}}\n") + APP
    )
    note = "holdApplicationUntilProxyStarts is false there on purpose"

    assert outcome(text) == Outcome(
        "deploy/cart",
        Standing.CHANGED,
        KEY,
        "",
        (Edit(KEY, f"{false} # slow", f"{HOLD} # slow"),),
        (f"this overrules a decision: {note}",),
        RISK,
        1,
    )


def linkerd(more: str = "") -> str:
    marks = "{linkerd.io/inject: enabled" + more + "}"
    return workload(f"metadata: {{annotations: {marks}}}\n{APP}")


AWAIT = "config.linkerd.io/proxy-await"


def test_linkerd_holds_by_itself_unless_it_is_told_not_to() -> None:
    good = Outcome(
        "deploy/cart", Standing.GOOD, "Linkerd holds by itself since 2.11", line=1
    )
    told = outcome(linkerd(f", {AWAIT}: disabled"))

    assert outcome(linkerd()) == good
    assert (told.standing, told.edits, told.notes) == (
        Standing.CHANGED,
        (Edit(AWAIT, "disabled", "enabled"),),
        (f"this overrules a decision: {AWAIT} was 'disabled'",),
    )


def test_a_namespace_that_tells_linkerd_not_to_hold_is_answered_by_the_pods() -> None:
    space = both(
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: "
        f"{{linkerd.io/inject: enabled, {AWAIT}: disabled}}}}\n",
        workload(),
    )

    assert outcome(space).edits == (Edit(AWAIT, None, "enabled"),)


def test_kuma() -> None:
    asks = 'metadata: {labels: {kuma.io/sidecar-injection: "enabled"}%s}\n' + APP
    wait = "kuma.io/wait-for-dataplane-ready"
    said = f', annotations: {{{wait}: "yes"}}'

    assert outcome(workload(asks % "")).edits == (Edit(wait, None, "true"),)
    assert outcome(workload(asks % said)) == Outcome(
        "deploy/cart", Standing.GOOD, f"{wait} asks for it already", line=1
    )


PROXY = "{name: istio-proxy, image: istio/proxyv2:1.14.6, args: [proxy, sidecar]%s}"
WAITS = ", lifecycle: {postStart: {exec: {command: [pilot-agent, wait]}}}"


def test_a_proxy_in_the_template_itself_is_no_matter_for_annotations() -> None:
    racing = f"spec: {{containers: [{{name: app, image: a}}, {PROXY % ''}]}}\n"
    held = f"spec: {{containers: [{PROXY % WAITS}, {{name: app, image: a}}]}}\n"

    assert outcome(workload(racing)) == Outcome(
        "deploy/cart",
        Standing.REFUSED,
        "istio-proxy stands in the template itself, where an annotation changes "
        "nothing",
        "inject it anew with istioctl kube-inject -f FILE, from the manifest without "
        f"it and with {KEY}: '{HOLD}'",
        line=1,
    )
    assert outcome(workload(held)) == Outcome(
        "deploy/cart", Standing.GOOD, "already HELD", line=1
    )


def test_a_patch_is_left_alone_where_its_manifest_is_there() -> None:
    patch = workload("spec: {containers: [{name: app, resources: {}}]}\n")
    patch = patch.replace(", namespace: shop", "")
    sources = [
        Source("base.yaml", both(NAMESPACE, workload()).encode()),
        Source("patch.yaml", patch.replace("cart}", "cart, namespace: shop}").encode()),
    ]

    assert [made.outcomes for made in all_edited(sources)] == [
        (changed(7),),
        (apart("a patch of deploy/cart, whose own manifest is among the files"),),
    ]
    assert [
        made.outcomes for made in all_edited([Source("p.yaml", patch.encode())])
    ] == [(apart("no mesh is asked for here"),)]


def test_what_has_a_field_of_another_type_is_a_problem_and_stays() -> None:
    made = one(workload("metadata: {annotations: {a: true}}\n" + APP))

    assert (made.outcomes, made.changed) == ((), False)
    assert [problem.what for problem in made.problems] == [
        "shop.yaml, document 1, line 1: deploy/cart: "
        "spec.template.metadata.annotations[...]: expected str, got bool"
    ]


def test_a_broken_document_does_not_keep_the_others_back() -> None:
    good = workload(ASKS + APP)
    made = one(both("a: [\n", good))

    assert [problem.what for problem in made.problems] == [
        "shop.yaml, document 1, line 1: did not find expected node content, while "
        "parsing a flow node"
    ]
    assert made.outcomes == (changed(3),)
    assert made.after.startswith(b"a: [\n---\napiVersion: apps/v1\n")
