"""The same plan gives the same tape, byte for byte: in one process, in others, with another hash seed, time zone and without asserts.

The digest is of every message and every effect of all programs of a life. No table of digests is kept here: it would change with every
change of the engine, and says nothing that a second run does not say.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from seeds import Case, play

from core.messages.tape import Start, Turn, decode_start, decode_turn
from core.sim.replay import replay
from core.sim.world.plan import Depth

HERE = Path(__file__).parent
WEATHER_MS = 15_000
CASES = (
    Case(1, "value", None, WEATHER_MS),
    Case(2, "wire", None, WEATHER_MS),
    Case(13, "value", "crash", WEATHER_MS),
    Case(4, "value", "cut", WEATHER_MS),
    Case(5, "wire", "late_reply", WEATHER_MS),
    Case(6, "value", "foreign_order", WEATHER_MS),
)

DIGESTS = """
import sys
from seeds import Case, play
for text in sys.argv[1:]:
    seed, depth, only = text.split(",")
    print(play(Case(int(seed), depth, only or None, {weather_ms})).digest)
"""


@pytest.fixture(scope="module")
def digests() -> list[str]:
    return [play(case).digest for case in CASES]


def elsewhere(environment: dict[str, str], *options: str) -> subprocess.Popen[str]:
    """Another interpreter that plays the same cases."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    paths = os.pathsep.join((str(HERE.parent.parent), str(HERE)))
    return subprocess.Popen(
        [sys.executable, *options, "-c", DIGESTS.format(weather_ms=WEATHER_MS)]
        + [f"{case.seed},{case.depth},{case.only or ''}" for case in CASES],
        env={**clean, "PYTHONPATH": paths, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_twice_in_one_process(digests):
    """The second time everything that is made once and kept is there already."""
    assert [play(case).digest for case in CASES] == digests
    assert len(set(digests)) == len(digests)


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({"PYTHONHASHSEED": "0"}, ()),
        ({"PYTHONHASHSEED": "1"}, ()),
        ({"PYTHONHASHSEED": "12345", "TZ": "Pacific/Auckland", "LC_ALL": "C"}, ()),
        ({"PYTHONHASHSEED": "random"}, ("-O",)),
    ],
    ids=["hash seed 0", "hash seed 1", "another hash seed, time zone and locale", "without asserts"],
)
def test_in_another_process(digests, environment, options):
    process = elsewhere(environment, *options)
    out, _ = process.communicate(timeout=100)
    assert process.returncode == 0
    assert out.split() == digests


@pytest.mark.parametrize("seed", range(20, 24))
def test_value_and_wire_level_are_the_same_life(seed):
    """A signature is looked at by the venue and by nobody else; a tape holds none. Where they differ, one of the two depths is not honest."""
    value, wire = (play(Case(seed, depth.value, None, WEATHER_MS)) for depth in Depth)
    assert not value.is_red
    assert value.actions == wire.actions > 0
    assert value.digest == wire.digest


@pytest.mark.parametrize("case", CASES[:3], ids=str)
def test_every_program_of_a_life_replays_from_its_tape(case):
    """From the lines alone a fresh engine gives the same answers: nothing of a life is kept anywhere but in what it was told."""
    lines: list[bytes] = []
    life = play(case, record=lines.append)
    assert life.digest == hashlib.sha256(b"".join(lines)).hexdigest()
    tapes = programs_of(lines)
    assert len(tapes) == life.programs
    turns = 0
    for start, told in tapes:
        report = replay(start, told)
        assert report.difference is None
        turns += report.turns
    assert turns == life.turns


def test_a_life_with_a_kill_is_among_them():
    life = play(CASES[2])
    assert life.marks.get("kill", 0) > 0
    assert life.programs > 1


def programs_of(lines: list[bytes]) -> list[tuple[Start, list[Turn]]]:
    tapes: list[tuple[Start, list[Turn]]] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(b"{"):
            tapes.append((decode_start(line), []))
        else:
            tapes[-1][1].append(decode_turn(line, number))
    return tapes
