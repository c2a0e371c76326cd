"""The golden statuses, read in place: what they prove and which findings they make."""

from __future__ import annotations

import pytest

from kubectl_meshcheck import evidence, offline
from kubectl_meshcheck.scan import scan
from tests.meshes.golden import GOLDEN, MISSING

STATUSES = GOLDEN / "kubernetes" / "status"
pytestmark = pytest.mark.skipif(not STATUSES.is_dir(), reason=MISSING)

#: the checks that look at statuses
OURS = ("MC009", "MC011")
_HOOK = "postStart hook failed (linkerd-await), and app was started all the same"
EXPECTED: dict[str, tuple[list[str], list[str]]] = {
    "held-ok.held.yaml": (["waited about 5s for linkerd-proxy"], []),
    "native-ok.native.yaml": (["waited about 3s for linkerd-proxy"], []),
    "proxy-restarted-later.held.yaml": ([], []),
    "hook-failed.held.yaml": ([_HOOK], [f"MC009 {_HOOK}"]),
    "kuma-3628-real-race.race.yaml": (
        ["crashed 2x: exit 1, about 1s after proxy start"],
        ["MC011 crashed 2x: exit 1, about 1s after proxy start"],
    ),
}


@pytest.mark.parametrize("file", EXPECTED)
def test_status(file: str) -> None:
    inventory, problems = offline.from_files([str(STATUSES / file)])
    assert problems == []
    [row] = scan(inventory.subjects()).rows
    seen = [one.text for one in evidence.of(row.subject)]
    findings = [
        f"{f.check.id} {f.finding.message}" for f in row.found if f.check.id in OURS
    ]
    assert (seen, findings) == EXPECTED[file]


def test_every_golden_status_is_expected() -> None:
    assert sorted(path.name for path in STATUSES.iterdir()) == sorted(EXPECTED)
