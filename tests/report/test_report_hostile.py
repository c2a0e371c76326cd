"""Whatever comes from a cluster: no traceback, and nothing a terminal would act upon.

Objects that are really like those of a cluster, with some of their values replaced
by others, and objects made at random, go through parse, scan and every renderer.
Reading hostile *text* (YAML, broken JSON) is covered in tests/files.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import objects
from tests.report.screens import every_screen

#: everything that report.text escapes, but for the end of a line
_UNSAFE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_EVIL = (
    "\x1b[2J\x1b]0;owned\x07",
    "a\r\nb\x00c",
    "\x9b31m",
    "\u202egnp.exe",
    "--- |\n<script>alert(1)</script>",
    "]]> & <!-- -->",
    "|" * 5 + "`" * 7,
    "$(reboot) `reboot` ; reboot",
    "x" * 5000,
    "",
)
_TEXT = st.one_of(st.sampled_from(_EVIL), st.text(max_size=20))
_NUMBERS = st.one_of(
    st.integers(), st.sampled_from((2**63, -1, 0, 10**30)), st.floats(allow_nan=False)
)
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
_SHOP = objects()
_FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def _places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below."""
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    found = [here] if here else []
    for key, one in inner:
        found += _places(one, (*here, key))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> list[Any]:
    """The cluster's objects, a few values of which are others."""
    chosen = draw(st.lists(st.sampled_from(range(len(_SHOP))), min_size=1, max_size=4))
    changed = copy.deepcopy([_SHOP[number] for number in chosen])
    places = _places(changed)
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=6)):
        *before, last = place
        target: Any = changed
        try:
            for step in before:
                target = target[step]
            target[last] = draw(_JSON)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken it away
    return changed


_KINDS = st.sampled_from(("Pod", "Deployment", "Job", "CronJob", "Event", "Namespace",
                          "ConfigMap", "MutatingWebhookConfiguration"))  # fmt: skip
_KEYS = (
    "proxy.istio.io/config",
    "sidecar.istio.io/status",
    "meshcheck/ignore",
    "linkerd.io/inject",
)
_CONTAINER = st.fixed_dictionaries(
    {"name": st.one_of(st.sampled_from(("istio-proxy", "app", "envoy")), _TEXT)},
    optional={
        "image": st.one_of(st.sampled_from(("istio/proxyv2:1.2", "a@b:c:")), _TEXT),
        "args": st.one_of(st.lists(_TEXT, max_size=3), _JSON),
        "env": st.one_of(st.lists(_JSON, max_size=2), _JSON),
        "lifecycle": _JSON,
        "startupProbe": _JSON,
        "restartPolicy": st.one_of(st.just("Always"), _JSON),
        "securityContext": _JSON,
    },
)
_SPEC = st.fixed_dictionaries(
    {},
    optional={
        "containers": st.one_of(st.lists(_CONTAINER, max_size=3), _JSON),
        "initContainers": st.one_of(st.lists(_CONTAINER, max_size=3), _JSON),
        "template": _JSON,
        "hostNetwork": _JSON,
    },
)
_OBJECT = st.fixed_dictionaries(
    {"kind": _KINDS, "apiVersion": st.sampled_from(("v1", "apps/v1", "batch/v1"))},
    optional={
        "metadata": st.one_of(
            st.fixed_dictionaries(
                {"name": _TEXT},
                optional={
                    "namespace": _TEXT,
                    "labels": _JSON,
                    "annotations": st.dictionaries(
                        st.one_of(
                            st.sampled_from(_KEYS),
                            _TEXT,
                        ),
                        _TEXT,
                        max_size=3,
                    ),
                    "ownerReferences": _JSON,
                },
            ),
            _JSON,
        ),
        "spec": st.one_of(_SPEC, _JSON),
        "status": _JSON,
    },
)


def _nothing_bad(found: list[Any]) -> None:
    screens = every_screen(found)
    bad = {name: _UNSAFE.findall(text) for name, text in screens.items()}

    assert {name: chars for name, chars in bad.items() if chars} == {}
    read = yaml.load(screens["yaml"], yaml.CSafeLoader)
    assert read == json.loads(screens["json"])


@given(mutated())
@_FEW
def test_no_change_of_an_object_does_harm(found: list[Any]) -> None:
    _nothing_bad(found)


@given(st.lists(_OBJECT, max_size=4))
@_FEW
def test_no_object_does_harm(found: list[Any]) -> None:
    _nothing_bad(found)


def test_evil_words_in_every_place_do_no_harm() -> None:
    """Every text of every object, replaced by each of the evil ones."""

    def replaced(value: Any, evil: str) -> Any:
        if isinstance(value, dict):
            return {key: replaced(one, evil) for key, one in value.items()}
        if isinstance(value, list):
            return [replaced(one, evil) for one in value]
        return evil if isinstance(value, str) else value

    for evil in _EVIL:
        found = [
            replaced(one, evil) | {"kind": one["kind"], "apiVersion": one["apiVersion"]}
            for one in _SHOP
        ]
        _nothing_bad(found)
