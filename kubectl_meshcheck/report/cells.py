"""The start order and its neighbours as short texts, shared by the renderers."""

from __future__ import annotations

from kubectl_meshcheck.meshes import mesh_of
from kubectl_meshcheck.model import (
    Judgement,
    Proxy,
    State,
    Verdict,
)
from kubectl_meshcheck.workload import Subject


def mesh(judgement: Judgement) -> str:
    """``istio 1.14.6``; a dash where there is none."""
    names = [_one(proxy) for proxy in judgement.proxies if mesh_of(proxy)]
    return " + ".join(dict.fromkeys(names)) or "-"


def _one(proxy: Proxy) -> str:
    return f"{proxy.mesh} {proxy.version}".strip()


def waits_on(judgement: Judgement) -> str:
    """What makes the application wait; ``nothing``, or a dash where none is due."""
    if judgement.verdict in (Verdict.NONE, Verdict.GATEWAY, Verdict.AMBIENT):
        return "-"
    waits = [s.waits_on for s in judgement.steps if s.state is State.WAITS]
    unsure = [s.waits_on for s in judgement.steps if s.state is State.UNKNOWN]
    if judgement.verdict is Verdict.UNKNOWN:
        return ", ".join(dict.fromkeys(f"{name}?" for name in unsure)) or "?"
    if judgement.verdict is Verdict.RACE or not waits:
        return "nothing"
    return ", ".join(dict.fromkeys(waits))


def ready(subject: Subject) -> str:
    """Ready pods of all pods; a dash for a template without pods."""
    return f"{subject.ready}/{subject.pods}" if subject.running else "-"
