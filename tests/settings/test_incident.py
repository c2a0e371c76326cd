"""The recorded incident, told by the program alone, holds what took days to find."""

from __future__ import annotations

import pytest

from tests.shell import Shell


@pytest.mark.parametrize(
    "told",
    [
        # who injects, and by which rule
        "injected by revision 1-14-6: the namespace has no label istio.io/rev or "
        'istio-injection; pod annotation sidecar.istio.io/inject: "true"',
        # the missing hold, and where it would stand
        "holdApplicationUntilProxyStarts: false  not set in ConfigMap "
        "istio-system/istio-1-14-6, mesh: "
        "defaultConfig.holdApplicationUntilProxyStarts",
        "also: false  ConfigMap istio-system/istio-sidecar-injector-1-14-6, values: "
        "global.proxy.holdApplicationUntilProxyStarts",
        "new pods: a race: nothing asks to hold the application",
        # the crash and the gap
        "crashed 3x: connection refused, 2.8s before proxy ready",
        "dial tcp 10.14.228.89:9825: connect: connection refused",
        # why the other namespace works
        "deploy/fireboom in namespace shop has a proxy and deploy/fireboom in "
        "namespace sandbox has none: namespace label istio-injection=disabled, so the "
        "webhook is not called",
    ],
)
def test_the_demo_tells(told: str, nowhere: Shell) -> None:
    ran = nowhere.program("demo")
    assert (ran.code, ran.err) == (0, "")
    assert told in ran.out


def test_healthy_workloads_have_no_finding(nowhere: Shell) -> None:
    shown = nowhere.program("demo", "-o", "wide").out
    rows = [line.split() for line in shown.splitlines() if " HELD " in line]
    rows += [line.split() for line in shown.splitlines() if " NATIVE " in line]
    assert {row[1] for row in rows} == {"deploy/cart", "deploy/web"}
    assert not any(word.startswith("MC0") for row in rows for word in row)
