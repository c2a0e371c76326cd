"""Whether Istio would inject a new pod, and the rule that decides.

First the API server: the webhook's selectors on the labels of namespace and pod.
Then istiod: host network, ignored namespaces, the pod's own label or annotation,
the never and always selectors, the policy, in this order (istio/istio:
pkg/kube/inject/inject.go ``injectRequired``; pkg/kube/inject/initializer.go).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.control import ControlPlane, Injection, Placed, Webhook
from kubectl_meshcheck.meshes import webhooks
from kubectl_meshcheck.meshes.base import release
from kubectl_meshcheck.meshes.istio_planes import REV
from kubectl_meshcheck.meshes.istio_settings import INJECT
from kubectl_meshcheck.selectors import Met, Requirement

#: the last two since 1.9 or so; nobody runs applications there
IGNORED = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")
_TRUE = ("y", "yes", "true", "on")


class _Call(msgspec.Struct, frozen=True):
    """A webhook, and whether it is called for the pod."""

    plane: ControlPlane
    webhook: Webhook
    met: Met


def injection(planes: Sequence[ControlPlane], placed: Placed) -> Injection:
    """Who injects the pod, if anybody."""
    calls = [
        _Call(plane, webhook, webhooks.met(webhook, placed, "istio.io"))
        for plane in planes
        for webhook in plane.webhooks
    ]
    calls.sort(key=lambda call: call.webhook.configuration)  # as the API server does
    if not calls:
        return Injection(mesh="istio", unknown="no injection webhook was seen")
    decided = [_decide(call, placed) for call in calls if call.met is Met.YES]
    taken = [one for one in decided if one.injected is not False]
    if taken:
        others = {one.revision for one in taken[1:]} - {taken[0].revision}
        return replace(taken[0], also=tuple(sorted(others)))
    unsure = next((call for call in calls if call.met is Met.UNKNOWN), None)
    if unsure is not None:
        return Injection(None, "istio", unknown=_unsure(unsure, placed))
    return (
        decided[0]
        if decided
        else Injection(False, "istio", rule=_uncalled(calls, placed))
    )


def _unsure(call: _Call, placed: Placed) -> str:
    if placed.namespace_labels is None:
        return f"the labels of namespace {placed.namespace} are not known"
    if call.webhook.unclear:
        return f"webhook {call.webhook}: {call.webhook.unclear}"
    return f"webhook {call.webhook} selects by labels that are not known"


# -- what istiod makes of it -----------------------------------------------


def _decide(call: _Call, placed: Placed) -> Injection:
    """The answer of the istiod that a matching webhook calls."""
    plane, pod = call.plane, placed.pod
    told = Injection(None, "istio", plane.revision, webhook=str(call.webhook))
    if pod.host_network:
        return replace(told, injected=False, rule="a pod on the host's network is left")
    if placed.namespace in IGNORED:
        rule = f"namespace {placed.namespace} is always left out"
        return replace(told, injected=False, rule=rule)
    called = _called(call.webhook, placed)
    own = _own(plane, placed)
    if own is not None:
        on, rule = own
        return replace(told, injected=on, rule=_joined(called, rule))
    return _by_policy(call, placed, told, called)


def _own(plane: ControlPlane, placed: Placed) -> tuple[bool, str] | None:
    """What the pod itself asks for: its label, else its annotation."""
    kept = (("label", placed.pod.labels), ("annotation", placed.pod.annotations))
    for kind, marks in kept:
        value = marks.get(INJECT, "")
        if value:
            on = _boolean(value, plane.version)
            if on is None:
                return None
            return on, f'pod {kind} {INJECT}: "{value}"'
    return None


def _boolean(value: str, version: str) -> bool | None:
    # commit 331d32e30a3 (istio/istio#56737): from 1.27 on only true and false
    if release(version)[:2] >= (1, 27):
        return {"true": True, "false": False}.get(value)
    return value.lower() in _TRUE


def _by_policy(call: _Call, placed: Placed, told: Injection, called: str) -> Injection:
    plane = call.plane
    for on, selectors, word in (
        (False, plane.never, "neverInjectSelector"),
        (True, plane.always, "alwaysInjectSelector"),
    ):
        for one in selectors:
            met = one.met(placed.labels)
            if met is Met.UNKNOWN:
                why = f"the injector's {word} asks for labels that are not known"
                return replace(told, rule=called, unknown=why)
            if met is Met.YES:
                rule = _joined(called, f"{word} {one}")
                return replace(told, injected=on, rule=rule)
    policy = plane.setting("policy")
    if policy is None or policy.value not in ("enabled", "disabled"):
        why = (policy.unknown if policy else "") or "the injector states no policy"
        return replace(told, rule=called, unknown=f"the policy is not known: {why}")
    on = policy.value == "enabled"
    rule = f"the policy is {policy.value}"
    if not on:
        rule = f'{rule}, and the pod does not say {INJECT}: "true"'
    return replace(told, injected=on, rule=_joined(called, rule))


def _joined(called: str, rule: str) -> str:
    return called if rule.endswith("enabled") or rule in called else f"{called}; {rule}"


def _called(webhook: Webhook, placed: Placed) -> str:
    """By what the webhook is called: the labels that it insists on."""
    clauses = [
        f"namespace label {r.key}={(placed.namespace_labels or {}).get(r.key, '')}"
        for r in webhook.namespaces.requirements
        if r.wants
    ] + [
        f"pod label {r.key}={(placed.labels or placed.pod.labels).get(r.key, '')}"
        for r in webhook.objects.requirements
        if r.wants
    ]
    if clauses:
        return " and ".join(clauses)
    without = [r.key for r in webhook.namespaces.requirements if not r.wants]
    if without:
        return f"the namespace has no label {' or '.join(without)}"
    return "the webhook is called for every pod"


# -- why nobody is called --------------------------------------------------


class _Failure(msgspec.Struct, frozen=True):
    """A requirement of a webhook that the pod or its namespace does not meet."""

    of: str  #: "namespace" or "pod"
    requirement: Requirement
    value: str | None

    @property
    def stands_against(self) -> bool:
        """Whether a label is there that keeps the webhook away."""
        return self.value is not None

    def __str__(self) -> str:
        label = f"{self.of} label {self.requirement.key}"
        return f"{label}={self.value}" if self.stands_against else f"no {label}"


def _uncalled(calls: Sequence[_Call], placed: Placed) -> str:
    """The labels that keep every webhook away, or that would call one."""
    failures = [tuple(_failures(call.webhook, placed)) for call in calls]
    least = min(len(one) for one in failures)
    nearest = [one for one in failures if len(one) == least]
    against = next((f for f in nearest if all(x.stands_against for x in f)), None)
    if against:
        text = " and ".join(str(one) for one in against)
        return f"{text}, so the webhook is not called{_no_such(against, calls)}"
    keeping = [[str(x) for x in f if x.stands_against] for f in failures]
    always = [one for one in keeping[0] if all(one in other for other in keeping)]
    if always:  # whatever else may be missing
        return f"{' and '.join(always)}, so no webhook is called"
    wanted = dict.fromkeys(
        " and ".join(_would(one) for one in failure) for failure in nearest
    )
    shown = list(wanted)[:4]
    return f"nothing asks for it: there is no {', no '.join(shown)}"


def _would(failure: _Failure) -> str:
    return f"{failure.of} label {failure.requirement}"


def _failures(webhook: Webhook, placed: Placed) -> Iterator[_Failure]:
    labels = webhooks.namespace_labels(placed) or {}
    for one in webhook.namespaces.failed(labels):
        yield _Failure("namespace", one, labels.get(one.key))
    own = placed.labels or placed.pod.labels
    for one in webhook.objects.failed(own):
        yield _Failure("pod", one, own.get(one.key))


def _no_such(failures: Sequence[_Failure], calls: Sequence[_Call]) -> str:
    """A revision that was asked for and does not exist."""
    known = {call.plane.revision for call in calls}
    known |= {call.webhook.tag for call in calls if call.webhook.tag}
    for one in failures:
        if one.requirement.key == REV and one.value not in known:
            return f" (no revision or tag is called {one.value})"
    return ""
