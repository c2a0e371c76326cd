"""What a command imports, and so what it costs to start.

Held by facts, not by a clock: the names of the imported modules.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.shell import CLUSTERS, Shell

_SHOP = str(CLUSTERS / "shop.yaml")
#: imports that nothing but an OIDC token may cost
_CLIENT = ("kubernetes", "requests", "pydantic", "urllib3", "aiohttp")
#: what only a scan needs
_SCAN = (
    "msgspec",
    "yaml",
    "ssl",
    "http.client",
    "tabulate",
    "kubectl_meshcheck.meshes",
)
_PRINT = """
import sys
from kubectl_meshcheck.cli.app import main
code = main(sys.argv[1:])
print("\\n".join(sys.modules), file=sys.stderr)
sys.exit(code)
"""


def _imported(shell: Shell, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", _PRINT, *words],
        capture_output=True,
        text=True,
        cwd=shell.folder,
        env=shell.environment,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return set(done.stderr.splitlines())


@pytest.mark.parametrize(
    "typed",
    ["--help", "--version", "version", "ns -h", "deploy -h",
     "completion bash"],
)  # fmt: skip
def test_help_imports_nothing_of_a_scan(typed: str, nowhere: Shell) -> None:
    assert _imported(nowhere, *typed.split()) & {*_CLIENT, *_SCAN} == set()


@pytest.mark.parametrize(
    "typed",
    [f"file -f {_SHOP}", f"file -f {_SHOP} -o json", "demo", "checks", "nss",
     "ns --nope", "__complete ns"],
)  # fmt: skip
def test_offline_nothing_of_a_client_is_imported(typed: str, nowhere: Shell) -> None:
    found = _imported(nowhere, *typed.split())

    assert found & {*_CLIENT, "ssl", "http.client"} == set()


@pytest.mark.parametrize("typed", ["ns shop", "ns -A -o json", "deploy/cart"])
def test_a_scan_imports_no_client_library(typed: str, shop: Shell) -> None:
    assert _imported(shop, *typed.split()) & set(_CLIENT) == set()


def test_json_needs_no_tables(shop: Shell) -> None:
    assert "tabulate" not in _imported(shop, "ns", "shop", "-o", "json")
