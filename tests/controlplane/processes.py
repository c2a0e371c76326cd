"""Processes that outlive the command that started them: by pid, with a log each."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """A port of loopback that nobody listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(what: str, probe: Callable[[], bool], seconds: float = 60) -> None:
    """Ask until the answer is yes."""
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)


@dataclass(frozen=True)
class Process:
    """One program of an instance."""

    folder: Path
    name: str

    @property
    def log(self) -> Path:
        return self.folder / "logs" / f"{self.name}.log"

    @property
    def _record(self) -> Path:
        return self.folder / "pids" / f"{self.name}.json"

    @property
    def pid(self) -> int | None:
        """The pid while it runs; one that another program has by now is none."""
        try:
            record = json.loads(self._record.read_text())
        except FileNotFoundError:
            return None
        _reap(record["pid"])
        return int(record["pid"]) if _birth(record["pid"]) == record["birth"] else None

    def start(self, argv: list[str], env: Mapping[str, str]) -> None:
        """Start it unless it runs."""
        if self.pid is not None:
            return
        for path in (self.log, self._record):
            path.parent.mkdir(parents=True, exist_ok=True)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        files: list[tuple[int, int, str, int, int] | tuple[int, int, int]] = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(self.log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        # a group of its own: Ctrl-C in a test run must not reach it
        pid = os.posix_spawn(argv[0], argv, env, file_actions=files, setpgroup=0)
        self._record.write_text(
            json.dumps(
                {"pid": pid, "birth": _birth(pid), "argv": argv, "env": dict(env)}
            )
        )

    def stop(self, seconds: float = 15) -> None:
        """Ask it to end, then end it."""
        pid = self.pid
        if pid is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.kill(pid, number)
            try:
                wait_for(f"end of {self.name}", lambda: self.pid is None, seconds)
            except TimeoutError:
                continue
            return
        raise TimeoutError(f"{self.name} (pid {pid}) does not end")

    def again(self) -> None:
        """Start it as it was started last."""
        record = json.loads(self._record.read_text())
        self.start(record["argv"], record["env"])


def _reap(pid: int) -> None:
    """Collect a child that ended; otherwise it seems to live on as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _birth(pid: int) -> str | None:
    """What tells a process from a later one of its pid; None: there is none."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if told[0] == "Z" else told[19]
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return None
    try:
        os.kill(pid, 0)  # no /proc here: the pid must do
    except ProcessLookupError:
        return None
    return "?"
