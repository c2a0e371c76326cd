"""The control plane's programs, built from pinned Go modules outside the tree."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

MODULES = Path(__file__).parent / "go"
# what is read at run time from a mesh's module: folder here: folder there
DATA = {
    "istio": (
        "istio.io/istio",
        {
            "base": "manifests/charts/base",
            "istiod": "manifests/charts/istio-control/istio-discovery",
        },
    ),
    "linkerd": ("github.com/linkerd/linkerd2", {"charts": "charts"}),
    "kuma": ("github.com/kumahq/kuma", {"crds": "deployments/charts/kuma/crds"}),
}
VERSION = "k8s.io/component-base/version"
#: meshes whose injection is a webhook of ours around their own code
INJECTORS = ("linkerd", "kuma", "consul", "dapr", "appmesh", "vault")


class UnavailableError(Exception):
    """No control plane can be had on this machine, and why."""


def root() -> Path:
    """Where everything lives that is built or running."""
    return (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        / "meshcheck-controlplane"
    )


def versions(component: str) -> list[str]:
    """The minors of kubernetes or of a mesh that can be had, oldest first."""
    names = [folder.name.partition("-")[2] for folder in MODULES.glob(component + "-*")]
    return sorted(names, key=lambda name: [int(part) for part in name.split(".")])


def build_all() -> None:
    """Builds what is missing, what most tests need first."""
    first = ("etcd", "kwok", "helm", "kubernetes-1.37", "istio-1.31")
    # a module without its own program is replaced into others
    found = [path.parent.name for path in MODULES.glob("*/go.mod")]
    beside = {"webhook"}
    for name in sorted(set(found) - beside, key=lambda one: (one not in first, one)):
        built(name)


def pinned(folder: str, module: str) -> str:
    """The version at which a folder's go.mod holds a module."""
    found = re.search(
        rf"{re.escape(module)} (v\S+)", (MODULES / folder / "go.mod").read_text()
    )
    if not found:
        raise UnavailableError(f"{folder}/go.mod does not pin {module}")
    return found[1]


def built(folder: str) -> Path:
    """The folder of a module's programs; builds them when its files have changed."""
    out = root() / "bin" / folder
    out.mkdir(parents=True, exist_ok=True)
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = out / ".stamp", _digest(folder)
        if not stamp.exists() or stamp.read_text() != wanted:
            _build(folder, out)
            stamp.write_text(wanted)
    return out


def _digest(folder: str) -> str:
    """Of a module's files, and of those of the modules beside it that it replaces."""
    beside = re.findall(r"=> \.\./(\S+)", (MODULES / folder / "go.mod").read_text())
    files = [
        path
        for name in (folder, *beside)
        for path in sorted((MODULES / name).rglob("*"))
        if path.is_file()
    ]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _build(folder: str, out: Path) -> None:
    print(
        f"building {folder}; the first time takes minutes", file=sys.stderr, flush=True
    )
    flags = ["-trimpath", f"-ldflags={_linker_flags(folder)}", "-o", f"{out}/"]
    target = "." if (MODULES / folder / "main.go").exists() else "tool"
    _go(folder, "build", *flags, target)
    _copy_data(folder, out)


def _copy_data(folder: str, out: Path) -> None:
    module, folders = DATA.get(folder.partition("-")[0], ("", {}))
    if not folders:
        return
    source = Path(_go(folder, "list", "-m", "-f", "{{.Dir}}", module).strip())
    for name, there in folders.items():
        shutil.rmtree(out / name, ignore_errors=True)
        # the module cache is read-only, and so would be a plain copy of it
        shutil.copytree(source / there, out / name, copy_function=shutil.copyfile)
        for path in [out / name, *(out / name).rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def _linker_flags(folder: str) -> str:
    """A Kubernetes built without these calls itself v0.0.0-master."""
    if not folder.startswith("kubernetes-"):
        return "-s -w"
    version = pinned(folder, "k8s.io/kubernetes")
    major, minor, _ = version.lstrip("v").split(".")
    told = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    return " ".join(
        ["-s -w", *(f"-X {VERSION}.{key}={value}" for key, value in told.items())]
    )


def _go(folder: str, *args: str) -> str:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if not go:
        raise UnavailableError("it is built with Go, which is not on this machine")
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    command = [go, *args]
    try:
        return subprocess.run(
            command,
            cwd=MODULES / folder,
            env=env,
            check=True,
            text=True,
            stdout=subprocess.PIPE,
        ).stdout
    except subprocess.CalledProcessError as error:
        raise UnavailableError(
            f"go {args[0]} failed for {folder}: see above"
        ) from error
