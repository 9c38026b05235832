"""The shipped console, in a process whose memory is eaten up once a file is there; run by test_out_of_memory.py on a pty.

hungry_console.py FLAG_FILE run --config FILE

The address space gets a limit, as from `ulimit -v`, and a thread takes all that is left below it, down to the smallest pieces: from then on
whatever asks for memory anywhere in the process is refused it. What is given back is taken too: at once if the file says "all", else as fast
as a bad leak would, 20 MB a second. "kernel": without a limit of our own, for whoever has given the process one from outside.
"""

from __future__ import annotations

import resource
import sys
import threading
from pathlib import Path

from hip3_tui.cli import main

flag = Path(sys.argv[1])
SIZES = (1 << 22, 1 << 18, 1 << 14, 4096, 1024, 512, 256, 64)
MORE = 16 << 20
LEAKED = 1 << 18


def eat() -> None:
    wait = threading.Event().wait
    while not flag.exists():
        wait(0.02)
    how = flag.read_text()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    if how != "kernel":
        resource.setrlimit(resource.RLIMIT_AS, (used + MORE, used + MORE))
    eaten: list[bytearray] = []
    while True:
        for size in SIZES:
            try:
                while True:
                    eaten.append(bytearray(size))
            except MemoryError:
                continue
        while how != "all":
            try:
                eaten.append(bytearray(LEAKED))
                wait(LEAKED / 20e6)
            except MemoryError:
                continue
        wait(0.001)


threading.Thread(target=eat, name="hunger", daemon=True).start()
sys.argv = ["hip3-tui", *sys.argv[2:]]
main()
