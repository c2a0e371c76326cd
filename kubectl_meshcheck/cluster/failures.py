"""What goes wrong between us and the server, in kubectl's words where it has them.

Sources: kubernetes/kubectl: pkg/cmd/util/helpers.go, ``StandardErrorMessage``;
kubernetes/apimachinery: pkg/api/errors/errors.go; Go: crypto/x509/verify.go.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from email.message import Message

import msgspec

from kubectl_meshcheck.cluster.decoders import decoder
from kubectl_meshcheck.cluster.json_window import TruncatedError
from kubectl_meshcheck.cluster.line import Route
from kubectl_meshcheck.cluster.proxy import ProxyRefusedError
from kubectl_meshcheck.cluster.text import printable
from kubectl_meshcheck.errors import MeshcheckError, Problem

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
# groups: API group, namespace, resource, name, subresource
_PATH = re.compile(
    r"^/(?:api|apis/([^/]+))/[^/]+"
    r"(?:/namespaces/([^/]+)(?=/[^/]+))?"
    r"/([^/]+)(?:/([^/]+))?(?:/([^/]+))?"
)


#: what an established connection, or an answer, ends with before its time
BROKEN = (
    ConnectionError,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    http.client.IncompleteRead,
    http.client.RemoteDisconnected,
    TruncatedError,
)


class _Cause(msgspec.Struct):
    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename={"retry_after": "retryAfterSeconds"}):
    causes: list[_Cause] | None = None
    retry_after: int = 0


class _Meta(msgspec.Struct, rename={"continue_": "continue"}):
    continue_: str = ""


class Status(msgspec.Struct):
    """What the API server says instead of an answer (meta/v1 Status)."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    details: _Details | None = None
    metadata: _Meta | None = None


class ApiError(MeshcheckError):
    """The server answered, and refused."""

    def __init__(self, method: str, path: str, status: int, answer: Status) -> None:
        self.status = status
        self.reason = printable(answer.reason)
        self.message = printable(answer.message)
        causes = (answer.details and answer.details.causes) or []
        #: field and message of each cause
        self.details = tuple(
            printable(f"{c.field}: {c.message}" if c.field else c.message)
            for c in causes
        )
        self.continue_token = answer.metadata.continue_ if answer.metadata else ""
        self.verb, self.resource, self.namespace, self.name = action(method, path)
        super().__init__(self._sentence(), self._hint())

    def problem(self) -> Problem:
        """The same for a scan that goes on without this part."""
        return Problem(
            what=self.what,
            hint=self.hint,
            verb=self.verb,
            resource=self.resource,
            namespace=self.namespace,
        )

    def _sentence(self) -> str:
        if self.status == 401:
            return "You must be logged in to the server" + (
                f" ({self.message or self.reason or 'Unauthorized'})"
            )
        reason = f" ({self.reason})" if self.reason else ""
        said = self.message or f"HTTP status {self.status}"
        return f"Error from server{reason}: {said}"

    def _hint(self) -> str:
        if self.status == 401:
            return "log in again; `kubectl auth whoami` shows whether it worked"
        if self.status == 403 and self.resource:
            where = f"-n {self.namespace}" if self.namespace else "-A"
            return f"kubectl auth can-i {self.verb} {self.resource} {where}"
        if self.status == 429 or self.status >= 500:
            return "the server is overloaded or not ready; try again in a while"
        return ""


def action(method: str, path: str) -> tuple[str, str, str, str]:
    """Verb, resource, namespace and name that a request asks for, as RBAC names them.

    Source: kubernetes/apiserver: pkg/endpoints/request/requestinfo.go.
    """
    found = _PATH.match(path)
    if found is None:
        return _VERBS.get(method, "get"), "", "", ""
    group, namespace, resource, name, subresource = (
        part or "" for part in found.groups()
    )
    verb = _VERBS.get(method) or ("get" if name else "list")
    resource += f".{group}" if group else ""
    resource += f"/{subresource}" if subresource else ""
    return verb, resource, namespace, name


def parse_status(code: int, body: bytes, headers: Message) -> Status:
    """The Status in a refusal; made up where something else came (a proxy's page)."""
    try:
        status: Status = decoder(Status)(body)
        if status.kind == "Status":
            return status
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    phrase = http.client.responses.get(code, f"HTTP status {code}")
    text = body.decode(errors="replace").strip()
    if "Location" in headers and 300 <= code < 400:
        text = f"it redirects to {headers['Location']}; is this the API server?"
    elif "html" in headers.get("Content-Type", "") or text.startswith("<"):
        text = "an HTML page came instead of an answer; is this the API server?"
    return Status(reason=phrase.replace(" ", ""), message=text[:300] or phrase)


def no_connection(error: Exception, route: Route, waited: float = 0) -> MeshcheckError:
    """A sentence for what a socket, TLS or HTTP raised."""
    host = route.host
    if isinstance(error, (ProxyRefusedError, ConnectionRefusedError)):
        return _refused(error, route)
    if isinstance(error, BROKEN):
        return MeshcheckError(
            f"The connection to the server {host} broke off", "try again"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, host)
    if isinstance(error, ssl.SSLError):
        return _no_tls(error)
    if isinstance(error, TimeoutError):
        return _unable(
            f"no answer from {host}"
            + (f" within {waited:g} seconds" if waited else ""),
            "is it reachable from here (VPN, firewall)?",
        )
    return _unable(*_network(error, route))


def _refused(error: Exception, route: Route) -> MeshcheckError:
    if route.proxy is None:
        return MeshcheckError(
            f"The connection to the server {route.host} was refused - "
            "did you specify the right host or port?",
            "look at the server of the context: kubectl config view --minify",
        )
    why = str(error) if isinstance(error, ProxyRefusedError) else "connection refused"
    return _unable(
        f"proxyconnect tcp: {route.proxy.hostname}: {printable(why)}",
        "look at proxy-url in the kubeconfig and at HTTPS_PROXY",
    )


def _network(error: Exception, route: Route) -> tuple[str, str]:
    host = (route.proxy or route.url).hostname
    if isinstance(error, socket.gaierror):
        return (
            f"dial tcp: lookup {host}: no such host",
            "is the name right, and DNS reachable?",
        )
    if isinstance(error, http.client.HTTPException):
        return "the answer is not HTTP", "is the port right?"
    said = error.strerror if isinstance(error, OSError) else None
    return f"dial tcp {host}: {printable(said or type(error).__name__)}", ""


def _unable(what: str, hint: str = "") -> MeshcheckError:
    return MeshcheckError(f"Unable to connect to the server: {what}", hint)


# verify_code of OpenSSL (include/openssl/x509_vfy.h.in) -> Go's words
_EXPIRED = (9, 10)
_WRONG_NAME = (62, 64)


def _unverified(error: ssl.SSLCertVerificationError, host: str) -> MeshcheckError:
    code = error.verify_code
    if code in _EXPIRED:
        why = "certificate has expired or is not yet valid"
        hint = "renew the server's certificate, or set this machine's clock"
    elif code in _WRONG_NAME:
        why = f"certificate is valid for other names than {host}"
        hint = "use a name of the certificate, or --tls-server-name"
    elif code in (18, 19, 20, 21):
        why = "certificate signed by unknown authority"
        hint = "the kubeconfig's certificate-authority is not the server's"
    else:
        why, hint = printable(error.verify_message), ""
    return _unable(f"tls: failed to verify certificate: x509: {why}", hint)


def _no_tls(error: ssl.SSLError) -> MeshcheckError:
    reason = error.reason or ""
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"):
        return _unable(
            "http: server gave HTTP response to HTTPS client",
            "the server's URL may have to begin with http://",
        )
    if "ALERT" in reason:
        alert = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return _unable(
            f"remote error: tls: {alert or reason.lower()}",
            "the server does not take the client certificate",
        )
    return _unable(f"tls: {printable(reason.replace('_', ' ').lower() or 'failed')}")
