"""What the runs of containers show: crashes, early starts, and holding."""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck import logs
from kubectl_meshcheck.evidence.base import Evidence, Gap, Kind, Strength, length
from kubectl_meshcheck.logs import Heard
from kubectl_meshcheck.model import (
    REFUSED,
    ContainerStatus,
    Proxy,
    Redirect,
    Role,
    Run,
    State,
    Step,
)
from kubectl_meshcheck.moment import moment

#: seconds around the proxy's start in which a run that ended is put down to it
NEAR = 5
#: runs that ended by something else, whenever that was
_ELSEWISE = ("OOMKilled", "ContainerCannotRun", "StartError")
_NOT_RUNNABLE = (126, 127, 128)


def crash(
    step: Step,
    told: ContainerStatus,
    proxy: Proxy,
    theirs: ContainerStatus | None,
    pod: str,
    heard: Heard | None,
) -> Iterator[Evidence]:
    for run, field in ((told.ended, "state"), (told.last, "lastState")):
        if run is None or not run.exit_code:
            continue
        name = step.container.name
        gap = _gap(step, run, theirs)
        at = moment(run.finished)
        refused = _refusal(run, proxy)
        said = REFUSED if refused else _last_words(run.message)
        source = f"containerStatuses[{name}].{field}.terminated"
        quote = refused or said
        strength = _strength(step, run, gap, refused, theirs)
        if heard and heard.container == name and heard.refused and heard.died:
            said, quote, source = REFUSED, heard.refused.text, "logs"
            strength = _heard(heard, theirs)
            gap, at = _exact(heard) or gap, heard.refused.at
        times = max(told.restarts, 1)
        words = [f"crashed {times}x: {said or f'exit {run.exit_code}'}"]
        if gap and strength is Strength.STRONG:
            words.append(str(gap))
        text = ", ".join(words)
        yield Evidence(Kind.CRASH, strength, name, text, pod, gap, source, quote, at)
        return


def _exact(heard: Heard) -> Gap | None:
    return None if heard.gap is None else Gap(heard.gap, "ready", exact=True)


def _heard(heard: Heard, proxy: ContainerStatus | None) -> Strength:
    """What an error in a log proves: one after the proxy was ready is no race."""
    if heard.gap is None:
        again = proxy is None or proxy.restarts
        return Strength.WEAK if again else Strength.STRONG
    return Strength.STRONG if heard.gap >= 0 else Strength.WEAK


def _gap(step: Step, run: Run, proxy: ContainerStatus | None) -> Gap | None:
    """From the end of a run to the proxy's start, where both are known.

    Init containers end long before; what a restarted proxy says is of later.
    """
    if proxy is None or proxy.restarts or step.container.role is Role.INIT:
        return None
    begun, ended = moment(run.started), moment(run.finished)
    started = moment(proxy.started)
    if ended is None or started is None or (begun is not None and begun > ended):
        return None
    return Gap(started - ended)


def _refusal(run: Run, proxy: Proxy) -> str:
    """The line of a termination message that a connection was refused in."""
    local = proxy.capture.by is Redirect.NONE
    for line in run.message.splitlines():
        if logs.refused_in(line, local=local):
            return logs.quoted(line)
    return ""


def _strength(
    step: Step, run: Run, gap: Gap | None, refused: str, proxy: ContainerStatus | None
) -> Strength:
    if proxy is not None and proxy.restarts:
        return Strength.WEAK
    if refused:
        return Strength.STRONG
    if run.reason in _ELSEWISE or run.exit_code in _NOT_RUNNABLE:
        return Strength.WEAK
    # whether a container waits that cannot be judged, its own fault cannot tell
    near = gap is not None and gap.seconds >= -NEAR
    sure = near and step.state is State.EXPOSED
    return Strength.STRONG if sure else Strength.WEAK


def _last_words(message: str) -> str:
    """The last line of a termination message, masked and cut."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    said = logs.quoted(lines[-1]) if lines else ""
    return said if len(said) <= 90 else "..." + said[-87:]


def exposure(
    step: Step,
    told: ContainerStatus,
    proxy: str,
    theirs: ContainerStatus | None,
    pod: str,
    heard: Heard | None,
) -> Iterator[Evidence]:
    name = step.container.name
    if heard and heard.container == name and heard.refused and not heard.died:
        gap = _exact(heard)
        text = f"{REFUSED}, {gap}" if gap else REFUSED
        yield Evidence(
            Kind.REFUSED, _heard(heard, theirs), name, text, pod, gap, "logs",
            heard.refused.text, heard.refused.at,
        )  # fmt: skip
    ahead = _ahead(told, theirs)
    if step.state is not State.EXPOSED or ahead is None or ahead < 0:
        return
    text = (
        f"started {length(ahead, exact=False)} before {proxy}"
        if ahead
        else f"started within about 1s of {proxy}, without waiting for it"
    )
    source = f"containerStatuses[{name}].state.running.startedAt"
    gap, at = Gap(ahead), moment(told.started)
    yield Evidence(Kind.EXPOSURE, Strength.WEAK, name, text, pod, gap, source, "", at)


def _ahead(app: ContainerStatus, proxy: ContainerStatus | None) -> float | None:
    """Seconds by which the first start of a container was before the proxy's."""
    if proxy is None or proxy.restarts or app.restarts:
        return None
    mine, theirs = moment(app.started), moment(proxy.started)
    return None if mine is None or theirs is None else theirs - mine


def holding(
    step: Step,
    told: ContainerStatus,
    proxy: str,
    theirs: ContainerStatus | None,
    pod: str,
) -> Iterator[Evidence]:
    ahead = _ahead(told, theirs)
    if ahead is None or ahead > 0 or step.container.role is Role.INIT:
        return
    name = step.container.name
    text = f"waited {length(ahead, exact=False)} for {proxy}"
    source = f"containerStatuses[{name}].state.running.startedAt"
    gap, at = Gap(ahead), moment(told.started)
    yield Evidence(Kind.HOLDING, Strength.AGAINST, name, text, pod, gap, source, "", at)
