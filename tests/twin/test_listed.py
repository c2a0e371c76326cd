"""Pods of a list that count as alike without being decoded."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_meshcheck import parse
from kubectl_meshcheck.listed import ListedPod, Start

Object = dict[str, Any]
_listed = msgspec.json.Decoder(ListedPod).decode
OWN = "kube-api-access-"
#: each pod's own name for a volume, names that only look like one, and other texts
TEXTS = st.sampled_from([
    f"{OWN}x7k2p", f"{OWN}bb4zq", f"{OWN}bb4zq-more", f"{OWN}x", f'{OWN}a"b\\c',
    "data", "",
])  # fmt: skip

OTHERS: list[Object] = [{}, {"hostNetwork": True}, {"initContainers": []}]


def _container(name: str, volume: str, args: list[str]) -> Object:
    mounts = [{"name": volume, "mountPath": "/var/run/secrets"}]
    return {"name": name, "image": "web:1", "args": args, "volumeMounts": mounts}


def _pod(*containers: Object, **spec: Any) -> Object:
    return {
        "metadata": {"name": "cart-1", "namespace": "shop"},
        "spec": {"containers": list(containers), **spec},
    }


def _read(pod: Object) -> ListedPod:
    return _listed(msgspec.json.encode(pod))


def _alike(one: Object, other: Object) -> bool:
    return Start(_read(one).spec).same(_read(other).spec)


@st.composite
def pods(draw: st.DrawFn) -> Object:
    """Pods with little between them."""
    volumes = st.sampled_from([draw(TEXTS), OWN + "kkkkk"])
    words = st.lists(TEXTS, max_size=2)
    names = ("web", "istio-proxy")[: draw(st.integers(1, 2))]
    containers = [_container(name, draw(volumes), draw(words)) for name in names]
    return _pod(*containers, **draw(st.sampled_from(OTHERS)))


@given(pods(), pods())
def test_what_counts_as_alike_starts_alike(one: Object, other: Object) -> None:
    if not _alike(one, other):
        return
    mine, theirs = _read(one).decoded().spec, _read(other).decoded().spec
    plain = msgspec.json.encode(mine).replace(b"x7k2p", b"bb4zq")

    assert plain == msgspec.json.encode(theirs).replace(b"x7k2p", b"bb4zq")


def test_each_pod_s_own_volume_makes_no_difference() -> None:
    mine = _pod(
        _container("web", f"{OWN}x7k2p", []), _container("b", f"{OWN}x7k2p", [])
    )
    other = _pod(
        _container("web", f"{OWN}bb4zq", []), _container("b", f"{OWN}bb4zq", [])
    )

    assert _alike(mine, other)


@pytest.mark.parametrize(
    "other",
    [
        _pod(_container("web", f"{OWN}bb4zq", ["--more"])),
        _pod(_container("other", f"{OWN}bb4zq", [])),
        _pod(_container("web", f"{OWN}bb4zq", []), restartPolicy="Never"),
        _pod(_container("web", f"{OWN}bb4zq", []), securityContext={"runAsUser": 7}),
        _pod(_container("web", f"{OWN}bb4zq", []), initContainers=[{"name": "a"}]),
    ],
)
def test_whatever_else_differs_makes_a_difference(other: Object) -> None:
    assert not _alike(_pod(_container("web", f"{OWN}x7k2p", [])), other)


def test_no_other_text_passes_for_the_volume() -> None:
    """In the same place, as long, and more than a name."""
    text = msgspec.json.encode(_pod(_container("web", f"{OWN}x7k2p", [])))
    more = '"web","readOnly":"true'
    odd = text.replace(f'"{OWN}x7k2p'.encode(), more.encode())

    assert len(odd) == len(text)
    assert not Start(_listed(text).spec).same(_listed(odd).spec)


def test_a_decoded_pod_is_what_it_would_be_at_once() -> None:
    pod = _pod(_container("web", "data", ["a"]), hostNetwork=True)
    pod["status"] = {
        "phase": "Running",
        "startTime": "2026-03-02T10:00:00Z",
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [
            {"name": "web", "ready": True, "restartCount": 2,
             "state": {"running": {"startedAt": "2026-03-02T10:00:04Z"}},
             "lastState": {"terminated": {"exitCode": 1}}}
        ],
        "initContainerStatuses": None,
    }  # fmt: skip
    text = msgspec.json.encode(pod)

    assert _listed(text).decoded() == msgspec.json.decode(text, type=parse.Pod)
