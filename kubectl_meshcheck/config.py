"""The user's own settings: what to ignore, and from which severity on to fail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import yaml

from kubectl_meshcheck import ignore, meshes
from kubectl_meshcheck.checks.base import DOCS, Severity
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.meshes.declared import Sidecar

#: read when it is there and ``--config`` names no other
DEFAULT = "meshcheck/config.yaml"
_KEYS = ("apiVersion", "kind", "failOn", "ignore", "sidecars")
_IGNORE_KEYS = ("check", "reason", "namespace", "workload")
_SIDECAR_KEYS = ("name", "container", "image", "waits", "ready", "redirectedBy")
_PAGE = f"{DOCS.removesuffix('/checks')}/usage.md#the-config-file"
_LARGEST = 1 << 20  #: bytes; nobody writes more by hand


class Config(msgspec.Struct, frozen=True):
    """What the file says; the flags come on top."""

    ignores: tuple[Ignore, ...] = msgspec.field(default=())
    fail_on: Severity | None = None
    sidecars: tuple[Sidecar, ...] = ()


def load(path: str = "") -> Config:
    """Reads the file ``path``, or the default one where there is one.

    Raises ``MeshcheckError`` with exit code 2 for anything that is not understood:
    an ignored typo would hide or show the wrong findings.  Declared sidecars are known
    to ``meshes`` from then on.
    """
    settings = _read(path)
    try:
        meshes.declare(settings.sidecars)
    except ValueError as error:
        raise _wrong(Path(path) if path else default_path(), str(error)) from error
    return settings


def _read(path: str) -> Config:
    file = Path(path) if path else default_path()
    if not path and not file.is_file():
        return Config()
    try:
        if file.stat().st_size > _LARGEST:
            raise _wrong(file, "it is larger than 1 MiB")
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(file, error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise _wrong(file, _where(error)) from error
    return _config(file, {} if found is None else found)


def _where(error: Exception) -> str:
    """What is wrong, and in which line."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    mark = getattr(error, "problem_mark", None)
    words = (getattr(error, "context", None), getattr(error, "problem", None))
    said = " ".join(word for word in words if word)
    return f"line {mark.line + 1}: {said}" if mark and said else "it is not YAML"


def default_path() -> Path:
    """``$XDG_CONFIG_HOME/meshcheck/config.yaml``, by default below ``~/.config``."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / DEFAULT


def _wrong(file: Path, why: str) -> MeshcheckError:
    hint = f"what it may hold: {_PAGE}"
    return MeshcheckError(f"the config file {file}: {why}", hint, code=ExitCode.USAGE)


def _config(file: Path, found: Any) -> Config:
    _check_keys(file, found, _KEYS)
    level = found.get("failOn")
    try:
        fail_on = None if level is None else Severity(level)
    except ValueError:
        known = [one.value for one in Severity]
        raise _wrong(file, f"failOn is {level!r}; use {', '.join(known)}") from None
    return Config(
        tuple(_rule(file, rule) for rule in _list(file, found, "ignore")),
        fail_on,
        tuple(_sidecar(file, one) for one in _list(file, found, "sidecars")),
    )


def _list(file: Path, found: Any, key: str) -> list[Any]:
    value = found.get(key) or []
    if not isinstance(value, list):
        raise _wrong(file, f"{key} is not a list")
    return value


def _sidecar(file: Path, found: Any) -> Sidecar:
    _check_keys(file, found, _SIDECAR_KEYS)
    command = found.get("waits") or []
    words = [value for key, value in found.items() if key != "waits"]
    listed = isinstance(command, list)
    if not listed or not all(isinstance(one, str) for one in [*words, *command]):
        raise _wrong(file, "the values of a sidecar are text, waits is a list of text")
    if not found.get("name") or not (found.get("container") or found.get("image")):
        raise _wrong(file, "a sidecar has a name, and a container or an image")
    return Sidecar(
        name=found["name"],
        container=found.get("container", ""),
        image=found.get("image", ""),
        waits=tuple(command),
        ready=found.get("ready", ""),
        redirected_by=found.get("redirectedBy", ""),
        source=str(file),
    )


def _rule(file: Path, rule: Any) -> Ignore:
    _check_keys(file, rule, _IGNORE_KEYS)
    if not all(isinstance(value, str) for value in rule.values()):
        raise _wrong(file, "every value of an ignore is text")
    try:
        one = ignore.parse(f"{rule.get('check', '')}: {rule.get('reason', '')}")[0]
    except ValueError as error:
        raise _wrong(file, str(error)) from error
    namespace, workload = rule.get("namespace", "*"), rule.get("workload", "*")
    return Ignore(one.check, rule["reason"], namespace, workload)


def _check_keys(file: Path, found: Any, known: tuple[str, ...]) -> None:
    if not isinstance(found, dict):
        raise _wrong(file, "it is not a mapping")
    for key in found:
        if key not in known:
            hint = nearest(str(key), known) or f"known are {', '.join(known)}"
            raise _wrong(file, f"{key!r} is not known; {hint}")
