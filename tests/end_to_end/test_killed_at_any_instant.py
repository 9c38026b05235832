"""kill -9 at instants nobody chose, again and again on one account: every next start takes over what is really there.

One program after another trades the same account of one venue and is killed while it starts, enters, holds or leaves. The instants come from a
seed, and a machine under load moves them about, so no two runs of this test are the same; what must be true is the same for all of them.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from account_driver import TestAccount
from fault_stage import Stage
from together import Story, begin_together
from venue_driver import until

from core.messages.commands import TripHardStop

pytestmark = pytest.mark.slow

TIME_STOP_MS = 4_000
KILLS = 8
UNCLEAN = "the last run did not end in an orderly stop"


def on_a_stage(play: Callable[[Stage, int], None], seed: int) -> Story:
    def story(folder: Path) -> None:
        stage = Stage(folder)
        try:
            play(stage, seed)
        except BaseException as e:
            e.add_note(stage.record)
            raise
        finally:
            stage.close()

    return story


def kill(stage: Stage) -> None:
    stage.program.signal(signal.SIGKILL)
    stage.program.wait_exit(10)


def pause(seconds: float) -> None:
    """The instant itself: there is nothing to wait for."""
    ends = time.monotonic() + seconds
    until("the instant came", lambda: time.monotonic() >= ends, seconds + 5)


def orders_at_the_venue(stage: Stage) -> list[dict[str, Any]]:
    account = TestAccount(stage.venue.port)
    return [entry["order"] for entry in account.info(type="historicalOrders", user=account.address)]


def entries_and_exits(stage: Stage) -> list[tuple[int, int | None]]:
    """Venue's time of each position's first fill, and of the fill that closed it."""
    lives: list[tuple[int, int | None]] = []
    for fill in stage.venue.fills():
        start, size = float(fill["startPosition"]), float(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        if start == 0:
            lives.append((fill["time"], None))
        if abs(start + size) < 1e-9:
            lives[-1] = (lives[-1][0], fill["time"])
    return lives


def check_what_was_sent(stage: Stage, highest_before: int) -> int:
    """No order twice, no second entry into a position, nonces above those of the dead. Returns the highest nonce."""
    counted = Counter(order["cloid"] for order in orders_at_the_venue(stage) if order.get("cloid"))
    assert [cloid for cloid, n in counted.items() if n > 1] == [], "an order was sent twice"
    entries: dict[int, float] = {}
    for fill in stage.venue.fills():
        if fill["dir"].startswith("Open"):
            entries.setdefault(fill["oid"], float(fill["startPosition"]))
    assert set(entries.values()) <= {0.0}, "a second entry into a position"
    nonces = [a["nonce"] for a in stage.venue.truth()["actions"] if a["accepted"]]
    assert nonces == sorted(set(nonces)), "nonces do not rise"
    assert not nonces or nonces[-1] >= highest_before
    refused = [a["error"] for a in stage.venue.truth()["actions"] if a["error"]]
    assert not any("nonce" in error for error in refused), refused
    return max(nonces, default=highest_before)


def takes_over(stage: Stage) -> None:
    """The new program says what it found, and knows what the venue knows."""
    assert stage.program.has_said(UNCLEAN)
    stage.venue.settle()

    def agrees() -> bool:
        held = {p["coin"]: abs(float(p["szi"])) for p in stage.venue.positions()}
        shown = {str(p.market): float(p.size) for p in stage.program.snapshot().positions}
        return held == shown and stage.program.snapshot().ready.is_ready

    until("it holds what the venue says", agrees, 15)


def whenever_it_is_killed_the_next_one_takes_over(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    highest = 0
    ready_ms = 0
    stage.start(time_stop_ms=TIME_STOP_MS)
    for number in range(KILLS):
        where = dice.choice(("entering", "entering", "holding", "leaving", "starting"))
        if where == "starting":
            kill(stage)
            stage.start(time_stop_ms=TIME_STOP_MS, is_to_be_ready=False)
            pause(dice.uniform(0.05, 1.5))
        else:
            until("flat before", lambda: not stage.venue.positions(), 20)
            stage.venue.dislocate()
            if where == "entering":
                pause(dice.uniform(0.0, 0.4))
            else:
                until("an entry is filled", lambda: bool(stage.venue.positions()), 15)
                stage.venue.settle()
                ms = TIME_STOP_MS if where == "leaving" else TIME_STOP_MS / 2
                pause(dice.uniform(ms / 1000 - 0.3, ms / 1000 + 0.3))
        kill(stage)
        stage.venue.settle()
        stage.start(time_stop_ms=TIME_STOP_MS)
        ready_ms = stage.venue.truth()["time"]
        takes_over(stage)
        until(f"flat after kill {number} ({where})", lambda: not stage.venue.positions(), 20)
        for entry_ms, exit_ms in entries_and_exits(stage)[-1:]:
            assert exit_ms is not None
            late_ms = exit_ms - max(entry_ms + TIME_STOP_MS, ready_ms)
            assert late_ms < 2_000, f"the time stop began anew: {exit_ms - entry_ms} ms, {late_ms} ms late ({where})"
        highest = check_what_was_sent(stage, highest)
    stage.program.wait_until("nothing under way", lambda s: all(o.is_settled for o in s.orders), 10)
    stage.end()
    assert stage.venue.truth()["openOrders"] == []


def a_latch_that_was_seen_is_found_again(stage: Stage, seed: int) -> None:
    dice = random.Random(seed)
    for number in range(4):
        stage.start(time_stop_ms=60_000)
        stage.enter()
        stage.program.send(TripHardStop(command_id=f"trip-{number}", reason=f"number {number}"))
        stage.program.wait_until("latched", lambda s: s.hard_stop.tripped)
        pause(dice.uniform(0.0, 0.3))
        kill(stage)
        stage.start(time_stop_ms=60_000)
        snapshot = stage.program.snapshot()
        assert snapshot.hard_stop.tripped
        assert snapshot.hard_stop.reason.startswith(f"number {number}")
        assert stage.program.has_said(UNCLEAN)
        until("it closes what the dead one left", lambda: not stage.venue.positions(), 15)
        check_what_was_sent(stage, 0)
        stage.reset()
        kill(stage)
    stage.start(time_stop_ms=60_000)
    assert not stage.program.snapshot().hard_stop.tripped, "a reset is found again as well"
    stage.end()


STORIES: dict[str, Story] = {
    "kills 1": on_a_stage(whenever_it_is_killed_the_next_one_takes_over, 1),
    "kills 2": on_a_stage(whenever_it_is_killed_the_next_one_takes_over, 2),
    "latches 3": on_a_stage(a_latch_that_was_seen_is_found_again, 3),
}


@pytest.fixture(scope="module")
def playing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    yield from begin_together(request, tmp_path_factory.mktemp("kills"), STORIES)


@pytest.mark.parametrize("story", STORIES)
def test_killed(playing: dict[str, Future[None]], story: str) -> None:
    playing[story].result()
