"""Colour, width and broken pipes: what a terminal gets, and what a program gets."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from contextlib import suppress

import pytest

from tests.server import Server
from tests.shell import PROGRAM, Shell

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def _on_terminal(shell: Shell, columns: int, *words: str) -> str:
    """Everything that a terminal of so many columns is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [str(PROGRAM), *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=shell.folder,
        env=shell.environment,
    )
    os.close(theirs)
    told = b""
    with suppress(OSError):  # EIO: the other side has ended
        while read := os.read(ours, 65536):
            told += read
    os.close(ours)
    process.wait()
    return told.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colour_and_a_hint(nowhere: Shell) -> None:
    told = _on_terminal(nowhere, 400, "file", "-f", "shop.yaml")
    piped = nowhere.program("file", "-f", "shop.yaml")
    hint = "4 of 8 have findings. Look closer: kubectl meshcheck deploy/fireboom"

    assert "\x1b[31;1mRACE\x1b[0m" in told
    assert _ESCAPE.sub("", told) == f"{piped.out}\n{hint} -n shop\n"
    assert piped.err == ""


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (80, "Too narrow for MESH, START ORDER, WAITS ON: -o wide shows all.\n"),
        (120, "Too narrow for READY, MESH, WAITS ON: -o wide shows all.\n"),
        (160, ""),
    ],
)
def test_a_table_is_cut_to_the_terminal(
    columns: int, missing: str, nowhere: Shell
) -> None:
    told = _ESCAPE.sub("", _on_terminal(nowhere, columns, "file", "-f", "shop.yaml"))
    table, _, hints = told.partition("\n\n")

    assert [line for line in table.splitlines() if len(line) > columns] == []
    assert any(line.endswith("...") for line in table.splitlines())
    assert hints.partition("\n")[2] == missing


def test_wide_is_never_cut(nowhere: Shell) -> None:
    told = _on_terminal(nowhere, 80, "file", "-f", "shop.yaml", "-o", "wide")

    assert "..." not in told


@pytest.mark.parametrize(
    ("words", "more", "colour"),
    [
        ((), {"NO_COLOR": ""}, False),
        ((), {"TERM": "dumb"}, False),
        (("--color=never",), {}, False),
        (("--color=always",), {"NO_COLOR": "1"}, True),
    ],
)
def test_colour_is_for_those_who_want_it(
    words: tuple[str, ...], more: dict[str, str], colour: bool, nowhere: Shell
) -> None:
    shell = Shell(nowhere.folder, more=more)
    told = _on_terminal(shell, 200, "file", "-f", "shop.yaml", *words)

    assert bool(_ESCAPE.search(told)) == colour


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_pipe_gets_colour_only_when_told(output: str, nowhere: Shell) -> None:
    plain, painted = (
        nowhere.program("file", "-f", "shop.yaml", "-o", output, f"--color={when}").out
        for when in ("auto", "always")
    )

    assert _ESCAPE.search(plain) is None
    assert bool(_ESCAPE.search(painted)) == (output == "table")


def test_headers_can_be_left_out(nowhere: Shell) -> None:
    whole, without = (
        nowhere.program("file", "-f", "shop.yaml", *more).out.splitlines()
        for more in ((), ("--no-headers",))
    )

    assert [line.split() for line in without] == [line.split() for line in whole[1:]]


@pytest.mark.parametrize("typed", ["demo", "file -f shop.yaml -o json", "checks"])
def test_a_reader_that_goes_away_is_no_error(typed: str, nowhere: Shell) -> None:
    ran = nowhere.run(f"kubectl-meshcheck {typed} | head -1; echo ${{PIPESTATUS[0]}}")
    first, code = ran.out.splitlines()

    assert first
    assert ran.err == ""
    assert code in ("0", "1", "141")  # it may have ended before the reader went


def test_a_full_disk_is_said(nowhere: Shell) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    ran = nowhere.run("kubectl-meshcheck demo > /dev/full")

    assert ran.code == 3
    assert "Traceback" not in ran.err


def test_an_interrupt_ends_with_130(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("interrupted")
    with Server.start([]) as server:
        server.fail(silence=600, times=100)
        config = server.kubeconfig(folder / "kubeconfig", namespace="shop")
        shell = Shell(folder, str(config))
        process = subprocess.Popen(
            [str(PROGRAM), "ns", "-A"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=shell.environment,
        )
        while not any(seen.path.endswith("/pods") for seen in server.requests):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()

    assert (process.returncode, out) == (130, "")
    assert err == "\ninterrupted\n"


@pytest.mark.parametrize(
    "typed", ["undo cm/istio-1-14-6 -n istio-system", "mesh --fix"]
)
def test_who_does_not_agree_is_no_interrupt(typed: str, shop: Shell) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"n\n")
    with subprocess.Popen(
        [str(PROGRAM), *typed.split()],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=shop.environment,
    ) as process:
        _, err = process.communicate()
    os.close(ours)
    os.close(theirs)

    assert process.returncode == 1
    assert err.endswith("Do you want to continue? (y/N): Nothing was changed.\n")
