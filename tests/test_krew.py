"""krew-manifest.yaml keeps krew's rules, and .ci/archive.py builds what it names.

The rules are those of kubernetes-sigs/krew: internal/index/validation/validate.go,
cmd/validate-krew-manifest/main.go, internal/download/downloader.go, and what the
review of kubernetes-sigs/krew-index asks for.  krew itself is not run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubectl_meshcheck import __version__
from tests.pages import ROOT

MANIFEST = ROOT / "krew-manifest.yaml"
_DEVICES = re.compile(r"(?i)(con|prn|aux|nul|(com|lpt)\d)")
_SEMVER = re.compile(r"v\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?")
#: cmd/validate-krew-manifest/main.go, ``allPlatforms``
_PLATFORMS = [
    *(("windows", arch) for arch in ("386", "amd64", "arm64")),
    *(("linux", arch) for arch in ("386", "amd64", "arm", "arm64", "ppc64le")),
    *(("darwin", arch) for arch in ("386", "amd64", "arm64")),
]


def manifest() -> dict[str, Any]:
    """As krew reads it."""
    found: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return found


def broken_rules(plugin: dict[str, Any]) -> list[str]:
    """Every rule that a manifest breaks, in words."""
    return [*_of_the_plugin(plugin), *_of_the_platforms(plugin["spec"])]


def _of_the_plugin(plugin: dict[str, Any]) -> Iterator[str]:
    name, spec = plugin["metadata"]["name"], plugin["spec"]
    short = spec.get("shortDescription", "")
    rules = {
        "apiVersion": plugin["apiVersion"]
        == "krew.googlecontainertools.github.com/v1alpha2",
        "kind": plugin["kind"] == "Plugin",
        "name": re.fullmatch(r"[\w-]+", name) and not _DEVICES.fullmatch(name),
        "name in kebab-case": re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name),
        "semantic version with a v": _SEMVER.fullmatch(spec["version"]),
        "one short line of description": short and not re.search(r"[\r\n]", short),
        "at most 50 characters of it": len(short) <= 50,
        "description wrapped at 80": all(
            len(line) <= 80 for line in spec["description"].splitlines()
        ),
        "description without usage": "kubectl meshcheck" not in spec["description"],
        "homepage": str(spec.get("homepage", "")).startswith("https://"),
        "a platform": spec.get("platforms"),
    }
    yield from (rule for rule, kept in rules.items() if not kept)


def _of_the_platforms(spec: dict[str, Any]) -> Iterator[str]:
    for number, platform in enumerate(spec["platforms"]):
        files = platform.get("files")
        binary = platform.get("bin", "")
        rules = {
            "uri": re.fullmatch(r"https://\S+\.(tar\.gz|zip)", platform.get("uri", "")),
            "sha256": re.fullmatch(r"[a-f0-9]{64}", str(platform.get("sha256", ""))),
            "selector": _selector(platform.get("selector")),
            "matches a platform": any(_matches(platform, p) for p in _PLATFORMS),
            "files": files is None
            or (
                files and all(f.get("from") and _clean(f.get("to", "")) for f in files)
            ),
            "bin": binary and _clean(binary),
            "bin ends in .exe on Windows": ("windows" in platform["uri"])
            == binary.endswith(".exe"),
        }
        yield from (f"platform {number}: {r}" for r, kept in rules.items() if not kept)
    for one, other in combinations(spec["platforms"], 2):
        if any(_matches(one, p) and _matches(other, p) for p in _PLATFORMS):
            yield "selectors overlap"


def _selector(selector: Any) -> bool:
    labels = (selector or {}).get("matchLabels") or {}
    expressions = (selector or {}).get("matchExpressions") or []
    keys = [*labels, *(one["key"] for one in expressions)]
    return bool(keys) and set(keys) <= {"os", "arch"}


def _matches(platform: dict[str, Any], target: tuple[str, str]) -> bool:
    labels = platform["selector"]["matchLabels"]
    return all({"os": target[0], "arch": target[1]}[k] == v for k, v in labels.items())


def _clean(path: str) -> bool:
    """Stays inside the place where it is put."""
    return bool(path) and not path.startswith(("/", "\\")) and ".." not in path


def test_no_rule_is_broken() -> None:
    assert broken_rules(manifest()) == []


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (("kind",), "Plugins", "kind"),
        (("metadata", "name"), "con", "name"),
        (("spec", "version"), "0.1.0", "semantic version with a v"),
        (("spec", "shortDescription"), "a" * 51, "at most 50 characters of it"),
        (("spec", "description"), "a" * 81, "description wrapped at 80"),
        (("spec", "platforms", 0, "sha256"), "A" * 64, "platform 0: sha256"),
        (("spec", "platforms", 0, "files"), [], "platform 0: files"),
        (("spec", "platforms", 0, "bin"), "../x", "platform 0: bin"),
        (
            ("spec", "platforms", 0, "selector", "matchLabels"),
            {"os": "linux"},
            "selectors overlap",
        ),
    ],
)
def test_a_broken_rule_is_seen(path: tuple[Any, ...], value: Any, rule: str) -> None:
    plugin = manifest()
    *before, last = path
    place: Any = plugin
    for step in before:
        place = place[step]
    place[last] = value

    assert broken_rules(plugin) == [rule]


def test_the_version_is_the_packages() -> None:
    spec = manifest()["spec"]
    tag = f"v{__version__}"

    assert spec["version"] == tag
    assert [p["uri"] for p in spec["platforms"] if p["uri"].count(tag) != 2] == []


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive for this machine, built by the documented command."""
    if importlib.util.find_spec("PyInstaller") is None:
        pytest.skip("the archive is NOT tested: pip install '.[release]' first")
    folder = tmp_path_factory.mktemp("dist")
    kept = MANIFEST.read_bytes()
    try:
        done = subprocess.run(
            [sys.executable, ".ci/archive.py", str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
        digest, path = done.stdout.split()
        written = [p["sha256"] for p in manifest()["spec"]["platforms"]]
    finally:
        MANIFEST.write_bytes(kept)
    assert digest in written
    return Path(path)


def test_the_archive_has_plain_files_and_a_licence(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        entries = tar.getmembers()
    names = [entry.name for entry in entries]
    (platform,) = [
        one
        for one in manifest()["spec"]["platforms"]
        if one["uri"].endswith(f"/{archive.name}")
    ]

    assert [entry.name for entry in entries if not entry.isreg()] == []
    assert [name for name in names if not _clean(name)] == []
    assert {"LICENSE", platform["bin"]} <= set(names)


def test_the_archive_runs_where_it_is_unpacked(archive: Path, tmp_path: Path) -> None:
    """Behind a link, as krew installs it, and without a Python on PATH."""
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "store", filter="data")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "kubectl-meshcheck"
    link.symlink_to(tmp_path / "store" / "kubectl-meshcheck" / "kubectl-meshcheck")
    ran = [
        subprocess.run(
            [str(link), *words],
            capture_output=True,
            text=True,
            env={"PATH": "/nowhere", "HOME": str(tmp_path)},
            check=False,
        )
        for words in (["--version"], ["demo", "-o", "name"], ["ns", "-o", "name"])
    ]

    assert [one.returncode for one in ran] == [0, 0, 3]
    assert ran[0].stdout == f"kubectl-meshcheck {__version__}\n"
    assert fnmatch(ran[1].stdout, "deployment.apps/fireboom\n*")
    assert "Traceback" not in ran[2].stderr
