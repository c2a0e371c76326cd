"""Build the archive that krew installs: ``python .ci/archive.py [FOLDER]``.

It freezes the installed program with PyInstaller for the machine that it runs on, so
each platform's archive is built on that platform, on Linux with the oldest glibc
that is to be supported.  It prints the archive's path and its sha256, and writes
that into krew-manifest.yaml.

krew takes regular files and folders only, and wants a licence (kubernetes-sigs/krew:
internal/download/downloader.go, cmd/validate-krew-manifest/main.go); so links are
followed, and the LICENSE is put in.
"""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from kubectl_meshcheck import __version__

ROOT = Path(__file__).parent.parent
NAME = "kubectl-meshcheck"
_SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "windows"}
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def main() -> None:
    """Builds into the folder of the first argument, by default dist/."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        bundle = freeze(Path(work))
        archive = pack(bundle, folder)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    record(ROOT / "krew-manifest.yaml", archive.name, digest)
    print(f"{digest}  {archive}")


def freeze(work: Path) -> Path:
    """The program and a Python in one folder, without any need of the host's."""
    start = work / "start.py"
    start.write_text("from kubectl_meshcheck.__main__ import main\n\nmain()\n")
    collect = ("--collect-submodules", "--collect-data")  # some are imported by name
    command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--onedir"]
    command += ["--name", NAME, "--log-level", "WARN", "--distpath", str(work)]
    command += ["--workpath", str(work / "work"), "--specpath", str(work)]
    command += [word for flag in collect for word in (flag, "kubectl_meshcheck")]
    subprocess.run([*command, str(start)], check=True, cwd=work)  # noqa: S603
    return work / NAME


def pack(bundle: Path, folder: Path) -> Path:
    """The bundle and the LICENSE as an archive of plain files."""
    system = _SYSTEMS[platform.system()]
    machine = _MACHINES[platform.machine().lower()]
    stem = folder / f"{NAME}_v{__version__}_{system}_{machine}"
    files = {f"{NAME}/{f.relative_to(bundle).as_posix()}": f for f in _files(bundle)}
    files["LICENSE"] = ROOT / "LICENSE"
    if system == "windows":
        path = stem.with_name(f"{stem.name}.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
            for name, file in sorted(files.items()):
                package.write(file, name)
        return path
    path = stem.with_name(f"{stem.name}.tar.gz")
    with tarfile.open(path, "w:gz", dereference=True) as tar:
        for name, file in sorted(files.items()):
            tar.add(file, name, filter=_plain)
    return path


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without the builder's name; a hard link would be no regular file."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    assert entry.isreg(), entry.name
    return entry


def record(manifest: Path, archive: str, digest: str) -> None:
    """Writes an archive's sha256 below its URI, everything else as it is."""
    text = manifest.read_text(encoding="utf-8")
    place = re.compile(rf"(uri: \S*/{re.escape(archive)}\n\s+sha256: )\S+")
    if not place.search(text):
        raise SystemExit(f"{manifest.name} has no platform with {archive}")
    manifest.write_text(place.sub(rf'\g<1>"{digest}"', text), encoding="utf-8")


if __name__ == "__main__":
    main()
