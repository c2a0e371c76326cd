"""Certificates for tests, made by the ``openssl`` command."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_DAYS = "2"
_ALTERNATIVES = "subjectAltName=DNS:localhost,DNS:api.test,IP:127.0.0.1"
_ISSUER = "authorityKeyIdentifier=keyid"


_STRICT = """
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash
"""


@dataclass(frozen=True)
class Certificates:
    """A CA of our own, and what it has signed; all PEM files in ``folder``."""

    folder: Path

    @property
    def authority(self) -> Path:
        """The CA's certificate."""
        return self.folder / "ca.crt"

    @property
    def client(self) -> Path:
        """The client's certificate."""
        return self.folder / "client.crt"

    @property
    def client_key(self) -> Path:
        """The client's key."""
        return self.folder / "client.key"

    @classmethod
    def make(
        cls,
        folder: Path,
        *,
        days: str = _DAYS,
        names: str = _ALTERNATIVES,
        strict: bool = False,
    ) -> Certificates:
        """A CA, and a server and a client that it has signed.

        ``days`` may be negative: the server's certificate has then expired.  Unless
        ``strict`` the CA has no key usage, as in old clusters: Python 3.13 refuses it
        by default, kubectl does not.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self = cls(folder)
        plain = folder / "plain.cnf"
        extensions = _STRICT if strict else "basicConstraints=CA:TRUE\n"
        plain.write_text(f"[req]\ndistinguished_name=dn\n[dn]\n[ca]\n{extensions}")
        _openssl(folder, "req", "-x509", "-config", "plain.cnf", "-extensions", "ca",
                 "-days", _DAYS, "-subj", "/CN=test-ca", "-keyout", "ca.key",
                 "-out", "ca.crt", *_KEY)  # fmt: skip
        self._sign("server", "localhost", days, names, strict)
        self._sign("client", "jane", _DAYS, "subjectAltName=DNS:jane", strict)
        return self

    def _sign(
        self, name: str, common: str, days: str, names: str, strict: bool
    ) -> None:
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"{names}\n{_ISSUER}\n" if strict else f"{names}\n")
        _openssl(self.folder, "req", "-new", "-config", "plain.cnf", "-subj",
                 f"/CN={common}", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                 *_KEY)  # fmt: skip
        _openssl(self.folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt",
                 "-CAkey", "ca.key", "-CAcreateserial", "-days", days,
                 "-extfile", extensions.name, "-out", f"{name}.crt")  # fmt: skip


_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def _openssl(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["openssl", *arguments], cwd=folder, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")
