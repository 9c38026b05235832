"""kill -9 at instants that a seed draws, again and again on one account: before an entry leaves, on its way, with a position, on the way out.

Judged by the venue alone: no order is there twice, nonces rise across all the lives, no position outlives its time stop by more than the time
that nobody was there to close it, and what is open at the end is closed by the last life.

SPEC 3, 6; LESSONS L05, L17, L18, L29.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fault_stage import Stage
from venue_driver import until

pytestmark = pytest.mark.slow
LIVES = 7
TIME_STOP_MS = 1_500


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def held(fills: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """When each position was opened and closed, by the venue's clock."""
    size, opened, spans = Decimal(0), 0, []
    for fill in fills:
        if size == 0:
            opened = fill["time"]
        size += Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        if size == 0:
            spans.append((opened, fill["time"]))
    assert size == 0, "open at the end"
    return spans


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whenever_it_is_killed_the_next_life_has_it_right(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    away: list[tuple[int, int]] = []
    for life in range(LIVES):
        stage.start(time_stop_ms=TIME_STOP_MS, is_to_be_ready=life == 0)
        if life:
            stage.program.wait_said("did not end in an orderly stop", 20)
            stage.wait_ready(20)
            away[-1] = (away[-1][0], time.time_ns() // 1_000_000)
            stage.program.wait_until("what the last life left is closed", lambda s: not s.positions, 10)
        stage.venue.dislocate()
        time.sleep(dice.uniform(0.0, 2.2))  # the instant is what the seed is for
        stage.program.signal(signal.SIGKILL)
        assert stage.program.wait_exit(5) == -signal.SIGKILL
        away.append((time.time_ns() // 1_000_000, 0))
        stage.venue.settle()
    stage.start(time_stop_ms=TIME_STOP_MS)
    away[-1] = (away[-1][0], time.time_ns() // 1_000_000)
    until("flat", lambda: not stage.venue.positions(), 10)
    stage.program.wait_until("it knows", lambda s: not s.positions and all(o.is_settled for o in s.orders), 10)
    stage.end()

    truth = stage.venue.truth()
    assert truth["openOrders"] == []
    nonces = [a["nonce"] for a in truth["actions"] if a["accepted"]]
    assert nonces == sorted(set(nonces)), "a nonce came again, or below one before it"
    cloids = Counter(f["cloid"] for f in truth["fills"] if f.get("cloid"))
    per_order = Counter((f["cloid"], f["oid"]) for f in truth["fills"] if f.get("cloid"))
    assert len(cloids) == len(per_order), "one cloid, two orders"
    spans = held(truth["fills"])
    assert spans, "nothing was traded: the test saw nothing"
    for opened, closed in spans:
        nobody_ms = sum(max(0, min(closed, back) - max(opened, gone)) for gone, back in away)
        assert closed - opened <= TIME_STOP_MS + nobody_ms + 1_500, (opened, closed, nobody_ms)
    print(f"seed {seed}: {len(spans)} positions over {LIVES} kills, {len(nonces)} actions")
