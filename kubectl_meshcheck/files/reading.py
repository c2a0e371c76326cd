"""The way from paths to objects and problems."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, BinaryIO

from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.files.content import load
from kubectl_meshcheck.files.documents import documents
from kubectl_meshcheck.files.objects import Document, Found, fault, has_type
from kubectl_meshcheck.files.paths import STDIN, Argument, arguments
from kubectl_meshcheck.files.text import Broken, UnreadableError, printable

#: A file of other JSON, line by line, should not end in as many problems.
_MOST_BROKEN = 100
#: In a directory these are expected, have a type of their own, and are no objects.
_NOT_OBJECTS = {"Chart.yaml", "kustomization.yaml", "kustomization.yml"}


def read(
    paths: Sequence[str], *, recursive: bool = False, stdin: BinaryIO | None = None
) -> Iterator[Document | Problem]:
    """Every object in ``paths``, and a problem for each part that is not readable.

    ``paths`` are files, directories, or ``-`` for ``stdin`` (default: the
    process's).  Whatever is wrong with the paths themselves is raised at once as
    a MeshcheckError with ExitCode.USAGE, before anything is read.
    """
    found = arguments(paths, recursive=recursive)
    return (part for argument in found for part in _argument(argument, stdin))


def _argument(
    argument: Argument, stdin: BinaryIO | None
) -> Iterator[Document | Problem]:
    """All of one argument; says so when there is no object in it."""
    for path, broken in argument.broken:
        yield _problem(path, broken)
    silent = not argument.broken
    seen: set[tuple[str, ...]] = set()
    for path in argument.files:
        for part in _file(path, argument, stdin):
            silent = False
            if isinstance(part, Broken):
                yield _problem(path, part)
            elif not (argument.dump and _seen(part.object, seen)):
                yield part
    if silent and argument.directory:
        why = f"no Kubernetes object in its {len(argument.files)} files"
        yield _problem(argument.path, Broken(why))


def _problem(path: str, broken: Broken) -> Problem:
    """``shop.yaml, document 3, line 41: did not find expected key``."""
    source = printable("standard input" if path == STDIN else path)
    if broken.number:
        source += f", document {broken.number}"
    line = f", line {broken.line}" if broken.line else ""
    return Problem(f"{source}{line}: {broken.why}", broken.hint, source=source)


def _seen(value: dict[str, Any], seen: set[tuple[str, ...]]) -> bool:
    """Whether the very same object was there before; needs a uid to be sure."""
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not metadata.get("uid"):
        return False
    names = (metadata.get(key, "") for key in ("namespace", "name", "uid"))
    key = (value["apiVersion"], value["kind"], *map(str, names))
    if key in seen:
        return True
    seen.add(key)
    return False


def _file(
    path: str, argument: Argument, stdin: BinaryIO | None
) -> Iterator[Document | Broken]:
    """The objects of one source, each with its place."""
    try:
        text = _load(path, argument, stdin)
    except UnreadableError as error:
        yield Broken(error.why, error.hint)
        return
    except (OSError, ValueError) as error:
        yield Broken(f"cannot read it: {getattr(error, 'strerror', None) or error}")
        return
    yield from _objects(text, path, argument)


def _objects(
    text: bytearray, path: str, argument: Argument
) -> Iterator[Document | Broken]:
    """Gives up on a source that is mostly something else, and reports an empty one."""
    numbers = count(1)
    broken = 0
    for found in documents(text, numbers):
        part = _object(found, path, argument)
        broken += isinstance(part, Broken)
        if broken > _MOST_BROKEN:
            why = f"more than {_MOST_BROKEN} parts are broken, the rest was not read"
            yield Broken(why)
            return
        if part is not None:
            yield part
    if next(numbers) == 1 and not broken and not argument.directory:
        yield Broken("there is nothing in it")


def _object(
    part: Found | Broken, path: str, argument: Argument
) -> Document | Broken | None:
    """What was found, as an object; None for what a directory may hold besides."""
    if isinstance(part, Broken):
        return part
    if argument.directory and not part.item and _is_foreign(part.value, path):
        return None
    why = fault(part.value)
    if why:
        return Broken(part.named(why), number=part.number, line=part.line)
    return Document(part.value, printable(path), part.number, part.line)


def _is_foreign(value: Any, path: str) -> bool:
    """Whether it lies in a directory of manifests without meaning to be one."""
    return not has_type(value) or os.path.basename(path) in _NOT_OBJECTS


def _load(path: str, argument: Argument, stdin: BinaryIO | None) -> bytearray:
    if path == STDIN:
        stream = stdin or getattr(sys.stdin, "buffer", None)
        if stream is None:
            raise UnreadableError("it is closed")
        return load(stream)
    if argument.directory and not stat.S_ISREG(os.stat(path).st_mode):
        # Opening a pipe that nobody writes to would wait for ever.
        raise UnreadableError("it is no regular file", "name it as an argument")
    with open(path, "rb") as source:
        return load(source)
