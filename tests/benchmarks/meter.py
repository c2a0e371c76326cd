"""``python -I -S meter.py COMMAND...``: runs it, measures it: wall, CPU, MiB.

A process of its own, because a child begins with its parent's memory, and the parent
of a measurement should be small.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Prints to descriptor 3; the command's own output goes nowhere."""
    null = os.open(os.devnull, os.O_RDWR)
    began = time.perf_counter()
    child = os.fork()
    if not child:
        for descriptor in (0, 1):
            os.dup2(null, descriptor)
        os.execvp(sys.argv[1], sys.argv[1:])
    _, status, used = os.wait4(child, 0)
    wall = time.perf_counter() - began
    code = os.waitstatus_to_exitcode(status)
    cpu = used.ru_utime + used.ru_stime
    os.write(3, f"{code} {wall} {cpu} {used.ru_maxrss / 1024}".encode())


main()
