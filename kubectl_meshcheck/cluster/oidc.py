"""The legacy ``auth-provider: oidc``: an id token, renewed when it is old.

The official client does the renewal.  It would not verify the identity provider
where no CA is configured for it, and fail without a client secret: both are
filled in here.  The kubeconfig is not written back, as with the official
``load_kube_config_from_dict``.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from kubectl_meshcheck.cluster.tls import system_authorities
from kubectl_meshcheck.errors import MeshcheckError

_LEEWAY = (
    300.0  #: seconds before its end that the official client holds a token for old
)


def token(provider: dict[str, Any]) -> str:
    """A valid id token; ``provider`` is ``users[].user.auth-provider``."""
    name = provider.get("name")
    if name != "oidc":
        raise MeshcheckError(
            f"no Auth Provider found for name {name!r}",
            "it was removed from Kubernetes: use an exec plugin, such as kubelogin "
            "or gke-gcloud-auth-plugin",
        )
    config = provider.get("config") or {}
    current = str(config.get("id-token") or "")
    if not _old(current):
        return current
    missing = [
        key
        for key in ("idp-issuer-url", "client-id", "refresh-token")
        if not config.get(key)
    ]
    if missing:
        raise MeshcheckError(
            f"the OIDC token is expired and cannot be renewed: no {missing[0]}",
            "log in again with the tool that wrote the kubeconfig",
        )
    return _renewed({key: str(value) for key, value in config.items()})


def _old(id_token: str) -> bool:
    """Whether the token's own ``exp`` is past, or there is no token."""
    try:
        payload = id_token.split(".")[1]
        claims = json.loads(
            base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        )
        return float(claims["exp"]) - _LEEWAY <= time.time()
    except (IndexError, KeyError, TypeError, ValueError):
        return not id_token


def _renewed(config: dict[str, str]) -> str:
    from kubernetes import client
    from kubernetes import config as loader

    config.setdefault("client-secret", "")
    config.setdefault("id-token", "")
    if not any(key.startswith("idp-certificate-authority") for key in config):
        config["idp-certificate-authority"] = system_authorities()
    into: Any = client.Configuration()
    try:
        load: Any = loader.load_kube_config_from_dict  # typed in no version
        load(_kubeconfig(config), client_configuration=into, persist_config=False)
    except Exception as error:  # it lets through whatever its five libraries raise
        raise MeshcheckError(
            "the OIDC token is expired and could not be renewed at "
            f"{config['idp-issuer-url']}: {type(error).__name__}",
            "log in again with the tool that wrote the kubeconfig",
        ) from error
    # the key is "authorization" or "BearerToken", depending on the version
    fresh = str(next(iter(into.api_key.values()), "")).removeprefix("Bearer ")
    if _old(fresh):
        raise MeshcheckError(
            "the OIDC token is expired and the identity provider gave no new one",
            "log in again with the tool that wrote the kubeconfig",
        )
    return fresh


def _kubeconfig(config: dict[str, str]) -> dict[str, Any]:
    """The smallest kubeconfig that the official loader takes."""
    provider = {"name": "oidc", "config": config}
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://localhost"}}],
        "users": [{"name": "u", "user": {"auth-provider": provider}}],
    }
