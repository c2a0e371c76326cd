"""How injectors and their wait commands read words: booleans, flags, images, keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

from kubectl_meshcheck.errors import alike
from kubectl_meshcheck.meshes.base import BadSetting
from kubectl_meshcheck.model import Container, PodStart

TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


def parse_bool(value: str | None) -> bool | None:
    """A boolean as Go's ``strconv.ParseBool`` reads it; None for anything else."""
    if value in TRUE:
        return True
    return False if value in _FALSE else None


@lru_cache(maxsize=1024)
def image_name(image: str) -> str:
    """The last part of an image's name, without tag and digest.

    >>> image_name("localhost:5000/hashicorp/consul-dataplane:1.9.11")
    'consul-dataplane'
    """
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def marked(pod: PodStart, domain: str) -> bool:
    """Whether the pod carries a label or annotation of the domain or one below it."""
    return any(
        _within(key, domain) for kept in (pod.labels, pod.annotations) for key in kept
    )


def _within(key: str, domain: str) -> bool:
    own = key.partition("/")[0]
    return own == domain or own.endswith("." + domain)


def first_of_its_name(pod: PodStart, index: int) -> bool:
    """Whether no container of that name starts before it.

    The API server takes a name only once; what a file says can differ.
    """
    return pod.named(pod.containers[index].name) is pod.containers[index]


def index_of(pod: PodStart, *names: str) -> int | None:
    """The index in start order of the first container with one of these names."""
    for index, container in enumerate(pod.containers):
        if container.name in names:
            return index
    return None


def has_env(container: Container, prefix: str) -> bool:
    """Whether a literal environment variable's name begins with ``prefix``."""
    return any(name.startswith(prefix) for name, _ in container.env)


def options(
    words: Sequence[str], valued: Collection[str], switches: Collection[str] = ()
) -> dict[str, str] | None:
    """A command's flags, ``--x=y``, ``--x y`` or ``--switch``, by their bare names.

    Stops at the first word that is no flag, or at ``--``.  None when a flag is not
    among ``valued`` and ``switches``, or lacks its value.
    """
    found: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "--":
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        if name in valued and not equals:
            if not rest:
                return None
            value = rest.pop(0)
        elif name not in valued and (name not in switches or equals):
            return None
        found[name] = value
    return found


def is_zero(duration: str) -> bool:
    """Whether a Go or Rust duration is nothing: ``0``, ``0s``, ``0m0s``."""
    return "0" in duration and not re.search("[1-9]", duration)


_DURATION = re.compile(
    r"(?:\d{1,9}(?:\.\d{1,9})?"
    r"(?:ns|us|\u00b5s|ms|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?) ?)+"
)


def is_patience(duration: str) -> bool:
    """Whether a Go or Rust duration reads, and is some time.

    A wait command given another ends at once, and nothing waits.
    """
    return _DURATION.fullmatch(duration) is not None and not is_zero(duration)


def misspelt(
    keys: Mapping[str, str],
    domain: str,
    wanted: Collection[str],
    known: Collection[str] = (),
) -> Iterator[BadSetting]:
    """Keys that look like one of ``wanted`` and are neither that nor ``known``."""
    for key in keys:
        if key in wanted or key in known or not _within(key, domain):
            continue
        same = [w for w in wanted if w.lower() == key.lower()]
        near = same or _near(key, wanted)
        if near:
            yield BadSetting(key, "no such setting exists", near[0])


def _near(key: str, wanted: Collection[str]) -> list[str]:
    """The wanted key of the same last part, else one hardly different in spelling."""
    last = key.rpartition("/")[2]
    same = [w for w in wanted if w.rpartition("/")[2] == last]
    return same[:1] or alike(key, tuple(wanted), most=1, cutoff=0.93)
