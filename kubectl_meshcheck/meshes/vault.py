"""Vault agent: secrets as files are there in time, its local listener is not.

``vault-agent-init`` runs to its end before anything else and fills the files;
``vault-agent`` is appended last and renews them.  An application that talks to the
agent's listener meets nobody when it starts (hashicorp/vault-k8s: agent-inject/agent/
agent.go, container_sidecar.go).  The facts hold up to 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.meshes.base import (
    About,
    Annotations,
    Asked,
    BadSetting,
    Fact,
    Hold,
    Mesh,
    OptIn,
    version_of,
)
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.reading import (
    TRUE,
    index_of,
    marked,
    misspelt,
    parse_bool,
)
from kubectl_meshcheck.meshes.remedies import in_vain
from kubectl_meshcheck.model import (
    Capture,
    Container,
    Gate,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Role,
    Waits,
)

DOMAIN = "vault.hashicorp.com"
INJECT = f"{DOMAIN}/agent-inject"
STATUS = f"{DOMAIN}/agent-inject-status"
PREPOPULATE = f"{DOMAIN}/agent-pre-populate"
PREPOPULATE_ONLY = f"{DOMAIN}/agent-pre-populate-only"
CACHE = f"{DOMAIN}/agent-cache-enable"
CONFIG_MAP = f"{DOMAIN}/agent-configmap"
#: agent-inject/handler.go ``kubeSystemNamespaces``
LEFT_OUT = ("kube-system", "kube-public")
NAMESPACE = "kubernetes.io/metadata.name"
AGENT, INIT = "vault-agent", "vault-agent-init"
NO_FILE, NO_LISTENER = "no secret file yet", "connection refused on 127.0.0.1:8200"


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """The agent, or its init container where that stands alone."""
    container = pod.containers[index]
    agent = container.name == AGENT
    if not agent and pod.named(AGENT) is not None:
        return None
    if "vault" not in container.image and not marked(pod, DOMAIN):
        return None
    listens = agent and parse_bool(pod.annotations.get(CACHE)) is True
    return Proxy(
        mesh="vault",
        index=index,
        gate=_gate(pod, container, listens),
        capture=Capture(Redirect.NONE, reason="the Vault agent redirects nothing"),
        part=Part.HELPER,
        version=version_of(container.image),
        symptom=NO_LISTENER if listens else NO_FILE,
    )


def _gate(pod: PodStart, container: Container, listens: bool) -> Gate:
    """For files the end of ``vault-agent-init``, for the listener the agent's own."""
    init = index_of(pod, INIT)
    if listens or init is None or pod.containers[init].role is not Role.INIT:
        return gate(container, _waits)
    if container.name == AGENT and CONFIG_MAP in pod.annotations:
        why = "its configuration in a ConfigMap may offer a listener"
        return Gate(Waits.UNKNOWN, INIT, why, at=init)
    return Gate(Waits.YES, INIT, at=init)


def _waits(_: Sequence[str]) -> Waits:
    """No command of the agent's waits; one that a user adds is unknown."""
    return Waits.UNKNOWN


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """Only the pod's annotation (agent-inject/agent/agent.go ``ShouldInject``)."""
    value = pod.annotations.get(INJECT)
    if not value:
        return None
    wanted = parse_bool(value)
    around = (namespace or {}).get(NAMESPACE, "")
    why = ""
    if wanted is None:
        why = "that is no boolean, and the pod is refused"
    elif pod.annotations.get(STATUS) == "injected":
        why = f"the annotation {STATUS} tells the injector that it has been here"
    elif around in LEFT_OUT:
        why = f"the injector refuses pods in {around}"
    return Asked(wanted is not False, f"pod annotation {INJECT}: {value}", futile=why)


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Booleans that the injector cannot read, with which it refuses the pod.

    (agent-inject/handler.go ``Mutate``, agent-inject/agent/agent.go ``New``)
    """
    for key in (INJECT, PREPOPULATE, PREPOPULATE_ONLY, CACHE):
        value = pod.annotations.get(key)
        if value not in (None, "") and parse_bool(value) is None:
            trouble = f"{value!r} is no boolean"
            yield BadSetting(key, trouble, f'{key}: "true"', rejected=True)
    wanted = (INJECT, PREPOPULATE, PREPOPULATE_ONLY, CACHE)
    known = (STATUS, CONFIG_MAP)
    yield from misspelt(pod.annotations, DOMAIN, wanted, known)


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """``agent-pre-populate`` for files; for the listener there is none."""
    if proxy.symptom == NO_LISTENER:
        return Hold(
            manual="nothing holds an application for the agent's listener: let it wait "
            "for http://127.0.0.1:8200 before it connects"
        )
    vain = in_vain(pod, proxy, PREPOPULATE, lambda value: parse_bool(value) is True)
    return vain or Hold({PREPOPULATE: "true"})


VAULT = Mesh(
    name="vault",
    title="Vault agent",
    docs="https://developer.hashicorp.com/vault/docs/deploy/kubernetes/injector",
    proxies=(AGENT, INIT),
    recognise=recognise,
    domains=(DOMAIN,),
    asked=asked,
    opt_in=OptIn(INJECT, TRUE, ("pod annotation",)),
    bad_settings=bad_settings,
    template_only=(
        INJECT,
        PREPOPULATE,
        PREPOPULATE_ONLY,
        CACHE,
        f"{DOMAIN}/agent-init-first",
        f"{DOMAIN}/role",
    ),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "Containers `vault-agent` and `vault-agent-init` with Vault's image or a "
            "mark of `vault.hashicorp.com`.",
            "hashicorp/vault-k8s: agent-inject/agent/container_sidecar.go",
        ),
        Fact(
            About.INJECTED,
            'The pod annotation `vault.hashicorp.com/agent-inject: "true"`, unless '
            "`agent-inject-status` says `injected` already. In `kube-system` and "
            "`kube-public`, and with a value that is no boolean, the pod is refused. "
            "The webhook fails open by default.",
            "hashicorp/vault-k8s: agent-inject/agent/agent.go, "
            "agent-inject/handler.go, deploy/injector-mutating-webhook.yaml",
        ),
        Fact(
            About.START,
            "`vault-agent-init` runs to its end first, so secret files exist before "
            "the application starts. `vault-agent` is last; its `lifecycle: {}` is no "
            "hook.",
            "hashicorp/vault-k8s: agent-inject/agent/agent.go",
        ),
        Fact(
            About.START,
            "With `agent-cache-enable` the application may talk to the agent on "
            "`127.0.0.1:8200`, and nothing waits for that. Without "
            "`agent-pre-populate`, nothing waits for the files either.",
            "hashicorp/vault-k8s: agent-inject/agent/annotations.go",
        ),
        Fact(
            About.CAPTURE,
            "Nothing is redirected. Inside a mesh the init container itself has no "
            "proxy yet: `agent-init-first`, or exclude Vault's port.",
            "hashicorp/vault-k8s#41, linkerd/linkerd2#11124",
        ),
        Fact(
            About.SETTINGS,
            "Pod annotations only: `agent-pre-populate` (true), "
            "`agent-pre-populate-only` (false), `agent-cache-enable` (false), "
            "`agent-init-first` (false).",
            "hashicorp/vault-k8s: agent-inject/agent/annotations.go",
        ),
        Fact(
            About.REMEDY,
            '`vault.hashicorp.com/agent-pre-populate: "true"` for files. For the '
            "listener the application has to wait.",
            "hashicorp/vault-k8s: agent-inject/agent/annotations.go",
        ),
        Fact(
            About.JOBS,
            "`agent-pre-populate-only` leaves the sidecar out; `agent-enable-quit` "
            "lets the work end it.",
            "hashicorp/vault-k8s: agent-inject/agent/annotations.go",
        ),
    ),
)
