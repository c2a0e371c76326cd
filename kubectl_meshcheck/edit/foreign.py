"""What is no manifest and yet decides about one: Helm templates, JSON patches."""

from __future__ import annotations

import json
import re
from typing import Any

from kubectl_meshcheck import meshes
from kubectl_meshcheck.edit.wanted import Outcome, Standing, remedy
from kubectl_meshcheck.kinds import KINDS
from kubectl_meshcheck.meshes.base import Mesh
from kubectl_meshcheck.model import PodStart

#: without Knative's, of which one is called Service
_KINDS = "|".join(kind.kind for kind in KINDS if "knative" not in kind.group)
_WORKLOAD = re.compile(rf"^[ \t]*kind:[ \t]*(?:['\"]?(?:{_KINDS})\b|\{{\{{)", re.M)
#: Helm's own; ``{{ }}`` alone is also how alerts and dashboards are written
_ACTION = re.compile(
    r"\{\{-?\s*(?:/\*|(?:if|with|range|include|template|toYaml|tpl|quote|default)\b"
    r"[^}]*)?[^}]*(?:\.(?:Values|Release|Chart|Capabilities|Files)\b|\binclude\s)"
)
_VALUES = re.compile(r"\.Values\.((?:\w+\.)*\w*[aA]nnotations)\b")


def is_template(text: str) -> bool:
    """Whether the text has to go through Helm before it is a manifest."""
    return bool(_ACTION.search(text))


def has_workload(text: str) -> bool:
    """Whether a template looks as if a workload came out of it."""
    return bool(_WORKLOAD.search(text))


def template(text: str, line: int, named: Mesh | None) -> Outcome:
    """A Helm template, and which value of its chart to set."""
    mesh = named or _meant(text)
    marks = _marks(mesh) if mesh else {}
    shown = "; ".join(f"{key}: {value!r}" for key, value in marks.items())
    path = _value(text)
    if path:
        where = f"set {path} in the chart's values"
    else:
        where = "add a value for the pod template's metadata.annotations to the chart"
    example = f": {shown}" if shown else ""
    if not named and shown and mesh:
        example += f" (for {mesh.title})"
    other = "helm template ... | kubectl meshcheck file --fix -f -"
    return Outcome(
        "template",
        Standing.REFUSED,
        "this is a Helm template, not a manifest",
        f"{where}{example}; or mend what it renders: {other}",
        line=line,
    )


def _value(text: str) -> str:
    """The path of the value that the pod's annotations come from."""
    found = list(dict.fromkeys(_VALUES.findall(text)))
    pods = [path for path in found if "pod" in path.rpartition(".")[2].lower()]
    return str(pods[0]) if pods else ""


def _meant(text: str) -> Mesh | None:
    """The mesh whose marks are in the text; Istio where there are none."""
    for mesh in meshes.MESHES:
        if any(f"{domain}/" in text for domain in mesh.domains) and _marks(mesh):
            return mesh
    return meshes.MESHES[0]


def _marks(mesh: Mesh) -> dict[str, str]:
    return dict(remedy(mesh, PodStart()).annotations)


def is_patch(value: Any) -> bool:
    """Whether it is a JSON patch (RFC 6902), as kustomize takes it."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(op, dict) and {"op", "path"} <= op.keys() for op in value)
    )


def patch(value: list[dict[str, Any]], line: int, named: Mesh | None) -> Outcome:
    """A JSON patch names no object; the operation to add is shown, not written."""
    text = json.dumps(value)
    mesh = named or _asking(text)
    if mesh is None or not _marks(mesh):
        return Outcome(
            "patch",
            Standing.APART,
            "no mesh is asked for in this JSON patch",
            line=line,
        )
    key, wanted = next(iter(_marks(mesh).items()))
    if "/" + _pointer(key) in text:
        return Outcome(
            "patch", Standing.APART, f"this JSON patch sets {key} itself", line=line
        )
    add = {
        "op": "add",
        "path": f"{_root(text)}/metadata/annotations/{_pointer(key)}",
        "value": wanted,
    }
    return Outcome(
        "patch",
        Standing.REFUSED,
        "a JSON patch does not say which workload it changes",
        f"add to it, or write it into that workload's manifest: {json.dumps(add)}",
        line=line,
    )


def _root(text: str) -> str:
    """The pointer to the pod template, of a CronJob where the patch is for one."""
    job = "/jobTemplate/" in text
    return "/spec/jobTemplate/spec/template" if job else "/spec/template"


def _asking(text: str) -> Mesh | None:
    """The mesh whose marks for a pod template the patch writes."""
    for mesh in meshes.MESHES:
        for key in (*mesh.template_only, *mesh.keys):
            if _pointer(key) in text or f'"{key}"' in text:
                return mesh
    return None


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
