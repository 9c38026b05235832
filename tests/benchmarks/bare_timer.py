"""What the machine itself makes of a timer, for bench_console: a program that does nothing but wake every 100 ms, on the core that it is put on.

The tick of an engine on the same core cannot be more punctual than this. Where a virtual machine's host gives the core to somebody else, both are
late. Ends when its input closes, and then prints the lateness of each wake, in ms, as JSON.

    python tests/benchmarks/bare_timer.py
"""

from __future__ import annotations

import json
import select
import sys
import time

INTERVAL_S = 0.1


def main() -> None:
    late: list[float] = []
    due = time.monotonic() + INTERVAL_S
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        now = time.monotonic()
        late.append((now - due) * 1000)
        due += ((now - due) // INTERVAL_S + 1) * INTERVAL_S
    print(json.dumps(late))


if __name__ == "__main__":
    main()
