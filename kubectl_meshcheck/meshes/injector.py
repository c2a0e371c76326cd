"""What an injector is told by the flags and the environment of its own Deployment.

For the meshes whose injector is one program with settings of its own, most of which a
pod's annotation overrides.  In: what was read of webhooks and Deployments, and the
table of the mesh's settings.  Out: those settings, each with its origin.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck.control import (
    ControlPlane,
    Given,
    Origin,
    Placed,
    Setting,
    Topic,
    Value,
    Webhook,
)
from kubectl_meshcheck.mesh_objects import NOT_THERE, MeshObjects, Wanted
from kubectl_meshcheck.meshes import webhooks
from kubectl_meshcheck.meshes.base import version_of
from kubectl_meshcheck.meshes.control_base import annotation, built_in, first_said
from kubectl_meshcheck.meshes.hooks import shell_script
from kubectl_meshcheck.meshes.reading import parse_bool


class Injector(msgspec.Struct, frozen=True):
    """What the webhooks tell of an injector."""

    namespace: str
    service: str
    url: str  #: empty where it is a service in the cluster
    webhooks: tuple[Webhook, ...]
    labels: Mapping[str, str]  #: of the MutatingWebhookConfiguration

    @property
    def address(self) -> str:
        """The service as namespace/name, or the URL."""
        return self.url or f"{self.namespace}/{self.service}"


#: the objects of one injector, the likeliest first
Places = Callable[[Injector], tuple[Wanted, ...]]


def found(objects: MeshObjects, mesh: str) -> Iterator[Injector]:
    """The injectors of a mesh, in the order of their configurations' names."""
    for configuration, entries in webhooks.injectors(objects, mesh):
        client = entries[0].client_config
        service = client.service
        yield Injector(
            service.namespace if service else "",
            service.name if service else "",
            client.url or "",
            tuple(webhooks.webhook(configuration, one) for one in entries),
            configuration.metadata.labels or {},
        )


class Program(msgspec.Struct, frozen=True):
    """An injector's program as its Deployment starts it."""

    place: Wanted | None  #: None where it is not in the cluster
    unknown: str = ""  #: why nothing is known of it, as a clause
    words: tuple[str, ...] = ()
    #: None for a value that stands in another object
    env: Mapping[str, str | None] = msgspec.field(default_factory=dict)
    version: str = ""

    def origin(self, key: str) -> Origin:
        """Where one of its settings is written, or would be."""
        if self.place is None:
            return built_in("its Deployment")
        return Origin("Deployment", self.place.namespace, self.place.name, key)


def deployments(one: Injector, *names: str) -> tuple[Wanted, ...]:
    """The Deployments that may be its own, the likeliest first; else as its service."""
    if one.url or not one.service:
        return ()
    return tuple(
        Wanted("Deployment", one.namespace, name) for name in names or (one.service,)
    )


def wanted(
    mesh: str, places: Places, more: Places = lambda _: ()
) -> Callable[[MeshObjects], Iterator[Wanted]]:
    """Of each of a mesh's injectors the first place that is there, and ``more``."""

    def each(objects: MeshObjects) -> Iterator[Wanted]:
        for one in found(objects, mesh):
            yield from _first(objects, places(one))
            yield from more(one)

    return each


def _first(objects: MeshObjects, places: Sequence[Wanted]) -> Iterator[Wanted]:
    for place in places:
        yield place
        if not objects.final and objects.absent.get(place) != NOT_THERE:
            return


def planes(
    mesh: str, plane: Callable[[MeshObjects, Injector], ControlPlane]
) -> Callable[[MeshObjects], tuple[ControlPlane, ...]]:
    """A control plane for each of a mesh's injectors, as a control states it."""
    return lambda objects: tuple(plane(objects, one) for one in found(objects, mesh))


def program(
    objects: MeshObjects, one: Injector, places: Sequence[Wanted], container: str
) -> Program:
    """The program in the container of that name, else in any."""
    labelled = version_of(f":{one.labels.get('app.kubernetes.io/version', '')}")
    if not places:
        where = f"the injector runs outside the cluster, at {one.url}"
        return Program(None, where if one.url else "its service is not named")
    place = next((p for p in places if p in objects.deployments), places[0])
    template = objects.deployments.get(place)
    if template is None or template.spec is None:
        return Program(place, objects.why_absent(place), version=labelled)
    there = template.spec.containers or ()
    ours = [c for c in there if c.name == container] or list(there)
    words = [_words(c.command or (), c.args or ()) for c in ours]
    versions = (version_of(c.image or "") for c in ours)
    return Program(
        place,
        "" if all(w is not None for w in words) else f"{place}: its command is unclear",
        tuple(word for w in words for word in w or ()),
        {env.name: env.value for c in ours for env in c.env or ()},
        next((v for v in versions if v), labelled),
    )


def _words(command: Sequence[str], args: Sequence[str]) -> list[str] | None:
    """The words of a command, also of one that a shell runs; None: unreadable."""
    script = shell_script([*command, *args])
    if script is None:
        return [*command, *args]
    try:
        return shlex.split(script.replace("\\\n", " "))
    except ValueError:
        return None


# -- settings --------------------------------------------------------------


def text(value: str) -> Value:
    """The value as it is written."""
    return value


def number(value: str) -> Value:
    """A whole number; None for anything else."""
    return int(value) if re.fullmatch(r"-?\d{1,9}", value) else None


class Knob(msgspec.Struct, frozen=True):
    """One setting of an injector's, how it is told, and what overrides it."""

    topic: Topic
    name: str  #: as upstream writes it
    default: Value  #: what holds where nobody says anything
    flag: str = ""  #: "-default-inject", "--wait-until-proxy-ready"
    env: str = ""  #: comes before the flag where there are both
    read: Callable[[str], Value] = parse_bool
    annotation: str = ""  #: of the pod template, stronger
    label: str = ""  #: of the namespace, between the two
    several: bool = False  #: a flag that may be repeated
    #: a pod's value that cannot be read does not count; otherwise it makes it unknown
    lenient: bool = False

    @property
    def stronger(self) -> tuple[Origin, ...]:
        """The places that override it."""
        own = (annotation(self.annotation),) if self.annotation else ()
        around = (Origin("Namespace", key=f"label {self.label}"),) if self.label else ()
        return (*own, *around)


def setting(told: Program, knob: Knob) -> Setting:
    """The setting as the injector was told it."""
    given = tuple(_given(told, knob))
    default = Given(given[-1].origin if given else told.origin(""), knob.default)
    made = first_said(knob.topic, knob.name, given, default)
    return replace(made, usual=_usual(made, knob), overridden_by=knob.stronger)


def _usual(made: Setting, knob: Knob) -> bool:
    return not made.unknown and made.value == knob.default


def fixed(knob: Knob, value: Value, why: str) -> Setting:
    """A setting that this injector cannot be told; annotations still count."""
    made = Setting(knob.topic, knob.name, value, built_in(why), True)
    return replace(made, overridden_by=knob.stronger)


def _given(told: Program, knob: Knob) -> Iterator[Given]:
    if knob.env:
        values = [told.env[knob.env]] if knob.env in told.env else []
        yield _told(told, knob, f"env {knob.env}", values)
    if knob.flag:
        yield _told(told, knob, f"flag {knob.flag}", _values(told.words, knob))


def _told(told: Program, knob: Knob, key: str, values: Sequence[str | None]) -> Given:
    """What a variable or a flag says; of a flag's values the last, or all."""
    origin = told.origin(key)
    if told.unknown:
        return Given(origin, unknown=told.unknown)
    if not values:
        return Given(origin)
    joined = ",".join(filter(None, values)) if knob.several else values[-1]
    return _said(told, knob, origin, joined)


def _values(words: Sequence[str], knob: Knob) -> list[str]:
    """All values of a flag, as Go's ``flag`` and ``pflag`` read them."""
    name, switch = knob.flag.lstrip("-"), isinstance(knob.default, bool)
    values = []
    for index, word in enumerate(words):
        key, equals, value = word.partition("=")
        if not word.startswith("-") or key.lstrip("-") != name:
            continue
        if equals:
            values.append(value)
        elif switch:
            values.append("true")
        elif index + 1 < len(words):
            values.append(words[index + 1])
    return values


def _said(told: Program, knob: Knob, origin: Origin, raw: str | None) -> Given:
    """What a word of the Deployment says; empty says nothing."""
    if raw is not None:
        raw = _expanded(told, raw)
    if raw is None:
        return Given(origin, unknown=f"{origin} takes its value from elsewhere")
    if raw == "":
        return Given(origin)
    value = knob.read(raw)
    if value is None:
        return Given(origin, unknown=f"{origin} is {raw!r}, which cannot be read")
    return Given(origin, value)


def _expanded(told: Program, raw: str) -> str | None:
    """With ``$(NAME)`` or ``$NAME`` filled in; None where its value is not known."""
    match = re.fullmatch(r"\$[({]?(\w+)[)}]?", raw)
    if match:
        return told.env.get(match[1])
    return None if "$(" in raw or "${" in raw else raw


# -- one pod ---------------------------------------------------------------


def settings(
    knobs: Sequence[Knob],
) -> Callable[[ControlPlane, Placed], tuple[Setting, ...]]:
    """The plane's settings with the annotations and labels of a pod on top."""
    by_name = {knob.name: knob for knob in knobs if knob.annotation or knob.label}

    def effective(plane: ControlPlane, placed: Placed) -> tuple[Setting, ...]:
        return tuple(
            _effective(one, by_name[one.name], placed)
            # where this release knows no override, there is none
            if one.name in by_name and one.overridden_by
            else replace(one, overridden_by=())
            for one in plane.settings
        )

    return effective


def _effective(one: Setting, knob: Knob, placed: Placed) -> Setting:
    given = (*_own(knob, placed), *one.given)
    made = first_said(one.topic, one.name, given, Given(one.origin, one.value))
    return replace(made, usual=_usual(made, knob))


def _own(knob: Knob, placed: Placed) -> Iterator[Given]:
    if knob.annotation:
        raw = placed.pod.annotations.get(knob.annotation)
        yield _written(knob, annotation(knob.annotation), raw)
    if knob.label:
        origin = Origin("Namespace", "", placed.namespace, f"label {knob.label}")
        labels = placed.namespace_labels
        if labels is None:
            why = f"the labels of namespace {placed.namespace} are not known"
            yield Given(origin, unknown=why)
        else:
            yield _written(knob, origin, labels.get(knob.label))


def _written(knob: Knob, origin: Origin, raw: str | None) -> Given:
    if not raw:
        return Given(origin)
    value = knob.read(raw)
    if value is not None:
        return Given(origin, value)
    if knob.lenient:
        return Given(origin, ignored=f"{raw!r} cannot be read")
    return Given(origin, unknown=f"{origin} is {raw!r}, which cannot be read")
