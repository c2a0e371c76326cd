"""The meshes that are known, and the proxies that they find in a pod."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec.structs import replace

from kubectl_meshcheck import order, parse
from kubectl_meshcheck.meshes import declared, generic
from kubectl_meshcheck.meshes.appmesh import APPMESH
from kubectl_meshcheck.meshes.base import Asked, Mesh, OptIn
from kubectl_meshcheck.meshes.cloudsql import CLOUDSQL
from kubectl_meshcheck.meshes.consul import CONSUL
from kubectl_meshcheck.meshes.dapr import DAPR
from kubectl_meshcheck.meshes.gcsfuse import GCSFUSE
from kubectl_meshcheck.meshes.istio import ISTIO
from kubectl_meshcheck.meshes.kuma import KUMA
from kubectl_meshcheck.meshes.linkerd import LINKERD, PROXY
from kubectl_meshcheck.meshes.linkerd_settings import INJECT
from kubectl_meshcheck.meshes.nginx import NGINX
from kubectl_meshcheck.meshes.osm import OSM
from kubectl_meshcheck.meshes.reading import image_name
from kubectl_meshcheck.meshes.vault import VAULT
from kubectl_meshcheck.model import Judgement, PodStart, Proxy, Role, Verdict

#: a name is claimed by the first that recognises the container
MESHES: tuple[Mesh, ...] = (
    ISTIO,
    LINKERD,
    KUMA,
    CONSUL,
    APPMESH,
    OSM,
    NGINX,
    DAPR,
    VAULT,
    CLOUDSQL,
    GCSFUSE,
)

#: by what any container is told that may be a proxy
_NAMES = frozenset(name for mesh in MESHES for name in mesh.proxies)
_PREFIXES = tuple(prefix for mesh in MESHES for prefix in mesh.proxy_prefixes)
_IMAGES = frozenset(image for mesh in MESHES for image in mesh.images)
_BY_MESH = {mesh.name: mesh for mesh in MESHES}
#: what the user's config file adds; set once, before anything is judged
_DECLARED: dict[str, Mesh] = {}
SIDECARS: dict[str, declared.Sidecar] = {}  #: the same, as they were declared
_DOMAINS = tuple(domain for mesh in MESHES for domain in mesh.domains)
_KEYS = frozenset(key for mesh in MESHES for key in mesh.keys) | {
    "kubectl.kubernetes.io/default-container",
    "kubectl.kubernetes.io/default-logs-container",
    "meshcheck/ignore",
}
#: what asks for injection, and the places where that may stand
_OPT_INS = frozenset(mesh.opt_in.key for mesh in MESHES if mesh.opt_in)
_PLACES = (
    "pod label",
    "pod annotation",
    "namespace label",
    "namespace annotation",
    "workload's own",
)
_PER_POD = frozenset(key for mesh in MESHES for key in mesh.per_pod)


def declare(sidecars: Iterable[declared.Sidecar]) -> None:
    """Makes these sidecars known, in place of those declared before.

    Raises ``ValueError`` for a name that a mesh has already.
    """
    told = {one.name: one for one in sidecars}
    made = {name: declared.mesh(one) for name, one in told.items()}
    for name in made:
        if name in _BY_MESH:
            raise ValueError(f"{name} is the name of a mesh that is known already")
    SIDECARS.clear()
    SIDECARS.update(told)
    _DECLARED.clear()
    _DECLARED.update(made)
    _looked_up.cache_clear()


def proxies(pod: PodStart) -> tuple[Proxy, ...]:
    """Every proxy in the pod, in start order; one pass over its containers."""
    found = []
    for index, container in enumerate(pod.containers):
        for mesh in _candidates(container.name, container.image):
            proxy = mesh.recognise(pod, index)
            if proxy:
                found.append(proxy)
                break
    return tuple(
        replace(proxy, native=True)
        if pod.containers[proxy.index].role is Role.NATIVE
        else proxy
        for proxy in found or generic.proxies(pod)
    )


def _candidates(name: str, image: str) -> Iterable[Mesh]:
    """The meshes whose proxy a container of that name and image may be."""
    program = image_name(image)
    if name in _NAMES or program in _IMAGES or name.startswith(_PREFIXES):
        return _looked_up(name, program)
    return _DECLARED.values()  # as for nearly all containers


@lru_cache(maxsize=1024)
def _looked_up(name: str, program: str) -> tuple[Mesh, ...]:
    known = tuple(
        mesh
        for mesh in MESHES
        if name in mesh.proxies
        or name.startswith(mesh.proxy_prefixes)
        or program in mesh.images
    )
    return (*_DECLARED.values(), *known)


def plain(pod: PodStart) -> bool:
    """Whether no container has a name or an image that any mesh knows."""
    return not any(_candidates(c.name, c.image) for c in pod.containers)


def judge(pod: PodStart) -> Judgement:
    """The verdict on one pod, with every mesh's facts."""
    found = proxies(pod)
    if not any(mesh_of(proxy) for proxy in found):
        for mesh in MESHES:
            reason = mesh.ambient(pod)
            if reason:
                return replace(
                    order.judge(pod, ()), verdict=Verdict.AMBIENT, reason=reason
                )
    return order.judge(pod, found)


def mesh_of(proxy: Proxy) -> Mesh | None:
    """The mesh that the proxy belongs to; None for one that no mesh injected."""
    return _BY_MESH.get(proxy.mesh) or _DECLARED.get(proxy.mesh)


def titled(name: str) -> str:
    """A mesh's name as it is written."""
    mesh = _BY_MESH.get(name)
    return mesh.title if mesh else name


def asked(
    pod: PodStart,
    labels: Mapping[str, str] | None,
    annotations: Mapping[str, str] | None = None,
    own: Mapping[str, str] | None = None,
    there: Collection[str] = (),
) -> tuple[Mesh, Asked] | None:
    """The first mesh that was asked to inject the pod, and by what.

    ``labels`` and ``annotations`` are the namespace's, None when not known; ``own``
    are the marks of the workload itself, which no injector reads.  Meshes that are
    ``there`` are not looked at.
    """
    against = set(there)
    for mesh in MESHES:
        if mesh.name in against:
            continue
        found = mesh.asked(pod, _marks(mesh, labels, annotations))
        if found and found.wanted:
            return mesh, found
        if found and found.by.startswith("pod "):
            against.add(mesh.name)
    given = (pod.labels, pod.annotations, labels or {}, annotations or {}, own or {})
    if all(_OPT_INS.isdisjoint(marks) for marks in given):
        return None
    places = tuple(zip(_PLACES, given, strict=True))
    for mesh in MESHES:
        if mesh.opt_in is not None and mesh.name not in against:
            amiss = _misplaced(mesh.title, mesh.opt_in, places)
            if amiss is not None:
                return mesh, amiss
    return None


def asked_besides(
    pod: PodStart,
    labels: Mapping[str, str] | None,
    annotations: Mapping[str, str] | None,
    there: Collection[str],
) -> Iterator[tuple[Mesh, Asked]]:
    """The meshes that the pod itself asks for beside those that are ``there``."""
    if _OPT_INS.isdisjoint(pod.annotations) and _OPT_INS.isdisjoint(pod.labels):
        return
    for mesh in MESHES:
        if mesh.opt_in is None or mesh.name in there:
            continue
        if mesh.opt_in.key in pod.annotations or mesh.opt_in.key in pod.labels:
            found = mesh.asked(pod, _marks(mesh, labels, annotations))
            if found and found.wanted:
                yield mesh, found


def writes_events(pod: PodStart, annotations: Mapping[str, str] | None) -> bool:
    """Whether a pod lacks a mesh whose injector writes an event when it skips it.

    ``annotations`` are the namespace's; None when not known.  Only Linkerd's does
    (linkerd/linkerd2: controller/proxy-injector/webhook.go).
    """
    value = pod.annotations.get(INJECT)
    if not value and annotations:
        value = annotations.get(INJECT)
    asks = bool(value) and value != "disabled"
    return asks and pod.named(PROXY) is None


def _misplaced(
    title: str, opt_in: OptIn, places: tuple[tuple[str, Mapping[str, str]], ...]
) -> Asked | None:
    """Who asks for injection where the injector does not look; None for nobody."""
    for place, marks in places:
        value = marks.get(opt_in.key)
        if value not in opt_in.on or place in opt_in.reads:
            continue
        by = f"{place} {opt_in.key}: {value}"
        where = " and the ".join(opt_in.reads)
        why = f"{title} only reads the {where} of that name"
        return Asked(
            True, by, why, cure=f"set it as {opt_in.reads[0]}, in the template"
        )
    return None


def _marks(
    mesh: Mesh,
    labels: Mapping[str, str] | None,
    annotations: Mapping[str, str] | None,
) -> Mapping[str, str] | None:
    """A namespace's marks as the mesh reads them: each key from where it looks."""
    keys = mesh.namespace_annotations
    if not keys or labels is None:
        return labels
    if annotations is None:
        return None
    marks = {key: value for key, value in labels.items() if key not in keys}
    return marks | {key: annotations[key] for key in keys if key in annotations}


def start_of(meta: parse.Meta | None, spec: parse.PodSpec | None) -> PodStart:
    """What decides of a pod or a template, with the marks that any mesh cares for."""
    found = meta or parse.Meta()
    return parse.pod_start(
        spec or parse.PodSpec(), relevant(found.annotations), relevant(found.labels)
    )


@lru_cache(maxsize=4096)
def _relevant(key: str) -> bool:
    domain = key.partition("/")[0]
    ours = any(domain == d or domain.endswith("." + d) for d in _DOMAINS)
    # an annotation without any domain can only be a slip of the pen
    return ours or key in _KEYS or "holdapplication" in key.lower()


def relevant(marks: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    """The annotations or labels that any mesh cares for, the same for equal pods."""
    if not marks:
        return ()
    # a list, since a generator is the slower way to make a tuple
    found = [
        (key, "" if key in _PER_POD else value)
        for key, value in marks.items()
        if _relevant(key)
    ]
    return tuple(found)
