"""What a fix says: prompts on a terminal, the bar, other programs' diffs, JSON.

The cluster is the small one that serves tests/clusters/shop.yaml, where nothing is
ever written: everything here ends before that.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
import yaml

from tests.pages import DOCS
from tests.server import Server
from tests.shell import Shell

FIX = "kubectl-meshcheck deploy/fireboom --fix --dry-run=client"


def test_a_client_dry_run_only_reads(shop: Shell, shop_server: Server) -> None:
    before = len(shop_server.requests)
    assert shop.run(FIX).code == 0
    assert {r.method for r in shop_server.requests[before:]} == {"GET"}


def test_the_users_own_diff_gets_two_directories(shop: Shell) -> None:
    script = shop.folder / "mydiff"
    script.write_text(
        '#!/bin/sh\necho "$1 $2"\nbasename "$3" | cut -d- -f1\n'
        'basename "$4" | cut -d- -f1\nls "$4"\ndiff "$3" "$4" | grep "^[<>]  *proxy"\n'
    )
    script.chmod(0o755)
    words = f"{script} -u --x=1 $(rm) >out"
    ran = replace(shop, more={"KUBECTL_EXTERNAL_DIFF": words}).run(FIX)
    told = ran.out.split("by hand:")[1].splitlines()[1:]
    assert told[:5] == [
        "-u --x=1",
        "LIVE",
        "MERGED",
        "apps.v1.Deployment.shop.fireboom",
        "> "
        + " " * 8
        + "proxy.istio.io/config: 'holdApplicationUntilProxyStarts: true'",
    ], ran


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("no-such-program", "no-such-program: No such file or directory"),
        ("ls --no-such", "ls ended with 2"),
    ],
)
def test_a_diff_program_that_fails_is_told(
    shop: Shell, program: str, said: str
) -> None:
    ran = replace(shop, more={"KUBECTL_EXTERNAL_DIFF": program}).run(FIX)
    assert ran.code == 3
    assert ran.err.splitlines()[0] == f"error: KUBECTL_EXTERNAL_DIFF: {said}"


def test_json_tells_all_of_the_plan(shop: Shell) -> None:
    ran = shop.run(f"{FIX} -o json")
    told: dict[str, Any] = json.loads(ran.out)
    [workload] = told.pop("workloads")
    assert (told.pop("apiVersion"), told.pop("kind")) == ("meshcheck/v1", "Fix")
    assert (told["exitCode"], told["problems"], ran.code) == (0, [], 0)
    change = workload.pop("change")
    assert workload == {
        "namespace": "shop",
        "kind": "Deployment",
        "group": "apps",
        "name": "fireboom",
        "result": "dryRunClient",
        "said": "",
        "hint": "",
    }
    hold = "holdApplicationUntilProxyStarts: true"
    assert change["annotations"] == [
        {"key": "proxy.istio.io/config", "before": None, "after": hold}
    ]
    assert change["path"] == "spec.template.metadata.annotations"


@pytest.mark.parametrize(
    "words",
    [
        "deploy/fireboom --fix --dry-run=client",
        "deploy/fireboom --fix --dry-run=server",
        "deploy/cart --fix --yes",
        "sts/redis --fix --yes",
        "ns --fix --dry-run=client",
    ],
)
def test_json_keeps_its_schema(shop: Shell, words: str) -> None:
    schema = json.loads((DOCS / "fix.schema.json").read_text())
    told = json.loads(shop.run(f"kubectl-meshcheck {words} -o json").out)
    jsonschema.validate(told, schema)
    asked = yaml.safe_load(shop.run(f"kubectl-meshcheck {words} -o yaml").out)
    jsonschema.validate(asked, schema)


def test_json_also_tells_what_went_wrong(nowhere: Shell) -> None:
    ran = nowhere.run("kubectl-meshcheck deploy/x --fix --yes -o json")
    told = json.loads(ran.out)
    jsonschema.validate(told, json.loads((DOCS / "fix.schema.json").read_text()))
    assert (ran.code, told["exitCode"], len(told["problems"])) == (3, 3, 1)


def test_names_are_those_that_would_be_written(shop: Shell) -> None:
    ran = shop.run("kubectl-meshcheck ns --fix --dry-run=client -o name")
    assert (ran.code, ran.out) == (0, "deployment.apps/fireboom\n")


def test_options_of_a_fix_alone_are_a_mistake(shop: Shell) -> None:
    for option in ("--yes", "--dry-run=client", "--no-wait", "--force-conflicts"):
        ran = shop.run(f"kubectl-meshcheck ns {option}")
        assert ran.code == 2, option
        assert "needs --fix" in ran.err


@pytest.mark.parametrize("word", ["soon", "-1s", "1 h"])
def test_a_timeout_that_is_none_is_a_mistake(shop: Shell, word: str) -> None:
    ran = shop.run(f"kubectl-meshcheck ns --fix --timeout '{word}'")
    assert ran.code == 2


def test_undo_without_a_fix_has_nothing_to_do(shop: Shell) -> None:
    ran = shop.run("kubectl-meshcheck undo deploy/fireboom --yes")
    assert (ran.code, ran.out) == (
        0,
        "deployment.apps/fireboom rolled back (no change)\n",
    )
    ran = shop.run("kubectl-meshcheck undo --all --yes")
    assert (ran.code, ran.err) == (0, "Nothing to undo: no workload carries a fix.\n")


@pytest.mark.parametrize("words", ["", "deploy/fireboom --all"])
def test_undo_wants_names_or_all(shop: Shell, words: str) -> None:
    assert shop.run(f"kubectl-meshcheck undo {words}").code == 2


def test_undo_of_a_pod_names_its_owner(shop: Shell) -> None:
    ran = shop.run("kubectl-meshcheck undo pod/x --yes")
    assert (ran.code, ran.err.splitlines()[0]) == (
        2,
        "error: --fix writes nothing to a Pod",
    )
