"""docs/meshes.md is what the modules say.  To write it anew:

python -c "from kubectl_meshcheck.meshes.page import page; print(page(), end='')" \\
    > docs/meshes.md
"""

from __future__ import annotations

import re
from pathlib import Path

from kubectl_meshcheck.meshes import MESHES
from kubectl_meshcheck.meshes.page import page

DOCUMENT = Path(__file__).parents[2] / "docs" / "meshes.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCUMENT.read_text() == page()


def test_the_page_has_every_mesh_with_its_facts() -> None:
    text = page()
    for mesh in MESHES:
        assert f"\n## {mesh.title}\n" in text
        for fact in mesh.facts:
            assert f"- {fact.text} ({fact.source})\n" in text


def test_its_links_lead_somewhere() -> None:
    text = page()
    anchors = {title.lower().replace(" ", "-") for title in re.findall("## (.*)", text)}
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= anchors


def test_its_markdown_is_closed() -> None:
    for line in page().splitlines():
        assert line.count("`") % 2 == 0, line
        assert line == line.rstrip()
