"""Our differences are those that ``patch`` understands, however many documents."""

from __future__ import annotations

import difflib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_meshcheck.cli import unified

_LINE = st.sampled_from(["a\n", "b\n", "b: 1\n", "@@ -1 +1 @@\n", "\n", "---\n"])
_FILE = st.lists(_LINE, max_size=40)


@pytest.mark.skipif(
    shutil.which("patch") is None, reason="patch is missing: NOT tested"
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(before=_FILE, after=_FILE)
def test_patch_makes_the_one_of_the_other(
    before: list[str], after: list[str], tmp_path: Path
) -> None:
    file, text = tmp_path / "file", "".join(unified.lines("file", before, after))
    file.write_text("".join(before))
    if text:
        words = ["patch", "--posix", "--fuzz=0", "-s", "-o", "made", "file"]
        subprocess.run(words, input=text, text=True, cwd=tmp_path, check=True)
        file = tmp_path / "made"

    assert file.read_text() == "".join(after)


def test_a_hunk_may_reach_over_the_end_of_a_document() -> None:
    before = ["a\n", "---\n", "b\n", "---\n", "c\n"]
    after = ["a\n", "---\n", "b\n", "new\n", "---\n", "d\n"]

    assert list(unified.lines("x", before, after)) == [
        "--- a/x\n",
        "+++ b/x\n",
        "@@ -1,5 +1,6 @@\n",
        " a\n",
        " ---\n",
        " b\n",
        "+new\n",
        " ---\n",
        "-c\n",
        "+d\n",
    ]


@given(before=_FILE, after=_FILE)
def test_one_document_is_compared_as_difflib_does(
    before: list[str], after: list[str]
) -> None:
    one, other = ([f"x{line}" for line in all_] for all_ in (before, after))

    expected = list(difflib.unified_diff(one, other, "a/x", "b/x"))
    assert list(unified.lines("x", one, other)) == expected
