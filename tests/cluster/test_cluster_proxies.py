"""Through proxies, and past them."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import pytest

from kubectl_meshcheck.cluster.proxy import choose
from kubectl_meshcheck.errors import MeshcheckError
from tests.cluster import proxies
from tests.cluster.support import PODS, Item, Reach, names, pod, pods
from tests.server import Certificates, Server


def test_tls_through_an_http_proxy(certificates: Certificates, reach: Reach) -> None:
    with (
        Server.start([pod("a")], certificates=certificates) as server,
        proxies.proxy(proxies.http) as (address, asked),
    ):
        cluster = reach(server, entry={"proxy-url": f"http://joe:p%40ss@{address}"})
        assert names(cluster.stream(PODS, Item)) == ["a"]
        cluster.close()

    assert asked[0].startswith(f"CONNECT {server.url[8:]} HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic am9lOnBAc3M=\r\n" in asked[0]


def test_plain_http_through_an_http_proxy(server: Server, reach: Reach) -> None:
    with proxies.proxy(proxies.http) as (address, asked):
        cluster = reach(server, entry={"proxy-url": address})
        found = cluster.get(f"{PODS}/pod-00001", Item)
        cluster.close()

    assert found.metadata.name == "pod-00001"
    assert asked[0].startswith(f"GET {server.url}{PODS}/pod-00001 HTTP/1.1\r\n")


def test_tls_through_a_socks_proxy(certificates: Certificates, reach: Reach) -> None:
    with (
        Server.start([pod("a")], certificates=certificates) as server,
        proxies.proxy(proxies.socks) as (address, asked),
    ):
        cluster = reach(server, entry={"proxy-url": f"socks5://u:pw@{address}"})
        assert names(cluster.stream(PODS, Item)) == ["a"]
        cluster.close()

    assert asked == ["0101750270" + "77", server.url[8:]]


def test_tls_through_a_proxy_under_tls(
    certificates: Certificates, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(
        certificates.folder / "server.crt", certificates.folder / "server.key"
    )
    with (
        Server.start(pods(300), certificates=certificates) as server,
        proxies.proxy(proxies.http, own) as (address, asked),
    ):
        cluster = reach(server, entry={"proxy-url": f"https://{address}"})
        assert len(names(cluster.stream(PODS, Item))) == 300
        cluster.close()

    assert asked[0].startswith(f"CONNECT {server.url[8:]} ")


def test_a_proxy_that_refuses(certificates: Certificates, reach: Reach) -> None:
    with (
        Server.start([pod("a")], certificates=certificates) as server,
        proxies.proxy(proxies.refusing) as (address, _),
    ):
        cluster = reach(server, entry={"proxy-url": f"http://u:SECRET@{address}"})
        with pytest.raises(MeshcheckError) as caught:
            names(cluster.stream(PODS, Item))

    assert caught.value.what == (
        "Unable to connect to the server: proxyconnect tcp: 127.0.0.1: "
        "407 Proxy Authentication Required"
    )


def test_a_proxy_that_is_not_there(server: Server, reach: Reach) -> None:
    cluster = reach(server, entry={"proxy-url": "http://127.0.0.1:1"})

    with pytest.raises(MeshcheckError, match="proxyconnect tcp: 127") as caught:
        names(cluster.stream(PODS, Item))
    assert "HTTPS_PROXY" in caught.value.hint


def test_a_proxy_url_that_is_none_is_not_quoted(server: Server, reach: Reach) -> None:
    with pytest.raises(MeshcheckError) as caught:
        reach(server, entry={"proxy-url": "ftp://u:SECRET@x"})
    assert caught.value.what == "proxy-url is not the URL of a proxy"


@pytest.mark.parametrize(
    ("url", "no_proxy", "proxied"),
    [
        ("https://api.example.com", "", True),
        ("https://api.example.com", "*", False),
        ("https://api.example.com", "example.com", False),
        ("https://example.com", "example.com", False),
        ("https://example.com", ".example.com", True),
        ("https://api.example.com", ".example.com", False),
        ("https://api.example.com", "*.example.com", False),
        ("https://badexample.com", "example.com", True),
        ("https://API.example.com", " Api.Example.com ,x", False),
        ("https://api.example.com:6443", "example.com:6443", False),
        ("https://api.example.com:6443", "example.com:443", True),
        ("https://api.example.com", "example.com:443", False),
        ("https://10.1.2.3", "10.0.0.0/8", False),
        ("https://11.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "10.1.2.3:6443", False),
        ("https://10.1.2.3:6443", "10.1.2.3:443", True),
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://[fd00::1]", "fd00::1", False),
        ("https://[fd00::1]:6443", "[fd00::1]:6443", False),
        ("https://example.com", "nonsense/33", True),
        ("https://localhost:6443", "", False),
        ("https://127.0.0.2", "", False),
    ],
)
def test_no_proxy_is_read_as_go_reads_it(
    url: str, no_proxy: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy:3128")
    monkeypatch.setenv("no_proxy", no_proxy)

    found = choose(urlsplit(url), "")
    assert (found is not None) is proxied


def test_each_scheme_has_its_own_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://secure:1")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:2")

    assert choose(urlsplit("https://x"), "") == urlsplit("http://secure:1")
    assert choose(urlsplit("http://x"), "") == urlsplit("http://plain:2")
    assert choose(urlsplit("http://x"), "third") == urlsplit("http://third")
