"""One server and one user: the kubeconfig with the flags applied.

Rules of kubernetes/client-go: tools/clientcmd/client_config.go.  A pod's service
account is used only where there is no kubeconfig at all.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

import msgspec

from kubectl_meshcheck.cluster.connection import Connection
from kubectl_meshcheck.cluster.kubeconfig import (
    ClusterEntry,
    Config,
    ContextEntry,
    UserEntry,
    load,
)
from kubectl_meshcheck.errors import MeshcheckError, nearest

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

E = TypeVar("E")


class Access(msgspec.Struct, frozen=True):
    """Which server, as whom, and where by default."""

    context: str
    namespace: str
    url: SplitResult  #: has a host; its path is a prefix without a slash at the end
    cluster: ClusterEntry
    user: UserEntry
    files: tuple[str, ...] = ()  #: the kubeconfig files that were read

    @property
    def server(self) -> str:
        """The URL as people know it."""
        return self.url.geturl()


def resolve(connection: Connection) -> Access:
    """Choose context, cluster and user; raises in kubectl's words what is missing."""
    config = load(connection)
    if not config and not connection.server:
        return _in_cluster(connection)
    name, context = _context(connection, config)
    cluster = _cluster(connection, config, context)
    return Access(
        context=name,
        namespace=connection.namespace or context.namespace or "default",
        url=_url(cluster, connection),
        cluster=cluster,
        user=_user(connection, config, context),
        files=tuple(config.files),
    )


def _in_cluster(connection: Connection) -> Access:
    """The service account of the pod we run in (client-go: rest/config.go)."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "")
    token = SERVICE_ACCOUNT / "token"
    if not (host and port and token.exists()):
        raise MeshcheckError(
            "no cluster is configured: there is no kubeconfig, or nothing in it",
            "set KUBECONFIG, or name a file with --kubeconfig",
        )
    if connection.context:
        raise _unknown("context", connection.context, {})
    host = f"[{host}]" if ":" in host else host
    cluster = ClusterEntry(
        server=f"https://{host}:{port}",
        certificate_authority=str(SERVICE_ACCOUNT / "ca.crt"),
    )
    try:
        namespace = (SERVICE_ACCOUNT / "namespace").read_text().strip()
    except OSError:
        namespace = ""
    empty = ContextEntry()
    cluster = _cluster(connection, Config(clusters={"": cluster}), empty)
    user = UserEntry(token_file=str(token))
    return Access(
        context="",
        namespace=connection.namespace or namespace or "default",
        url=_url(cluster, connection),
        cluster=cluster,
        user=_user(connection, Config(users={"": user}), empty),
    )


#: what to do about a kubeconfig with nothing in it
_NONE = "it names no context: set KUBECONFIG, or name a file with --kubeconfig"


def _context(connection: Connection, config: Config) -> tuple[str, ContextEntry]:
    name = connection.context or config.current_context
    if name:
        return name, _entry("context", name, config.contexts)
    if connection.server or connection.cluster:
        return "", ContextEntry()
    known = ", ".join(sorted(config.contexts)[:5])
    raise MeshcheckError(
        "current-context is not set",
        f"choose one with --context: {known}" if known else _NONE,
    )


def _entry(kind: str, name: str, known: Mapping[str, E]) -> E:
    if name not in known:
        raise _unknown(kind, name, known)
    return known[name]


def _unknown(kind: str, name: str, known: Mapping[str, object]) -> MeshcheckError:
    hint = nearest(name, known) or f"kubectl config get-{kind}s lists what there is"
    return MeshcheckError(f"{kind} {name!r} does not exist", hint)


def _cluster(
    connection: Connection, config: Config, context: ContextEntry
) -> ClusterEntry:
    name = connection.cluster or context.cluster
    found = config.clusters.get("", ClusterEntry())
    if name:
        found = _entry("cluster", name, config.clusters)
    changes: dict[str, Any] = {}
    if connection.server:
        # another server's certificate has another name
        changes |= {"server": connection.server, "tls_server_name": ""}
    if connection.tls_server_name:
        changes["tls_server_name"] = connection.tls_server_name
    if connection.certificate_authority:
        changes |= {
            "certificate_authority": os.path.abspath(connection.certificate_authority),
            "certificate_authority_data": "",
            "insecure_skip_tls_verify": False,
        }
    if connection.insecure_skip_tls_verify:
        changes["insecure_skip_tls_verify"] = True
    if connection.disable_compression:
        changes["disable_compression"] = True
    return msgspec.structs.replace(found, **changes)


def _user(connection: Connection, config: Config, context: ContextEntry) -> UserEntry:
    name = connection.user or context.user
    found = config.users.get("", UserEntry())
    if name:
        found = _entry("user", name, config.users)
    changes: dict[str, Any] = {}
    if connection.token:
        changes |= {"token": connection.token, "token_file": ""}
        changes |= {"username": "", "password": "", "exec": None, "auth_provider": None}
    if connection.client_certificate:
        path = os.path.abspath(connection.client_certificate)
        changes |= {"client_certificate": path, "client_certificate_data": ""}
    if connection.client_key:
        path = os.path.abspath(connection.client_key)
        changes |= {"client_key": path, "client_key_data": ""}
    user = msgspec.structs.replace(found, **(changes | _impersonation(connection)))
    if not user.as_user and (user.as_uid or user.as_groups or user.as_user_extra):
        raise MeshcheckError(
            "requesting uid, groups or user-extra without impersonating a user",
            "add --as",
        )
    return user


def _impersonation(connection: Connection) -> dict[str, Any]:
    """What the ``--as`` flags override."""
    changes: dict[str, Any] = {}
    if connection.as_user:
        changes["as_user"] = connection.as_user
    if connection.as_uid:
        changes["as_uid"] = connection.as_uid
    if connection.as_groups:
        changes["as_groups"] = list(connection.as_groups)
    if connection.as_user_extra:
        extra: dict[str, list[str]] = {}
        for pair in connection.as_user_extra:
            key, _, value = pair.partition("=")
            extra.setdefault(key, []).append(value)
        changes["as_user_extra"] = extra
    return changes


def _url(cluster: ClusterEntry, connection: Connection) -> SplitResult:
    """The server's URL; without a scheme it is https where TLS is configured.

    Source: kubernetes/client-go: rest/url_utils.go, ``DefaultServerURL``.
    """
    server = cluster.server
    if not server:
        raise MeshcheckError(
            "the cluster of this context has no server", "name one with --server"
        )
    if "://" not in server:
        tls = (
            cluster.certificate_authority
            or cluster.certificate_authority_data
            or cluster.insecure_skip_tls_verify
            or connection.client_certificate
        )
        server = f"{'https' if tls else 'http'}://{server}"
    try:
        url = urlsplit(server)
        valid = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        valid = False
    if not valid:
        raise MeshcheckError(f"{server!r} is not the URL of a server")
    return url._replace(path=url.path.rstrip("/"), query="", fragment="")
