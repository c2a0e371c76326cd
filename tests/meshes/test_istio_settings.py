"""``proxy.istio.io/config`` as the injector reads it, and settings that it ignores.

The values are those that were run through Istio's own parser (golang/protobuf 1.5.4,
istio/api, sigs.k8s.io/yaml 1.4.0).
"""

from __future__ import annotations

import pytest

from kubectl_meshcheck.meshes.istio_settings import (
    HOLD,
    HOLD_SNAKE,
    PROXY_CONFIG,
    read_proxy_config,
)
from tests.meshes.pods import pod, troubles


@pytest.mark.parametrize(
    "text",
    [
        f"{HOLD}: true",
        f"{HOLD_SNAKE}: true",
        f'{{"{HOLD}": true}}',
        f"{{{HOLD}: true}}",
        f"   {HOLD}: true",
        f"# why\n{HOLD}: true # so",
        f"concurrency: 2\r\n{HOLD}: true\r\n",
        f"---\n{HOLD}: true",
        f"\ufeff{HOLD}: true",
        *(f"{HOLD}: {word}" for word in ("yes", "on", "y", "Y", "True", "TRUE")),
        f"nonesuch: 1\n{HOLD}: true",
        f"{HOLD}: false\n{HOLD}: true",
        f"{HOLD_SNAKE}: false\n{HOLD}: true",
        f"{HOLD}: true\n---\n{HOLD}: false",
        f'concurrency: "2"\n{HOLD}: true',
        f'proxyMetadata:\n  EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"\n{HOLD}: true',
    ],
)
def test_values_that_hold(text: str) -> None:
    read = read_proxy_config(text)
    assert (read.hold, read.error) == (True, "")


@pytest.mark.parametrize(
    "text",
    [
        f"{HOLD}: false",
        f"{HOLD}: no",
        f"{HOLD}: off",
        f"{HOLD}: n",
        f"{HOLD}: true\n{HOLD}: false",
        f"{HOLD_SNAKE}: true\n{HOLD}: false",
    ],
)
def test_values_that_do_not_hold(text: str) -> None:
    read = read_proxy_config(text)
    assert (read.hold, read.error) == (False, "")


@pytest.mark.parametrize(
    "text",
    [
        f'{HOLD}: "true"',
        f"{HOLD}: 'false'",
        f"{HOLD}: !!str true",
        f"{HOLD}: 1",
        f"{HOLD}: {{value: true}}",
        f"{HOLD}: tRUE",
        f"{HOLD}: true,",
        f"{HOLD}:true",
        f"- {HOLD}: true",
        HOLD,
        "true",
        f"a:\n\t{HOLD}: true",
        f"{HOLD}: true\nproxyMetadata: {{EXIT_ON_ZERO_ACTIVE_CONNECTIONS: true}}",
        f"{HOLD}: true\nproxyMetadata: yes",
        f"{HOLD}: true\nconcurrency: abc",
    ],
)
def test_values_with_which_no_pod_is_created(text: str) -> None:
    assert read_proxy_config(text).error
    assert troubles(pod(annotations={PROXY_CONFIG: text})) == {PROXY_CONFIG: True}


@pytest.mark.parametrize(
    "text", ["", "{}", "null", "~", f"{HOLD}:", f"{HOLD}: null", "# nothing"]
)
def test_values_that_say_nothing(text: str) -> None:
    read = read_proxy_config(text)
    assert (read.hold, read.error, read.ignored) == (None, "", ())


@pytest.mark.parametrize(
    "text",
    [
        "HoldApplicationUntilProxyStarts: true",
        "holdapplicationuntilproxystarts: true",
        "holdApplicationUntilProxyStart: true",
        "holdAppUntilProxyStarts: true",
        "hold-application-until-proxy-starts: true",
        f"defaultConfig:\n  {HOLD}: true",
    ],
)
def test_keys_that_nothing_reads(text: str) -> None:
    read = read_proxy_config(text)
    assert (read.hold, read.error) == (None, "")
    assert read.ignored
    assert troubles(pod(annotations={PROXY_CONFIG: text})) == {PROXY_CONFIG: False}


@pytest.mark.parametrize(
    ("annotations", "bad"),
    [
        ({"sidecar.istio.io/nativeSidecar": "true"}, set()),
        (
            {"sidecar.istio.io/nativeSidecar": "yes"},
            {"sidecar.istio.io/nativeSidecar"},
        ),
        ({"sidecar.istio.io/native-side": "true"}, {"sidecar.istio.io/native-side"}),
        ({"sidecar.istio.io/inject": "yes"}, {"sidecar.istio.io/inject"}),
        (
            {"sidecar.istio.io/interceptionMode": "none"},
            {"sidecar.istio.io/interceptionMode"},
        ),
        (
            {"sidecar.istio.io/holdApplicationUntilProxyStarts": "true"},
            {"sidecar.istio.io/holdApplicationUntilProxyStarts"},
        ),
        ({HOLD: "true"}, {HOLD}),
        ({"proxy.istio.io/Config": "x"}, {"proxy.istio.io/Config"}),
        ({"traffic.sidecar.istio.io/excludeInboundPorts": "1"}, set()),
    ],
)
def test_settings_that_are_ignored(annotations: dict[str, str], bad: set[str]) -> None:
    assert set(troubles(pod(annotations=annotations))) == bad
