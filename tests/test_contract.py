"""What ``-o json`` and ``-o yaml`` print follows docs/report.schema.json.

On success and on failure, by the installed program.  The schema allows no field that
it does not name, and its enumerations are those of the program.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from kubectl_meshcheck.checks.base import Severity
from kubectl_meshcheck.errors import ExitCode
from kubectl_meshcheck.model import Redirect, Role, State, Verdict, Waits
from tests.pages import DOCS
from tests.shell import Shell

_SCHEMA: dict[str, Any] = json.loads((DOCS / "report.schema.json").read_text())
_SCHEMA_OF_DATA = Draft202012Validator(_SCHEMA)

#: what is typed -> how it ends; the cluster is reachable
_SCANS = {
    "ns shop": 1,
    "ns -A": 1,
    "ns -A --only-problems --fail-on=never": 0,
    "ns empty": 0,
    "ns shopp": 3,
    "deploy/fireboom": 1,
    "deploy/cart": 0,
    "deploy/crat": 3,
    "job/invoice -n billing": 1,
    "file -f shop.yaml": 1,
    "file -f broken.yaml": 3,
    "demo": 0,
    "demo --fail-on=info": 1,
    "ns --server http://127.0.0.1:9": 3,
    "ns --context elsewhere": 3,
}
_BROKEN = "kind: Pod\nmetadata: {name: a}\n---\n- [\n---\nkind: Pod\nspec: 7\n"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(_SCHEMA)


@pytest.mark.parametrize("typed", _SCANS)
def test_json_follows_the_schema(typed: str, shop: Shell) -> None:
    (shop.folder / "broken.yaml").write_text(_BROKEN)
    ran = shop.program(*typed.split(), "-o", "json")
    report = json.loads(ran.out)

    assert [e.message for e in _SCHEMA_OF_DATA.iter_errors(report)] == []
    assert (ran.code, report["exitCode"]) == (_SCANS[typed], _SCANS[typed])
    assert bool(report["problems"]) == (ran.code == ExitCode.UNREADABLE)


@pytest.mark.parametrize("typed", ["ns -A", "ns --server http://127.0.0.1:9"])
def test_yaml_says_the_same_as_json(typed: str, shop: Shell) -> None:
    as_json, as_yaml = (
        shop.program(*typed.split(), "-o", format).out for format in ("json", "yaml")
    )

    assert yaml.safe_load(as_yaml) == json.loads(as_json)


@pytest.mark.parametrize("typed", ["ns -A", "ns empty", "deploy/crat"])
def test_every_format_ends_alike(typed: str, shop: Shell) -> None:
    (shop.folder / "broken.yaml").write_text(_BROKEN)
    formats = ("table", "wide", "yaml", "name")
    codes = {f: shop.program(*typed.split(), "-o", f).code for f in formats}

    assert codes == dict.fromkeys(formats, _SCANS[typed])


def test_the_enumerations_are_the_programs() -> None:
    defs = _SCHEMA["$defs"]
    proxy, container = defs["proxy"]["properties"], defs["container"]["properties"]

    assert _SCHEMA["properties"]["exitCode"]["enum"] == [int(code) for code in ExitCode]
    assert defs["verdict"]["enum"] == [verdict.value for verdict in Verdict]
    assert defs["severity"]["enum"] == [severity.value for severity in Severity]
    assert proxy["waits"]["enum"] == [waits.value for waits in Waits]
    assert proxy["redirectedBy"]["enum"] == [by.value for by in Redirect]
    assert container["kind"]["enum"] == [role.value for role in Role]
    assert container["start"]["enum"] == [state.value for state in State]


def test_the_schema_is_closed() -> None:
    open_objects = [
        name
        for name, part in {"": _SCHEMA, **_SCHEMA["$defs"]}.items()
        if part.get("type") == "object"
        and (
            part.get("additionalProperties") is not False
            or sorted(part["required"]) != sorted(part["properties"])
        )
    ]

    assert open_objects == []
