"""Cloud SQL Auth Proxy: by the operator, or written into the template by hand.

Nothing is redirected: the application talks to a local port and is refused while the
proxy is not there.  It holds as a native sidecar with a startup probe, or first with
the postStart hook ``cloud-sql-proxy wait`` (GoogleCloudPlatform/cloud-sql-proxy:
cmd/root.go; cloud-sql-proxy-operator: internal/workload/podspec_updates.go).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kubectl_meshcheck.meshes.base import About, Fact, Hold, Mesh, release, version_of
from kubectl_meshcheck.meshes.hooks import gate
from kubectl_meshcheck.meshes.reading import (
    first_of_its_name,
    has_env,
    image_name,
    is_patience,
    options,
    parse_bool,
)
from kubectl_meshcheck.model import (
    REFUSED,
    Capture,
    Container,
    Handler,
    Part,
    PodStart,
    Proxy,
    Redirect,
    Waits,
)

#: what the operator calls it (internal/workload/names.go)
OPERATOR = "csql-"
NAMES = ("cloud-sql-proxy", "cloudsql-proxy")
IMAGES = ("cloud-sql-proxy", "gce-proxy")
PROGRAMS = ("cloud-sql-proxy", "cloud_sql_proxy")
#: the release that brought ``wait``
WAIT_SINCE = (2, 8, 0)
_DEFAULT_PORT = "9090"


def recognise(pod: PodStart, index: int) -> Proxy | None:
    """By the image, the program or the operator's settings, whatever its name."""
    container = pod.containers[index]
    program = container.runs[0].rpartition("/")[2] if container.runs else ""
    image = image_name(container.image)
    ours = image in IMAGES or program in PROGRAMS
    # a copy in somebody's own registry, under a name of theirs
    ours = ours or (container.name in NAMES and "sql" in image and "proxy" in image)
    if not (ours or has_env(container, "CSQL_PROXY_")):
        return None
    if not first_of_its_name(pod, index):
        return None
    return Proxy(
        mesh="cloudsql",
        index=index,
        gate=gate(container, partial(_waits, container), _ready),
        capture=Capture(Redirect.NONE, reason="the Cloud SQL proxy redirects nothing"),
        part=Part.HELPER,
        version=version_of(container.image),
        symptom=f"{REFUSED} by the database's local port",
    )


def _waits(proxy: Container, command: Sequence[str]) -> Waits:
    """``cloud-sql-proxy wait``, which asks ``/startup`` until it answers.

    It needs ``--health-check`` on the proxy and the same port; else it only times out.
    """
    program, verb = command[0].rpartition("/")[2], list(command[1:2])
    if program not in PROGRAMS or verb != ["wait"]:
        return Waits.UNKNOWN
    flags = options(command[2:], ("max", "m", "http-address", "http-port"))
    if flags is None or not is_patience(flags.get("max", flags.get("m", "30s"))):
        return Waits.UNKNOWN
    version = release(version_of(proxy.image))
    if version and version < WAIT_SINCE:
        return Waits.UNKNOWN
    port = flags.get("http-port", _DEFAULT_PORT)
    answers = _switch(proxy, "health-check") and _http_port(proxy) == port
    return Waits.YES if answers else Waits.UNKNOWN


def _switch(proxy: Container, name: str) -> bool:
    """A switch of the proxy's, as a flag or as ``CSQL_PROXY_*``."""
    for word in _words(proxy):
        flag, equals, value = word.lstrip("-").partition("=")
        if flag == name and word.startswith("-"):
            return parse_bool(value) is True if equals else True
    env = f"CSQL_PROXY_{name.upper().replace('-', '_')}"
    return parse_bool(proxy.environment(env)) is True


def _http_port(proxy: Container) -> str:
    """The port of its health pages, from flag, environment or default."""
    words = _words(proxy)
    for index, word in enumerate(words):
        flag, equals, value = word.lstrip("-").partition("=")
        if flag == "http-port" and word.startswith("-"):
            return value if equals else "".join(words[index + 1 : index + 2])
    return proxy.environment("CSQL_PROXY_HTTP_PORT") or _DEFAULT_PORT


def _words(proxy: Container) -> list[str]:
    return [part for word in proxy.runs for part in word.split()]


def _ready(action: Handler) -> Waits:
    """``/startup`` or ``/readiness``, or a connection to the port itself."""
    pages = ("/startup", "/readiness")
    if action.kind == "tcpSocket":
        return Waits.YES
    if action.kind == "httpGet" and action.path in pages:
        return Waits.YES
    return Waits.UNKNOWN


def hold(pod: PodStart, proxy: Proxy) -> Hold:
    """Where the operator adds it, an upgrade; else the template's own author."""
    own = next((c for c in pod.containers if image_name(c.image) in IMAGES), None)
    if own is None or own.name.startswith(OPERATOR):
        return Hold(
            manual="upgrade the Cloud SQL Proxy Operator, which makes it a native "
            "sidecar with a startup probe"
        )
    if proxy.native:
        return Hold(
            manual=f"add --health-check --http-address=0.0.0.0 to {own.name} and a "
            "startupProbe on :9090/startup"
        )
    return Hold(
        manual=f"list {own.name} first with --health-check and the postStart hook "
        "/cloud-sql-proxy wait (2.8.0 or newer), or make it a native sidecar with a "
        "startupProbe on /startup"
    )


CLOUDSQL = Mesh(
    name="cloudsql",
    title="Cloud SQL Auth Proxy",
    docs="https://github.com/GoogleCloudPlatform/cloud-sql-proxy",
    proxies=NAMES,
    proxy_prefixes=(OPERATOR,),
    images=IMAGES,
    recognise=recognise,
    domains=(),
    hold=hold,
    facts=(
        Fact(
            About.RECOGNISED,
            "A container with the image `cloud-sql-proxy` or `gce-proxy`, whatever its "
            "name, or one called `cloud-sql-proxy` or `cloudsql-proxy` whose image "
            "says so; the operator's is called `csql-NAMESPACE-NAME`.",
            "GoogleCloudPlatform/cloud-sql-proxy-operator: internal/workload/names.go",
        ),
        Fact(
            About.START,
            "The operator puts it before all init containers, native with the startup "
            "probe `/startup`, from late 2024 on; before that last, where its startup "
            "probe holds nobody. Google's own examples are native without a probe, or "
            "last.",
            "GoogleCloudPlatform/cloud-sql-proxy-operator: "
            "internal/workload/podspec_updates.go; GoogleCloudPlatform/"
            "cloud-sql-proxy: examples/k8s-sidecar",
        ),
        Fact(
            About.START,
            "`cloud-sql-proxy wait` (from 2.8.0) as a postStart hook waits for "
            "`/startup`, for 30 s unless `--max` says otherwise; it needs "
            "`--health-check` and the same `--http-port` on the proxy.",
            "GoogleCloudPlatform/cloud-sql-proxy: cmd/root.go",
        ),
        Fact(
            About.CAPTURE,
            "Nothing is redirected.",
            "GoogleCloudPlatform/cloud-sql-proxy: README.md",
        ),
        Fact(
            About.REMEDY,
            "No annotation: upgrade the operator, or list the container first with the "
            "hook, or make it native with a startup probe.",
            "GoogleCloudPlatform/cloud-sql-proxy#2063",
        ),
        Fact(
            About.JOBS,
            "Native, or `--quitquitquit` and a request to `:9091/quitquitquit` at the "
            "end of the work.",
            "GoogleCloudPlatform/cloud-sql-proxy: "
            "examples/k8s-sidecar/job_with_shutdown_hook.yaml",
        ),
    ),
)
