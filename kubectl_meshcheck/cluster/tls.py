"""TLS as kubectl does it."""

from __future__ import annotations

import base64
import binascii
import os
import ssl
from pathlib import Path

from kubectl_meshcheck.cluster.kubeconfig import ClusterEntry
from kubectl_meshcheck.errors import MeshcheckError

Pair = tuple[bytes, bytes]  #: certificate chain and key, PEM


def context(cluster: ClusterEntry, pair: Pair | None) -> ssl.SSLContext:
    """Verify the server by its cluster's CA, else the system's; show ``pair``.

    Made by hand because ``create_default_context`` turns on VERIFY_X509_STRICT from
    Python 3.13 on, which refuses CAs without key usage that Go accepts
    (kubernetes-client/python#2394).  Go also trusts an intermediate CA that stands
    in the CA file without its root: PARTIAL_CHAIN.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if cluster.insecure_skip_tls_verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    else:
        _trust(made, authority(cluster))
    if pair:
        _show(made, pair)
    return made


def authority(cluster: ClusterEntry) -> bytes:
    """The cluster's CA as PEM; empty for the system's."""
    return material(
        cluster.certificate_authority_data,
        cluster.certificate_authority,
        "certificate-authority",
    )


def material(data: str, path: str, what: str) -> bytes:
    """Inline base64, else a file's content; data wins, as in client-go."""
    if data:
        try:
            return base64.b64decode(data, validate=False)
        except (binascii.Error, ValueError):
            raise MeshcheckError(f"{what}-data is not base64") from None
    if not path:
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise MeshcheckError(
            f"unable to read {what} {path}: {error.strerror}"
        ) from error


def system_authorities() -> str:
    """A file with the CAs that everybody trusts.

    A frozen build looks for them where its own machine had them; it brings certifi.
    """
    found = ssl.get_default_verify_paths().cafile
    if found:
        return found
    import certifi

    return certifi.where()


def _trust(made: ssl.SSLContext, pem: bytes) -> None:
    if not pem:
        made.load_default_certs()
        paths = ssl.get_default_verify_paths()
        if not paths.cafile and not paths.capath:
            made.load_verify_locations(system_authorities())
        return
    try:
        made.load_verify_locations(cadata=pem.decode("ascii", "replace"))
    except ssl.SSLError as error:
        raise MeshcheckError(
            "unable to load root certificates: unable to parse bytes as PEM block"
        ) from error


def _show(made: ssl.SSLContext, pair: Pair) -> None:
    """OpenSSL reads keys from files only: one for us alone, gone when loaded."""
    import tempfile  # for those who show a certificate

    with tempfile.TemporaryDirectory(prefix="meshcheck-") as folder:
        path = os.path.join(folder, "pair.pem")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pair[0].rstrip() + b"\n" + pair[1])
        try:
            # an empty password, so that an encrypted key does not ask on the terminal
            made.load_cert_chain(path, password="")
        except ssl.SSLError as error:
            raise MeshcheckError(
                "tls: the client certificate or its key cannot be used",
                "they must be PEM, belong together, and the key not be encrypted",
            ) from error
