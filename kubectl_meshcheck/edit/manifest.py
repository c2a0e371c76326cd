"""One source of manifests, with the remedy in it.

In: the bytes of a file.  Out: its bytes with the remedy, what became of each
workload, and what could not be read.  Encoding, byte order mark, and all that is
not changed stay byte for byte.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any

import msgspec
from msgspec.structs import replace

from kubectl_meshcheck import parse
from kubectl_meshcheck.edit import changes, foreign, wanted
from kubectl_meshcheck.edit.changes import Change
from kubectl_meshcheck.edit.nodes import CannotEditError
from kubectl_meshcheck.edit.parts import Part, objects, parts
from kubectl_meshcheck.edit.wanted import Around, Outcome, Space, Standing
from kubectl_meshcheck.errors import Problem
from kubectl_meshcheck.files.content import load
from kubectl_meshcheck.files.documents import documents
from kubectl_meshcheck.files.objects import fault
from kubectl_meshcheck.files.text import Broken, UnreadableError, printable
from kubectl_meshcheck.ignore import Ignore
from kubectl_meshcheck.meshes.base import Mesh
from kubectl_meshcheck.workload import Ref


class Source(msgspec.Struct, frozen=True):
    """A file as it was read."""

    name: str  #: "shop.yaml", "-" for standard input
    raw: bytes
    #: other documents than objects are to be expected: it was found in a directory
    mixed: bool = False


class Edited(msgspec.Struct, frozen=True):
    """A file as it is to be."""

    name: str
    before: bytes
    after: bytes
    outcomes: tuple[Outcome, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


class _Decoded(msgspec.Struct, frozen=True):
    """The text of a source as UTF-8, and the way back."""

    text: bytearray
    mark: bytes = b""
    encoding: str = "utf-8"

    def encoded(self, text: bytes) -> bytes:
        plain = text if self.encoding == "utf-8" else None
        return self.mark + (plain or text.decode().encode(self.encoding))


_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _decoded(raw: bytes) -> _Decoded:
    """Raises UnreadableError for what is no text."""
    text = load(io.BytesIO(raw))
    found = next((one for one in _MARKS if raw.startswith(one[0])), (b"", "utf-8"))
    decoded = _Decoded(text, *found)
    if decoded.encoded(bytes(text)) != raw:
        raise UnreadableError("its encoding is broken", "save it as UTF-8")
    return decoded


def around(
    sources: Iterable[Source], mesh: Mesh | None, rules: Sequence[Ignore]
) -> Around:
    """What the files say about namespaces, and which workloads are there in full."""
    spaces: dict[str, Space] = {}
    complete: set[Ref] = set()
    for source in sources:
        try:
            decoded = _decoded(source.raw)
        except UnreadableError:
            continue  # said when its turn comes
        for part in parts(decoded.text):
            for _, found in objects(part.value):
                _note(found, spaces, complete)
    return Around(spaces, frozenset(complete), mesh, tuple(rules))


def _note(found: Any, spaces: dict[str, Space], complete: set[Ref]) -> None:
    ref = wanted.reference(found)
    if ref is not None:
        if wanted.is_complete(found, ref.kind):
            complete.add(ref)
    elif isinstance(found, dict) and found.get("kind") == "Namespace":
        try:
            meta = parse.convert(found, parse.Bare).metadata
        except ValueError:
            return
        spaces[meta.name] = Space(meta.labels or {}, meta.annotations or {})


def edited(source: Source, known: Around) -> Edited:
    """The source with the remedy wherever it belongs and can be written."""
    name = printable("standard input" if source.name == "-" else source.name)
    try:
        decoded = _decoded(source.raw)
    except UnreadableError as error:
        problem = Problem(f"{name}: {error.why}", error.hint, source=name)
        return Edited(source.name, source.raw, source.raw, problems=(problem,))
    broken = [p for p in documents(decoded.text, count(1)) if isinstance(p, Broken)]
    if broken and foreign.is_template(text := decoded.text.decode(errors="replace")):
        told = foreign.template(text, broken[0].line, known.mesh)
        outcomes = (told,) if foreign.has_workload(text) else ()
        return Edited(source.name, source.raw, source.raw, outcomes)
    problems = [_problem(name, one) for one in broken]
    return _with_parts(source, decoded, known, name, problems)


def _problem(name: str, broken: Broken) -> Problem:
    place = f", document {broken.number}" if broken.number else ""
    line = f", line {broken.line}" if broken.line else ""
    return Problem(
        f"{name}{place}{line}: {broken.why}", broken.hint, source=name + place
    )


def _with_parts(
    source: Source, decoded: _Decoded, known: Around, name: str, problems: list[Problem]
) -> Edited:
    """Each document on its own, the bytes between them as they are."""
    written: list[bytes] = []
    at = 0
    outcomes: list[Outcome] = []
    for part in parts(decoded.text):
        text, told, wrong = _part(part, source, known, name)
        written += [bytes(decoded.text[at : part.begin]), text.encode()]
        at = part.end
        outcomes += told
        problems += wrong
    after = b"".join([*written, bytes(decoded.text[at:])])
    return Edited(
        source.name,
        source.raw,
        decoded.encoded(after),
        tuple(outcomes),
        tuple(problems),
    )


Told = tuple[str, list[Outcome], list[Problem]]


def _part(part: Part, source: Source, known: Around, name: str) -> Told:
    line = _line(part)
    if foreign.is_patch(part.value):
        return part.text, [foreign.patch(part.value, line, known.mesh)], []
    problems: list[Problem] = []
    outcomes: list[Outcome] = []
    asked: dict[int, Change] = {}
    for path, found in objects(part.value):
        why = "" if source.mixed else fault(found)
        if why:
            problems.append(_problem(name, Broken(why, "", part.number, line)))
            continue
        ref = wanted.reference(found)
        if ref is None:
            continue
        try:
            outcome = wanted.wanted(found, ref, known)
        except ValueError as error:
            why = f"{ref}: {_plain(error, wanted.steps(ref.kind))}"
            hint = "correct the field and try again"
            problems.append(_problem(name, Broken(why, hint, part.number, line)))
            continue
        if outcome.standing is Standing.CHANGED:
            marks = {edit.key: edit.after for edit in outcome.edits}
            asked[len(outcomes)] = Change((*path, *wanted.steps(ref.kind)), marks)
        outcomes.append(replace(outcome, line=line))
    if not asked:
        return part.text, outcomes, problems
    text = _written(part, asked, outcomes, known)
    return text, outcomes, problems


#: blank lines and comments
_LEAD = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\r?\n)*")


def _line(part: Part) -> int:
    """Where its first word stands."""
    lead = _LEAD.match(part.text)
    return part.line + (lead[0].count("\n") if lead else 0)


def _plain(error: ValueError, steps: Sequence[str]) -> str:
    """msgspec's words: ``Expected `str`, got `int` - at `$.spec.hostNetwork```."""
    text, _, path = str(error).partition(" - at ")
    path = ".".join([*steps, path.strip("`").removeprefix("$.")])
    text = text.replace("`", "").replace("Expected ", "expected ")
    return f"{path}: {text}" if path else text


def _written(
    part: Part, asked: dict[int, Change], outcomes: list[Outcome], known: Around
) -> str:
    """The text with what was asked for; what cannot be written is refused."""
    if foreign.is_template(part.text):
        told = foreign.template(part.text, 0, known.mesh)
        for at in asked:
            outcomes[at] = _refused(outcomes[at], told.reason, told.instead)
        return part.text
    try:
        text, refused = changes.edited(part.text, list(asked.values()), part.language)
    except (CannotEditError, ValueError, RecursionError) as error:
        text, refused = part.text, dict.fromkeys(range(len(asked)), str(error))
    for number, at in enumerate(asked):
        if number in refused:
            outcomes[at] = _refused(outcomes[at], refused[number], "")
    return text


def _refused(outcome: Outcome, why: str, instead: str) -> Outcome:
    marks = "; ".join(f"{edit.key}: {edit.after!r}" for edit in outcome.edits)
    by_hand = (
        f"write it by hand, under the pod template's metadata.annotations: {marks}"
    )
    return replace(
        outcome,
        standing=Standing.REFUSED,
        reason=why,
        instead=instead or by_hand,
        edits=(),
    )


def all_edited(
    sources: list[Source], mesh: Mesh | None = None, rules: Sequence[Ignore] = ()
) -> Iterator[Edited]:
    """Every source with the remedy; what one says of a namespace holds for all.

    ``mesh`` is the one that the user names, ``rules`` what is to be ignored.
    """
    known = around(sources, mesh, rules)
    return (edited(source, known) for source in sources)
