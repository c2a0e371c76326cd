"""The Vault agent injector, its settings, and what it makes of one pod.

The injector reads its environment, which wins over its flags, and a pod's annotations
win over both; whether the files are filled first is up to the annotations alone
(hashicorp/vault-k8s: subcommand/injector/flags.go, agent-inject/agent/annotations.go
``Init`` @v1.7.6; hashicorp/vault-helm: templates/injector-*.yaml @v0.34.1).
"""

from __future__ import annotations

from collections.abc import Sequence

from kubectl_meshcheck.control import (
    ControlPlane,
    Injection,
    Mode,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.meshes import injector, vault, webhooks
from kubectl_meshcheck.meshes.base import Asked
from kubectl_meshcheck.meshes.control_base import Control
from kubectl_meshcheck.meshes.injector import Injector, Knob

_BUILT_IN = "built into the injector"
#: what no setting of the injector's changes
FIXED = (
    Knob(Topic.HOLD, "agent-pre-populate", True, annotation=vault.PREPOPULATE),
    Knob(
        Topic.ORDER,
        "agent-init-first",
        False,
        annotation=f"{vault.DOMAIN}/agent-init-first",
    ),
    Knob(Topic.GATE, "agent-cache-enable", False, annotation=vault.CACHE),
)
TOLD = (
    Knob(
        Topic.GATE,
        "template-config-exit-on-retry-failure",
        True,
        "-template-config-exit-on-retry-failure",
        "AGENT_INJECT_TEMPLATE_CONFIG_EXIT_ON_RETRY_FAILURE",
        annotation=f"{vault.DOMAIN}/template-config-exit-on-retry-failure",
    ),
    Knob(
        Topic.STOP,
        "revoke-on-shutdown",
        False,
        "-revoke-on-shutdown",
        "AGENT_INJECT_REVOKE_ON_SHUTDOWN",
        annotation=f"{vault.DOMAIN}/agent-revoke-on-shutdown",
    ),
)
#: agent-inject/handler.go ``kubeSystemNamespaces``
_SYSTEM = ("kube-system", "kube-public")


def _places(one: Injector) -> tuple[Wanted, ...]:
    """Helm names the service after the Deployment; vault-k8s' own manifests do not."""
    return injector.deployments(one, one.service.removesuffix("-svc"), "vault-injector")


def _plane(objects: MeshObjects, one: Injector) -> ControlPlane:
    program = injector.program(objects, one, _places(one), "sidecar-injector")
    return ControlPlane(
        mesh="vault",
        namespace=one.namespace,
        version=program.version,
        injector=one.address,
        webhooks=one.webhooks,
        settings=(
            *(injector.fixed(knob, knob.default, _BUILT_IN) for knob in FIXED),
            *(injector.setting(program, knob) for knob in TOLD),
        ),
        order="vault-agent-init fills the files before the application starts; the "
        "agent's own listener starts last and nobody waits for it",
    )


def injection(found: Sequence[ControlPlane], placed: Placed) -> Injection | None:
    """Only where the pod's annotation asks for it."""
    asked = vault.asked(placed.pod, placed.namespace_labels)
    if asked and asked.wanted and placed.namespace in _SYSTEM:
        why = f"nothing is ever injected into {placed.namespace}"
        asked = Asked(True, asked.by, futile=why)
    return webhooks.on_request("vault", found, placed, asked, vault.DOMAIN)


def outlook(
    plane: ControlPlane, placed: Placed, effective: Sequence[Setting]
) -> Outlook:
    """Held for the files; a race for the agent's listener."""
    if placed.pod.named(vault.AGENT) or placed.pod.named(vault.INIT):
        return Outlook(reason="it brings a Vault agent of its own")
    by_name = {one.name: one for one in effective}
    files, listener = by_name["agent-pre-populate"], by_name["agent-cache-enable"]
    unknown = files.unknown or listener.unknown
    if unknown:
        return Outlook(reason=unknown)
    if listener.value is True:
        return Outlook(Mode.RACE, "nothing waits for the agent's listener")
    if files.value is not True:
        return Outlook(Mode.RACE, "no vault-agent-init fills the files first")
    if vault.CONFIG_MAP in placed.pod.annotations:
        return Outlook(reason="its configuration in a ConfigMap may offer a listener")
    return Outlook(Mode.HELD, "the files are there first")


VAULT_CONTROL = Control(
    mesh="vault",
    wanted=injector.wanted("vault", _places),
    planes=injector.planes("vault", _plane),
    injection=injection,
    settings=injector.settings((*FIXED, *TOLD)),
    outlook=outlook,
)
