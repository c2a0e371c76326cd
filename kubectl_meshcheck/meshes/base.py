"""What a mesh must state about itself, and how any of them reads a hook."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum, unique

import msgspec

from kubectl_meshcheck.model import (
    Container,
    Gate,
    Handler,
    PodStart,
    Probe,
    Proxy,
    Role,
    Waits,
)

Annotations = Mapping[str, str]


class Asked(msgspec.Struct, frozen=True):
    """Somebody asked for injection, or against it."""

    wanted: bool
    by: str  #: what asks, as a clause: "namespace label istio-injection=enabled"
    #: why asking there does nothing; empty when it should have worked
    futile: str = ""


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
    #: marks whose value differs from pod to pod: only their presence counts
    per_pod: tuple[str, ...] = ()
    #: why a pod without a proxy of its own is in the mesh all the same; empty: is not
    ambient: Callable[[PodStart], str] = lambda _: ""
    #: marks that it reads from a namespace's annotations, not from its labels
    namespace_annotations: tuple[str, ...] = ()
    #: what asks for injection into a pod, given the namespace's marks (None when they
    #: could not be read); None when nothing does
    asked: Callable[[PodStart, Annotations | None], Asked | None] = lambda *_: None
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


def version_of(image: str) -> str:
    """The version in an image's tag; empty for none, a digest or a moving tag.

    >>> version_of("docker.io/istio/proxyv2:1.14.6-distroless")
    '1.14.6'
    """
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.search(r"\d+\.\d+(\.\d+)*", tag)
    return found[0] if found else ""


def release(version: str) -> tuple[int, ...]:
    """A version as numbers to compare; empty when it has none.

    >>> release("edge-25.10.2")
    (25, 10, 2)
    """
    found = re.search(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(int(part) for part in found[0].split(".")[:4]) if found else ()


WaitCommand = Callable[[Sequence[str]], Waits]


def gate(
    container: Container,
    waits: WaitCommand,
    ready: Callable[[Handler], Waits] = lambda _: Waits.YES,
) -> Gate:
    """What makes the kubelet wait for ``container``.

    ``waits`` judges a postStart command, ``ready`` the action of a startup
    probe.  A startup probe only gates a native sidecar, and a readiness probe
    gates nothing (KEP-753).
    """
    gates = [_hook_gate(container, waits)]
    if container.role is Role.NATIVE:
        gates.append(_probe_gate(container.startup, ready))
    for wanted in (Waits.YES, Waits.UNKNOWN):
        for one in reversed(gates):
            if one.waits is wanted:
                return one
    if container.role is Role.NATIVE:
        reason = f"{container.name} has no startup probe, so running counts as ready"
        return Gate(Waits.NO, reason=reason)
    return gates[0]


def _probe_gate(probe: Probe | None, ready: Callable[[Handler], Waits]) -> Gate:
    if probe is None:
        return Gate(Waits.NO)
    verdict = ready(probe.action)
    if verdict is Waits.YES:
        return Gate(verdict, "startup probe")
    reason = f"cannot tell whether the startup probe {probe.action} means ready"
    return Gate(verdict, "startup probe", reason)


def _hook_gate(container: Container, waits: WaitCommand) -> Gate:
    hook = container.post_start
    if hook is None:
        return Gate(Waits.NO)
    if hook.kind != "exec":
        reason = f"a postStart {hook.kind} hook is tried once, not until ready"
        return Gate(Waits.UNKNOWN, str(hook), reason)
    verdict = command_waits(hook.command, waits)
    if verdict is Waits.YES:
        return Gate(verdict, _short(hook.command))
    reason = f"cannot tell whether {container.name}'s postStart hook waits"
    if verdict is Waits.NO:
        reason = f"{container.name}'s postStart hook waits for nothing"
    return Gate(verdict, _short(hook.command), reason)


def _short(command: Sequence[str]) -> str:
    """A hook for a table cell: program and verb, no path, no flags."""
    script = shell_script(command)
    if script is not None and polls_until_ready(script):
        return "a shell loop"
    words = script.split() if script is not None else list(command)
    if not words:
        return "an empty hook"
    verb = [word for word in words[1:2] if re.fullmatch(r"[a-z]+", word)]
    return " ".join([words[0].rpartition("/")[2], *verb])


_SHELLS = ("sh", "bash", "ash", "dash")


def shell_script(command: Sequence[str]) -> str | None:
    """The script of ``sh -c SCRIPT``; None when the command is something else."""
    if len(command) != 3 or command[0].rpartition("/")[2] not in _SHELLS:
        return None
    return command[2].strip() if re.fullmatch(r"-[a-z]*c", command[1]) else None


def sleeps(hook: Handler) -> float | None:
    """Seconds that a hook sleeps at least; None when it is no plain sleep."""
    if hook.kind == "sleep":
        return float(hook.seconds)
    script = shell_script(hook.command)
    words = script if script is not None else " ".join(hook.command)
    found = re.match(
        r"(?:/\S{0,80}/)?sleep (\d{1,6}(?:\.\d{1,3})?)s?(?=\s*(?:;|&&|$))", words
    )
    return float(found[1]) if found else None


def command_waits(command: Sequence[str], waits: WaitCommand) -> Waits:
    """Judges a hook's command, also where it is wrapped in a shell.

    The first statement of a script counts: the shell finishes it before it
    goes on.  Anything that is not understood is unknown, never safe.
    """
    script = shell_script(command)
    if script is None:
        return waits(command) if command else Waits.NO
    if polls_until_ready(script):
        return Waits.YES
    first = re.split(r"\s*(?:;|\n|&&|\|\|)\s*", script, maxsplit=1)[0]
    if re.search(r"[&|<>`$(){}!]", first):
        return Waits.UNKNOWN
    try:
        words = shlex.split(first)
    except ValueError:
        return Waits.UNKNOWN
    return waits(words) if words else Waits.UNKNOWN


#: one probe of a readiness page on this host that fails unless it answers 2xx
_POLL = (
    r"(?:curl(?=[^;|&]*\s-(?:[a-zA-Z]*f[a-zA-Z]*|-fail)(?:\s|$))|wget)"
    r"(?:\s+[^\s;|&<>`$]+)*?\s+['\"]?(?:http://)?"
    r"(?:localhost|127\.0\.0\.1|\[::1\]):\d+/[^\s;|&<>`$'\"]*['\"]?"
    r"(?:\s+[^\s;|&<>`$]+)*?"
    r"(?:\s*&?>\s*/dev/null)?(?:\s*2>\s*(?:&1|/dev/null))?"
)
_LOOP = re.compile(
    rf"(?:until|while\s+!)\s+{_POLL}\s*(?:;|\n)\s*do\s*"
    r"(?:(?:echo|:|true)[^;|&<>`$]*(?:;|\n)\s*)?"
    r"sleep\s+[\d.]+\s*(?:;|\n)?\s*done\s*(?:;[^&]*)?"
)


def polls_until_ready(script: str) -> bool:
    """Whether a script is a loop on a local HTTP page until that answers.

    Only the plain forms are known: ``until wget -qO- http://127.0.0.1:9000/ready;
    do sleep 1; done`` and the same with ``while !`` and ``curl -f``; curl without
    ``-f`` is content with a 503.
    """
    return len(script) < 2000 and _LOOP.fullmatch(script.strip()) is not None


def flags_known(words: Sequence[str], known: Sequence[str]) -> bool:
    """Whether all words are flags of these names, as ``--x=y`` or ``--x y``."""
    pattern = "|".join(re.escape(flag) for flag in known)
    return re.fullmatch(rf"(?:\s--?(?:{pattern})[= ]\S+)*", _spaced(words)) is not None


def _spaced(words: Sequence[str]) -> str:
    return "".join(f" {word}" for word in words)
