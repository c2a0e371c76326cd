"""The kubeconfig files, merged.

Rules of kubernetes/client-go: tools/clientcmd/loader.go: the first file to name an
entry wins, missing files are skipped unless asked for by flag, and paths in a file
are relative to it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from kubectl_meshcheck.cluster.connection import Connection
from kubectl_meshcheck.errors import MeshcheckError


class ClusterEntry(msgspec.Struct, rename="kebab", kw_only=True):
    """``clusters[].cluster``; paths are absolute once loaded."""

    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""  #: base64
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: list[dict[str, Any]] = []


class ExecEntry(msgspec.Struct, rename="camel", kw_only=True):
    """``users[].user.exec`` (client-go: tools/clientcmd/api/v1/types.go)."""

    command: str = ""
    args: list[str] = []
    env: list[dict[str, str]] = []
    api_version: str = ""
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""


class UserEntry(
    msgspec.Struct,
    kw_only=True,
    rename={
        "client_certificate": "client-certificate",
        "client_certificate_data": "client-certificate-data",
        "client_key": "client-key",
        "client_key_data": "client-key-data",
        "token_file": "tokenFile",
        "as_user": "as",
        "as_uid": "as-uid",
        "as_groups": "as-groups",
        "as_user_extra": "as-user-extra",
        "auth_provider": "auth-provider",
    },
):
    """``users[].user``; paths are absolute once loaded."""

    client_certificate: str = ""
    client_certificate_data: str = ""  #: base64
    client_key: str = ""
    client_key_data: str = ""  #: base64
    token: str = ""
    token_file: str = ""
    username: str = ""
    password: str = ""
    as_user: str = ""
    as_uid: str = ""
    as_groups: list[str] = []
    as_user_extra: dict[str, list[str]] = {}
    exec: ExecEntry | None = None
    auth_provider: dict[str, Any] | None = None


class ContextEntry(msgspec.Struct):
    """``contexts[].context``."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: ClusterEntry = msgspec.field(default_factory=ClusterEntry)


class _NamedUser(msgspec.Struct):
    name: str
    user: UserEntry = msgspec.field(default_factory=UserEntry)


class _NamedContext(msgspec.Struct):
    name: str
    context: ContextEntry = msgspec.field(default_factory=ContextEntry)


class _File(msgspec.Struct, rename={"current_context": "current-context"}):
    clusters: list[_NamedCluster] = []
    users: list[_NamedUser] = []
    contexts: list[_NamedContext] = []
    current_context: str = ""


class Config(msgspec.Struct):
    """All kubeconfig files as one."""

    clusters: dict[str, ClusterEntry] = msgspec.field(default_factory=dict)
    users: dict[str, UserEntry] = msgspec.field(default_factory=dict)
    contexts: dict[str, ContextEntry] = msgspec.field(default_factory=dict)
    current_context: str = ""
    files: list[str] = msgspec.field(default_factory=list)  #: those that were read

    def __bool__(self) -> bool:
        return bool(self.clusters or self.users or self.contexts)


def contexts(connection: Connection) -> list[str]:
    """The names of all contexts, sorted; for shell completion."""
    return sorted(load(connection).contexts)


def load(connection: Connection) -> Config:
    """Read and merge the files that ``--kubeconfig`` or ``KUBECONFIG`` name."""
    merged = Config()
    for path in _paths(connection):
        one = _read(path)
        if one is None:
            if connection.kubeconfig:
                raise MeshcheckError(
                    f"stat {path}: no such file or directory",
                    "--kubeconfig must name a file that exists",
                )
            continue
        merged.files.append(str(path))
        merged.current_context = merged.current_context or one.current_context
        _resolve_paths(one, path.absolute().parent)
        for cluster in one.clusters:
            merged.clusters.setdefault(cluster.name, cluster.cluster)
        for user in one.users:
            merged.users.setdefault(user.name, user.user)
        for context in one.contexts:
            merged.contexts.setdefault(context.name, context.context)
    return merged


def _paths(connection: Connection) -> list[Path]:
    if connection.kubeconfig:
        return [Path(connection.kubeconfig)]
    named = os.environ.get("KUBECONFIG", "")
    if named:
        paths = [Path(part) for part in named.split(os.pathsep) if part]
        return list(dict.fromkeys(paths))
    return [Path("~/.kube/config").expanduser()]


#: what to do about a kubeconfig that cannot be read
_OTHER = "mend it, or name another one with --kubeconfig"


def _read(path: Path) -> _File | None:
    """The file's content; ``None`` if there is no such file."""
    import yaml

    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MeshcheckError(
            f"error loading config file {str(path)!r}: {error.strerror}", _OTHER
        ) from error
    # ten times as fast as the Python loader; absent where PyYAML has no libyaml
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        raw = yaml.load(text, loader)  # noqa: S506  # both loaders are safe ones
        return msgspec.convert(_without_nulls(raw) or {}, _File)
    except (
        yaml.YAMLError,
        msgspec.ValidationError,
        ValueError,
        RecursionError,
    ) as error:
        raise MeshcheckError(
            f"error loading config file {str(path)!r}: {_where(error)}", _OTHER
        ) from error


def _where(error: Exception) -> str:
    """What is wrong and in which line, but no text of the file: it holds secrets."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None)
    if mark is not None and problem:
        if problem.startswith("but "):  # the second half of a sentence
            problem = f"{getattr(error, 'context', '')}, {problem}"
        return f"line {mark.line + 1}: {problem}"
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "it is not YAML"


def _without_nulls(value: Any) -> Any:
    """``users:`` without a value is as good as absent, as in Go."""
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(v) for v in value]
    return value


def _resolve_paths(file: _File, folder: Path) -> None:
    for cluster in (named.cluster for named in file.clusters):
        cluster.certificate_authority = _under(folder, cluster.certificate_authority)
    for user in (named.user for named in file.users):
        user.client_certificate = _under(folder, user.client_certificate)
        user.client_key = _under(folder, user.client_key)
        user.token_file = _under(folder, user.token_file)
        # a command without a separator is looked for in PATH
        if user.exec and os.path.dirname(user.exec.command):
            user.exec.command = _under(folder, user.exec.command)


def _under(folder: Path, path: str) -> str:
    return str(folder / path) if path else ""
