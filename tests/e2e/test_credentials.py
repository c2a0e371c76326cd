"""Credentials that a program gives, or that nobody knows."""

from __future__ import annotations

import copy
import json
from pathlib import Path

from tests.e2e.cluster import Cluster, rows
from tests.e2e.place import EVERYTHING, HELD, RACING, Place
from tests.e2e.users import User, write

_PLUGIN = """\
#!/bin/sh
echo "$KUBERNETES_EXEC_INFO" >> {calls}
echo 'a word for the user' >&2
{then}
cat <<EOF
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
 "status": {{"token": "{token}"{more}}}}}
EOF
"""


def _with_plugin(
    reader: User, folder: Path, then: str = "", more: str = ""
) -> tuple[Cluster, Path]:
    """The user, whose token comes from a program, and the log of its calls."""
    calls, program = folder / "calls", folder / "plugin"
    text = _PLUGIN.format(calls=calls, then=then, token=reader.token, more=more)
    program.write_text(text)
    program.chmod(0o700)
    config = copy.deepcopy(reader.config)
    config["users"][0]["user"] = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(program),
            "interactiveMode": "Never",
            "provideClusterInfo": True,
        }
    }
    return reader.cluster.as_user(write(folder / "exec.kubeconfig", config)), calls


def test_a_program_gives_the_token_once(place: Place, tmp_path: Path) -> None:
    reader = place.user("plugged")
    reader.allow(place.admin, place.name, EVERYTHING)
    plugged, calls = _with_plugin(reader, tmp_path)
    ran = plugged.meshcheck("ns -o json")
    told = [json.loads(line) for line in calls.read_text().splitlines()]

    assert rows(json.loads(ran.out)) == [HELD, RACING]
    assert ran.err == "a word for the user\n"
    assert [one["kind"] for one in told] == ["ExecCredential"]
    server = reader.config["clusters"][0]["cluster"]["server"]
    assert told[0]["spec"]["cluster"]["server"] == server


def test_a_token_that_has_expired_is_asked_for_again(
    place: Place, tmp_path: Path
) -> None:
    reader = place.user("expiring")
    reader.allow(place.admin, place.name, EVERYTHING)
    past = ', "expirationTimestamp": "2020-01-01T00:00:00Z"'
    plugged, calls = _with_plugin(reader, tmp_path, more=past)

    assert rows(plugged.report("ns")) == [HELD, RACING]
    assert len(calls.read_text().splitlines()) > 1


def test_a_program_that_fails_is_named(place: Place, tmp_path: Path) -> None:
    plugged, _ = _with_plugin(place.user("failing"), tmp_path, then="exit 7")
    ran = plugged.meshcheck("ns")

    assert (ran.code, ran.out) == (3, "")
    assert "a word for the user" in ran.err
    assert str(tmp_path / "plugin") in ran.err


def test_a_token_that_is_not_known(place: Place) -> None:
    ran = place.user("outsider").cluster.meshcheck("ns --token no-such-token")

    assert (ran.code, ran.out) == (3, "")
    assert "You must be logged in to the server" in ran.err
