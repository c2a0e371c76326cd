"""A shell as a user has it: the installed program, a real kubectl, a cluster.

Commands run as they are typed.  Where there is no kubectl, ``kubectl meshcheck``
runs the program directly, and ``needs_kubectl`` says which commands cannot run.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: where the program under test is installed
BIN = Path(sys.executable).parent
PROGRAM = BIN / "kubectl-meshcheck"
KUBECTL = shutil.which("kubectl")
CLUSTERS = Path(__file__).parent / "clusters"
#: the developer's own, which would decide what a test sees
_THEIRS = re.compile(
    r"(?i)KUBE.*|(https?|no)_proxy|NO_COLOR|COLUMNS|LINES|XDG_.*|MESHCHECK_.*"
)
_WITHOUT = 'kubectl() { [ "$1" = meshcheck ] && shift && kubectl-meshcheck "$@"; }\n'


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Shell:
    """Runs commands in ``folder``, which is the user's home too."""

    folder: Path
    #: a kubeconfig; empty for none
    kubeconfig: str = ""
    #: the server's address as it happens to be, and as it is shown
    shown: tuple[str, str] = ("", "")
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The caller's environment without what belongs to the caller alone."""
        kept = {k: v for k, v in os.environ.items() if not _THEIRS.fullmatch(k)}
        path = os.pathsep.join([str(BIN), kept.get("PATH", "")])
        ours = {"PATH": path, "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        # an unreadable file, so that nobody's real cluster is ever asked
        ours["KUBECONFIG"] = self.kubeconfig or str(self.folder / "no-kubeconfig")
        return {**kept, **ours, "TERM": "xterm", **self.more}

    def run(self, command: str, stdin: str = "", *, merged: bool = False) -> Ran:
        """Run a line of shell; ``merged`` puts stderr where a terminal shows it."""
        script = command if KUBECTL else _WITHOUT + command
        done = subprocess.run(
            ["bash", "-c", script],
            input=stdin.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merged else subprocess.PIPE,
            cwd=self.folder,
            env=self.environment,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, self._text(done.stdout), self._text(done.stderr))

    def program(self, *words: str, stdin: str = "") -> Ran:
        """Run the program itself, without kubectl and without a shell."""
        done = subprocess.run(
            [str(PROGRAM), *words],
            input=stdin.encode(),
            capture_output=True,
            cwd=self.folder,
            env=self.environment,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, self._text(done.stdout), self._text(done.stderr))

    def _text(self, told: bytes | None) -> str:
        real, shown = self.shown
        text = (told or b"").decode()
        return text.replace(real, shown) if real else text


def needs_kubectl(command: str) -> bool:
    """Whether a command cannot run here, for want of a real kubectl."""
    return not KUBECTL and bool(re.search(r"\bkubectl (?!meshcheck)", command))
