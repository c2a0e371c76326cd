"""Which workloads the user means, and where to look for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from kubectl_meshcheck import kinds
from kubectl_meshcheck.errors import ExitCode, MeshcheckError, nearest
from kubectl_meshcheck.kinds import POD, Kind
from kubectl_meshcheck.workload import Subject


class Target(msgspec.Struct, frozen=True):
    """``deploy/cart``: one workload, or one pod."""

    kind: Kind
    name: str

    def matches(self, subject: Subject) -> bool:
        """Whether these pods belong to it, directly or through their owners."""
        if self.kind is POD and self.name in subject.names:
            return True
        refs = (subject.ref, *subject.owners)
        return any(r.kind == self.kind and r.name == self.name for r in refs)

    def __str__(self) -> str:
        return f"{self.kind.resource} {self.name!r}"


class MissingError(MeshcheckError):
    """Some of the targets have no workload; the first of them ends the program."""

    def __init__(self, errors: list[MeshcheckError], found: list[Subject]) -> None:
        super().__init__(errors[0].what, errors[0].hint)
        self.errors = errors
        self.found = found  #: of the other targets


#: what kubectl calls them
_NAMESPACES = ("ns", "namespace", "namespaces")


def parse(words: Sequence[str]) -> list[Target]:
    """``deploy cart web`` or ``deploy/cart sts/db``, as kubectl takes them.

    Raises ``MeshcheckError`` with exit code 2 for a kind that is not known.
    """
    if not any("/" in word for word in words):
        kind = _kind(words[0])
        if len(words) == 1:
            raise _usage(f"no name given for {words[0]}", f"{words[0]} NAME")
        return [Target(kind, name) for name in words[1:]]
    targets = []
    for word in words:
        kind_word, slash, name = word.partition("/")
        if not slash or not kind_word or not name or "/" in name:
            mixed = "; the forms do not mix" if len(words) > 1 else ""
            raise _usage(f"{word!r} is not TYPE/NAME{mixed}", "deploy/cart sts/db")
        if kind_word in _NAMESPACES:
            raise _usage("a namespace is no workload", f"ns {name}")
        targets.append(Target(_kind(kind_word), name))
    return targets


def _kind(word: str) -> Kind:
    kind = kinds.named(word)
    if kind is None:
        hint = nearest(word, kinds.kind_names())
        raise _usage(f'no kind of workload is called "{word}"', hint=hint)
    return kind


def _usage(what: str, example: str = "", hint: str = "") -> MeshcheckError:
    hint = hint or f"write: kubectl meshcheck {example or 'deploy/NAME'}"
    return MeshcheckError(what, hint, code=ExitCode.USAGE)


def selector(
    targets: Sequence[Target], namespace: str
) -> Callable[[list[Subject]], list[Subject]]:
    """Picks the targets' subjects; raises ``MissingError`` where one has none."""

    def select(subjects: list[Subject]) -> list[Subject]:
        found = [s for s in subjects if any(t.matches(s) for t in targets)]
        without = [t for t in targets if not any(map(t.matches, found))]
        if without:
            errors = [_missing(target, subjects, namespace) for target in without]
            raise MissingError(errors, found)
        return found

    return select


def _missing(target: Target, subjects: list[Subject], namespace: str) -> MeshcheckError:
    known = {
        ref.name
        for subject in subjects
        for ref in (subject.ref, *subject.owners)
        if ref.kind == target.kind
    }
    if target.kind is POD:
        known |= {name for subject in subjects for name in subject.names}
    hint = nearest(target.name, sorted(known))
    return missing(target.kind, target.name, namespace, hint)


def missing(kind: Kind, name: str, namespace: str, hint: str = "") -> MeshcheckError:
    """There is no such workload; ``hint`` may know a name that is near."""
    what = f'{kind.resource} "{name}" not found in namespace {namespace}'
    everything = f"kubectl meshcheck ns {namespace} lists what there is"
    return MeshcheckError(what, hint or everything)
