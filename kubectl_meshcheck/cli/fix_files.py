"""``file --fix``: the remedy written into manifests, or shown, or printed.

Ends with 0 when all that should be changed is changed or needs no change, 4 when
something that should be changed was refused, 1 when nobody agreed to it, and 3 when
something could not be read (which counts more, as in a scan).  Workloads that no
mesh is asked for are no reason to fail.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

import click
import msgspec

from kubectl_meshcheck import meshes
from kubectl_meshcheck.cli import differ, unified
from kubectl_meshcheck.cli.show import Output, complain, rules_of
from kubectl_meshcheck.edit import Edited, Outcome, Source, Standing, all_edited
from kubectl_meshcheck.edit.saving import (
    CannotSaveError,
    Opened,
    hindrance,
    opened,
    other_names,
    save,
)
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest
from kubectl_meshcheck.files.paths import STDIN, Argument, arguments
from kubectl_meshcheck.files.text import printable
from kubectl_meshcheck.meshes.base import Mesh
from kubectl_meshcheck.report.text import safe


class Wish(msgspec.Struct, frozen=True):
    """The options, as typed."""

    filenames: tuple[str, ...]
    recursive: bool = False
    dry_run: bool = False
    yes: bool = False
    mesh: str = ""
    output: Output = msgspec.field(default_factory=Output)


class _Work(msgspec.Struct):
    """What was read, and what went wrong so far."""

    files: dict[str, Opened] = msgspec.field(default_factory=dict)
    sources: list[Source] = msgspec.field(default_factory=list)
    unreadable: bool = False
    refused: bool = False

    @property
    def code(self) -> ExitCode:
        if self.unreadable:
            return ExitCode.UNREADABLE
        return ExitCode.REFUSED if self.refused else ExitCode.CLEAN


def run(wish: Wish) -> ExitCode:
    """Reads, decides, asks, writes, tells."""
    if wish.output.output != "table":
        raise MeshcheckError(
            f"--fix on files has no output format {wish.output.output}",
            "leave -o out; scan the files again for a report",
            code=ExitCode.USAGE,
        )
    rules, _ = rules_of(wish.output)
    mesh = _mesh(wish.mesh)
    work = _Work()
    for argument in arguments(wish.filenames, recursive=wish.recursive):
        _read(argument, work)
    edits = list(all_edited(work.sources, mesh, rules))
    _complain(edits, work)
    _notes(edits)
    changed = [one for one in edits if one.changed]
    unsaved: set[str] = set()
    if wish.dry_run:
        _show(changed)
    else:
        unsaved = _write(changed, wish, work)
        for one in edits:
            if one.name == STDIN:
                _print(one.after)
    _tell(edits, wish, work, unsaved)
    return work.code


def _mesh(name: str) -> Mesh | None:
    if not name:
        return None
    known = {mesh.name: mesh for mesh in meshes.MESHES}
    if name not in known:
        hint = nearest(name, known) or f"known are {', '.join(known)}"
        raise MeshcheckError(f"no mesh {name!r}", hint, code=ExitCode.USAGE)
    return known[name]


# -- reading -----------------------------------------------------------------


def _read(argument: Argument, work: _Work) -> None:
    if argument.dump:
        raise MeshcheckError(
            f"{printable(argument.path)} is a dump of a cluster, not manifests",
            "scan it without --fix; fix the manifests that its objects came from",
            code=ExitCode.USAGE,
        )
    for path, broken in argument.broken:
        work.unreadable = True
        complain(f"{path}: {broken.why}", broken.hint)
    for path in argument.files:
        try:
            _take(path, argument, work)
        except (OSError, ValueError, CannotSaveError) as error:
            work.unreadable = True
            why = getattr(error, "strerror", None) or error
            complain(f"{path}: cannot read it: {why}")


def _take(path: str, argument: Argument, work: _Work) -> None:
    if path == STDIN:
        raw = sys.stdin.buffer.read()
        work.sources.append(Source(STDIN, raw))
        return
    file = opened(path)
    if all(file.real != other.real for other in work.files.values()):
        work.files[path] = file
        work.sources.append(Source(path, file.raw, mixed=argument.directory))


# -- writing -----------------------------------------------------------------


def _write(changed: Sequence[Edited], wish: Wish, work: _Work) -> set[str]:
    """Saves what was agreed to; the names of the files that stay as they are."""
    unsaved: set[str] = set()
    ready = []
    for one in changed:
        if one.name == STDIN:
            continue
        why = hindrance(work.files[one.name])
        if why:
            _refuse(one.name, why, work, unsaved)
        else:
            ready.append(one)
    if ready:
        _agree(ready, wish)
    for one in ready:
        file = work.files[one.name]
        try:
            save(file, one.after)
        except CannotSaveError as error:
            _refuse(one.name, str(error), work, unsaved)
            continue
        if other_names(file):
            said = f"{one.name}: hard links to it keep the old content"
            click.echo(f"warning: {safe(said)} ({other_names(file)})", err=True)
    return unsaved


def _refuse(name: str, why: str, work: _Work, unsaved: set[str]) -> None:
    work.refused = True
    unsaved.add(name)
    complain(f"{name}: not written: {why}", _REMEDIES.get(why, ""))


_REMEDIES = {
    "it is read-only": "make it writable, or check it out, and run this again",
    "it has changed since it was read": "run this again",
}


def _agree(ready: Sequence[Edited], wish: Wish) -> None:
    """Somebody has to agree before anything is written."""
    if wish.yes:
        return
    if not sys.stdin.isatty():
        raise MeshcheckError(
            "nothing was written: there is no terminal to ask at",
            "look at it with --dry-run=client, then write it with --yes",
            code=ExitCode.REFUSED,
        )
    _show(ready)
    files = "this file" if len(ready) == 1 else f"these {len(ready)} files"
    click.echo(f"Write {files}? (y/N): ", err=True, nl=False)
    # anything but y is no, as kubectl has it (kubectl: pkg/cmd/delete)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise MeshcheckError("nothing was written", code=ExitCode.FOUND)


# -- telling -----------------------------------------------------------------


def _show(changed: Sequence[Edited]) -> None:
    """The difference, by the user's own program where one is set."""
    if differ.program() and changed:
        files = [(_flat(one.name), one.before, one.after) for one in changed]
        _print(differ.external(files).encode(errors="surrogateescape"))
        return
    for one in changed:
        _print(_diff(one).encode(errors="surrogateescape"))


def _flat(name: str) -> str:
    """A path as the name of one file."""
    return "stdin" if name == STDIN else name.strip("./").replace("/", ".")[-200:]


def _diff(one: Edited) -> str:
    """As ``diff -u`` writes it."""
    name = "stdin" if one.name == STDIN else printable(one.name).lstrip("/")
    before, after = (
        raw.decode(errors="surrogateescape").splitlines(keepends=True)
        for raw in (one.before, one.after)
    )
    return "".join(_ended(unified.lines(name, before, after)))


def _ended(lines: Iterable[str]) -> Iterator[str]:
    terminal = sys.stdout.isatty()
    for line in lines:
        text = line.rstrip("\r\n")
        yield safe(text).replace("\\t", "\t") if terminal else text
        yield "\n" if terminal else line[len(text) :]
        if not line.endswith(("\n", "\r")):
            yield "\n\\ No newline at end of file\n"


def _print(raw: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def _notes(edits: Sequence[Edited]) -> None:
    """What is worth knowing before anything is written; risks are told once."""
    told = [o for one in edits for o in one.outcomes if o.standing is Standing.CHANGED]
    for outcome in told:
        for note in outcome.notes:
            click.echo(f"note: {safe(f'{outcome.who}: {note}')}", err=True)
    for risk in dict.fromkeys(risk for outcome in told for risk in outcome.risks):
        click.echo(f"risk: {safe(risk)}", err=True)


def _complain(edits: Sequence[Edited], work: _Work) -> None:
    """What could not be read, and what is refused, before anything is written."""
    for one in edits:
        for problem in one.problems:
            work.unreadable = True
            complain(problem.what, problem.hint)
        for outcome in one.outcomes:
            if outcome.standing is Standing.REFUSED:
                work.refused = True
                complain(f"{_place(one, outcome)}: {outcome.reason}", outcome.instead)


def _tell(edits: Sequence[Edited], wish: Wish, work: _Work, unsaved: set[str]) -> None:
    """A line for each workload; on stderr where stdout carries something else."""
    aside = wish.dry_run or any(one.name == STDIN for one in edits)
    for one in edits:
        for outcome in one.outcomes:
            changed = outcome.standing is Standing.CHANGED
            if outcome.standing is Standing.REFUSED or (
                changed and one.name in unsaved
            ):
                continue
            dry = " (dry run)" if changed and wish.dry_run else ""
            said = f"{outcome.standing.value}{dry}: {outcome.reason}"
            click.echo(safe(f"{_place(one, outcome)}: {said}"), err=aside)
    if not any(one.outcomes or one.problems for one in edits) and not work.unreadable:
        names = ", ".join(wish.filenames)
        click.echo(safe(f"No workloads found in {names}."), err=True)


def _place(one: Edited, outcome: Outcome) -> str:
    name = "standard input" if one.name == STDIN else one.name
    return f"{name}:{outcome.line}: {outcome.who}"
