"""Who we are: what a request carries, and what it carries once that has expired."""

from __future__ import annotations

import base64
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from kubectl_meshcheck.cluster import tls
from kubectl_meshcheck.cluster.kubeconfig import ClusterEntry, UserEntry
from kubectl_meshcheck.errors import MeshcheckError

if TYPE_CHECKING:
    from kubectl_meshcheck.cluster import exec_plugin

Headers = list[tuple[str, str]]


class Credentials:
    """One user's; may be shared by threads.  A plugin runs once, at the first use."""

    def __init__(self, user: UserEntry, cluster: ClusterEntry) -> None:
        self._user = user
        self._cluster = cluster
        self._lock = threading.Lock()
        self._issued: exec_plugin.Issued | None = None
        self._oidc = ""

    @property
    def plain(self) -> bool:
        """Whether nobody has to be asked for them: no plugin, no provider, no user."""
        return self._user.exec is None and not self._user.auth_provider

    def headers(self) -> Headers:
        """Authorization and impersonation."""
        authorization = self._authorization()
        found = [("Authorization", authorization)] if authorization else []
        found += self._impersonation()
        for name, value in found:
            if not value.isprintable():
                # http.client would refuse it as well, and quote the secret
                raise MeshcheckError(
                    f"invalid header field value for {name}: "
                    "it holds a control character"
                )
        return found

    def pair(self) -> tls.Pair | None:
        """The client certificate to show."""
        issued = self._plugin()
        if issued and issued.pair:
            return issued.pair
        user = self._user
        certificate = tls.material(
            user.client_certificate_data, user.client_certificate, "client-certificate"
        )
        key = tls.material(user.client_key_data, user.client_key, "client-key")
        if bool(certificate) != bool(key):
            missing = "client-key" if certificate else "client-certificate"
            raise MeshcheckError(f"the client certificate is incomplete: no {missing}")
        return (certificate, key) if certificate else None

    def renew(self, refused: Headers) -> bool:
        """After a 401 to these headers: whether another try makes sense."""
        with self._lock:
            if self._issued:
                # another thread may have renewed it since that request was sent
                if ("Authorization", f"Bearer {self._issued.token}") in refused or (
                    not self._issued.token
                ):
                    self._issued = None
                return True
        return bool(self._user.token_file) and self.headers() != refused

    def _authorization(self) -> str:
        user = self._user
        token = self._token()
        if token:
            return f"Bearer {token}"
        if user.username or user.password:
            both = f"{user.username}:{user.password}".encode()
            return f"Basic {base64.b64encode(both).decode()}"
        return ""

    def _token(self) -> str:
        user = self._user
        if user.token_file:
            return _read(user.token_file) or user.token
        if user.token:
            return user.token
        issued = self._plugin()
        if issued:
            return issued.token
        if user.auth_provider:
            with self._lock:
                from kubectl_meshcheck.cluster import oidc  # for the few who have it

                self._oidc = self._oidc or oidc.token(user.auth_provider)
            return self._oidc
        return ""

    def _plugin(self) -> exec_plugin.Issued | None:
        user = self._user
        if user.exec is None or user.token or user.token_file:
            return None
        from kubectl_meshcheck.cluster import exec_plugin  # as above

        with self._lock:
            if self._issued is None or self._issued.expired():
                self._issued = exec_plugin.issue(user.exec, self._cluster)
            return self._issued

    def _impersonation(self) -> Headers:
        """client-go: transport/round_trippers.go, ``impersonatingRoundTripper``."""
        user = self._user
        if not user.as_user:
            return []
        found = [("Impersonate-User", user.as_user)]
        if user.as_uid:
            found.append(("Impersonate-Uid", user.as_uid))
        found += [("Impersonate-Group", group) for group in user.as_groups]
        for key, values in user.as_user_extra.items():
            name = f"Impersonate-Extra-{quote(key.lower(), safe='')}"
            found += [(name, value) for value in values]
        return found


def _read(path: str) -> str:
    """A service account's token is replaced in place, so it is read each time."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise MeshcheckError(f"unable to read tokenFile {path}") from error
