"""Findings that somebody decided to live with: annotation, config file, flag."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.shell import Shell

_POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: cart
  namespace: shop
  annotations: {{ {annotation} }}
spec:
  initContainers:
  - {{name: istio-init, image: istio/proxyv2:1.20.3, args: [istio-iptables]}}
  containers:
  - {{name: cart, image: registry.example/cart:1}}
  - {{name: istio-proxy, image: istio/proxyv2:1.20.3, args: [proxy, sidecar]}}
"""


def _ignored(shell: Shell, annotation: str = "", *words: str) -> tuple[int, Any, str]:
    """The exit code, the reason of each finding, and stderr."""
    (shell.folder / "cart.yaml").write_text(_POD.format(annotation=annotation))
    ran = shell.program("file", "-f", "cart.yaml", "-o", "json", *words)
    if ran.code == 2:
        return ran.code, None, ran.err
    (row,) = json.loads(ran.out)["workloads"]
    return ran.code, {f["id"]: f["ignored"] for f in row["findings"]}, ran.err


def _config(folder: Path, text: str) -> str:
    (folder / "own.yaml").write_text(text)
    return "--config=own.yaml"


def test_nothing_is_ignored_by_itself(nowhere: Shell) -> None:
    assert _ignored(nowhere) == (1, {"MC001": ""}, "")


def test_an_annotation_ignores(nowhere: Shell) -> None:
    found = _ignored(nowhere, 'meshcheck/ignore: "MC001: it retries"')

    assert found == (0, {"MC001": "it retries"}, "")


@pytest.mark.parametrize("word", ["MC001", "mc001", "app-starts-before-proxy"])
def test_a_flag_ignores_by_id_or_name(word: str, nowhere: Shell) -> None:
    found = _ignored(nowhere, "", "--ignore", f"{word}: it retries")

    assert found == (0, {"MC001": "it retries"}, "")


def test_an_annotation_without_a_reason_is_a_warning(nowhere: Shell) -> None:
    found = _ignored(nowhere, "meshcheck/ignore: MC001")

    said = "pod/cart: annotation meshcheck/ignore: MC001 is ignored without a reason"
    assert found == (1, {"MC001": ""}, f"warning: {said}\n")


@pytest.mark.parametrize(
    ("rule", "ignored"),
    [
        ("{check: MC001, reason: r}", True),
        ("{check: MC001, reason: r, namespace: sho*}", True),
        ("{check: MC001, reason: r, namespace: billing}", False),
        ("{check: MC001, reason: r, workload: pod/c*}", True),
        ("{check: MC002, reason: r}", False),
    ],
)
def test_a_config_file_ignores(rule: str, ignored: bool, nowhere: Shell) -> None:
    config = _config(nowhere.folder, f"ignore: [{rule}]")
    found = _ignored(nowhere, "", config)

    expected = (0, {"MC001": "r"}, "") if ignored else (1, {"MC001": ""}, "")
    assert found == expected


def test_the_config_file_of_the_home_is_read(nowhere: Shell) -> None:
    place = nowhere.folder / ".config" / "meshcheck"
    place.mkdir(parents=True)
    (place / "config.yaml").write_text("ignore: [{check: MC001, reason: r}]")

    assert _ignored(nowhere) == (0, {"MC001": "r"}, "")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ignore: [{check: MC001}]", "MC001 is ignored without a reason"),
        ("ignore: [{check: MC0001, reason: r}]", "no check is called 'MC0001'"),
        ("ignored: []", "'ignored' is not known; did you mean ignore"),
        ("failOn: eror", "failOn is 'eror'"),
        ("- x", "it is not a mapping"),
        ("a: [", "while parsing"),
    ],
)
def test_a_config_file_that_is_not_understood_ends_with_2(
    text: str, what: str, nowhere: Shell
) -> None:
    code, _, error = _ignored(nowhere, "", _config(nowhere.folder, text))

    assert code == 2
    assert error.startswith("error: the config file own.yaml: ")
    assert what in error


def test_the_threshold_comes_from_the_file_and_the_flag_wins(nowhere: Shell) -> None:
    config = _config(nowhere.folder, "failOn: error")
    codes = [
        nowhere.program("file", "-f", "shop.yaml", *words).code
        for words in (
            (config, "--ignore=MC001: r", "--ignore=MC007: r", "--ignore=MC011: r"),
            (config, "--ignore=MC001: r", "--ignore=MC007: r", "--ignore=MC011: r",
             "--fail-on=warning"),
        )
    ]  # fmt: skip

    assert codes == [0, 1]
