"""Credentials from exec plugins: what they get, what they issue, how they fail."""

from __future__ import annotations

import stat
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.cluster import exec_plugin
from kubectl_meshcheck.errors import MeshcheckError
from tests.cluster.support import PODS, Item, Reach, listed, names, pod, refused
from tests.server import Certificates, Server

V1 = "client.authentication.k8s.io/v1"
Plugin = Callable[..., dict[str, Any]]


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """Writes an exec plugin; the result is the user's entry in the kubeconfig."""

    def write(body: str, **fields: Any) -> dict[str, Any]:
        path = tmp_path / "plugin"
        path.write_text(
            f"#!{sys.executable}\nimport json, os, sys, time\n"
            "def issue(**status):\n"
            "    info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
            "    print(json.dumps({'kind': 'ExecCredential',\n"
            "        'apiVersion': info['apiVersion'], 'status': status}))\n"
            f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n{body}\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        entry = {"command": str(path), "apiVersion": V1, "interactiveMode": "Never"}
        return {"exec": entry | fields}

    return write


def test_a_plugin_runs_once_for_all_requests(
    plugin: Plugin, reach: Reach, tmp_path: Path
) -> None:
    with Server.start([pod("a")], tokens={"T": []}) as server:
        cluster = reach(server, user=plugin("issue(token='T')"))
        threads = [
            threading.Thread(target=lambda: names(cluster.stream(PODS, Item)))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(server.requests) == 4
    assert (tmp_path / "runs").read_text() == "x"


def test_a_plugin_gets_arguments_environment_and_cluster(
    plugin: Plugin, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/frozen")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/own")
    told = (
        "spec = json.loads(os.environ['KUBERNETES_EXEC_INFO'])['spec']\n"
        "sys.exit(repr([sys.argv[1:], os.environ['A'], os.environ['LD_LIBRARY_PATH'],"
        " spec['interactive'], sorted(spec['cluster']), spec['cluster']['config']]))"
    )
    user = plugin(
        told,
        args=["get", "token"],
        env=[{"name": "A", "value": "b"}],
        provideClusterInfo=True,
    )
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"x": 1}}
    with Server.start([pod("a")]) as server:
        cluster = reach(server, user=user, entry={"extensions": [extension]})
        with pytest.raises(MeshcheckError) as caught:
            names(cluster.stream(PODS, Item))
    assert caught.value.what.endswith(
        "['get', 'token'], 'b', '/own', False, ['config', 'server'], {'x': 1}]"
    )


def test_the_stderr_of_a_plugin_reaches_the_user(
    plugin: Plugin, reach: Reach, capsys: pytest.CaptureFixture[str]
) -> None:
    user = plugin("sys.stderr.write('open https://login.test\\n'); issue(token='T')")
    with Server.start([pod("a")], tokens={"T": []}) as server:
        assert listed(server, reach, user) == ["a"]
    assert capsys.readouterr().err == "open https://login.test\n"


def test_a_plugin_that_fails_is_an_error_in_its_own_words(
    plugin: Plugin, reach: Reach, tmp_path: Path
) -> None:
    error = refused(reach, plugin("sys.exit('session \\x1b[31mexpired')"))

    assert error.what == (
        f"getting credentials: exec: executable {tmp_path / 'plugin'} failed "
        r"with exit code 1: session \x1b[31mexpired"
    )


def test_a_plugin_that_is_not_installed_says_how_to_get_it(reach: Reach) -> None:
    entry = {"command": "no-such-plugin", "apiVersion": V1, "interactiveMode": "Never",
             "installHint": "brew install it"}  # fmt: skip
    error = refused(reach, {"exec": entry})

    assert (error.what, error.hint) == (
        "getting credentials: exec: executable no-such-plugin not found",
        "brew install it",
    )


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("print('SECRET')", "did not print an ExecCredential"),
        ("issue()", "didn't return a token or cert/key pair"),
        ("issue(clientCertificateData='SECRET')", "only certificate or key"),
        ("print('{}')", "plugin returned version"),
        (
            f"print(json.dumps({{'apiVersion': {V1!r}}}))",
            "didn't return a status field",
        ),
        ("issue(token=7)", "did not print an ExecCredential"),
    ],
)
def test_a_plugin_that_issues_nonsense(
    body: str, why: str, plugin: Plugin, reach: Reach
) -> None:
    error = refused(reach, plugin(body))

    assert why in error.what
    assert "SECRET" not in error.what + error.hint


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "invalid apiVersion"),
        ({"interactiveMode": "Always"}, "standard input is not a terminal"),
        ({"interactiveMode": "Maybe"}, "invalid interactiveMode 'Maybe'"),
        ({"interactiveMode": ""}, "invalid interactiveMode ''"),
    ],
)
def test_a_plugin_that_cannot_be_asked(
    fields: dict[str, str], why: str, plugin: Plugin, reach: Reach
) -> None:
    assert why in refused(reach, plugin("issue(token='T')", **fields)).what


@pytest.mark.parametrize(
    "fields",
    [{"apiVersion": "client.authentication.k8s.io/v1beta1", "interactiveMode": ""},
     {"interactiveMode": "IfAvailable"}],
)  # fmt: skip
def test_a_plugin_has_no_terminal_in_a_pipe(
    fields: dict[str, str], plugin: Plugin, reach: Reach
) -> None:
    user = plugin("issue(token='T' if sys.stdin.read() == '' else 'F')", **fields)
    with Server.start([pod("a")], tokens={"T": []}) as server:
        assert listed(server, reach, user) == ["a"]


def test_a_plugin_that_never_ends_is_stopped(
    plugin: Plugin, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_plugin, "TIMEOUT", 0.5)
    error = refused(reach, plugin("time.sleep(60)"))

    assert "did not finish within" in error.what


def test_a_child_of_a_plugin_may_keep_its_pipes(
    plugin: Plugin, reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exec_plugin, "_AFTER_EXIT", 0.1)
    body = (
        "issue(token='T'); sys.stdout.flush()\n"
        "if os.fork() == 0: time.sleep(20)\n"
        "os._exit(0)"
    )
    with Server.start([pod("a")], tokens={"T": []}) as server:
        assert listed(server, reach, plugin(body)) == ["a"]


def test_a_token_that_the_server_refuses_is_renewed_once(
    plugin: Plugin, reach: Reach, tmp_path: Path
) -> None:
    runs = str(tmp_path / "runs")
    user = plugin(f"issue(token='T' + str(len(open({runs!r}).read())))")
    with Server.start([pod("a")], tokens={"T2": []}) as server:
        assert listed(server, reach, user) == ["a"]
    (tmp_path / "runs").unlink()
    with Server.start([pod("a")], tokens={}) as server:
        with pytest.raises(MeshcheckError, match="You must be logged in"):
            listed(server, reach, user)
        assert len(server.requests) == 2


def test_a_token_past_its_time_is_renewed(
    plugin: Plugin, reach: Reach, tmp_path: Path
) -> None:
    user = plugin("issue(token='T', expirationTimestamp='2020-01-01T00:00:00Z')")
    with Server.start([pod("a")], tokens={"T": []}) as server:
        cluster = reach(server, user=user)
        names(cluster.stream(PODS, Item))
        names(cluster.stream(PODS, Item))
    assert len((tmp_path / "runs").read_text()) >= 2


def test_a_plugin_issues_a_certificate(
    plugin: Plugin, certificates: Certificates, reach: Reach
) -> None:
    user = plugin(
        f"issue(clientCertificateData=open({str(certificates.client)!r}).read(),"
        f" clientKeyData=open({str(certificates.client_key)!r}).read())"
    )
    with Server.start(
        [pod("a")], certificates=certificates, require_certificate=True
    ) as server:
        assert listed(server, reach, user) == ["a"]
        assert server.requests[0].user == "jane"
