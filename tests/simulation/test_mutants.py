"""Every guard of the engine is needed: taken out, one at a time, something turns red.

    mutants/guards_of_*.py   the guards          mutants/record.txt   who catches each, in which life
    mutants/hunt.py          finds that out      mutants/NOT_NEEDED   in everything.py: what makes no difference, and why

One mutant in twelve is tried here, chosen by its name; MUTANTS=all tries each of them (minutes; `make soak` does).

Issue 3 part 4.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from mutants import record
from mutants.everything import MUTANTS, NOT_NEEDED, ROOMS, first_lines
from mutants.mutant import ROOT, together
from mutants.second_lines import BEHIND

VERIFY = Path(__file__).parent / "mutants" / "verify.py"
ONE_IN = 1 if os.environ.get("MUTANTS") == "all" else 12

pytestmark = pytest.mark.timeout(1_800 if ONE_IN == 1 else 300)


@pytest.mark.parametrize("room", ROOMS)
def test_every_mutant_applies_to_the_source_as_it_stands(room):
    for mutant in ROOMS[room]:
        compile(mutant.source(), mutant.file, "exec")


def test_the_record_knows_every_mutant_and_no_other():
    assert set(record.read()) == set(MUTANTS) - set(NOT_NEEDED)


def test_a_second_line_and_its_first_lines_are_mutants_that_go_out_together():
    for name, before in BEHIND.items():
        assert before, name
        several = (*first_lines(MUTANTS[name]), MUTANTS[name])
        for file in {m.file for m in several}:
            compile(together([m for m in several if m.file == file]), file, "exec")


def test_what_is_not_needed_is_a_mutant_and_says_why():
    assert set(NOT_NEEDED) <= set(MUTANTS)
    assert all(len(why) > 20 for why in NOT_NEEDED.values())


@pytest.mark.parametrize("room", ROOMS)
def test_something_turns_red_without_the_guard(room):
    names = [m.name for m in ROOMS[room] if m.name not in NOT_NEEDED and zlib.crc32(m.name.encode()) % ONE_IN == 0]
    done = subprocess.run([sys.executable, str(VERIFY), *names], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    assert len(found) == len(names)
    survivors = [f"{f['name']}: {f['said']}" for f in found if not f["checker"]]
    assert not survivors, "\n".join(
        (
            *survivors,
            "",
            f"find another life: {sys.executable} tests/simulation/mutants/hunt.py NAME --seeds 8 --record",
        )
    )
