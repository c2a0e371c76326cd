"""A plan and its outcome, for people and for programs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import yaml

from kubectl_meshcheck import __version__
from kubectl_meshcheck.ownership import Owner
from kubectl_meshcheck.plan import Change, Item, NoChange, Refused
from kubectl_meshcheck.plan.body import dump, shown
from kubectl_meshcheck.plan.outcome import Fixed, Outcome, Result
from kubectl_meshcheck.report.text import View, bold, safe
from kubectl_meshcheck.workload import Ref

API_VERSION = "meshcheck/v1"


def name(ref: Ref) -> str:
    """``deployment.apps/cart``, as kubectl prints it."""
    return f"{ref.kind.qualified}/{ref.name}"


# -- for people --------------------------------------------------------------


def plan(items: Iterable[Item], view: View, *, diffs: bool = True) -> str:
    """Every workload's block: what is wrong, what will be written, what restarts."""
    blocks = ["\n".join(_block(item, view, diffs)) for item in items]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def _block(item: Item, view: View, diffs: bool) -> Iterator[str]:
    ref = item.ref
    yield bold(safe(f"{name(ref)} in namespace {ref.namespace}"), view)
    if isinstance(item, NoChange):
        yield _line(item.standing.value, item.reason)
        if item.instead:
            yield _line("instead", item.instead)
        return
    change = item if isinstance(item, Change) else item.change
    if change is not None:
        yield from _change(change)
    if isinstance(item, Refused):
        yield _line("refused", item.reason)
        if item.instead:
            yield _line("instead", item.instead)
    if change is not None and diffs and not change.written:
        yield ""
        yield diff(change)


def _line(title: str, text: str) -> str:
    return f"  {title + ':':<11}{safe(text)}"


def _change(change: Change) -> Iterator[str]:
    yield _line("today", change.why)
    if change.expected:
        yield _line("then", change.expected)
    yield _line("restarts", change.restart.how)
    for note in change.restart.notes:
        yield f"{'':<13}{safe(note)}"
    if change.written:
        return
    for risk in change.risks:
        yield _line("risk", risk)
    for owner in change.owners:
        yield _line("owner", _owner(owner))
    if not change.owners:
        yield _line("owner", "nobody else is known to write this; the change stays")
    yield "  in Git:"
    for line in change.snippet.splitlines():
        yield f"    {safe(line)}"
    yield _line("by hand", change.command)


def _owner(owner: Owner) -> str:
    evidence = f" ({owner.evidence})" if owner.evidence else ""
    return f"{owner}{evidence}: the change {owner.fate.value}; {owner.when}"


def diff(change: Change) -> str:
    """What is written, as a unified diff without the server's bookkeeping."""
    before, after = (
        safe_lines(dump(shown(one))) for one in (change.live, change.after)
    )
    title = name(change.ref)
    lines = difflib.unified_diff(
        before, after, f"live/{title}", f"fixed/{title}", lineterm=""
    )
    return "\n".join(lines)


def safe_lines(text: str) -> list[str]:
    """The lines of a text, each safe to print."""
    return [safe(line) for line in text.split("\n")]


def outcomes(fixed: Fixed, view: View) -> str:
    """A line for each workload in kubectl's words, with what it needs below it."""
    lines = [line for one in fixed.outcomes for line in outcome(one, view)]
    return "\n".join(lines) + "\n" if lines else ""


def outcome(one: Outcome, view: View) -> Iterator[str]:
    """The lines for one workload."""
    place = f" -n {one.ref.namespace}" if view.namespaces and one.ref.namespace else ""
    yield safe(f"{name(one.ref)}{place} {one.result.value}")
    if one.said:
        yield f"  {safe(one.said)}"
    if one.hint:
        yield f"  {safe(one.hint)}"


def names(fixed: Fixed) -> str:
    """``-o name``: what was written, or would be."""
    written = (Result.PATCHED, Result.CLIENT, Result.SERVER)
    lines = [name(o.ref) for o in fixed.outcomes if o.result in written]
    return "\n".join(safe(line) for line in lines) + "\n" if lines else ""


# -- for programs ------------------------------------------------------------


def data(fixed: Fixed) -> dict[str, Any]:
    """The whole answer as what JSON knows; a versioned contract like the report."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Fix",
        "version": __version__,
        "exitCode": int(fixed.exit_code),
        "workloads": [_outcome(one) for one in fixed.outcomes],
        "problems": [
            {"what": problem.what, "hint": problem.hint} for problem in fixed.problems
        ],
    }


def as_json(fixed: Fixed) -> str:
    """The answer as JSON, indented as kubectl does it."""
    encoded = msgspec.json.encode(data(fixed))
    return msgspec.json.format(encoded, indent=4).decode() + "\n"


def as_yaml(fixed: Fixed) -> str:
    """The answer as YAML."""
    dumped: str = yaml.safe_dump(
        data(fixed), sort_keys=False, allow_unicode=False, width=10_000
    )
    return dumped


def _outcome(one: Outcome) -> dict[str, Any]:
    item = one.item
    change = item.change if isinstance(item, Refused) else item
    return {
        "namespace": one.ref.namespace,
        "kind": one.ref.kind.kind,
        "group": one.ref.kind.group,
        "name": one.ref.name,
        "result": _RESULTS[one.result],
        "said": one.said,
        "hint": one.hint,
        "change": _changed(change) if isinstance(change, Change) else None,
    }


_RESULTS = {
    Result.PATCHED: "patched",
    Result.CLIENT: "dryRunClient",
    Result.SERVER: "dryRunServer",
    Result.SAME: "unchanged",
    Result.MANUAL: "manual",
    Result.REFUSED: "refused",
    Result.FAILED: "failed",
    Result.TAKEN_BACK: "rolledBack",
    Result.UNKNOWN: "unknown",
    Result.SKIPPED: "skipped",
}


def _changed(change: Change) -> dict[str, Any]:
    return {
        "path": ".".join((*change.path, "metadata", "annotations")),
        "annotations": [
            {"key": e.key, "before": e.before, "after": e.after} for e in change.edits
        ],
        "why": change.why,
        "expected": change.expected,
        "restarts": change.restart.how,
        "notes": list(change.restart.notes),
        "risks": list(change.risks),
        "owners": [
            {
                "tool": owner.tool,
                "name": owner.name,
                "evidence": owner.evidence,
                "fate": owner.fate.value,
                "when": owner.when,
                "instead": owner.instead,
            }
            for owner in change.owners
        ],
        "holders": list(change.holders),
        "snippet": change.snippet,
        "command": change.command,
        "body": dict(change.body),
    }
