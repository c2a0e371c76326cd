"""Istio's control planes, from the webhooks that name them and their ConfigMaps.

A MutatingWebhookConfiguration carries the revision as label ``istio.io/rev`` and a
tag's name as ``istio.io/tag``; the service that it calls names the control plane's
namespace (istio/istio: manifests/charts/istio-control/istio-discovery/templates/
mutatingwebhook.yaml, revision-tags-mwc.yaml; istioctl/pkg/checkinject).  ConfigMaps
are ``istio[-REV]`` and ``istio-sidecar-injector[-REV]`` (pkg/config/analysis/
analyzers/util/config.go ``GetInjectorConfigMapName``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from kubectl_meshcheck.control import Webhook
from kubectl_meshcheck.mesh_objects import (
    MeshObjects,
    Wanted,
    WebhookConfiguration,
    WebhookEntry,
)
from kubectl_meshcheck.meshes.base import version_of
from kubectl_meshcheck.meshes.control_base import at
from kubectl_meshcheck.meshes.istio_versions import (
    by_name,
    label_version,
    older,
    plain_version,
)
from kubectl_meshcheck.meshes.webhooks import webhook
from kubectl_meshcheck.model import PodStart
from kubectl_meshcheck.selectors import selector

REV = "istio.io/rev"
TAG = "istio.io/tag"
SUFFIX = "sidecar-injector.istio.io"
#: maistra/istio: OpenShift Service Mesh 2 selects its members by this label
MEMBER = "maistra.io/member-of"
SYSTEM = "istio-system"
AKS = "aks-istio-system"
KUBESPHERE = "KubeSphere"
OSSM2 = "OpenShift Service Mesh 2"
SAIL = "Sail operator"
GOOGLE = "Google managed"
#: the revision of Google's that one of its two implementations reads for all channels
RAPID = "asm-managed-rapid"


class Found(msgspec.Struct):
    """What the webhooks tell of one revision."""

    revision: str
    namespace: str
    service: str = ""
    url: str = ""
    flavour: str = ""
    version: str = ""  #: as a label on the configuration says
    tags: list[str] = msgspec.field(default_factory=list)
    webhooks: list[Webhook] = msgspec.field(default_factory=list)

    @property
    def suffix(self) -> str:
        """What its ConfigMaps' names end in."""
        if self.flavour == OSSM2:  # always suffixed, also "default"
            return f"-{self.revision}"
        return "" if self.revision in ("", "default") else f"-{self.revision}"

    @property
    def remote(self) -> bool:
        """Whether the injector is outside the cluster."""
        return bool(self.url)

    @property
    def modern(self) -> bool:
        """Whether its webhooks are those of 1.10 and later."""
        return any(one.name.startswith("rev.") for one in self.webhooks)

    @property
    def mesh(self) -> Wanted:
        """Its mesh ConfigMap."""
        return Wanted("ConfigMap", self.namespace, f"istio{self.suffix}")

    @property
    def injector(self) -> Wanted:
        """Its injector ConfigMap."""
        name = f"istio-sidecar-injector{self.suffix}"
        return Wanted("ConfigMap", self.namespace, name)

    @property
    def istiod(self) -> Wanted:
        """The Deployment behind the service, which has its name."""
        name = self.service or f"istiod{self.suffix}"
        return Wanted("Deployment", self.namespace, name)


def found(objects: MeshObjects) -> list[Found]:
    """Every revision, in the order of the webhook configurations' names.

    Then those that pods name and those of which only the ConfigMaps are there.
    """
    planes = _by_webhook(objects)
    for revision, namespace in (*objects.hints, *_by_config_map(objects, planes)):
        planes.setdefault((revision, namespace), Found(revision, namespace))
    return list(planes.values())


def _by_webhook(objects: MeshObjects) -> dict[tuple[str, str], Found]:
    planes: dict[tuple[str, str], Found] = {}
    for name in sorted(objects.webhooks):
        configuration = objects.webhooks[name]
        entries = [w for w in configuration.webhooks or () if _injects(w)]
        if entries:
            _take(planes, configuration, entries)
    return planes


def _injects(entry: WebhookEntry) -> bool:
    return entry.name.endswith(SUFFIX) and entry.sees_pods


def _take(
    planes: dict[tuple[str, str], Found],
    configuration: WebhookConfiguration,
    entries: list[WebhookEntry],
) -> None:
    new = _read(configuration, entries)
    plane = planes.setdefault((new.revision, new.namespace), new)
    tag = (configuration.metadata.labels or {}).get(TAG, "")
    if tag and tag not in plane.tags:
        plane.tags.append(tag)
    plane.version = plane.version or new.version
    plane.flavour = plane.flavour or new.flavour
    plane.webhooks += [webhook(configuration, entry, tag) for entry in entries]


def _read(configuration: WebhookConfiguration, entries: list[WebhookEntry]) -> Found:
    meta, client = configuration.metadata, entries[0].client_config
    labels = meta.labels or {}
    service = client.service
    name = service.name if service else ""
    revision = labels.get(REV) or name.removeprefix("istiod").lstrip("-") or "default"
    namespace = service.namespace if service and service.namespace else SYSTEM
    version = label_version(labels)
    plane = Found(revision, namespace, name, client.url or "", version=version)
    plane.flavour = _flavour(configuration, entries, plane)
    return plane


def _flavour(
    configuration: WebhookConfiguration, entries: list[WebhookEntry], plane: Found
) -> str:
    keys = {r.key for e in entries for r in selector(e.namespace_selector).requirements}
    if MEMBER in keys or any(
        entry.name == SUFFIX and _smcp(plane) for entry in entries
    ):
        return OSSM2
    if plane.namespace == AKS:
        return "AKS"
    if plane.remote and plane.revision.startswith("asm-managed"):
        return GOOGLE
    owners = configuration.metadata.ownerReferences or ()
    if any(owner.apiVersion.startswith("sailoperator.io/") for owner in owners):
        return SAIL
    return KUBESPHERE if any(_opened(entry, plane) for entry in entries) else ""


def _smcp(plane: Found) -> bool:
    # istio 1.7 names its one webhook like that too, and its service just "istiod"
    return plane.service.startswith("istiod-") and plane.revision == "default"


def _opened(entry: WebhookEntry, plane: Found) -> bool:
    """Whether a revision's second webhook takes pods that name no revision.

    KubeSphere 3.2 to 3.4 patches it so (kubesphere/ks-installer: roles/ks-istio).
    """
    if not entry.name.startswith("rev.object.") or plane.revision == "default":
        return False
    return all(r.key != REV for r in selector(entry.object_selector).requirements)


def _by_config_map(
    objects: MeshObjects, planes: dict[tuple[str, str], Found]
) -> Iterator[tuple[str, str]]:
    """Revisions whose ConfigMaps are there and whose webhooks are not."""
    told = {plane.injector for plane in planes.values()}
    for one in objects.config_maps:
        match = re.fullmatch(r"istio-sidecar-injector(?:-(.+))?", one.name)
        if match and one not in told:
            yield match[1] or "default", one.namespace


def hint(pod: PodStart) -> tuple[str, str] | None:
    """The revision and namespace that an injected pod names as its control plane.

    ``CA_ADDR`` is ``istiod[-REV].NAMESPACE.svc:15012``.
    """
    proxy = pod.named("istio-proxy")
    address = proxy.environment("CA_ADDR") if proxy else ""
    match = re.fullmatch(r"istiod(?:-([a-z0-9-]+))?\.([a-z0-9-]+)\.svc\b.*", address)
    return (match[1] or "default", match[2]) if match else None


def wanted(objects: MeshObjects) -> Iterator[Wanted]:
    """The objects that tell the settings of what the webhooks point at."""
    for plane in found(objects):
        if plane.flavour == GOOGLE:
            yield plane.mesh
            yield Wanted("ConfigMap", plane.namespace, f"istio-{RAPID}")
        if plane.remote:
            continue
        yield plane.injector
        yield plane.mesh
        yield plane.istiod
        shared = shared_name(objects, plane)
        if shared:
            yield Wanted("ConfigMap", plane.namespace, shared)


def environment(objects: MeshObjects, plane: Found) -> dict[str, str] | None:
    """The literal environment of the plane's istiod; None when it is not known."""
    template = objects.deployments.get(plane.istiod)
    if template is None or template.spec is None:
        return None
    return {
        env.name: env.value or ""
        for container in template.spec.containers or ()
        if container.name in ("discovery", "istiod")
        for env in container.env or ()
    }


def shared_name(objects: MeshObjects, plane: Found) -> str:
    """The second mesh ConfigMap, from istiod's SHARED_MESH_CONFIG.

    It is applied first and the plane's own wins (pilot/pkg/bootstrap/mesh.go
    ``toSources``).  AKS always names it alike (MicrosoftDocs/azure-aks-docs:
    articles/aks/istio-meshconfig.md).
    """
    env = environment(objects, plane)
    if env is not None:
        return env.get("SHARED_MESH_CONFIG", "")
    if plane.flavour == "AKS":
        return f"istio-shared-configmap-{plane.revision}"
    return ""


def version(objects: MeshObjects, plane: Found, values: object) -> str:
    """The control plane's version, from the source that knows best; may be empty."""
    template = objects.deployments.get(plane.istiod)
    spec = template.spec if template else None
    for container in (spec.containers or ()) if spec else ():
        if container.name in ("discovery", "istiod") and version_of(
            container.image or ""
        ):
            return version_of(container.image or "")
    tag = at(values, "global", "tag")
    told = plain_version(str(tag)) if tag is not None else ""
    for word in (told, plane.version, by_name(plane.revision)):
        # charts in a source tree carry tags that mean nothing, the webhooks do not
        if word and not (plane.modern and older(word, 1, 10)):
            return word
    return ""
