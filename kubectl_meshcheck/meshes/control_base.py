"""What a mesh must state about its control plane, and how documents are read for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from kubectl_meshcheck.control import (
    ControlPlane,
    Given,
    Injection,
    Origin,
    Outlook,
    Placed,
    Setting,
    Topic,
)
from kubectl_meshcheck.mesh_objects import MeshObjects, Wanted
from kubectl_meshcheck.model import PodStart, Proxy

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Failing(msgspec.Struct, frozen=True):
    """A known reason why a hold does not work, and what helps; each a clause."""

    reason: str
    cure: str


class Control(msgspec.Struct, frozen=True):
    """How one mesh's control planes are found and asked.  Every part is pure."""

    mesh: str
    #: the objects that would tell its settings, as far as they are known by now
    wanted: Callable[[MeshObjects], Iterator[Wanted]]
    planes: Callable[[MeshObjects], tuple[ControlPlane, ...]]
    #: whether a new pod would be injected, and by which of the control planes; None
    #: where the mesh has nothing to do with a pod that does not ask for it
    injection: Callable[[Sequence[ControlPlane], Placed], Injection | None]
    #: the effective settings of one pod
    settings: Callable[[ControlPlane, Placed], tuple[Setting, ...]]
    #: what a new pod would be with these settings
    outlook: Callable[[ControlPlane, Placed, Sequence[Setting]], Outlook]
    #: whether its settings depend on the labels of a pod's namespace
    by_labels: bool = False
    #: what in an injected pod asked to hold the application; empty: nothing did
    asked_by: Callable[[PodStart], str] = lambda _: ""
    #: why an injected pod that was asked to be held is not; None: not known
    failing: Callable[[PodStart, Proxy, Sequence[Setting]], Failing | None] = (
        lambda *_: None
    )


class UnreadableError(ValueError):
    """A document that its reader would refuse; the text is a clause."""


def mapping(text: str) -> dict[str, Any]:
    """The mapping that a YAML or JSON text holds; empty for an empty text.

    Raises ``UnreadableError`` for anything else.
    """
    try:
        value = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        line = str(error).strip().splitlines() or [type(error).__name__]
        raise UnreadableError(f"cannot be read: {line[0]}") from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UnreadableError("is not a mapping")
    return value


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_LOADER)  # noqa: S506  # a safe loader


def at(value: Any, *path: str) -> Any:
    """What stands at a path of nested mappings; None where it ends early."""
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def listed(value: Any) -> str | None:
    """The items of a list, comma by comma; None for no list, and for an empty one."""
    items = value if isinstance(value, list) else []
    return ",".join(str(one) for one in items) or None


def weaker(given: Sequence[Given], origin: Origin) -> tuple[Given, ...]:
    """The other places that say something."""
    return tuple(g for g in given if g.origin != origin and g.value is not None)


def first_said(
    topic: Topic, name: str, given: Sequence[Given], default: Given
) -> Setting:
    """The setting where the first place that says something decides.

    ``given`` are the places, the strongest first.  A stronger one that could not
    be read makes it unknown.  ``default`` is what holds when nobody says anything,
    with the place where it would be set.
    """
    for one in given:
        if one.ignored or (one.value is None and not one.unknown):
            continue
        value = None if one.unknown else one.value
        found = Setting(topic, name, value, one.origin, unknown=one.unknown)
        break
    else:
        found = Setting(topic, name, default.value, default.origin, True)
    return settled(found, given)


def settled(found: Setting, given: Sequence[Given]) -> Setting:
    """The setting with all the places that were looked at."""
    return replace(found, overrode=weaker(given, found.origin), given=tuple(given))


def overridden(
    found: Iterable[Setting], places: Mapping[str, tuple[Origin, ...]]
) -> tuple[Setting, ...]:
    """A control plane's settings, by name with the places that override them."""
    return tuple(replace(s, overridden_by=places.get(s.name, ())) for s in found)


def annotation(key: str, *path: str) -> Origin:
    """The place of an annotation on the pod template, or inside its document."""
    return Origin("pod template", key=f"annotation {key}", path=path)


def built_in(text: str) -> Origin:
    """An origin that is no object."""
    return Origin("", text=text)
