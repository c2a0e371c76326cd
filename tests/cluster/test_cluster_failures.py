"""What the user reads when the server cannot be reached, or refuses."""

from __future__ import annotations

import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.cluster import ApiError, Connection, connect
from kubectl_meshcheck.cluster.failures import action
from kubectl_meshcheck.errors import MeshcheckError, Problem
from tests.cluster.support import PODS, Item, Reach, names, pod
from tests.server import Certificates, Server


def failure(reach: Reach, server: Server, **how: Any) -> MeshcheckError:
    """What a list ends with."""
    with pytest.raises(MeshcheckError) as caught:
        names(reach(server, **how).stream(PODS, Item))
    return caught.value


def nobody(url: str) -> MeshcheckError:
    """What a list from this URL ends with."""
    with closing(connect(Connection(server=url, request_timeout="5s"))) as cluster:
        with pytest.raises(MeshcheckError) as caught:
            names(cluster.stream(PODS, Item))
        return caught.value


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


def test_nobody_listens() -> None:
    port = unused_port()

    assert nobody(f"https://127.0.0.1:{port}").what == (
        f"The connection to the server 127.0.0.1:{port} was refused - "
        "did you specify the right host or port?"
    )


def test_a_name_that_does_not_exist() -> None:
    assert nobody("https://no-such-host.invalid:6443").what == (
        "Unable to connect to the server: "
        "dial tcp: lookup no-such-host.invalid: no such host"
    )


def test_a_server_without_tls_on_an_https_url(server: Server) -> None:
    assert nobody(server.url.replace("http:", "https:")).what == (
        "Unable to connect to the server: "
        "http: server gave HTTP response to HTTPS client"
    )


def test_a_server_that_says_nothing_at_all() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            closing(
                connect(Connection(server=url, request_timeout="300ms"))
            ) as cluster,
            pytest.raises(MeshcheckError, match=r"within 0\.3 seconds"),
        ):
            cluster.get("/version", Item)


@pytest.mark.parametrize("fault", [{"silence": 5}, {"stall": 5}], ids=str)
def test_a_request_that_takes_longer_than_its_limit(
    fault: dict[str, Any], server: Server, reach: Reach
) -> None:
    server.fail(**fault)

    error = failure(reach, server, request_timeout="400ms")
    assert error.what == (
        "Unable to connect to the server: "
        f"no answer from {server.url[7:]} within 0.4 seconds"
    )
    assert len(server.requests) == 1


def test_an_unknown_authority(certificates: Certificates, reach: Reach) -> None:
    with Server.start([pod("a")], certificates=certificates) as server:
        error = failure(reach, server, entry={"certificate-authority": ""})

    assert error.what == (
        "Unable to connect to the server: tls: failed to verify certificate: "
        "x509: certificate signed by unknown authority"
    )


def test_the_wrong_name_and_its_cure(tmp_path: Path, reach: Reach) -> None:
    made = Certificates.make(tmp_path / "made", names="subjectAltName=DNS:api.test")
    with Server.start([pod("a")], certificates=made) as server:
        error = failure(reach, server)
        cured = names(reach(server, tls_server_name="api.test").stream(PODS, Item))

    assert "x509: certificate is valid for other names than 127.0.0.1" in error.what
    assert "--tls-server-name" in error.hint
    assert cured == ["a"]


def test_an_expired_certificate_and_blind_trust(tmp_path: Path, reach: Reach) -> None:
    made = Certificates.make(tmp_path / "made", days="-1")
    with Server.start([pod("a")], certificates=made) as server:
        error = failure(reach, server)
        blind = names(reach(server, insecure_skip_tls_verify=True).stream(PODS, Item))

    assert "x509: certificate has expired or is not yet valid" in error.what
    assert blind == ["a"]


def test_a_client_certificate_that_is_missing(
    certificates: Certificates, reach: Reach
) -> None:
    with Server.start(
        [pod("a")], certificates=certificates, require_certificate=True
    ) as server:
        error = failure(reach, server)

    assert error.what.startswith("Unable to connect to the server: remote error: tls: ")
    assert "client certificate" in error.hint


def test_a_denied_list_names_verb_and_resource(reach: Reach) -> None:
    denied = {"t": [("list", "pods", "shop"), ("list", "deployments.apps", "*")]}
    with Server.start([pod("a")], tokens=denied) as server:
        cluster = reach(server, user={"token": "t"})
        with pytest.raises(ApiError) as caught:
            names(cluster.stream(PODS, Item))
        with pytest.raises(ApiError) as everywhere:
            names(cluster.stream("/apis/apps/v1/deployments", Item))

    what = (
        'Error from server (Forbidden): pods is forbidden: User "t" cannot list '
        'resource "pods" in API group "" in the namespace "shop"'
    )
    hint = "kubectl auth can-i list pods -n shop"
    assert caught.value.problem() == Problem(
        what=what, hint=hint, verb="list", resource="pods", namespace="shop"
    )
    assert caught.value.status == 403
    assert everywhere.value.hint == "kubectl auth can-i list deployments.apps -A"


def test_a_name_that_is_no_name_is_asked_for_all_the_same(
    server: Server, reach: Reach
) -> None:
    with pytest.raises(ApiError, match="NotFound"):
        reach(server).get(f"{PODS}/no pe?#é\r", Item)

    assert server.requests[0].path == f"{PODS}/no%20pe%3F%23%C3%A9%0D"


def test_an_object_that_does_not_exist(server: Server, reach: Reach) -> None:
    with pytest.raises(ApiError) as caught:
        reach(server).get(f"{PODS}/nope", Item)

    assert caught.value.what == 'Error from server (NotFound): pods "nope" not found'
    assert (caught.value.verb, caught.value.name) == ("get", "nope")


def test_an_unknown_token(reach: Reach) -> None:
    with Server.start([pod("a")], tokens={"t": []}) as server:
        error = failure(reach, server, user={"token": "SECRET"})
        asked = len(server.requests)

    assert error.what == "You must be logged in to the server (Unauthorized)"
    assert asked == 1


def test_a_refusal_cannot_move_the_cursor(server: Server, reach: Reach) -> None:
    server.fail(status=403, reason="Forbidden", message="no\x1b[2J\r\x9b31m\u202e")

    error = failure(reach, server)
    assert error.what == (r"Error from server (Forbidden): no\x1b[2J\r\x9b31m\u202e")


def test_a_proxys_page_is_not_quoted(server: Server, reach: Reach) -> None:
    server.fail(status=407, body="<html><h1>x", content_type="text/html", times=9)

    assert failure(reach, server).what == (
        "Error from server (ProxyAuthenticationRequired): "
        "an HTML page came instead of an answer; is this the API server?"
    )


def test_a_redirect_is_not_followed(server: Server, reach: Reach) -> None:
    server.fail(status=302, body="", headers={"Location": "https://login.test/"})

    assert "it redirects to https://login.test/" in failure(reach, server).what


def test_the_causes_of_an_invalid_object(server: Server, reach: Reach) -> None:
    body = (
        '{"kind":"Status","message":"bad","reason":"Invalid","code":422,'
        '"details":{"causes":[{"reason":"FieldValueInvalid","message":"no","field":"a.b"}]}}'
    )
    server.fail(status=422, body=body)

    with pytest.raises(ApiError) as caught:
        reach(server).request("PATCH", f"{PODS}/x", body=b"{}")
    assert caught.value.details == ("a.b: no",)
    assert caught.value.verb == "patch"


def test_warnings_are_kept_once_and_in_order(server: Server, reach: Reach) -> None:
    cluster = reach(server)
    warned = '299 - "first \\"one\\"", 299 - "second\x07"'
    server.fail("version", body="{}", headers={"Warning": warned}, times=2)

    cluster.request("GET", "/version")
    cluster.request("GET", "/version")
    assert cluster.warnings == ['first "one"', "second\\x07"]


@pytest.mark.parametrize(
    ("method", "path", "meant"),
    [
        ("GET", "/api/v1/pods", ("list", "pods", "", "")),
        ("GET", "/api/v1/namespaces", ("list", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/shop", ("get", "namespaces", "", "shop")),
        ("GET", "/api/v1/namespaces/shop/pods/a", ("get", "pods", "shop", "a")),
        ("GET", "/api/v1/namespaces/s/pods/a/log", ("get", "pods/log", "s", "a")),
        ("POST", "/api/v1/namespaces/s/pods", ("create", "pods", "s", "")),
        ("PATCH", "/apis/apps/v1/namespaces/s/deployments/d",
         ("patch", "deployments.apps", "s", "d")),
        ("GET", "/version", ("get", "", "", "")),
    ],
)  # fmt: skip
def test_what_a_request_asks_for(
    method: str, path: str, meant: tuple[str, str, str, str]
) -> None:
    assert action(method, path) == meant


@pytest.mark.parametrize("verbosity", [5, 6, 8])
def test_requests_are_logged_without_secrets(
    verbosity: int, reach: Reach, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server.start([pod("a")], tokens={"SECRET": []}) as server:
        cluster = reach(server, user={"token": "SECRET"}, verbosity=verbosity)
        names(cluster.stream(PODS, Item))

    said = capsys.readouterr().err
    assert (f"GET {server.url}{PODS}?limit=500 200 OK in " in said) is (verbosity >= 6)
    assert ("Authorization: <masked>" in said) is (verbosity >= 8)
    assert "SECRET" not in said
