"""Which server and which user: several files, flags, a pod's service account."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kubectl_meshcheck.cluster import Connection, access, contexts
from kubectl_meshcheck.cluster.connection import seconds
from kubectl_meshcheck.errors import ExitCode, MeshcheckError

FIRST = """
current-context: one
contexts:
- name: one
  context: {cluster: c, user: u, namespace: shop}
- name: two
  context: {cluster: c, user: u}
clusters:
- name: c
  cluster: {server: "https://first:6443/k8s/", certificate-authority: ca.crt}
users:
"""
SECOND = """
current-context: three
contexts:
- name: three
  context: {cluster: d, user: u}
- name: one
  context: {cluster: d, user: nobody, namespace: other}
clusters:
- name: c
  cluster: {server: "https://second", insecure-skip-tls-verify: true}
- name: d
  cluster: {server: "https://d"}
users:
- name: u
  user:
    client-certificate: pki/u.crt
    client-key: /abs/u.key
    as: jane
    as-groups: [dev]
    exec: {command: ./plugin, apiVersion: client.authentication.k8s.io/v1}
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two kubeconfig files in folders of their own, and one that is missing."""
    paths = []
    for name, text in (("first", FIRST), ("missing", None), ("second", SECOND)):
        (tmp_path / name).mkdir()
        paths.append(tmp_path / name / "config")
        if text:
            paths[-1].write_text(text)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(p) for p in paths] + [""]))
    return tmp_path


@pytest.mark.usefixtures("files")
def test_the_first_file_to_name_an_entry_wins() -> None:
    found = access.resolve(Connection())

    assert (found.context, found.namespace, found.server) == (
        "one",
        "shop",
        "https://first:6443/k8s",
    )
    assert not found.cluster.insecure_skip_tls_verify
    assert contexts(Connection()) == ["one", "three", "two"]


def test_paths_are_relative_to_their_file(files: Path) -> None:
    found = access.resolve(Connection())

    assert found.cluster.certificate_authority == str(files / "first" / "ca.crt")
    assert found.user.client_certificate == str(files / "second" / "pki" / "u.crt")
    assert found.user.client_key == "/abs/u.key"
    assert found.user.exec is not None
    assert found.user.exec.command == str(files / "second" / "plugin")


@pytest.mark.usefixtures("files")
def test_flags_override() -> None:
    found = access.resolve(
        Connection(
            context="two",
            cluster="d",
            namespace="mine",
            token="T",
            as_user="joe",
            as_groups=("ops", "sre"),
            as_user_extra=("team=a", "team=b"),
            tls_server_name="name",
        )
    )

    assert (found.context, found.namespace, found.server) == (
        "two",
        "mine",
        "https://d",
    )
    assert (found.user.token, found.user.exec, found.user.as_user) == ("T", None, "joe")
    assert found.user.as_groups == ["ops", "sre"]
    assert found.user.as_user_extra == {"team": ["a", "b"]}
    assert found.cluster.tls_server_name == "name"


@pytest.mark.parametrize(
    ("flags", "what", "hint"),
    [
        ({"context": "tow"}, "context 'tow' does not exist", "did you mean two?"),
        ({"cluster": "x"}, "cluster 'x' does not exist",
             "kubectl config get-clusters lists what there is"),
        ({"user": "uu"}, "user 'uu' does not exist", "did you mean u?"),
        ({"kubeconfig": "/no/such"}, "stat /no/such: no such file or directory",
         "--kubeconfig must name a file that exists"),
        ({"server": "ftp://x"}, "'ftp://x' is not the URL of a server", ""),
        ({"server": "https://x:0"}, "'https://x:0' is not the URL of a server", ""),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("files")
def test_what_does_not_exist(flags: dict[str, Any], what: str, hint: str) -> None:
    with pytest.raises(MeshcheckError) as caught:
        access.resolve(Connection(**flags))
    assert (caught.value.what, caught.value.hint) == (what, hint)


def test_no_kubeconfig_at_all() -> None:
    with pytest.raises(MeshcheckError, match="no cluster is configured"):
        access.resolve(Connection())


def test_a_server_by_flag_needs_no_kubeconfig() -> None:
    found = access.resolve(Connection(server="10.0.0.1:8080"))

    assert (found.server, found.namespace) == ("http://10.0.0.1:8080", "default")


def test_no_current_context(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(FIRST.replace("current-context: one", ""))

    with pytest.raises(MeshcheckError, match="current-context is not set") as caught:
        access.resolve(Connection(kubeconfig=str(path)))
    assert caught.value.hint == "choose one with --context: one, two"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("users:\n- name: u\n  user: {token: SECRET", "line 4: did not find expected"),
        ("users: {token: SECRET}", r"Expected `array`, got `object` - at `\$.users`"),
        ("users: [{user: {token: SECRET}}]", "required field `name`"),
        ("SECRET", "Expected `object`, got `str`"),
        ("\x00SECRET", "is not YAML"),
    ],
)
def test_a_broken_file_is_named_and_its_secrets_are_not(
    text: str, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "config"
    path.write_text(text)

    with pytest.raises(MeshcheckError, match=why) as caught:
        access.resolve(Connection(kubeconfig=str(path)))
    assert str(path) in caught.value.what
    assert "SECRET" not in caught.value.what


def test_inside_a_pod_its_service_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    (tmp_path / "token").write_text("T")
    (tmp_path / "namespace").write_text("mesh\n")

    found = access.resolve(Connection(as_user="jane"))
    assert (found.server, found.namespace) == ("https://[fd00::1]:443", "mesh")
    assert found.user.token_file == str(tmp_path / "token")
    assert found.user.as_user == "jane"
    assert found.cluster.certificate_authority == str(tmp_path / "ca.crt")


def test_groups_without_a_user_are_refused() -> None:
    with pytest.raises(MeshcheckError, match="without impersonating a user"):
        access.resolve(Connection(server="https://x", as_groups=("g",)))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("7", 7), ("1s", 1), ("2m", 120), ("3h", 10800), ("1h2m3.5s", 3723.5),
     ("300ms", 0.3), ("0s", 0)],
)  # fmt: skip
def test_time_limits(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "1d", "1s2", "٣"])
def test_wrong_time_limits(text: str) -> None:
    with pytest.raises(MeshcheckError) as caught:
        seconds(text)
    assert caught.value.code is ExitCode.USAGE
