"""Every file of the golden data is read without a problem.

All but the inputs of Istio's own injector, ``*.mesh.gen.yaml`` and
``*.values.gen.yaml``: a MeshConfig and Helm values, which are no objects.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kubectl_meshcheck.files import Document, read

GOLDEN = Path(
    os.environ.get("MESHCHECK_GOLDEN")
    or Path(__file__).parents[3] / "shared" / "golden"
)
NO_OBJECTS = (".mesh.gen.yaml", ".values.gen.yaml")

pytestmark = pytest.mark.skipif(
    not GOLDEN.is_dir(), reason=f"GOLDEN DATA MISSING: no directory {GOLDEN}"
)


def files(*, objects: bool) -> list[str]:
    return [
        str(path)
        for path in sorted(GOLDEN.rglob("*"))
        if path.suffix in {".yaml", ".injected"}
        and path.name.endswith(NO_OBJECTS) is not objects
    ]


def test_every_file_holds_objects_only() -> None:
    paths = files(objects=True)
    found = list(read(paths))

    assert [part for part in found if not isinstance(part, Document)] == []
    assert {part.source for part in found if isinstance(part, Document)} == set(paths)


def test_injector_inputs_are_told_from_objects() -> None:
    found = list(read(files(objects=False)))

    assert {
        part.what.split(", line 1: ")[-1] if not isinstance(part, Document) else part
        for part in found
    } == {"it has no apiVersion and no kind"}
