"""What differs between two places of a workload, and which difference explains it.

For the question "it works there, why not here": who injects, in which order the
containers start, what gates them, the settings with their origin; pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import mismatch
from kubectl_meshcheck.control import Mode, Topic, mode_of
from kubectl_meshcheck.model import Part, Proxy, Redirect
from kubectl_meshcheck.order import start_order
from kubectl_meshcheck.scan import Row
from kubectl_meshcheck.workload import Subject

NONE = "-"  #: stands for what is not there
_DECIDING = (Topic.HOLD, Topic.NATIVE, Topic.GATE)


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same in both places."""

    name: str  #: "namespace label istio-injection"
    left: str
    right: str
    explains: bool = False  #: why the one starts otherwise than the other


class Comparison(msgspec.Struct, frozen=True):
    """Two rows, what differs, and why the one fares better."""

    left: Row
    right: Row
    differences: tuple[Difference, ...] = ()
    explanation: str = ""  #: one sentence


def compare(left: Row, right: Row) -> Comparison:
    """The differences of two rows, those that explain first."""
    # what only a proxy has says nothing where there is none
    meshed = Mode.NONE not in (_mode(left.subject), _mode(right.subject))
    mine, theirs = dict(_facts(left, meshed)), dict(_facts(right, meshed))
    names = dict.fromkeys([*mine, *theirs])
    found = [
        Difference(name, mine.get(name, NONE), theirs.get(name, NONE))
        for name in names
        if mine.get(name, NONE) != theirs.get(name, NONE)
    ]
    why, explaining = _explained(left.subject, right.subject, found)
    marked = [replace(one, explains=one.name in explaining) for one in found]
    marked.sort(key=lambda one: not one.explains)
    return Comparison(left, right, tuple(marked), why)


def called(subject: Subject) -> str:
    """The place, for people: ``deploy/cart in namespace shop``."""
    place = f" in namespace {subject.ref.namespace}" if subject.ref.namespace else ""
    return f"{subject.ref}{place}"


# -- what is compared ------------------------------------------------------


def _facts(row: Row, meshed: bool) -> Iterator[tuple[str, str]]:
    subject = row.subject
    yield "verdict", subject.judgement.verdict.value
    if row.why:
        yield "why", row.why
    yield from _injection(subject)
    yield from _marks("namespace label", subject.namespace_labels, "istio", "linkerd")
    yield from _marks("pod label", subject.written.labels)
    yield from _marks("pod annotation", subject.written.annotations)
    yield "start order", _order(subject)
    if meshed:
        yield from _proxies(subject)
        yield from _settings(subject)
    yield from _containers(subject)


def _injection(subject: Subject) -> Iterator[tuple[str, str]]:
    explained = subject.explained
    if explained is None:
        return
    found = explained.injection
    if found.unknown:
        yield "injected", f"cannot be told: {found.unknown}"
    else:
        yield "injected", f"{'yes' if found.injected else 'no'}: {found.rule}"
    if found.revision:
        yield "revision of new pods", found.revision
    reason = explained.outlook.reason
    mode = explained.outlook.mode.value
    yield "new pods", f"{mode}: {reason}" if reason else mode


def _marks(
    what: str, marks: Mapping[str, str] | None, *domains: str
) -> Iterator[tuple[str, str]]:
    for key, value in sorted((marks or {}).items()):
        if not domains or any(word in key for word in domains):
            yield f"{what} {key}", value or '""'


def _order(subject: Subject) -> str:
    """The containers in start order."""
    return start_order(subject.judgement) or NONE


def _proxies(subject: Subject) -> Iterator[tuple[str, str]]:
    for proxy in subject.judgement.proxies:
        container = subject.pod.containers[proxy.index]
        yield "proxy", f"{proxy.mesh} {proxy.version}".strip()
        yield "revision of the pods", proxy.revision or NONE
        yield "proxy is a", container.role.value
        yield "gate", f"{proxy.gate.waits.value}: {proxy.gate.by}"
        yield "redirected by", _capture(proxy)
        yield "postStart of the proxy", str(container.post_start or NONE)
        yield "startupProbe of the proxy", str(container.startup or NONE)


def _capture(proxy: Proxy) -> str:
    capture = proxy.capture
    if capture.by is Redirect.NONE and capture.reason:
        return f"{capture.by.value}: {capture.reason}"
    return capture.by.value


def _settings(subject: Subject) -> Iterator[tuple[str, str]]:
    for one in subject.explained.settings if subject.explained else ():
        yield f"setting {one.name}", f"{one.shown} ({one.unknown or one.whence})"


def _containers(subject: Subject) -> Iterator[tuple[str, str]]:
    for container in subject.written.containers:
        yield f"image of {container.name}", container.image or NONE


# -- what explains it ------------------------------------------------------


def _explained(
    left: Subject, right: Subject, found: list[Difference]
) -> tuple[str, set[str]]:
    """One sentence, and the names of the differences that it rests on."""
    modes = _mode(left), _mode(right)
    if modes[0] is modes[1]:
        told = f"both start alike: {_WORDS[modes[0]]}"
        return (f"{told}; what differs decides nothing" if found else told), set()
    if Mode.NONE in modes:
        without, other = (left, right) if modes[0] is Mode.NONE else (right, left)
        return _uninjected(without, other, found)
    return _otherwise(left, right, found)


_WORDS = {
    Mode.NONE: "without a proxy",
    Mode.HELD: "held",
    Mode.NATIVE: "behind a native sidecar that gates",
    Mode.RACE: "a race",
    Mode.UNKNOWN: "whether they wait cannot be told",
}


def _mode(subject: Subject) -> Mode:
    proxy = subject.judgement.proxy
    if proxy is None or proxy.part is Part.GATEWAY:
        return Mode.NONE
    return mode_of(proxy)


def _uninjected(
    without: Subject, other: Subject, found: list[Difference]
) -> tuple[str, set[str]]:
    """The one has no proxy: so nothing is redirected there, and nothing can race."""
    explained = without.explained
    rule = explained.injection.rule if explained else ""
    if explained is not None and explained.injection.injected:
        rule = f"it would be injected today, the pods are older ({rule})"
    why = rule or "why, nothing that was read tells"
    theirs = other.explained.injection.rule if other.explained else ""
    names = {one.name for one in found if _names(one, rule) or _names(one, theirs)}
    told = f"{called(other)} has a proxy and {called(without)} has none: {why}"
    return told, {*names, "injected"}


def _names(one: Difference, rule: str) -> bool:
    """Whether a rule speaks of the label or annotation that differs."""
    kind, _, key = one.name.rpartition(" ")
    return kind.endswith(("label", "annotation")) and bool(key) and key in rule


def _otherwise(
    left: Subject, right: Subject, found: list[Difference]
) -> tuple[str, set[str]]:
    """Both have a proxy, and the one waits for it otherwise than the other."""
    told = f"{called(left)} is {_WORDS[_mode(left)]}, {called(right)} is "
    told += _WORDS[_mode(right)]
    stale = next((one for one in (left, right) if mismatch.stale(one)), None)
    if stale is not None:
        reason = mismatch.stale(stale)
        assert reason is not None  # it was just looked at
        return f"{told}: the pods of {called(stale)} are stale, {reason.because}", set()
    names = _setting_names(left, right)
    explaining = {one.name for one in found if one.name in names}
    if explaining:
        values = "; ".join(_both(one) for one in found if one.name in explaining)
        return f"{told}: {values}", explaining
    keys = ("pod annotation", "pod label", "proxy", "revision of the pods")
    explaining = {one.name for one in found if one.name.startswith(keys)}
    if explaining:
        return f"{told}; what differs in the pods may be why", explaining
    return f"{told}; nothing that was read explains it", set()


def _setting_names(left: Subject, right: Subject) -> set[str]:
    """The settings that decide the start and have another value."""
    values = [
        {one.name: one.value for one in subject.explained.settings}
        for subject in (left, right)
        if subject.explained
    ]
    topics = {
        one.name
        for subject in (left, right)
        if subject.explained
        for one in subject.explained.settings
        if one.topic in _DECIDING
    }
    if len(values) < 2:
        return set()
    first, second = values
    return {f"setting {n}" for n in topics if first.get(n) != second.get(n)}


def _both(one: Difference) -> str:
    return f"{one.name.removeprefix('setting ')} is {one.left} and {one.right}"
