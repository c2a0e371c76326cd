"""What is sent for a change, what the object is then, and the same for Git."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from kubectl_meshcheck import __version__
from kubectl_meshcheck.plan import record, where
from kubectl_meshcheck.plan.record import CAUSE, RECORD, Record
from kubectl_meshcheck.plan.values import Edit, Object
from kubectl_meshcheck.workload import Ref


def identity(found: Object, *, versioned: bool) -> dict[str, Any]:
    """The start of an apply: which object, and that it must be this very one.

    ``versioned`` adds the resourceVersion: nothing may have changed since.
    """
    meta = where.at(found, ("metadata",))
    wanted = ["name", "namespace", "uid"] + (["resourceVersion"] if versioned else [])
    return {
        "apiVersion": found.get("apiVersion"),
        "kind": found.get("kind"),
        "metadata": {key: meta[key] for key in wanted if key in meta},
    }


def compose(
    found: Object, path: tuple[str, ...], edits: Sequence[Edit], time: str, cause: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The body of the apply, and the object as it will be.

    An earlier fix's keys are applied again: what an apply leaves out is removed.
    """
    told = _earlier(found, path, edits)
    marks = {RECORD: str(Record((*told, *edits), time, __version__))}
    own = where.marks(found)
    if CAUSE not in own or _ours(found):
        marks[CAUSE] = cause
    wanted = {edit.key: edit.after for edit in (*told, *edits)}
    replaced = any(edit.before is not None for edit in edits)
    body = identity(found, versioned=replaced)
    body["metadata"]["annotations"] = marks
    template: Any = {"metadata": {"annotations": wanted}}
    for step in reversed(path[1:]):
        template = {step: template}
    body[path[0]] = template
    after = where.with_annotations(found, (), marks)
    return body, where.with_annotations(after, path, wanted)


def _earlier(
    found: Object, path: tuple[str, ...], edits: Sequence[Edit]
) -> tuple[Edit, ...]:
    """What an earlier fix wrote and what is still so."""
    text = where.marks(found).get(RECORD)
    now = where.marks(found, path)
    keys = {edit.key for edit in edits}
    try:
        told = record.parse(text).edits if text else ()
    except ValueError:
        return ()
    return tuple(e for e in told if e.key not in keys and now.get(e.key) == e.after)


def _ours(found: Object) -> bool:
    """Whether the change cause that is there was written by a fix."""
    cause = where.marks(found).get(CAUSE, "")
    return RECORD in where.marks(found) and cause.startswith("kubectl meshcheck")


def snippet(path: tuple[str, ...], edits: Sequence[Edit]) -> str:
    """The annotations as YAML, for the source that the object comes from."""
    value: Any = {"metadata": {"annotations": {e.key: e.after for e in edits}}}
    for step in reversed(path):
        value = {step: value}
    return dump(value)


def dump(value: Any, *, plain: bool = False) -> str:
    """YAML as people write it: several lines of text stay several lines.

    ``plain`` escapes all but ASCII, for what goes past us to a terminal.
    """
    dumped: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=not plain, width=10_000
    )
    return dumped


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def shown(found: Object) -> dict[str, Any]:
    """The object as people compare it: without the server's bookkeeping."""
    meta = dict(where.at(found, ("metadata",)))
    meta.pop("managedFields", None)
    for key in ("resourceVersion", "generation"):
        meta.pop(key, None)
    rest = {key: value for key, value in found.items() if key != "status"}
    return {**rest, "metadata": meta}


def change_cause(ref: Ref, keys: Sequence[str]) -> str:
    """What ``kubectl rollout history`` shows."""
    place = f" -n {ref.namespace}" if ref.namespace else ""
    return f"kubectl meshcheck {ref}{place} --fix (sets {', '.join(keys)})"
