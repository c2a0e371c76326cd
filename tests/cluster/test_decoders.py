"""Types that several threads decode at the same moment, for the first time."""

from __future__ import annotations

import subprocess
import sys

#: crashes within ten types up to msgspec 0.22 where each thread makes its own decoder
_THREADS = """
import sys, threading, types
from kubectl_meshcheck.cluster.decoders import decoder
SOURCE = '''
from __future__ import annotations
import msgspec
class A(msgspec.Struct, frozen=True):
    x: str = ""
    y: tuple[str, ...] | None = None
class B(msgspec.Struct):
    a: A | None = None
    b: tuple[A, ...] | None = None
class C(msgspec.Struct):
    a: A = A()
    b: B | None = None
    more: tuple[B, ...] | None = None
'''
DATA = b'[{"a":{"x":"1","y":["a"]},"b":{"b":[{"x":"z"}]},"more":[{"a":{"x":"2"}}]}]'
sys.setswitchinterval(1e-6)
for number in range(100):
    module = sys.modules[f"m{number}"] = types.ModuleType(f"m{number}")
    exec(SOURCE, module.__dict__)
    ready, found = threading.Barrier(6), []
    def run():
        ready.wait()
        found.append(decoder(list[module.C])(DATA))
    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and all(one == found[0] for one in found)
"""


def test_a_type_may_be_new_to_several_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _THREADS], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
