"""The checks, in id order.  Ids are for ever: a retired one stays listed here."""

from __future__ import annotations

from kubectl_meshcheck.checks import (
    app_starts_before_proxy,
    crashed_in_the_gap,
    default_container,
    hold_ineffective,
    init_before_proxy,
    injection_refused,
    job_never_completes,
    malformed_setting,
    misplaced_annotation,
    proxy_stops_first,
    redundant_wait,
    sidecar_missing,
    stale_pods,
    wait_hook_failed,
)
from kubectl_meshcheck.checks.base import Check

CHECKS: tuple[Check, ...] = (
    app_starts_before_proxy.CHECK,
    init_before_proxy.CHECK,
    stale_pods.CHECK,
    hold_ineffective.CHECK,
    misplaced_annotation.CHECK,
    malformed_setting.CHECK,
    job_never_completes.CHECK,
    proxy_stops_first.CHECK,
    wait_hook_failed.CHECK,
    sidecar_missing.CHECK,
    crashed_in_the_gap.CHECK,
    default_container.CHECK,
    redundant_wait.CHECK,
    injection_refused.CHECK,
)


def named(word: str) -> Check | None:
    """The check of that id or name, in any case; None when there is none."""
    wanted = word.lower()
    return next((c for c in CHECKS if wanted in (c.id.lower(), c.name)), None)


def words() -> list[str]:
    """Every id and name, for completion and for hints."""
    return [word for check in CHECKS for word in (check.id, check.name)]
