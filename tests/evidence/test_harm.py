"""The short way to what went wrong comes to the same as the long one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kubectl_meshcheck import evidence
from kubectl_meshcheck.evidence import Kind
from tests.evidence.pods import REFUSED, Json, crashed, died, pod, running, waiting
from tests.evidence.pods import subject as subject_of

_HARM = (Kind.CRASH, Kind.REFUSED, Kind.HOOK)
_RUNS = st.builds(
    died,
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from([0, 1, 137]),
    st.sampled_from(["", REFUSED]),
)


def _statuses(name: str) -> st.SearchStrategy[Json]:
    ended = _RUNS.map(lambda run: running(name) | {"state": {"terminated": run}})
    return st.one_of(
        st.builds(running, st.just(name), st.integers(0, 60), st.integers(0, 2)),
        st.builds(crashed, st.just(name), _RUNS, st.integers(0, 3)),
        st.builds(
            waiting,
            st.just(name),
            st.sampled_from(["CrashLoopBackOff", "PostStartHookError"]),
        ),
        ended,
    )


@given(app=_statuses("app"), proxy=_statuses("istio-proxy"), held=st.booleans())
def test_harm_is_the_part_of_the_evidence_that_hurts(
    app: Json, proxy: Json, held: bool
) -> None:
    subject = subject_of(pod(app, proxy, held=held))

    everything = evidence.of(subject)
    assert evidence.harm(subject) == tuple(e for e in everything if e.kind in _HARM)
