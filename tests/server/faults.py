"""How the server misbehaves when a test asks for it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field


@dataclass
class Fault:
    """One way to misbehave; see ``tests.server.Server.fail``."""

    match: str = ""  #: a regex that is searched in the request's target
    times: int = 1
    status: int = 0  #: answer with this status and a Status object
    reason: str = ""  #: of the Status
    message: str = ""  #: of the Status
    body: str | None = None  #: answer with this text
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    go_on: bool = False  #: with status 410: give a token to go on with
    cut: int = -1  #: close the connection after so many bytes of the body
    stall: float = 0  #: seconds of silence in the middle of the body
    silence: float = 0  #: seconds of silence before the answer
    reset: bool = False  #: close the connection instead of an answer
    break_gzip: str = ""  #: "truncate" or "corrupt"


class Faults:
    """Those that are still to come, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """For the next matching request."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Behave well from now on."""
        with self._lock:
            self._faults.clear()

    def take(self, target: str) -> Fault | None:
        """The fault for this request."""
        with self._lock:
            for fault in self._faults:
                if fault.times and re.search(fault.match, target):
                    fault.times -= 1
                    return fault
        return None
