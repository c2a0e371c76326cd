"""What a mesh must state about itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, unique
from functools import lru_cache

import msgspec

from kubectl_meshcheck.model import PodStart, Proxy

Annotations = Mapping[str, str]


class Asked(msgspec.Struct, frozen=True):
    """Somebody asked for injection, or against it."""

    wanted: bool
    by: str  #: what asks, as a clause: "namespace label istio-injection=enabled"
    #: why asking there does nothing; empty when it should have worked
    futile: str = ""
    #: why the webhook is not even called, by the selectors that upstream's chart gives
    #: it; the webhook's own, where they were read, tell better
    uncalled: str = ""
    #: what may stand in the way and cannot be seen here
    perhaps: str = ""
    #: the same, where it is not one of Kubernetes' own controllers that makes the pods
    strangers: str = ""
    cure: str = ""  #: what to do instead, where that is known


class OptIn(msgspec.Struct, frozen=True):
    """The key that asks for injection, and where the injector reads it."""

    key: str
    on: tuple[str, ...]  #: the values that ask for it
    #: of "pod label", "pod annotation", "namespace label", "namespace annotation"
    reads: tuple[str, ...]


class BadSetting(msgspec.Struct, frozen=True):
    """A setting that the injector rejects or silently ignores."""

    key: str
    trouble: str  #: what is wrong with it, as a clause
    cure: str  #: what to write instead
    rejected: bool = False  #: no pod can be created; otherwise it does nothing


class Hold(msgspec.Struct, frozen=True):
    """How "hold the application until the proxy is ready" is written for one pod.

    Either ``annotations`` for the pod template, or a ``manual`` step.
    """

    annotations: Annotations = msgspec.field(default_factory=dict)
    manual: str = ""
    risks: tuple[str, ...] = ()  #: what else it brings, each as a clause
    overrules: str = ""  #: what was decided otherwise on purpose, as a clause


@unique
class About(Enum):
    """What a fact is about; the order is that of a mesh's page."""

    RECOGNISED = "How it is recognised"
    INJECTED = "Who is injected"
    START = "Start order"
    CAPTURE = "Redirection"
    SETTINGS = "Settings, the weakest first"
    REMEDY = "Remedy"
    JOBS = "Jobs"
    TRAPS = "Traps"


class Fact(msgspec.Struct, frozen=True):
    """One fact, and the upstream file that it was read from."""

    about: About
    text: str  #: sentences, in Markdown
    source: str  #: "owner/repository: path", or a thread


class Mesh(msgspec.Struct, frozen=True):
    """The facts of one mesh.  Each function cites the source that it was read from."""

    name: str  #: as shown: "istio"
    title: str  #: as written: "Istio"
    docs: str  #: upstream's page on start order
    #: container names that may be its proxy; a name alone never proves it
    proxies: tuple[str, ...]
    #: the proxy in container ``index`` of the pod; None when it is none of ours
    recognise: Callable[[PodStart, int], Proxy | None]
    #: domains of the annotations and labels that it reads or writes
    domains: tuple[str, ...]
    #: its marks outside those domains
    keys: tuple[str, ...] = ()
    #: name prefixes, for meshes that number their proxies
    proxy_prefixes: tuple[str, ...] = ()
    #: image names that make a container worth a look, whatever it is called
    images: tuple[str, ...] = ()
    #: marks whose value differs from pod to pod, or from workload to workload, and
    #: says nothing of the start: only their presence counts
    per_pod: tuple[str, ...] = ()
    #: why a pod without a proxy of its own is in the mesh all the same; empty: is not
    ambient: Callable[[PodStart], str] = lambda _: ""
    #: marks that it reads from a namespace's annotations, not from its labels
    namespace_annotations: tuple[str, ...] = ()
    #: what asks for injection into a pod, given the namespace's marks (None when they
    #: could not be read); None when nothing does
    asked: Callable[[PodStart, Annotations | None], Asked | None] = lambda *_: None
    #: where it reads that; None where nothing is put into the wrong place
    opt_in: OptIn | None = None
    #: settings on a pod template that do not do what they seem to
    bad_settings: Callable[[PodStart, str], Iterator[BadSetting]] = lambda *_: iter(())
    #: annotations that only work on a pod template
    template_only: tuple[str, ...] = ()
    #: the least invasive way to make this pod's application wait
    hold: Callable[[PodStart, Proxy], Hold] = lambda *_: Hold(
        manual="nothing in this mesh holds the application: "
        "let it wait or retry until the proxy answers"
    )
    #: since which release it holds unless something opts out; empty: it never does
    holds_since: str = ""
    #: seconds for which the proxy goes on after its pod is told to end; None where it
    #: does not end before the application, or where that is not known
    drains: Callable[[PodStart, int], float | None] = lambda *_: None
    #: what docs/meshes.md says of it
    facts: tuple[Fact, ...] = ()


@lru_cache(maxsize=1024)
@lru_cache(maxsize=1024)
def version_of(image: str) -> str:
    """The version in an image's tag; empty for none, a digest or a moving tag.

    >>> version_of("docker.io/istio/proxyv2:1.14.6-distroless")
    '1.14.6'
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.search(r"\d+\.\d+(\.\d+)*", tag)
    return found[0] if found else ""


@lru_cache(maxsize=1024)
def release(version: str) -> tuple[int, ...]:
    """A version as numbers to compare; empty when it has none.

    >>> release("edge-25.10.2")
    (25, 10, 2)
    """
    found = re.search(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(int(part) for part in found[0].split(".")[:4]) if found else ()
