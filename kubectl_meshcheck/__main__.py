"""``python -m kubectl_meshcheck``, and the entry point of ``kubectl-meshcheck``."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress


def main() -> None:
    """Runs the program and exits with its code."""
    # what is read lives until the end: looking for what could go costs a third of a
    # big scan, and a tenth of the start
    gc.disable()
    from kubectl_meshcheck.cli.app import main as run

    code = run()
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    # the same for taking it all apart piece by piece; ``run`` has flushed the output
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    main()
