"""Every pod of the golden data gets the verdict that upstream's behaviour implies.

The table right/wrong/unknown of each mesh and version stands at the end of the run.
"""

from __future__ import annotations

import pytest

from kubectl_meshcheck.checks import job_never_completes
from kubectl_meshcheck.meshes import asked, mesh_of
from kubectl_meshcheck.model import State, Verdict
from tests.meshes.golden import (
    GOLDEN,
    MISSING,
    TALLY,
    Case,
    istio_cases,
    mesh_cases,
    subjects_of,
)

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason=MISSING)

MESH_CASES, ISTIO_CASES = mesh_cases(), istio_cases()
#: no mesh of ours, or an answer that is not about the file's own mesh
_NOT_ITS_MESH = {"kubernetes", "linkerd/istio-already.race.yaml"}
#: no release of that age can do what the row recommends
_TOO_OLD = "kubernetes/status/kuma-3628-real-race.race.yaml"


@pytest.mark.parametrize("case", MESH_CASES, ids=str)
def test_mesh_verdict(case: Case) -> None:
    found = subjects_of(case)
    TALLY.add(case, [subject.judgement.verdict for subject in found])
    assert {subject.judgement.verdict for subject in found} <= case.right
    if Verdict.NONE not in case.right:
        assert found


@pytest.mark.parametrize("case", ISTIO_CASES, ids=str)
def test_istio_verdict(case: Case) -> None:
    found = subjects_of(case)
    TALLY.add(case, [subject.judgement.verdict for subject in found])
    assert found
    assert {subject.judgement.verdict for subject in found} <= case.right


@pytest.mark.parametrize("case", ISTIO_CASES, ids=str)
def test_a_job_with_a_classic_sidecar_never_completes(case: Case) -> None:
    hazards = [bool(list(job_never_completes.find(s))) for s in subjects_of(case)]
    assert any(hazards) is case.job_hazard


@pytest.mark.parametrize("case", MESH_CASES, ids=str)
def test_a_race_names_who_is_exposed(case: Case) -> None:
    for subject in subjects_of(case):
        if subject.judgement.verdict is Verdict.RACE:
            assert subject.judgement.named(State.EXPOSED)


@pytest.mark.parametrize("case", MESH_CASES, ids=str)
def test_the_proxy_is_found_by_its_own_mesh(case: Case) -> None:
    if case.mesh in _NOT_ITS_MESH or case.file in _NOT_ITS_MESH:
        return
    for subject in subjects_of(case):
        for proxy in subject.judgement.proxies:
            mesh = mesh_of(proxy)
            assert mesh is not None, proxy
            assert case.mesh.replace("-", "").startswith(mesh.name)


@pytest.mark.parametrize(
    "case", [case for case in MESH_CASES if case.detail.startswith("opted in")], ids=str
)
def test_who_opted_in_is_said_to_have_asked(case: Case) -> None:
    for subject in subjects_of(case):
        found = asked(subject.pod, subject.namespace_labels)
        assert found, case
        assert found[0].name.startswith(case.mesh[:4])


@pytest.mark.parametrize(
    "case", [case for case in MESH_CASES if case.fix not in ("-", "")], ids=str
)
def test_the_remedy_is_the_one_that_the_facts_name(case: Case) -> None:
    """An annotation where the facts name one to write, a manual step otherwise."""
    for subject in subjects_of(case):
        proxy = subject.judgement.proxy
        mesh = mesh_of(proxy) if proxy else None
        if proxy is None or mesh is None or case.file == _TOO_OLD:
            continue
        remedy = mesh.hold(subject.written, proxy)
        assert bool(remedy.annotations) is not bool(remedy.manual)
        wanted = _annotation(case.fix)
        assert set(remedy.annotations) == ({wanted} if wanted else set())


def _annotation(fix: str) -> str:
    """The annotation that a remedy begins with; empty when it is another step."""
    key = fix.partition(":")[0]
    if "no annotation adds a hold" in fix:
        key = fix.partition(">=1.9.0: ")[2].partition(":")[0]
    return key if "/" in key and " " not in key else ""
