"""docs/meshes.md, made from the facts that each mesh keeps beside its code."""

from __future__ import annotations

from collections.abc import Iterator

from kubectl_meshcheck.meshes import MESHES
from kubectl_meshcheck.meshes.base import About, Mesh

INTRODUCTION = """\
# Meshes

Which sidecars are known, how each is recognised, what makes an application wait for
it, and how to get there. Every fact names the upstream file or thread that it was
read from. A sidecar that is not here is judged by what its author wrote into the pod:
a startup probe on a native sidecar, or a postStart loop that waits for a local port.

<!-- Generated from kubectl_meshcheck/meshes; tests/meshes/test_page.py says how. -->
"""


def page() -> str:
    """The whole page as Markdown."""
    sections = [INTRODUCTION, "\n".join(_contents()) + "\n"]
    sections += ["\n".join(_section(mesh)) + "\n" for mesh in MESHES]
    return "\n".join(sections)


def _contents() -> Iterator[str]:
    for mesh in MESHES:
        names = (*mesh.proxies, *(f"{prefix}..." for prefix in mesh.proxy_prefixes))
        shown = ", ".join(f"`{name}`" for name in names)
        yield f"- [{mesh.title}](#{_anchor(mesh.title)}): {shown}"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _section(mesh: Mesh) -> Iterator[str]:
    yield f"## {mesh.title}"
    yield ""
    yield f"Called `{mesh.name}` in reports. Upstream: <{mesh.docs}>"
    for about in About:
        facts = [fact for fact in mesh.facts if fact.about is about]
        if facts:
            yield ""
            yield f"### {about.value}"
            yield ""
        for fact in facts:
            yield f"- {fact.text} ({fact.source})"
