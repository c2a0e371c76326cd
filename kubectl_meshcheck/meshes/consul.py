"""Consul: ``consul-dataplane`` holds nothing, unless it is a native sidecar.

Last up to consul-k8s 1.2.5; first from 1.2.6 and 1.3.0 while the proxy lifecycle is
on, which is the chart's default.  No release ever adds a postStart hook.  From 1.6.9,
1.7.5, 1.8.2 and 1.9.0 an annotation makes it a native sidecar with a startup probe
(hashicorp/consul-k8s: control-plane/connect-inject/webhook/mesh_webhook.go,
consul_dataplane_sidecar.go).  The facts hold from 0.26 to 1.9.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kubectl_meshcheck.meshes.base import (
    Annotations,
    Asked,
    BadSetting,
    Hold,
    Mesh,
    OptIn,
    release,
    version_of,
)
from kubectl_meshcheck.meshes.consul_facts import FACTS
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.reading import (
    TRUE,
    first_of_its_name,
    image_name,
    marked,
    misspelt,
    parse_bool,
)
from kubectl_meshcheck.meshes.remedies import in_vain
from kubectl_meshcheck.model import (
    REFUSED,
    Capture,
    Container,
    Handler,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Role,
    Waits,
)

DOMAIN = "consul.hashicorp.com"
INJECT = f"{DOMAIN}/connect-inject"
STATUS = f"{DOMAIN}/connect-inject-status"
NATIVE = f"{DOMAIN}/enable-consul-dataplane-as-sidecar"
LIFECYCLE = f"{DOMAIN}/enable-sidecar-proxy-lifecycle"
TRANSPARENT = f"{DOMAIN}/transparent-proxy-status"
#: the rules that the CNI plugin is to set
CNI_RULES = f"{DOMAIN}/redirect-traffic-config"
#: the second name is that of releases before 1.0
VERSIONS = (f"{DOMAIN}/consul-k8s-version", f"{DOMAIN}/connect-k8s-version")
INIT = "consul-connect-inject-init"
#: the proxy's names: from 1.0, from 0.26, and before
PROXIES = ("consul-dataplane", "envoy-sidecar", "consul-connect-envoy-sidecar")
PREFIXES = tuple(f"{name}-" for name in PROXIES)
HELPERS = ("consul-sidecar", "consul-connect-lifecycle-sidecar", "copy-consul-bin")
PROXY_UID = 5995
#: the gateways' containers bear other names: ``mesh-gateway``, or their gateway's own
#: (charts/consul/templates, control-plane/api-gateway/gatekeeper/dataplane.go)
IMAGE = "consul-dataplane"
#: never injected (mesh_webhook.go ``kubeSystemNamespaces``)
LEFT_OUT = ("kube-system", "kube-public")
NAMESPACE = "kubernetes.io/metadata.name"
SERVICES = f"{DOMAIN}/connect-service"
#: the first release of each line that knows the native sidecar
NATIVE_SINCE = ((1, 6, 9), (1, 7, 5), (1, 8, 2), (1, 9, 0))

TEMPLATE_ONLY = (
    INJECT,
    NATIVE,
    f"{DOMAIN}/transparent-proxy",
    LIFECYCLE,
    f"{DOMAIN}/sidecar-proxy-startup-failure-seconds",
    f"{DOMAIN}/sidecar-proxy-lifecycle-startup-grace-period-seconds",
    f"{DOMAIN}/transparent-proxy-exclude-outbound-ports",
    f"{DOMAIN}/transparent-proxy-exclude-outbound-cidrs",
    f"{DOMAIN}/transparent-proxy-exclude-uids",
)


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """A dataplane by its name, one a service, and an image or a mark of Consul's."""
    container = pod.containers[index]
    ours = "consul" in image_name(container.image) or marked(pod, DOMAIN)
    if not ours or not first_of_its_name(pod, index):
        return None
    capture = _capture(pod)
    off = capture.by is Redirect.NONE
    return Proxy(
        mesh="consul",
        index=index,
        gate=gate(container, _waits, _ready),
        capture=capture,
        part=_part(pod, container),
        version=_version(pod, container.image),
        helpers=frozenset(_helpers(pod)),
        uid=PROXY_UID if container.run_as_user is None else container.run_as_user,
        # without redirection the application talks to the proxy's own ports
        symptom=f"{REFUSED} by the upstreams' local ports" if off else REFUSED,
    )


def _part(pod: PodStart, container: Container) -> Part:
    """A dataplane of another name that stands alone is a gateway."""
    named = container.name in PROXIES or container.name.startswith(PREFIXES)
    alone = sum(one.role is Role.MAIN for one in pod.containers) == 1
    return Part.GATEWAY if alone and not named else Part.SIDECAR


def _helpers(pod: PodStart) -> Iterator[str]:
    for container in pod.containers:
        name = container.name
        if name == INIT or name.startswith(f"{INIT}-") or name in HELPERS:
            yield name


def _version(pod: PodStart, image: str) -> str:
    """The injector's own version: the mark, its init container, the dataplane."""
    told = (pod.annotations.get(key, "") for key in VERSIONS)
    images = (
        version_of(container.image)
        for container in pod.containers
        if container.name.startswith(INIT)
    )
    for text in (*told, *images, version_of(image)):
        if release(text):
            return text.removeprefix("v")
    return ""


def _waits(_: Sequence[str]) -> Waits:
    """No command of Consul's waits; one that a user adds is unknown."""
    return Waits.UNKNOWN


def _ready(action: Handler) -> Waits:
    """``consul-dataplane -check-proxy-health``, or Envoy's own ``/ready``."""
    if action.kind == "exec" and "-check-proxy-health" in action.command:
        return Waits.YES
    if action.kind == "httpGet" and action.path == "/ready":
        return Waits.YES
    return Waits.UNKNOWN


def _capture(pod: PodStart) -> Capture:
    """Only with transparent proxy: the init container's rules or the CNI plugin's."""
    for index, container in enumerate(pod.containers):
        script = container.runs if container.name.startswith(INIT) else ()
        if any("redirect-traffic" in word for word in script):  # before 0.49
            return Capture(Redirect.INIT, index)
    # the CNI plugin may write its own progress there
    if pod.annotations.get(TRANSPARENT, "disabled") == "disabled":
        return Capture(Redirect.NONE, reason="transparent proxy is off")
    if CNI_RULES in pod.annotations:
        return Capture(Redirect.CNI)
    for index, container in enumerate(pod.containers):
        if container.name.startswith(INIT):
            return Capture(Redirect.INIT, index)
    return Capture(Redirect.CNI)


def asked(pod: PodStart, namespace: Annotations | None) -> Asked | None:
    """The pod annotation; else the chart's default, which cannot be seen here.

    (mesh_webhook.go ``shouldInject``)
    """
    value = pod.annotations.get(INJECT)
    if value is None:
        return None
    return Asked(
        parse_bool(value) is not False,
        f"pod annotation {INJECT}: {value}",
        futile=_futile(pod, (namespace or {}).get(NAMESPACE, ""), value),
    )


def _futile(pod: PodStart, namespace: str, value: str) -> str:
    """Why asking does nothing, in the order in which the injector looks."""
    if namespace in LEFT_OUT:
        return f"Consul never injects into {namespace}"
    if pod.annotations.get(STATUS):
        return f"the annotation {STATUS} tells the injector that it has been here"
    if parse_bool(value) is None:
        return "that is no boolean, and the pod is refused"
    return ""


def bad_settings(pod: PodStart, version: str) -> Iterator[BadSetting]:
    """Settings on a pod template that are rejected or ignored."""
    value = pod.annotations.get(INJECT)
    if value is not None and parse_bool(value) is None:
        yield BadSetting(INJECT, f"{value!r} is no boolean", f'{INJECT}: "true"', True)
    # an empty value of these counts as none (lifecycle/lifecycle_configuration.go)
    value, known = pod.annotations.get(NATIVE), can_be_native(version)
    if value and parse_bool(value) is None:
        refused = known or not release(version)
        trouble = f"{value!r} is no boolean"
        yield BadSetting(NATIVE, trouble, f'{NATIVE}: "true"', rejected=refused)
    elif value and release(version) and not known:
        trouble = f"consul-k8s {version} does not know it yet"
        yield BadSetting(NATIVE, trouble, f"nothing: upgrade to {_upgrade(version)}")
    value = pod.annotations.get(LIFECYCLE)
    if value and parse_bool(value) is None:
        refused = not release(version) or release(version) >= (1, 2)
        trouble = f"{value!r} is no boolean"
        yield BadSetting(LIFECYCLE, trouble, f'{LIFECYCLE}: "true"', rejected=refused)
    for key in pod.annotations:
        # proposed and never merged (hashicorp/consul-k8s#1482)
        if key == f"{DOMAIN}/hold-application-until-proxy-starts":
            yield BadSetting(key, "no such setting exists", f'{NATIVE}: "true"')
    yield from misspelt(pod.annotations, DOMAIN, (INJECT, NATIVE), (STATUS,))


def can_be_native(version: str) -> bool:
    """Whether a release of consul-k8s knows the native sidecar.

    >>> [can_be_native(v) for v in ("1.6.8", "1.6.9", "1.7.4", "1.8.2", "2.0.0")]
    [False, True, False, True, True]
    """
    numbers = release(version)
    if numbers >= NATIVE_SINCE[-1]:
        return True
    return any(numbers[:2] == line[:2] and numbers >= line for line in NATIVE_SINCE)


def _upgrade(version: str) -> str:
    line = release(version)[:2]
    first = next((one for one in NATIVE_SINCE if one[:2] == line), NATIVE_SINCE[-1])
    return ".".join(map(str, first))


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """The native sidecar, where the release knows it; nothing else holds."""
    loop = f"or let the application wait for {_pages(pod)} before it connects"
    if not release(proxy.version):
        return Hold(
            manual=f'set the pod annotation {NATIVE}: "true" if consul-k8s is 1.6.9, '
            f"1.7.5, 1.8.2, 1.9.0 or newer (its version cannot be told here), {loop}"
        )
    if not can_be_native(proxy.version):
        return Hold(
            manual=f"consul-k8s {proxy.version} cannot hold an application: upgrade to "
            f"{_upgrade(proxy.version)}, {loop}"
        )
    vain = in_vain(pod, proxy, NATIVE, lambda value: parse_bool(value) is True)
    if vain:
        return vain
    if proxy.native:
        return Hold(manual="give consul-dataplane its startup probe back")
    return Hold(
        {NATIVE: "true"},
        risks=(
            "it needs Kubernetes 1.29 and a consul-dataplane of the same age",
            "its probe allows ten seconds, then the proxy is restarted",
            "the pod's own init containers run before it, outside the mesh",
        ),
    )


def _pages(pod: PodStart) -> str:
    """Envoy's readiness page, one for each service of the pod."""
    services = pod.annotations.get(SERVICES, "").split(",")
    pages = [f"http://localhost:{19000 + i}/ready" for i in range(len(services[:9]))]
    return " and ".join(pages)


CONSUL = Mesh(
    name="consul",
    title="Consul",
    docs="https://developer.hashicorp.com/consul/docs/reference/k8s/annotation-label",
    proxies=PROXIES,
    proxy_prefixes=PREFIXES,
    images=(IMAGE,),
    recognise=recognise,
    domains=(DOMAIN,),
    per_pod=(f"{DOMAIN}/original-pod",),
    asked=asked,
    opt_in=OptIn(INJECT, TRUE, ("pod annotation",)),
    bad_settings=bad_settings,
    template_only=TEMPLATE_ONLY,
    hold=hold,
    facts=FACTS,
)
