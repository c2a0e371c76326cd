"""A file is replaced in one step, and what hangs on it is kept.

Not covered: power cuts, and a directory that is read-only for others than root.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kubectl_meshcheck.edit.saving import (
    CannotSaveError,
    hindrance,
    opened,
    other_names,
    save,
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with something in it."""
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"old")
    return path


def listed(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def test_the_content_is_new_and_nothing_is_left_behind(file: Path) -> None:
    save(opened(str(file)), b"new")

    assert (file.read_bytes(), listed(file.parent)) == (b"new", ["shop.yaml"])


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o755])
def test_permissions_are_kept(file: Path, mode: int) -> None:
    file.chmod(mode)

    save(opened(str(file)), b"new")

    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_owner_and_group_are_kept(file: Path) -> None:
    os.chown(file, 1234, 2345)

    save(opened(str(file)), b"new")

    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_extended_attributes_are_kept(file: Path) -> None:
    try:
        os.setxattr(file, "user.note", b"mine")
    except (OSError, AttributeError):
        pytest.skip("the file system has no extended attributes")

    save(opened(str(file)), b"new")

    assert os.getxattr(file, "user.note") == b"mine"


def test_a_link_is_followed_and_stays_one(file: Path) -> None:
    (file.parent / "there").mkdir()
    link = file.parent / "there" / "link.yaml"
    link.symlink_to("../shop.yaml")

    save(opened(str(link)), b"new")

    assert (os.readlink(link), file.read_bytes()) == ("../shop.yaml", b"new")
    assert listed(link.parent) == ["link.yaml"]


def test_other_hard_links_are_counted(file: Path) -> None:
    os.link(file, file.parent / "other.yaml")

    assert other_names(opened(str(file))) == 1


def test_a_read_only_file_is_not_replaced(file: Path) -> None:
    file.chmod(0o444)

    assert hindrance(opened(str(file))) == "it is read-only"


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_file_in_a_read_only_directory_is_not_replaced(file: Path) -> None:
    file.parent.chmod(0o555)
    why = hindrance(opened(str(file)))
    file.parent.chmod(0o755)

    assert why == "its directory is read-only"


def test_what_somebody_else_wrote_meanwhile_is_not_lost(file: Path) -> None:
    before = opened(str(file))
    file.write_bytes(b"somebody else's")

    with pytest.raises(CannotSaveError, match=r"^it has changed since it was read$"):
        save(before, b"new")
    assert (file.read_bytes(), listed(file.parent)) == (
        b"somebody else's",
        ["shop.yaml"],
    )


def test_a_file_that_is_gone_is_not_made_anew(file: Path) -> None:
    before = opened(str(file))
    file.unlink()

    with pytest.raises(CannotSaveError, match=r"^No such file or directory$"):
        save(before, b"new")
    assert listed(file.parent) == []


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    with pytest.raises(CannotSaveError, match=r"^it is no regular file$"):
        opened(str(tmp_path / "pipe.yaml"))
