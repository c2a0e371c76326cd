"""Where what was asked for and what runs differ, and why.

The pods that run were injected once; settings are today's.  A pod that differs from
what a new one would be is stale; one that was asked to be held and is not, although
it would be no better tomorrow, has one of the known reasons.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from kubectl_meshcheck.control import Mode, Setting, Topic, mode_of
from kubectl_meshcheck.meshes import MESHES, controls, mesh_of
from kubectl_meshcheck.model import Part, Proxy, Verdict
from kubectl_meshcheck.workload import Subject

#: kinds whose pods nobody makes anew
_ONCE = ("Pod", "Job", "CronJob")
_JUDGED = (
    Verdict.RACE,
    Verdict.PARTIAL,
    Verdict.UNKNOWN,
    Verdict.HELD,
    Verdict.NATIVE,
)


class Stale(msgspec.Struct, frozen=True):
    """What running pods are, and what new ones would be."""

    now: Mode
    new: Mode
    because: str  #: the setting or rule that makes the difference, as a clause

    @property
    def mends(self) -> bool:
        """Whether new pods would start in the right order and these do not."""
        return self.now is Mode.RACE and self.new in (Mode.HELD, Mode.NATIVE)

    @property
    def breaks(self) -> bool:
        """Whether new pods would race and these do not."""
        return self.new is Mode.RACE and self.now is not Mode.RACE


class Ineffective(msgspec.Struct, frozen=True):
    """A hold that was asked for and does not work."""

    asked: str  #: by what
    reason: str = ""  #: the known reason; empty when there is none
    cure: str = ""  #: what helps, as a clause


def proxy_of(subject: Subject) -> Proxy | None:
    """The mesh's sidecar in the pods; None for gateways and what has none."""
    proxy = subject.judgement.proxy
    if proxy is None or subject.judgement.verdict not in _JUDGED:
        return None
    return proxy if proxy.part is Part.SIDECAR and mesh_of(proxy) else None


def stale(subject: Subject) -> Stale | None:
    """How new pods would differ; None when they would not, or nobody can tell."""
    explained = subject.explained
    if explained is None or not subject.running:
        return None
    proxy = proxy_of(subject)
    if proxy is None or subject.ref.kind.kind in _ONCE or subject.template is None:
        return None
    now, new = mode_of(proxy), explained.outlook.mode
    if Mode.UNKNOWN in (now, new) or now is new:
        return None
    return Stale(now, new, _because(subject, new))


def _because(subject: Subject, new: Mode) -> str:
    explained = subject.explained
    assert explained is not None  # stale() has looked
    topic = {Mode.HELD: Topic.HOLD, Mode.NATIVE: Topic.NATIVE}.get(new)
    setting = next((one for one in explained.settings if one.topic is topic), None)
    if setting is None:
        return explained.outlook.reason
    return f"{setting.name} is {setting.shown} ({setting.whence})"


def ineffective(subject: Subject) -> Ineffective | None:
    """The hold that was asked for and does not work in these pods.

    Not where a new pod would be held: then the pods are only stale.
    """
    if subject.judgement.verdict in (Verdict.HELD, Verdict.NATIVE):
        return None
    proxy, explained = proxy_of(subject), subject.explained
    if proxy is None:
        return None
    control = controls.control_of(proxy.mesh)
    if control is None:
        return None
    settings = explained.settings if explained else ()
    own = _own(subject, proxy)
    # what holds for the injector's proxies says nothing of one that it did not make
    asked = control.asked_by(subject.pod) or ("" if own else _asked_today(settings))
    if not asked:
        return None
    found = control.failing(subject.pod, proxy, settings)
    if found is not None:
        return Ineffective(asked, found.reason, found.cure)
    if stale(subject) is not None:
        return None
    why = f"{own} stands in the template, where the injector leaves it alone"
    cure = f"inject the template anew, or take {own} out of it"
    return Ineffective(asked, why, cure) if own else Ineffective(asked)


def _own(subject: Subject, proxy: Proxy) -> str:
    """The proxy's name, where the workload's own template brings it; else empty."""
    name = subject.pod.containers[proxy.index].name
    template = subject.template
    return name if template is not None and template.named(name) is not None else ""


def _asked_today(settings: tuple[Setting, ...]) -> str:
    hold = next((one for one in settings if one.topic is Topic.HOLD), None)
    if hold is None:
        return ""
    if hold.value is True:
        return str(hold.origin)
    # asked for where this version does not look
    ignored = (one for one in hold.given if one.ignored and one.value is True)
    return next((str(one.origin) for one in ignored), "")


def reasons(subject: Subject) -> Iterator[str]:
    """Every difference between asked for and real, each as a clause."""
    yield from _marks(subject)
    found = stale(subject)
    if found is not None:
        yield (
            f"the pods are stale: they are {found.now.value}, new ones would be "
            f"{found.new.value}: {found.because}"
        )
    failed = ineffective(subject)
    if failed is not None:
        why = failed.reason or "for no reason that is known here"
        yield f"the hold is asked for by {failed.asked} and does not work: {why}"
    yield from _revision(subject)


def _marks(subject: Subject) -> Iterator[str]:
    """Annotations in the wrong place, and those that nothing reads."""
    there = {**subject.written.labels, **subject.written.annotations}
    wanted = {key for mesh in MESHES for key in mesh.template_only}
    if subject.ref.kind.kind != "Pod":
        for key in subject.own_marks:
            if key in wanted and key not in there:
                yield f"annotation {key} stands on the workload, not on its template"
    proxy = subject.judgement.proxy
    version = proxy.version if proxy else ""
    for mesh in MESHES:
        for bad in mesh.bad_settings(subject.written, version):
            yield f"{bad.key}: {bad.trouble}"


def _revision(subject: Subject) -> Iterator[str]:
    proxy, explained = proxy_of(subject), subject.explained
    if proxy is None or explained is None or not explained.injection.injected:
        return
    new = explained.injection.revision
    if proxy.revision and new and proxy.revision != new:
        yield f"the pods are of revision {proxy.revision}, new ones would be of {new}"
