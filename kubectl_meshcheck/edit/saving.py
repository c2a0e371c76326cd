"""A file replaced in one step, and what else hangs on it kept.

Its content goes to a new file beside it, which then takes its name: whoever reads
meanwhile, or after a crash, finds the old or the new content and nothing between.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile

import msgspec


class CannotSaveError(Exception):
    """Why a file cannot be replaced, as a clause."""


class Opened(msgspec.Struct, frozen=True):
    """A file as it was read, and how to tell that it is still that one."""

    path: str  #: as it was named
    raw: bytes
    state: os.stat_result

    @property
    def real(self) -> str:
        """The file itself where ``path`` is a link to it."""
        return os.path.realpath(self.path)


def opened(path: str) -> Opened:
    """Reads a file.  Raises OSError, CannotSaveError for what is no regular file."""
    # a pipe that nobody writes to would be waited for
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise CannotSaveError("it is no regular file")
    with open(path, "rb") as source:
        state = os.fstat(source.fileno())
        return Opened(path, source.read(), state)


def hindrance(file: Opened) -> str:
    """Why the file cannot be replaced, as a clause; empty when it can."""
    here = os.path.dirname(file.real)
    writable = file.state.st_mode & 0o222 and os.access(file.real, os.W_OK)
    if not writable:
        return "it is read-only"
    if not os.access(here, os.W_OK | os.X_OK):
        return "its directory is read-only"
    return ""


def other_names(file: Opened) -> int:
    """How many hard links would keep the old content."""
    return file.state.st_nlink - 1


def save(file: Opened, content: bytes) -> None:
    """Replaces the file by ``content``: owner, permissions and links are kept.

    Raises CannotSaveError where somebody else has changed it since, where its
    owner cannot be kept, and where the system does not let it.
    """
    try:
        _save(file, content)
    except OSError as error:
        raise CannotSaveError(error.strerror or str(error)) from error


def _save(file: Opened, content: bytes) -> None:
    real = file.real
    here, name = os.path.split(real)
    handle, beside = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=here)
    try:
        with os.fdopen(handle, "wb") as new:
            new.write(content)
            _dress(new.fileno(), file)
            new.flush()
            os.fsync(new.fileno())
        _refuse_if_changed(file)
        os.replace(beside, real)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise
    _settle(here)


def _dress(handle: int, file: Opened) -> None:
    """Owner, extended attributes (access lists among them) and permissions."""
    now, wanted = os.fstat(handle), file.state
    if (now.st_uid, now.st_gid) != (wanted.st_uid, wanted.st_gid):
        try:
            os.fchown(handle, wanted.st_uid, wanted.st_gid)
        except PermissionError:
            raise CannotSaveError(
                "it belongs to another user or group, which a new file could not"
            ) from None
    with contextlib.suppress(OSError, AttributeError):  # not every system has them
        for name in os.listxattr(file.real):
            os.setxattr(handle, name, os.getxattr(file.real, name))
    os.fchmod(handle, stat.S_IMODE(wanted.st_mode))


def _refuse_if_changed(file: Opened) -> None:
    now, then = os.stat(file.real), file.state
    same = ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    if any(getattr(now, one) != getattr(then, one) for one in same):
        raise CannotSaveError("it has changed since it was read")


def _settle(directory: str) -> None:
    """Sees to it that the new name survives a power cut."""
    with contextlib.suppress(OSError):  # not every file system knows it
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
