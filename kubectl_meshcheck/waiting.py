"""Applications that wait by themselves until the mesh's proxy is ready.

What is told apart: a wait for the proxy itself (linkerd-await, scuttle, a loop on
its readiness page), and a wait for some other address or for some seconds, which a
proxy that is not ready may outlast.
"""

from __future__ import annotations

import re

import msgspec

from kubectl_meshcheck.meshes.hooks import polls_until_ready, shell_script
from kubectl_meshcheck.model import Container

#: where proxies answer whether they are ready: Istio's agent and Envoy, Linkerd,
#: Kuma, Consul
_PORTS = "15000|15020|15021|4191|9901|9902|19000|20600"
_READY = re.compile(rf"(?:localhost|127\.0\.0\.1|\[::1\]):(?:{_PORTS})\b")
#: run the application when the proxy answers, and not before
_WRAPPERS = ("linkerd-await", "scuttle")
#: wait for an address, and run it all the same when that takes too long
_FOR_ADDRESSES = ("wait-for-it", "wait-for", "wait4x", "dockerize")
#: vishnubob/wait-for-it: its own default
_PATIENCE = "gives up after 15s and runs the application all the same"


class Wait(msgspec.Struct, frozen=True):
    """How a container waits before its application starts."""

    by: str  #: "linkerd-await", "a loop on the proxy's readiness page"
    for_proxy: bool  #: it is the proxy that it waits for
    lacks: str = ""  #: why it is not enough, as a clause; empty when it is


def found(container: Container) -> Wait | None:
    """The wait in a container's command; None when there is none that is known."""
    words = container.runs
    if not words:
        return None
    script = shell_script(words[:3])
    if script is not None:
        return _scripted(script)
    return _program(container, words)


def _program(container: Container, words: tuple[str, ...]) -> Wait | None:
    program = words[0].rpartition("/")[2].removesuffix(".sh")
    if program in ("sh", "bash", "ash", "dash") and len(words) > 1:
        program = words[1].rpartition("/")[2].removesuffix(".sh")
    if program in _WRAPPERS:
        return Wait(program, True, _switched_off(container, program))
    return _address(program, " ".join(words))


def _switched_off(container: Container, program: str) -> str:
    """The variables with which a wrapper does not wait."""
    if program == "linkerd-await":
        for name in ("LINKERD_AWAIT_DISABLED", "LINKERD_DISABLED"):
            if container.environment(name):
                return f"{name} switches it off"
        return ""
    if not container.environment("ENVOY_ADMIN_API"):
        return "without ENVOY_ADMIN_API it waits for nothing"
    if container.environment("START_WITHOUT_ENVOY") == "true":
        return "START_WITHOUT_ENVOY makes it wait for nothing"
    return ""


def _address(program: str, text: str) -> Wait | None:
    if program not in _FOR_ADDRESSES:
        return None
    patient = re.search(r"(?:^|\s)(?:-s|--strict|-t\s*0|--timeout=0)(?:\s|$)", text)
    lacks = _PATIENCE if program == "wait-for-it" and not patient else ""
    if program != "wait-for-it":
        lacks = "whether it outlasts the proxy's start cannot be told"
    return Wait(program, _READY.search(text) is not None, lacks)


def _scripted(script: str) -> Wait | None:
    if _READY.search(script):
        return _polls(script)
    first = re.split(r"\s*(?:;|\n|&&|\|\|)\s*", script, maxsplit=1)[0].split()
    if not first:
        return None
    program = first[0].rpartition("/")[2].removesuffix(".sh")
    if program == "sleep" and len(first) == 2:
        return Wait(f"sleep {first[1]}", False, "a proxy may take longer than that")
    if program in _WRAPPERS:
        return Wait(program, True)
    return _address(program, " ".join(first))


def _polls(script: str) -> Wait:
    by = "a loop on the proxy's readiness page"
    if polls_until_ready(script):
        return Wait(by, True)
    if re.search(r"\b(?:until|while)\b", script):
        return Wait(by, True, "whether the loop ends only when the proxy is ready "
                    "cannot be told")  # fmt: skip
    return Wait("a look at the proxy's readiness page", True, "it looks only once")
