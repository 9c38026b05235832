"""Alive, hanging, dead, ended: judged by a count that moves and by our own time."""

from __future__ import annotations

import msgspec
import pytest

from core.engine.guard_watch import FOUND_WITHIN_MS, SLEPT_MS, Life, Seen, Watch

WALL = 1_790_000_000_000
SEEN = Seen(run="boot-1-5", ticks=10, at_ms=WALL, is_process_there=True, ended=False, confirmed=False)
TIMEOUT_MS = 4_000
STEP_MS = 250


class Watched:
    """A console looked at every quarter of a second."""

    def __init__(self, handled: str = "") -> None:
        self.watch = Watch(TIMEOUT_MS, handled)
        self.now_ms = 1_000
        self.seen: Seen | None = SEEN

    def change(self, **fields: object) -> None:
        assert self.seen is not None
        self.seen = msgspec.structs.replace(self.seen, **fields)

    def look(self, after_ms: int = STEP_MS) -> Life:
        self.now_ms += after_ms
        return self.watch.look(self.seen, self.now_ms, WALL + self.now_ms)

    def beats(self, for_ms: int, every_ms: int = 1_000) -> set[Life]:
        """What it was judged to be while its count moved."""
        lives = set()
        for at in range(0, for_ms, STEP_MS):
            if at % every_ms == 0:
                assert self.seen is not None
                self.change(ticks=self.seen.ticks + 10)
            lives.add(self.look())
        return lives


def test_nothing_there() -> None:
    watched = Watched()
    watched.seen = None
    assert watched.look() is Life.NONE


def test_as_long_as_the_count_moves_it_lives() -> None:
    assert Watched().beats(600_000) == {Life.ALIVE}
    assert Watched().beats(60_000, every_ms=3_500) == {Life.ALIVE}, "a busy machine"


def test_a_count_that_stands_still_hangs_after_the_timeout_and_not_before() -> None:
    watched = Watched()
    watched.beats(5_000)
    lives = [watched.look() for _ in range(20)]
    still = lives.index(Life.HUNG) * STEP_MS
    assert lives[: lives.index(Life.HUNG)] == [Life.ALIVE] * lives.index(Life.HUNG)
    assert TIMEOUT_MS - 1_000 - STEP_MS <= still <= TIMEOUT_MS


def test_a_process_that_is_gone_is_dead_at_once() -> None:
    watched = Watched()
    watched.beats(5_000)
    watched.change(is_process_there=False)
    assert watched.look() is Life.DEAD


def test_an_orderly_end_is_quiet() -> None:
    watched = Watched()
    watched.beats(5_000)
    watched.change(ended=True, confirmed=True, is_process_there=False)
    assert {watched.look() for _ in range(100)} == {Life.QUIET}


def test_an_end_that_was_not_flat_needs_us() -> None:
    watched = Watched()
    watched.beats(5_000)
    watched.change(ended=True, confirmed=False)
    assert watched.look() is Life.NOT_FLAT
    assert Life.NOT_FLAT.needs_us


def test_a_file_that_vanished_is_a_heart_that_does_not_beat() -> None:
    watched = Watched()
    watched.beats(5_000)
    watched.seen = None
    lives = [watched.look() for _ in range(20)]
    assert lives[0] is Life.ALIVE
    assert lives[-1] is Life.HUNG


def test_after_a_sleep_the_console_gets_its_time_again() -> None:
    watched = Watched()
    watched.beats(5_000)
    assert watched.look(after_ms=3_600_000) is Life.ALIVE
    assert watched.look(after_ms=TIMEOUT_MS // 2 - STEP_MS) is Life.ALIVE
    lives = [watched.look() for _ in range(20)]
    assert lives[-1] is Life.HUNG
    watched = Watched()
    watched.beats(5_000)
    for _ in range(20):
        assert watched.look(after_ms=SLEPT_MS + 1) is Life.ALIVE, "a watcher that hardly gets to look judges nobody"


def test_a_process_that_is_gone_after_a_sleep_is_dead() -> None:
    watched = Watched()
    watched.beats(5_000)
    watched.change(is_process_there=False)
    assert watched.look(after_ms=3_600_000) is Life.DEAD


def test_what_was_dealt_with_is_not_dealt_with_again() -> None:
    watched = Watched()
    watched.beats(5_000)
    watched.change(is_process_there=False)
    assert watched.look() is Life.DEAD
    assert watched.watch.handled() == SEEN.run
    assert {watched.look() for _ in range(100)} == {Life.HANDLED}


def test_nor_by_a_guard_that_started_anew() -> None:
    watched = Watched(handled=SEEN.run)
    watched.change(is_process_there=False)
    assert {watched.look() for _ in range(10)} == {Life.HANDLED}


def test_one_that_came_back_to_life_and_hangs_again_is() -> None:
    watched = Watched()
    watched.beats(5_000)
    while watched.look() is not Life.HUNG:
        pass
    watched.watch.handled()
    assert watched.look() is Life.HANDLED
    assert watched.beats(3_000) == {Life.ALIVE}
    lives = [watched.look() for _ in range(20)]
    assert lives[-1] is Life.HUNG


def test_the_next_run_is_another_matter() -> None:
    watched = Watched()
    watched.change(is_process_there=False)
    watched.look()
    watched.watch.handled()
    watched.change(run="boot-2-9", ticks=0, is_process_there=True)
    assert watched.look() is Life.ALIVE
    watched.change(is_process_there=False)
    assert watched.look() is Life.DEAD


@pytest.mark.parametrize(("age_ms", "life"), [(5_000, Life.DEAD), (FOUND_WITHIN_MS + 10_000, Life.LONG_DEAD)])
def test_a_death_found_at_the_start(age_ms: int, life: Life) -> None:
    watched = Watched()
    watched.change(is_process_there=False, at_ms=WALL - age_ms)
    assert watched.look() is life
    assert life.needs_us is (life is Life.DEAD)


def test_one_that_was_watched_to_its_death_is_never_long_dead() -> None:
    watched = Watched()
    watched.beats(2_000)
    watched.change(is_process_there=False)
    assert watched.look(after_ms=FOUND_WITHIN_MS * 3) is Life.DEAD


def test_a_run_that_was_found_dead_is_dated_although_another_was_seen_alive() -> None:
    watched = Watched()
    watched.beats(2_000)
    watched.change(run="boot-2-9", is_process_there=False, at_ms=WALL - FOUND_WITHIN_MS - 10_000)
    assert watched.look() is Life.LONG_DEAD
