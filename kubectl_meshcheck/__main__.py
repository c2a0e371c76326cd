"""``python -m kubectl_meshcheck``, and the entry point of ``kubectl-meshcheck``."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the program and exits with its code."""
    from kubectl_meshcheck.cli.app import main as run

    sys.exit(run())


if __name__ == "__main__":
    main()
