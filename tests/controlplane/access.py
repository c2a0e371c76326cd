"""Who may come in: certificates, tokens and a kubeconfig for each."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path

import yaml

from . import binaries

# file of the certificate: common name/organisation
CERTIFICATES = {
    "admin": "admin/system:masters",
    "controller-manager": "system:kube-controller-manager",
    "scheduler": "system:kube-scheduler",
    "kwok": "kwok/system:masters",
    "istiod": "istiod/system:masters",
    "kubelet-client": "kube-apiserver/system:masters",
}
# they come with a bearer token and no right at all: a test binds what it needs
USERS = ("alice", "bob", "carol")


def prepare(folder: Path, server: str) -> None:
    """Write what is missing of certificates, tokens and kubeconfigs."""
    pki = folder / "pki"
    if not (pki / "service-accounts.pub").exists():
        pki.mkdir(parents=True, exist_ok=True)
        certs = binaries.built("certs") / "certs"
        subprocess.run(
            [certs, pki, *(f"{file}={who}" for file, who in CERTIFICATES.items())],
            check=True,
        )
    tokens = pki / "tokens.csv"
    if not tokens.exists():
        lines = [
            f"{secrets.token_hex(20)},{user},{user},team-{user}\n" for user in USERS
        ]
        tokens.write_text("".join(lines))
        tokens.chmod(0o600)
    for file in CERTIFICATES:
        user = {
            "client-certificate": str(pki / f"{file}.crt"),
            "client-key": str(pki / f"{file}.key"),
        }
        _write(folder / f"{file}.kubeconfig", server, pki, file, user)
    for name in USERS:
        _write(
            folder / f"{name}.kubeconfig",
            server,
            pki,
            name,
            {"token": token(folder, name)},
        )


def token(folder: Path, user: str) -> str:
    """The bearer token of one of USERS."""
    for line in (folder / "pki/tokens.csv").read_text().splitlines():
        value, name, *_ = line.split(",")
        if name == user:
            return value
    raise KeyError(user)


def _write(path: Path, server: str, pki: Path, name: str, user: dict[str, str]) -> None:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "meshcheck",
                "cluster": {
                    "server": server,
                    "certificate-authority": str(pki / "ca.crt"),
                },
            }
        ],
        "users": [{"name": name, "user": user}],
        "contexts": [
            {"name": "meshcheck", "context": {"cluster": "meshcheck", "user": name}}
        ],
        "current-context": "meshcheck",
    }
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    path.chmod(0o600)
