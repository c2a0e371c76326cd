"""The inputs of the meshes' own injector tests, mended: all else is equal.

They are read in place: MESHCHECK_GOLDEN names the directory.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck import meshes
from kubectl_meshcheck.edit import Source, Standing, all_edited
from kubectl_meshcheck.edit.changes import annotated
from kubectl_meshcheck.edit.parts import objects, parts
from kubectl_meshcheck.edit.wanted import reference, steps
from tests.edit.layouts import KEY
from tests.pages import ROOT

GOLDEN = Path(os.environ.get("MESHCHECK_GOLDEN", ROOT.parent / "shared" / "golden"))
INPUTS = sorted(GOLDEN.glob("istio/*/inject/*.yaml")) + sorted(
    GOLDEN.glob("*/not-injected/*input*.yaml")
)
ISTIO = next(mesh for mesh in meshes.MESHES if mesh.name == "istio")


def _data(raw: bytes) -> list[str]:
    """Every document, its templates without the one annotation."""
    return [_hidden(part.value) for part in parts(bytearray(raw))]


def _hidden(value: Any) -> str:
    for path, found in objects(value):
        ref = reference(found)
        if ref is not None:
            value = annotated(value, (*path, *steps(ref.kind)), {KEY: "?"})
    return json.dumps(value, sort_keys=True)


@pytest.mark.skipif(not INPUTS, reason=f"no golden data in {GOLDEN}: MESHCHECK_GOLDEN")
def test_only_the_annotation_differs() -> None:
    sources = [Source(str(path), path.read_bytes()) for path in INPUTS]
    made = list(all_edited(sources, ISTIO))
    again = list(all_edited([Source(one.name, one.after) for one in made], ISTIO))
    unlike = [one.name for one in made if _data(one.before) != _data(one.after)]
    unwritten = [
        f"{one.name}: {outcome.who}: {outcome.reason}"
        for one in made
        for outcome in one.outcomes
        if outcome.standing is Standing.REFUSED
        and "stands in the template itself" not in outcome.reason
        and "Helm" not in outcome.reason
    ]

    assert unlike == []
    assert unwritten == []
    assert [one.name for one in again if one.changed] == []
    assert any(one.changed for one in made)
