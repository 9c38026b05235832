"""Every fuzzed room for as long as there is time: `make fuzz ARGS="--minutes 10"`. What it finds is printed with the seed that finds it again.

fuzz.py [--minutes M] [--seed S] [--room NAME]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from answer_rooms import ROOMS as ANSWER_ROOMS  # noqa: E402  after the path
from beside_rooms import ROOMS as BESIDE_ROOMS  # noqa: E402
from engine_rooms import answers, frames, strangers_and_echoes  # noqa: E402
from file_rooms import ROOMS  # noqa: E402
from venue_rooms import ROOMS as VENUE_ROOMS  # noqa: E402

AT_ONCE = 200
"""Cases of one seed: few enough to repeat, many enough that setting up does not matter."""

Room = Callable[[random.Random, int, Path], Counter[str]]


def _without_files(room: Callable[[random.Random, int], Counter[str]]) -> Room:
    return lambda dice, cases, folder: room(dice, cases)


ALL: dict[str, Room] = {
    "frames": lambda dice, cases, folder: frames(dice, cases),
    "strangers and echoes": lambda dice, cases, folder: strangers_and_echoes(dice, cases),
    "answers": lambda dice, cases, folder: answers(dice, cases),
    **ROOMS,
    **BESIDE_ROOMS,
    **ANSWER_ROOMS,
    **{name: _without_files(room) for name, room in VENUE_ROOMS.items()},
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz every parser.")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--room", choices=sorted(ALL))
    given = parser.parse_args()
    rooms = [given.room] if given.room else list(ALL)
    counts: dict[str, Counter[str]] = {room: Counter() for room in rooms}
    deadline, seed, findings = time.monotonic() + given.minutes * 60, given.seed, 0
    while time.monotonic() < deadline:
        for room in rooms:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    counts[room] += ALL[room](random.Random(f"{room} {seed}"), AT_ONCE, Path(folder))
                except Exception:
                    findings += 1
                    print(f"FOUND: --room {room!r} --seed {seed}\n{traceback.format_exc()[-3000:]}", file=sys.stderr)
        seed += 1
    for room, count in counts.items():
        print(f"{room:22} " + ", ".join(f"{n} {what}" for what, n in sorted(count.items())))
    print(f"{sum(c['cases'] for c in counts.values())} cases, seeds {given.seed} to {seed - 1}, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
