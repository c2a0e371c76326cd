"""The plan with its differences, shown by the user's own program where one is set.

``KUBECTL_EXTERNAL_DIFF`` as kubectl reads it (kubernetes/kubectl: pkg/cmd/diff/
diff.go ``getCommand``): the first word is the program; of the others only plain
words go along.  It gets two directories, ``LIVE-...`` and ``MERGED-...``.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from kubectl_meshcheck.errors import MeshcheckError
from kubectl_meshcheck.plan import Change, Item, Refused
from kubectl_meshcheck.plan.body import dump, shown
from kubectl_meshcheck.report import fixing
from kubectl_meshcheck.report.text import View


def plan(items: Sequence[Item], view: View) -> str:
    """The blocks of all items, each with its difference."""
    if not program():
        return fixing.plan(items, view)
    changes = [item.change if isinstance(item, Refused) else item for item in items]
    text = fixing.plan(items, view, diffs=False)
    files = [
        (_file(c), dump(shown(c.live)).encode(), dump(shown(c.after)).encode())
        for c in changes
        if isinstance(c, Change)
    ]
    return text + external(files)


def program() -> list[str]:
    """The user's own program with its words; empty when there is none."""
    words = os.environ.get("KUBECTL_EXTERNAL_DIFF", "").split()
    plain = [word for word in words[1:] if re.fullmatch(r"[a-zA-Z0-9-=]+", word)]
    return [*words[:1], *plain]


def external(files: Iterable[tuple[str, bytes, bytes]]) -> str:
    """What the program says of files: the name of each, as it is and as it will be."""
    words = program()
    with (
        tempfile.TemporaryDirectory(prefix="LIVE-") as live,
        tempfile.TemporaryDirectory(prefix="MERGED-") as merged,
    ):
        for name, before, after in files:
            (Path(live) / name).write_bytes(before)
            (Path(merged) / name).write_bytes(after)
        try:
            # the user's own program, by the user's own setting, and without a shell
            done = subprocess.run(  # noqa: S603
                [*words, live, merged], capture_output=True, text=True, check=False
            )
        except OSError as error:
            what = f"KUBECTL_EXTERNAL_DIFF: {words[0]}: {error.strerror}"
            raise MeshcheckError(what, "unset it, or name a program") from error
    if done.returncode > 1:  # 1 says that there are differences
        what = f"KUBECTL_EXTERNAL_DIFF: {words[0]} ended with {done.returncode}"
        raise MeshcheckError(what, done.stderr.strip()[:200])
    return done.stdout


def _file(change: Change) -> str:
    """``apps.v1.Deployment.shop.cart``, as kubectl names it."""
    kind, ref = change.ref.kind, change.ref
    group = f"{kind.group}." if kind.group else ""
    return f"{group}{kind.version}.{kind.kind}.{ref.namespace}.{ref.name}"
