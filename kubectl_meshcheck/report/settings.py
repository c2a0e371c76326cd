"""Why a pod is injected as it is: settings with their origin, for people and as data.

Like ``git config --show-origin``: the value, where it comes from, what it overrode.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kubectl_meshcheck import mismatch
from kubectl_meshcheck.control import (
    Explained,
    Given,
    Injection,
    Mode,
    Origin,
    Setting,
    Topic,
    in_words,
)
from kubectl_meshcheck.report.text import safe
from kubectl_meshcheck.workload import Subject

#: settings that are always told; the others where somebody has set them
_ALWAYS = (Topic.HOLD, Topic.NATIVE)
_NEW = {
    Mode.HELD: "held",
    Mode.NATIVE: "native sidecars that gate",
    Mode.RACE: "a race",
    Mode.NONE: "not injected",
    Mode.UNKNOWN: "not known",
}


def block(subject: Subject) -> Iterator[str]:
    """The lines of one workload; none where no mesh is to be seen."""
    reasons = tuple(mismatch.reasons(subject))
    if subject.explained is None and not reasons:
        return
    yield ""
    yield "Why:"
    if subject.explained is not None:
        for line in _why(subject.explained):
            yield f"  {safe(line)}"
        for beside in subject.explained.beside:
            yield f"  {safe(beside.injection.mesh)} beside it:"
            for line in _why(beside):
                yield f"    {safe(line)}"
    for one in reasons:
        yield f"  but: {safe(one)}"


def _why(explained: Explained) -> Iterator[str]:
    yield from _injected(explained.injection)
    if explained.injection.injected is False:
        return
    told = [one for one in explained.settings if _is_told(one)]
    for setting in told:
        yield from lines(setting)
    reason = explained.outlook.reason
    new = _NEW[explained.outlook.mode]
    yield f"new pods: {new}{': ' + reason if reason else ''}"


def _injected(injection: Injection) -> Iterator[str]:
    by = f" by revision {injection.revision}" if injection.revision else ""
    if injection.unknown:
        yield f"injected{by}: cannot be told: {injection.unknown}"
    elif injection.injected:
        yield f"injected{by}: {injection.rule}"
    else:
        yield f"not injected: {injection.rule}"
    if injection.webhook:
        yield f"  webhook {injection.webhook}"
    if injection.also:
        yield f"  also taken by revision {', '.join(injection.also)}"


def _is_told(setting: Setting) -> bool:
    if setting.topic in _ALWAYS:
        return True
    if setting.topic is Topic.INJECT or setting.unknown:
        return False
    plain = setting.name == "startupProbe" and setting.value is True
    usual = setting.default or setting.usual
    return not (usual or plain or str(setting.value) == "15020")


def lines(setting: Setting) -> Iterator[str]:
    """A setting in full: one line, and one more for each place that it overrode."""
    if setting.unknown:
        yield f"{setting.name}: unknown: {setting.unknown}"
    elif setting.value is None:
        yield f"{setting.name}: not set in {setting.origin}"
    else:
        yield f"{setting.name}: {setting.shown}  {setting.whence}"
    for given in setting.overrode:
        yield f"  {_beside(setting, given)}"


def _beside(setting: Setting, given: Given) -> str:
    value = in_words(given.value)
    if given.ignored:
        return f"ignored: {value}  {given.origin}: {given.ignored}"
    same = given.value == setting.value
    return f"{'also' if same else 'overrode'}: {value}  {given.origin}"


# -- as data ---------------------------------------------------------------


def injection(explained: Explained | None) -> dict[str, Any] | None:
    """Who injects, as data; None where no mesh is to be seen."""
    if explained is None:
        return None
    found = explained.injection
    return {
        "injected": found.injected,
        "mesh": found.mesh,
        "revision": found.revision,
        "rule": found.rule,
        "webhook": found.webhook,
        "unknown": found.unknown,
        "also": list(found.also),
        "newPods": explained.outlook.mode.value,
        "newPodsReason": explained.outlook.reason,
    }


def settings(found: Sequence[Setting]) -> list[dict[str, Any]]:
    """Settings as data."""
    return [_setting(one) for one in found]


def of_plane(found: Sequence[Setting]) -> list[dict[str, Any]]:
    """A control plane's settings, with the places that override them."""
    return [
        {**_setting(one), "overriddenBy": [_origin(o) for o in one.overridden_by]}
        for one in found
    ]


def _setting(setting: Setting) -> dict[str, Any]:
    return {
        "topic": setting.topic.name.lower(),
        "name": setting.name,
        "value": setting.value,
        "unknown": setting.unknown,
        "default": setting.default,
        "origin": _origin(setting.origin),
        "overrode": [
            {
                "value": given.value,
                "ignored": given.ignored,
                "origin": _origin(given.origin),
            }
            for given in setting.overrode
        ],
    }


def _origin(found: Origin) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "namespace": found.namespace,
        "name": found.name,
        "key": found.key,
        "path": list(found.path),
        "text": str(found),
    }
