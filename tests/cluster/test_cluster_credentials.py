"""Who we are: tokens, certificates, OIDC, impersonation."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.errors import MeshcheckError
from tests.cluster.support import PODS, Item, Reach, listed, names, pod, refused
from tests.server import Certificates, Server


@pytest.mark.parametrize("inline", [True, False])
def test_a_client_certificate(
    inline: bool, certificates: Certificates, reach: Reach, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    files = {
        "client-certificate": certificates.client,
        "client-key": certificates.client_key,
    }
    user = {
        f"{key}-data" if inline else key: (
            base64.b64encode(path.read_bytes()).decode() if inline else str(path)
        )
        for key, path in files.items()
    }
    with Server.start(
        [pod("a")], certificates=certificates, require_certificate=True
    ) as server:
        assert listed(server, reach, user) == ["a"]
        assert server.requests[0].user == "jane"
    assert os.listdir(tmp_path / "temporary") == []


def test_a_key_that_does_not_belong_to_its_certificate(
    certificates: Certificates, reach: Reach
) -> None:
    user = {
        "client-certificate": str(certificates.client),
        "client-key": str(certificates.folder / "server.key"),
    }
    with (
        Server.start([pod("a")], certificates=certificates) as server,
        pytest.raises(MeshcheckError, match="the client certificate or its key"),
    ):
        listed(server, reach, user)


def test_a_certificate_without_key(certificates: Certificates, reach: Reach) -> None:
    user = {"client-certificate": str(certificates.client)}
    with (
        Server.start([pod("a")], certificates=certificates) as server,
        pytest.raises(MeshcheckError, match="is incomplete: no client-key"),
    ):
        listed(server, reach, user)


def test_a_token_file_is_read_again_when_it_changes(
    reach: Reach, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    with Server.start([pod("a")], tokens={"OLD": [], "NEW": []}) as server:
        path.write_text("OLD\n")
        cluster = reach(server, user={"tokenFile": "token"})
        names(cluster.stream(PODS, Item))
        path.write_text("NEW\n")
        names(cluster.stream(PODS, Item))

        assert [request.header("Authorization") for request in server.requests] == [
            "Bearer OLD",
            "Bearer NEW",
        ]


def test_a_password(server: Server, reach: Reach) -> None:
    listed(server, reach, {"username": "u", "password": "p:w"})

    assert server.requests[0].header("Authorization") == "Basic dTpwOnc="


def test_impersonation(server: Server, reach: Reach) -> None:
    user = {"as": "jane", "as-uid": "7", "as-groups": ["a", "b"],
            "as-user-extra": {"Team/X": ["1", "2"]}}  # fmt: skip
    listed(server, reach, user)

    request = server.requests[0]
    assert request.header("Impersonate-User") == "jane"
    assert request.header("Impersonate-Uid") == "7"
    assert request.header("Impersonate-Group") == "a, b"
    assert request.header("Impersonate-Extra-Team%2Fx") == "1, 2"


def test_a_name_beyond_latin_1_is_sent_as_go_sends_it(
    server: Server, reach: Reach
) -> None:
    listed(server, reach, {"as": "jürgen-☃"})

    sent = server.requests[0].header("Impersonate-User")
    assert sent.encode("latin-1").decode() == "jürgen-☃"


def test_a_token_with_a_line_break_is_refused_and_not_shown(reach: Reach) -> None:
    error = refused(reach, {"token": "SECRET\nX: y"})

    assert error.what == (
        "invalid header field value for Authorization: it holds a control character"
    )


def jwt(expires: float) -> str:
    """An unsigned id token."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode())
    return f"e30.{claims.decode().rstrip('=')}.x"


def oidc(**config: str) -> dict[str, Any]:
    """A user with the legacy auth provider."""
    return {"auth-provider": {"name": "oidc", "config": config}}


def test_an_oidc_token_that_is_valid_is_used(server: Server, reach: Reach) -> None:
    token = jwt(time.time() + 3600)
    listed(server, reach, oidc(**{"id-token": token}))

    assert server.requests[0].header("Authorization") == f"Bearer {token}"


def test_an_oidc_token_that_is_old_is_renewed(
    server: Server, reach: Reach, tmp_path: Path
) -> None:
    certificates = Certificates.make(tmp_path / "provider", strict=True)
    fresh = jwt(time.time() + 3600)
    with Server.start(certificates=certificates) as provider:
        endpoint = {"token_endpoint": f"{provider.url}/token"}
        provider.fail("openid-configuration", body=json.dumps(endpoint))
        provider.fail(
            "token",
            body=json.dumps(
                {"id_token": fresh, "refresh_token": "R2", "access_token": "a",
                 "token_type": "Bearer"}
            ),
        )  # fmt: skip
        user = oidc(**{
            "id-token": jwt(0), "refresh-token": "R", "client-id": "c",
            "idp-issuer-url": provider.url,
            "idp-certificate-authority": str(certificates.authority),
        })  # fmt: skip
        listed(server, reach, user)
        asked = provider.requests[-1]

    assert server.requests[0].header("Authorization") == f"Bearer {fresh}"
    assert "refresh_token=R" in asked.body


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"id-token": jwt(0)}, "cannot be renewed: no idp-issuer-url"),
        ({"id-token": jwt(0), "refresh-token": "SECRET", "client-id": "c",
          "idp-issuer-url": "https://127.0.0.1:1"}, "could not be renewed at https"),
    ],
)  # fmt: skip
def test_an_oidc_token_that_cannot_be_renewed(
    config: dict[str, str], why: str, reach: Reach
) -> None:
    error = refused(reach, oidc(**config))

    assert why in error.what
    assert "SECRET" not in error.what


def test_auth_providers_of_old_are_named(reach: Reach) -> None:
    error = refused(reach, {"auth-provider": {"name": "gcp"}})

    assert error.what == "no Auth Provider found for name 'gcp'"
    assert "gke-gcloud-auth-plugin" in error.hint
