"""How any mesh reads a hook or a probe: whether it waits until the proxy is ready."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence

from kubectl_meshcheck.model import Container, Gate, Handler, Probe, Role, Waits

WaitCommand = Callable[[Sequence[str]], Waits]
#: whether an action that succeeds means that the proxy is ready
Ready = Callable[[Handler], Waits]


def gate(
    container: Container,
    waits: WaitCommand,
    ready: Ready = lambda _: Waits.YES,
) -> Gate:
    """What makes the kubelet wait for ``container``.

    ``waits`` judges a postStart command, ``ready`` the action of a startup
    probe or of a hook's loop.  A startup probe only gates a native sidecar, and a
    readiness probe gates nothing (KEP-753).
    """
    gates = [_hook_gate(container, waits, ready)]
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


def _probe_gate(probe: Probe | None, ready: Ready) -> Gate:
    if probe is None:
        return Gate(Waits.NO)
    verdict = ready(probe.action)
    if verdict is Waits.YES:
        return Gate(verdict, "startup probe")
    reason = f"cannot tell whether the startup probe {probe.action} means ready"
    return Gate(verdict, "startup probe", reason)


def _hook_gate(container: Container, waits: WaitCommand, ready: Ready) -> Gate:
    hook = container.post_start
    if hook is None:
        return Gate(Waits.NO)
    if hook.kind != "exec":
        reason = f"a postStart {hook.kind} hook is tried once, not until ready"
        return Gate(Waits.UNKNOWN, str(hook), reason)
    verdict = command_waits(hook.command, waits, ready)
    if verdict is Waits.YES:
        return Gate(verdict, _short(hook.command))
    reason = f"cannot tell whether {container.name}'s postStart hook waits"
    page = polled(shell_script(hook.command) or "")
    if verdict is Waits.NO:
        reason = f"{container.name}'s postStart hook waits for nothing"
    elif page is not None:
        reason = f"cannot tell whether the page of its hook, {page}, means ready"
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


def command_waits(
    command: Sequence[str], waits: WaitCommand, ready: Ready = lambda _: Waits.YES
) -> Waits:
    """Judges a hook's command, also where it is wrapped in a shell.

    The first statement of a script counts: the shell finishes it before it
    goes on.  Anything that is not understood is unknown, never safe.
    """
    script = shell_script(command)
    if script is None:
        return waits(command) if command else Waits.NO
    page = polled(script)
    if page is not None:
        return _means_ready(page, ready)
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
    r"(?:localhost|127\.0\.0\.1|\[::1\]):(?P<port>\d+)(?P<path>/[^\s;|&<>`$'\"]*)['\"]?"
    r"(?:\s+[^\s;|&<>`$]+)*?"
    r"(?:\s*&?>\s*/dev/null)?(?:\s*2>\s*(?:&1|/dev/null))?"
)
_LOOP = re.compile(
    rf"(?:until|while\s+!)\s+{_POLL}\s*(?:;|\n)\s*do\s*"
    r"(?:(?:echo|:|true)[^;|&<>`$]*(?:;|\n)\s*)?"
    r"sleep\s+[\d.]+\s*(?:;|\n)?\s*done\s*(?:;[^&]*)?"
)


def polls_until_ready(script: str) -> bool:
    """Whether a script is a loop on a local HTTP page until that answers."""
    return polled(script) is not None


def polled(script: str) -> Handler | None:
    """The local HTTP page on which a script loops until that answers.

    Only the plain forms are known: ``until wget -qO- http://127.0.0.1:9000/ready;
    do sleep 1; done`` and the same with ``while !`` and ``curl -f``; curl without
    ``-f`` is content with a 503.
    """
    found = _LOOP.fullmatch(script.strip()) if len(script) < 2000 else None
    return Handler("httpGet", path=found["path"], port=found["port"]) if found else None


#: what every proxy that has such a page means by it
_READY_PAGES = ("/ready", "/healthz/ready", "/startup", "/readiness")
#: answered as soon as somebody listens: Envoy's admin pages (envoyproxy/envoy: docs/
#: root/operations/admin.rst), Linkerd's ``/live``
_EARLY_PAGES = re.compile(
    r"/(?:|live|livez|liveness|metrics|server_info|stats|config_dump|clusters|listeners"
    r"|certs|healthz/live)(?:[/?].*)?"
)


def _means_ready(page: Handler, ready: Ready) -> Waits:
    if page.path in _READY_PAGES:
        return Waits.YES
    return Waits.UNKNOWN if _EARLY_PAGES.fullmatch(page.path) else ready(page)


def flags_known(words: Sequence[str], known: Sequence[str]) -> bool:
    """Whether all words are flags of these names, as ``--x=y`` or ``--x y``."""
    pattern = "|".join(re.escape(flag) for flag in known)
    return re.fullmatch(rf"(?:\s--?(?:{pattern})[= ]\S+)*", _spaced(words)) is not None


def _spaced(words: Sequence[str]) -> str:
    return "".join(f" {word}" for word in words)
