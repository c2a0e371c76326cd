"""Users with part of the rights, or other people's, against the server's own RBAC."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.e2e.cluster import rows
from tests.e2e.place import EVERYTHING, HELD, RACING, Place
from tests.e2e.users import OWNERS, rule, write
from tests.pages import DOCS

#: what a scan of one namespace asks for, whatever is in it; ReplicaSets only where the
#: Deployment of a pod is not to be told without
ASKED = {
    ("get", "namespaces"),
    ("list", "pods"),
    *(("list", resource) for resource in OWNERS if "replica" not in resource),
}


def _refused(report: Any) -> set[tuple[str, str]]:
    return {(one["verb"], one["resource"]) for one in report["problems"]}


def test_all_rights_in_one_namespace_are_enough(place: Place) -> None:
    reader = place.user("reader")
    reader.allow(place.admin, place.name, EVERYTHING)
    report = reader.cluster.report("ns")

    assert (report["exitCode"], report["problems"]) == (1, [])
    assert rows(report) == [HELD, RACING]
    assert rows(reader.cluster.report("deploy/held")) == [HELD]
    assert reader.cluster.meshcheck("ns").code == 1


@pytest.mark.parametrize("place_of", ["-A", "default kube-system"])
def test_rights_in_one_namespace_end_there(place: Place, place_of: str) -> None:
    reader = place.user("stranger")
    reader.allow(place.admin, place.name, EVERYTHING)
    ran = reader.cluster.meshcheck(f"ns {place_of}")

    assert (ran.code, ran.out) == (3, "")
    assert re.search(r"^  so are .*\bpods\b", ran.err, re.MULTILINE)
    assert f'User "{reader.name}"' in ran.err


@pytest.mark.parametrize("without", ["cronjobs.batch", "statefulsets.apps"])
def test_part_of_the_rights_give_part_of_the_answer(place: Place, without: str) -> None:
    half = place.user(f"no-{without.partition('.')[0]}")
    others = [name for name in OWNERS if name != without]
    half.allow(place.admin, place.name, rule("get list", "pods", *others))
    report = half.cluster.report("ns")

    assert rows(report) == [HELD, RACING]
    assert _refused(report) == {("get", "namespaces"), ("list", without)}
    assert (report["exitCode"], half.cluster.meshcheck("ns").code) == (3, 3)


def test_replicasets_are_not_needed_to_tell_the_deployment(place: Place) -> None:
    half = place.user("no-replicasets")
    others = [name for name in OWNERS if "replica" not in name]
    half.allow(place.admin, place.name, rule("get list", "pods", "namespaces", *others))
    report = half.cluster.report("ns")

    assert (rows(report), report["problems"]) == ([HELD, RACING], [])


def test_pods_alone_show_the_order_under_their_replicasets(place: Place) -> None:
    half = place.user("pods-only")
    half.allow(place.admin, place.name, rule("get list", "pods"))
    report = half.cluster.report("ns")

    assert [(one[0].rpartition("-")[0], *one[1:]) for one in rows(report)] == [
        ("ReplicaSet/held", *HELD[1:]),
        ("ReplicaSet/racing", *RACING[1:]),
    ]
    assert _refused(report) == ASKED - {("list", "pods")} | {
        ("list", "replicasets.apps")
    }


def test_what_was_refused_is_told_as_kubectl_asks_for_it(place: Place) -> None:
    half = place.user("told")
    half.allow(place.admin, place.name, rule("get list", "pods", "namespaces"))
    report = half.cluster.report("ns")
    ran = half.cluster.meshcheck("ns")

    for problem in report["problems"]:
        assert problem["hint"].startswith("kubectl auth can-i list ")
        answer = half.cluster.shell.run(problem["hint"])
        assert (answer.code, answer.out.strip()) == (1, "no")
        assert problem["resource"] in ran.err
    assert f"  kubectl auth can-i --list -n {place.name}\n" in ran.err


def test_no_right_at_all(place: Place) -> None:
    nobody = place.user("nobody")
    ran = nobody.cluster.meshcheck("ns")

    assert (ran.code, ran.out) == (3, "")
    assert _refused(nobody.cluster.report("ns")) == ASKED


def test_logs_need_a_right_of_their_own(place: Place) -> None:
    reader = place.user("deaf")
    silent = rule("get list", "pods", "namespaces", *OWNERS)
    reader.allow(place.admin, place.name, silent)
    report = reader.cluster.report("ns --logs")

    assert rows(report) == [HELD, RACING]
    assert _refused(report) == {("list", "events"), ("get", "pods/log")}
    assert report["exitCode"] == 3


def test_the_shipped_rights_are_enough_and_no_more(place: Place) -> None:
    """Read-only rights as the docs give them, in one namespace and in all."""
    page = DOCS / "rbac-read.yaml"
    if not page.exists():
        pytest.skip("docs/rbac-read.yaml is not written yet")
    shipped = [one for one in yaml.safe_load_all(page.read_text()) if one]
    roles = [one for one in shipped if one["kind"] == "ClusterRole"]
    rules = [one for role in roles for one in role["rules"]]
    here, everywhere = place.user("shipped-here"), place.user("shipped-all")
    here.allow(place.admin, place.name, *rules)
    everywhere.allow(place.admin, "", *rules)

    verbs = {verb for one in rules for verb in one["verbs"]}
    assert verbs <= {"get", "list", "watch"}
    assert rows(here.cluster.report("ns --logs")) == [HELD, RACING]
    for line, reader in (("ns --logs", here), ("ns -A --logs", everywhere)):
        report = reader.cluster.report(line)
        assert report["problems"] == []
        assert {HELD, RACING} <= set(rows(report, [place.name]))


# -- impersonation ---------------------------------------------------------


def test_an_administrator_looks_as_somebody_else(place: Place) -> None:
    half = place.user("looked-as")
    half.allow(place.admin, place.name, rule("get list", "pods", *OWNERS))
    theirs = half.cluster.report("ns")
    flags = f"-n {place.name} --as {half.name}"

    assert place.admin.report(f"ns {flags}") == theirs
    assert _refused(theirs) == {("get", "namespaces")}


def test_a_group_gives_its_rights(place: Place) -> None:
    line = f"ns {place.name} --as somebody"
    alone = place.admin.report(line)
    master = place.admin.report(f"{line} --as-group x --as-group system:masters")

    assert _refused(alone) == ASKED
    assert (rows(master), master["problems"]) == ([HELD, RACING], [])


def test_a_kubeconfig_may_say_as_whom(place: Place) -> None:
    half = place.user("by-config")
    half.allow(place.admin, place.name, EVERYTHING)
    text = place.admin.kubectl("config view --raw --minify --flatten -o json")
    config = json.loads(text)
    config["users"][0]["user"]["as"] = half.name
    config["contexts"][0]["context"]["namespace"] = place.name
    path = write(place.admin.shell.folder / "as.kubeconfig", config)
    other = place.admin.as_user(path)

    assert rows(other.report("ns")) == [HELD, RACING]
    assert rows(other.report("ns default")) == []
    assert other.report("ns default")["exitCode"] == 3


@pytest.mark.parametrize(
    ("flags", "refused"),
    [
        ("--as-group clan", 'cannot impersonate resource "groups"'),
        ("--as-uid 4711", 'cannot impersonate resource "uids"'),
        ("--as-user-extra team=shop", 'cannot impersonate resource "userextras/team"'),
    ],
)
def test_every_part_of_an_impersonation_reaches_the_server(
    place: Place, flags: str, refused: str
) -> None:
    half = place.user("substitute")
    half.allow(
        place.admin,
        "",
        {**rule("impersonate", "users"), "resourceNames": ["jane"]},
    )
    jane = half.cluster.report("ns --as jane")
    other = half.cluster.meshcheck(f"ns --as jane {flags}")

    assert all('User "jane" cannot' in one["what"] for one in jane["problems"])
    assert (other.code, other.out) == (3, "")
    assert refused in other.err
