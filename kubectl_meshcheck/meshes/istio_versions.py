"""Istio's version, from whatever tells it: tags, labels, the revision's name."""

from __future__ import annotations

import re

from kubectl_meshcheck.meshes.base import release


def label_version(labels: dict[str, str]) -> str:
    """What the labels of operator or chart say; empty when they do not."""
    words = (
        labels.get("operator.istio.io/version", ""),
        labels.get("helm.sh/chart", "").removeprefix("istiod-"),
        labels.get("app.kubernetes.io/version", ""),
    )
    return next((word for word in map(plain_version, words) if word), "")


def plain_version(word: str) -> str:
    """``1.14.6`` of a tag or a label that begins with it; empty when it does not."""
    match = re.match(r"v?(\d+\.\d+(?:\.\d+)*)", word)
    return match[1] if match else ""


def by_name(revision: str) -> str:
    """The minor version that a revision is named after; empty when it is not."""
    # asm-1-27 is the product's own scheme, 1-14-6 upstream's advice
    match = re.fullmatch(r"(?:asm-|.*-v)?(\d+)-(\d+)(?:-\d+)*", revision)
    return f"{match[1]}.{match[2]}" if match else ""


def older(version: str, *than: int) -> bool:
    """Whether a version is known and lower than that, compared at its length."""
    known = release(version)[: len(than)]
    return bool(known) and known < than
