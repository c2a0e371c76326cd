"""What is typed: commands, help, and words that are nearly right."""

from __future__ import annotations

import json
import re

import pytest

from kubectl_meshcheck import __version__
from tests.pages import commands
from tests.shell import Shell

_VISIBLE = [name for name, command in commands().items() if not command.hidden]

#: what is typed, and what stderr says; all of them end with 2 and print no data
_WRONG = {
    "nss shop": "no command 'nss'; did you mean ns or sts?",
    "deploymnt/x": 'no kind of workload is called "deploymnt"\n  did you mean deploy?',
    "deploy": "Missing argument 'NAME...'.",
    "ns/shop": "a namespace is no workload\n  write: kubectl meshcheck ns shop",
    "deploy/": "'deploy/' is not TYPE/NAME\n  write: ",
    "deploy cart/x sts": "'deploy' is not TYPE/NAME; the forms do not mix",
    "checks MC01": "no check is called 'MC01'\n  did you mean MC01",
    "ns shop -o jsn": "-o/--output: 'jsn' is not one of ",
    "ns shop -A": "a namespace cannot be named together with -A",
    "ns shop -n shop": "a namespace cannot be named together with -n",
    "ns shop --interval 2": "--interval needs --watch",
    "mesh --restart": "--restart needs --fix",
    "mesh --revision canary": "--revision needs --fix",
    "mesh --fix -o json": "--fix shows a plan, not -o json",
    "ns --fail-on=eror": "'--fail-on': 'eror' is not one of ",
    "ns --colour": "No such option",
    "ns --ignore MC001": "--ignore: MC001 is ignored without a reason",
    "ns --ignore 'MC999: x'": "--ignore: no check is called 'MC999'",
    "file": "Missing option '-f' / '--filename'",
    "file -f nothing-there.yaml": "nothing-there.yaml",
    "completion": "name a shell (bash, zsh, fish) or --install",
    "demo extra": "unexpected extra argument",
    "file -f a.yaml b.yaml": "argument (b.yaml); write -f before each file, or -f DIR",
}


@pytest.mark.parametrize("name", _VISIBLE)
def test_every_command_explains_itself(name: str, nowhere: Shell) -> None:
    ran = nowhere.program(name, "-h")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: kubectl meshcheck {name}")


def test_help_is_asked_for_in_three_ways(nowhere: Shell) -> None:
    ways = (("ns", "-h"), ("ns", "--help"), ("help", "ns"))

    assert len({nowhere.program(*words) for words in ways}) == 1


def test_without_arguments_it_says_what_to_type(nowhere: Shell) -> None:
    bare, asked = nowhere.program(), nowhere.program("--help")

    assert (bare.code, bare.err, bare.out) == (0, "", asked.out)
    assert "kubectl meshcheck ns shop " in bare.out
    assert re.findall(r"^  (\w+) {2,}", asked.out, re.MULTILINE) == _VISIBLE


@pytest.mark.parametrize("typed", _WRONG)
def test_wrong_usage_ends_with_2_and_says_what_is_near(
    typed: str, nowhere: Shell
) -> None:
    ran = nowhere.run(f"kubectl-meshcheck {typed}")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert _said(_WRONG[typed]) in _said(ran.err)


def _said(text: str) -> str:
    """Without what click's releases word differently."""
    return re.sub(r"Invalid value for |['\"]", "", text).replace("-o / --", "-o/--")


def test_kinds_are_called_as_kubectl_calls_them(shop: Shell) -> None:
    typed = ("deploy cart", "deployment cart", "deployments.apps cart", "deploy/cart",
             "Deployment/cart", "deployments/cart")  # fmt: skip
    ran = {words: shop.program(*words.split()) for words in typed}

    assert {one.out for one in ran.values()} == {ran["deploy cart"].out}
    assert ran["deploy cart"].out.startswith("deploy/cart in namespace shop\n")
    assert [words for words, one in ran.items() if one.code] == []


def test_several_workloads_are_shown_in_one_call(shop: Shell) -> None:
    ran = shop.program("deploy/cart", "sts/redis", "-o", "name")

    assert ran.out == "deployment.apps/cart\nstatefulset.apps/redis\n"


def test_what_is_there_is_shown_beside_what_is_not(shop: Shell) -> None:
    ran = shop.program("deploy", "cart", "crat", "nope", "-o", "name")

    assert (ran.code, ran.out) == (3, "deployment.apps/cart\n")
    assert ran.err == (
        'error: deployments.apps "crat" not found in namespace shop\n'
        "  did you mean cart?\n"
        'error: deployments.apps "nope" not found in namespace shop\n'
        "  kubectl meshcheck ns shop lists what there is\n"
    )


def test_nothing_is_fixed_where_something_is_not_there(shop: Shell) -> None:
    ran = shop.program("deploy", "fireboom", "crat", "--fix", "--yes")

    assert (ran.code, ran.out) == (3, "")
    assert ran.err.startswith('error: deployments.apps "crat" not found')


def test_a_pod_leads_to_its_workload(shop: Shell) -> None:
    ran = shop.program("pod", "cart-5f7d6c9c8b-t5xlm", "-o", "name")

    assert (ran.code, ran.out) == (0, "deployment.apps/cart\n")


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        (
            "ns shpo",
            'error: namespaces "shpo" not found\n  did you mean shop?\n',
        ),
        (
            "deploy/crat",
            'error: deployments.apps "crat" not found in namespace shop\n'
            "  did you mean cart?\n",
        ),
        (
            "sts nothing -n sandbox",
            'error: statefulsets.apps "nothing" not found in namespace sandbox\n'
            "  kubectl meshcheck ns sandbox lists what there is\n",
        ),
    ],
)
def test_what_is_not_there_is_an_error_with_the_nearest_name(
    typed: str, error: str, shop: Shell
) -> None:
    ran = shop.program(*typed.split())

    assert (ran.code, ran.out, ran.err) == (3, "", error)


def test_an_empty_namespace_is_said_on_stderr(shop: Shell) -> None:
    ran = shop.program("ns", "empty")

    said = "No resources found in empty namespace.\n"
    assert (ran.code, ran.out, ran.err) == (0, "", said)


def test_a_selector_leaves_only_what_it_matches(shop: Shell) -> None:
    ran = shop.program("ns", "-l", "app=cart", "-o", "name")

    assert (ran.code, ran.out) == (0, "deployment.apps/cart\n")


def test_the_version_is_said_in_two_ways(nowhere: Shell) -> None:
    flag, command = nowhere.program("--version"), nowhere.program("version")

    assert flag.out == f"kubectl-meshcheck {__version__}\n"
    assert command.out.startswith(flag.out + "Python ")


def test_the_demo_tells_the_incident_and_ends_with_0(nowhere: Shell) -> None:
    ran = nowhere.program("demo")

    assert (ran.code, ran.err) == (0, "")
    assert "deploy/fireboom in namespace shop\n" in ran.out
    assert "\nOn your own cluster:\n" in ran.out


def test_the_demo_ends_as_a_scan_does_when_asked(nowhere: Shell) -> None:
    codes = {
        level: nowhere.program("demo", f"--fail-on={level}").code
        for level in ("error", "never")
    }

    assert codes == {"error": 1, "never": 0}


def test_no_problem_is_said_and_not_silence(shop: Shell) -> None:
    ran = shop.program("ns", "sandbox", "--only-problems")

    assert (ran.code, ran.out, ran.err) == (0, "", "No problems found.\n")


def test_mesh_counts_the_workloads_of_one_namespace_in_files_too(shop: Shell) -> None:
    live, saved = (
        shop.program("mesh", "-n", "billing", "-o", "json", *words)
        for words in ((), ("-f", "shop.yaml"))
    )

    assert json.loads(saved.out)["meshes"] == json.loads(live.out)["meshes"]
