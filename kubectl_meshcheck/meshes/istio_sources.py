"""What one of Istio's control planes sets for every pod, each with its place.

Sources and precedence: the injector's ``values``, an OR with the mesh's
``defaultConfig`` for the hold; istiod's environment for native sidecars (istio/istio:
pkg/kube/inject/webhook.go ``reorderPod``, ``DetectNativeSidecar``; injection-
template.yaml; pilot/pkg/bootstrap/mesh.go; pilot/pkg/features/pilot.go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.control import Given, Origin, Value
from kubectl_meshcheck.mesh_objects import NOT_THERE, MeshObjects, Wanted
from kubectl_meshcheck.meshes import istio_planes
from kubectl_meshcheck.meshes.control_base import UnreadableError, at, mapping
from kubectl_meshcheck.meshes.istio_planes import Found
from kubectl_meshcheck.meshes.istio_settings import HOLD, HOLD_SNAKE, proxy_config

NATIVE_ENV = "ENABLE_NATIVE_SIDECARS"
_PROXY = ("global", "proxy")


class Document(msgspec.Struct, frozen=True):
    """One document inside an object, or why it could not be had."""

    origin: Origin  #: of the document itself
    value: Mapping[str, Any] = msgspec.field(default_factory=dict)
    unknown: str = ""

    def given(self, *path: str, names: tuple[str, ...] = ()) -> Given:
        """What it says at a path; ``names`` are further spellings of the last step."""
        origin = replace(self.origin, path=path)
        if self.unknown:
            return Given(origin, unknown=self.unknown)
        words = (path[-1], *names)
        found = (at(self.value, *path[:-1], word) for word in words)
        return Given(origin, _plain(next((f for f in found if f is not None), None)))


class Sources(msgspec.Struct, frozen=True):
    """All that one control plane is configured by."""

    values: Document
    config: Document
    mesh: Document
    shared: Document | None  #: applied before the mesh's own
    environment: Mapping[str, str] | None  #: istiod's; None: not known
    istiod: Wanted
    istiod_unknown: str

    @property
    def meshes(self) -> tuple[Document, ...]:
        """The mesh documents, the strongest first."""
        return (self.mesh, *([self.shared] if self.shared else []))


def _plain(value: Any) -> Value:
    """A value as one that can be shown and compared."""
    if value is None or isinstance(value, bool | int | str):
        return value
    return json.dumps(value, default=str, sort_keys=True)


def read(objects: MeshObjects, plane: Found) -> Sources:
    """The documents of one control plane."""
    shared = istio_planes.shared_name(objects, plane)
    return Sources(
        values=_document(objects, plane, plane.injector, "values"),
        config=_document(objects, plane, plane.injector, "config"),
        mesh=_mesh(objects, plane),
        shared=_optional(objects, plane, shared) if shared else None,
        environment=istio_planes.environment(objects, plane),
        istiod=plane.istiod,
        istiod_unknown=_why_not(objects, plane, plane.istiod),
    )


def _why_not(objects: MeshObjects, plane: Found, wanted: Wanted) -> str:
    if plane.remote and wanted != plane.mesh:
        return f"the injector is outside the cluster: {plane.url}"
    return objects.why_absent(wanted)


def _mesh(objects: MeshObjects, plane: Found) -> Document:
    if plane.flavour != istio_planes.GOOGLE:
        return _document(objects, plane, plane.mesh, "mesh")
    # the user's own, so it need not be there; one of Google's two implementations
    # reads the rapid channel's whatever the channel
    own = _optional(objects, plane, plane.mesh.name)
    rapid = _optional(objects, plane, f"istio-{istio_planes.RAPID}")
    if own.unknown or own.value == rapid.value:
        return own
    why = f"{own.origin.place} and {rapid.origin.name} differ, and either may count"
    return Document(own.origin, unknown=why)


def _optional(objects: MeshObjects, plane: Found, name: str) -> Document:
    """A mesh ConfigMap that need not be there."""
    wanted = Wanted("ConfigMap", plane.namespace, name)
    if objects.absent.get(wanted) == NOT_THERE:
        return Document(_origin(wanted, "mesh"))
    return _document(objects, plane, wanted, "mesh")


def _origin(wanted: Wanted, key: str) -> Origin:
    return Origin(wanted.kind, wanted.namespace, wanted.name, key)


def _document(objects: MeshObjects, plane: Found, wanted: Wanted, key: str) -> Document:
    origin = _origin(wanted, key)
    data = objects.config_maps.get(wanted)
    if data is None:
        return Document(origin, unknown=_why_not(objects, plane, wanted))
    text = data.get(key)
    if text is None:
        return Document(origin, unknown=f"{wanted} has no key {key}")
    try:
        value = mapping(_without_templates(text) if key == "config" else text)
    except UnreadableError as error:
        return Document(origin, unknown=f"{wanted}: the key {key} {error}")
    return Document(origin, value)


_BLOCK = re.compile(r"^(?=[^\s#-])", re.M)


def _without_templates(text: str) -> str:
    """The injector's configuration without its Go templates, 99 % of it."""
    blocks = _BLOCK.split(text)
    return "".join(b for b in blocks if not re.match(r"['\"]?templates?['\"]?\s*:", b))


def custom_template(objects: MeshObjects, plane: Found) -> str:
    """What is wrong with the sidecar template; empty for the shipped one.

    A template of somebody's own may put the proxy anywhere.
    """
    text = (objects.config_maps.get(plane.injector) or {}).get("config", "")
    for block in _BLOCK.split(text):
        ours = re.match(r"['\"]?templates?['\"]?\s*:", block)
        if ours and "istio-proxy" in block and HOLD not in block:
            return "the injector's sidecar template is not the shipped one"
    return ""


def hold(sources: Sources) -> tuple[Given, ...]:
    """Every place of the hold: the injector's values, then the mesh's, then shared."""
    values = _checked(sources.values.given(*_PROXY, HOLD))
    return (values, *(_mesh_hold(document) for document in sources.meshes))


def _checked(given: Given) -> Given:
    if given.value is None or isinstance(given.value, bool):
        return given
    return Given(given.origin, unknown=f"{given.origin} is not a boolean")


def _mesh_hold(document: Document) -> Given:
    given = document.given("defaultConfig", HOLD, names=(HOLD_SNAKE,))
    config = at(document.value, "defaultConfig")
    read_ = proxy_config(config)
    if read_.error:
        why = f"istiod refuses defaultConfig: {read_.error}"
        return Given(given.origin, unknown=f"{document.origin.place}: {why}")
    return Given(given.origin, read_.hold, given.unknown)


def native(sources: Sources, since: tuple[int, ...]) -> tuple[Given, ...]:
    """Where native sidecars are switched for the mesh, istiod's environment first.

    Charts from 1.26 on write the same into the values (``pilot.env``), which tells
    it where the Deployment cannot be read.
    """
    wanted = sources.istiod
    origin = Origin(wanted.kind, wanted.namespace, wanted.name, f"env {NATIVE_ENV}")
    if sources.environment is not None:
        return (Given(origin, sources.environment.get(NATIVE_ENV)),)
    written = sources.values.given("pilot", "env", NATIVE_ENV)
    if since >= (1, 26) and at(sources.values.value, "pilot", "env") is not None:
        value = written.value
        told = str(value).lower() if isinstance(value, bool) else value
        return (Given(written.origin, told),)
    return (Given(origin, unknown=sources.istiod_unknown),)


def proxy_value(sources: Sources, *path: str) -> Given:
    """One of ``values.global.proxy``."""
    return sources.values.given(*_PROXY, *path)


def default_config(sources: Sources, *path: str) -> tuple[Given, ...]:
    """One of the mesh's ``defaultConfig``, the strongest place first."""
    return tuple(d.given("defaultConfig", *path) for d in sources.meshes)
