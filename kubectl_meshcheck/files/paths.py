"""From the arguments of ``-f`` to the files that are opened, before any is.

As kubectl (k8s.io/cli-runtime: pkg/resource/visitor.go): a directory stands for
its ``*.json``, ``*.yaml`` and ``*.yml``, in sorted order, with ``-R`` those below it
too; links to directories below it are not followed.

Two layouts are walked whole without ``-R``, because one means all of it:

- ``kubectl cluster-info dump --output-directory`` (kubectl:
  pkg/cmd/clusterinfo/clusterinfo_dump.go): ``nodes.json`` beside directories with
  ``replication-controllers.json``, or ``.yaml`` both; logs are ``.txt``;
- what ``oc adm must-gather`` and ``oc adm inspect`` write (openshift/oc:
  pkg/cli/admin/inspect, namespace.go, util.go, pod.go): ``namespaces/NS/core`` and
  ``cluster-scoped-resources``, at the top or one directory below, for each image
  that gathered.  Only these two are read, and in ``namespaces/NS/pods/POD`` only
  the pod: what lies below it are logs and answers of its containers.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence

import msgspec

from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest
from kubectl_meshcheck.files.text import Broken, printable

STDIN = "-"
EXTENSIONS = (".json", ".yaml", ".yml")


class Argument(msgspec.Struct, frozen=True):
    """One ``-f`` and what it stands for."""

    path: str
    files: tuple[str, ...]
    directory: bool = False  #: other files than manifests are to be expected
    dump: bool = False  #: one cluster's state: an object may stand in it twice
    broken: tuple[tuple[str, Broken], ...] = ()  #: directories that cannot be listed


def arguments(paths: Sequence[str], *, recursive: bool) -> list[Argument]:
    """What each path stands for.  Raises MeshcheckError (usage) where kubectl would."""
    if not paths:
        raise _usage("no file is given", "name files, directories, or - for stdin")
    if list(paths).count(STDIN) > 1:
        raise _usage("standard input cannot be used for multiple arguments")
    return [_argument(path, recursive=recursive) for path in paths]


def _usage(what: str, hint: str = "") -> MeshcheckError:
    return MeshcheckError(what, hint, code=ExitCode.USAGE)


def _argument(path: str, *, recursive: bool) -> Argument:
    if path == STDIN:
        return Argument(path, (path,))
    try:
        mode = os.stat(path).st_mode
    except PermissionError:
        return Argument(path, (path,))  # opening it will say so
    except (OSError, ValueError):
        if os.path.lexists(path):
            told = f'"{printable(path)}" is a link that leads to no file'
            raise _usage(told, "") from None
        raise _usage(
            f'the path "{printable(path)}" does not exist', _instead_of(path)
        ) from None
    if not stat.S_ISDIR(mode):
        return Argument(path, (path,))
    return _directory(path, recursive=recursive)


def _instead_of(path: str) -> str:
    """What may have been meant by a path that does not exist."""
    if path.startswith(("http://", "https://")):
        fetch = f"curl -fsSL {printable(path)}"
        return f"fetch it first: {fetch} | kubectl meshcheck file -f -"
    parent, name = os.path.split(path)
    try:
        beside = sorted(os.listdir(parent or "."))
    except (OSError, ValueError):
        return ""
    return nearest(printable(name), [printable(other) for other in beside])


def _directory(path: str, *, recursive: bool) -> Argument:
    tops = _tops_of_must_gather(path)
    dump = bool(tops) or _is_cluster_info_dump(path)
    files: list[str] = []
    broken: list[tuple[str, Broken]] = []
    for top in tops or [path]:
        for found in _walk(top, recursive=recursive or dump, gathered=bool(tops)):
            if isinstance(found, str):
                files.append(found)
            else:
                broken.append(found)
    if not files and not broken:
        raise _usage(
            f"{printable(path)} holds no {', '.join(EXTENSIONS[:-1])} or"
            f" {EXTENSIONS[-1]} file",
            "" if recursive else "-R looks into the directories below it too",
        )
    return Argument(path, tuple(files), True, dump, tuple(broken))


def _walk(
    top: str, *, recursive: bool, gathered: bool
) -> Iterator[str | tuple[str, Broken]]:
    """The files of a directory, then those of the directories below it."""
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            with os.scandir(path) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            yield path, Broken(f"cannot list the directory: {error.strerror}")
            continue
        yield from (
            entry.path
            for entry in entries
            if entry.name.endswith(EXTENSIONS) and not entry.is_dir()
        )
        pod = gathered and os.path.basename(os.path.dirname(path)) == "pods"
        if recursive and not pod:
            below = [entry.path for entry in entries if _is_directory(entry)]
            waiting.extend(reversed(below))


def _is_directory(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False)


def _below(path: str) -> list[str]:
    """The directories in ``path``, sorted; none where it cannot be listed."""
    try:
        with os.scandir(path) as scan:
            return sorted(entry.path for entry in scan if _is_directory(entry))
    except OSError:
        return []


def _is_cluster_info_dump(path: str) -> bool:
    return any(
        os.path.isfile(os.path.join(path, "nodes" + extension))
        and any(
            os.path.isfile(os.path.join(below, "replication-controllers" + extension))
            for below in _below(path)
        )
        for extension in (".json", ".yaml")
    )


def _tops_of_must_gather(path: str) -> list[str]:
    """The directories of a must-gather that hold objects; none if it is none."""
    for roots in ([path], _below(path)):
        tops = [
            os.path.join(root, name)
            for root in roots
            if _is_gathered(root)
            for name in ("cluster-scoped-resources", "namespaces")
            if os.path.isdir(os.path.join(root, name))
        ]
        if tops:
            return tops
    return []


def _is_gathered(root: str) -> bool:
    if os.path.isdir(os.path.join(root, "cluster-scoped-resources")):
        return True
    return any(
        os.path.isdir(os.path.join(namespace, "core"))
        for namespace in _below(os.path.join(root, "namespaces"))
    )
