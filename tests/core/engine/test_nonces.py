"""The plan's seven rows for the NonceManager, each under its number, and what else it promises."""

from __future__ import annotations

import itertools
import sys
from collections import deque
from threading import Barrier, Thread

import pytest

from core.engine.nonces import ClockSync, NonceManager, TimeDriftTooLarge

NOW = 1_705_000_000_000


class HandClock:
    """A clock that stands where it was put."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.ms = now_ms

    def now_ms(self) -> int:
        return self.ms


def test_1_monotone() -> None:
    clock = HandClock()
    nonces = NonceManager(clock)
    given = []
    for step in range(1_000):
        clock.ms += step % 3
        given.append(nonces.next())
    assert given[0] == NOW
    assert all(a < b for a, b in itertools.pairwise(given))


def test_2_no_duplicates_from_many_threads() -> None:
    nonces = NonceManager(HandClock())
    threads, each = 8, 2_000
    start = Barrier(threads)
    given: list[list[int]] = [[] for _ in range(threads)]

    def take(mine: list[int]) -> None:
        start.wait()
        for _ in range(each):
            mine.append(nonces.next())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # as many switches between two bytecodes as there can be
    try:
        workers = [Thread(target=take, args=(mine,)) for mine in given]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(timeout=60)
    finally:
        sys.setswitchinterval(before)
    everything = [nonce for mine in given for nonce in mine]
    assert sorted(everything) == list(range(NOW, NOW + threads * each)), "each once, none left out"
    assert all(a < b for mine in given for a, b in itertools.pairwise(mine))


def test_3_clock_goes_back() -> None:
    clock = HandClock()
    nonces = NonceManager(clock)
    first = nonces.next()
    clock.ms -= 3_600_000
    assert [nonces.next(), nonces.next()] == [first + 1, first + 2]


def test_4_sync_fast_forwards() -> None:
    nonces = NonceManager(HandClock())
    assert nonces.sync_with_server(NOW + 1_500) == ClockSync(1_500, is_warning=False)
    assert nonces.next() > NOW + 1_500


@pytest.mark.parametrize("direction", [1, -1])
def test_5_drift_over_2_s_warns(direction: int) -> None:
    clock = HandClock()
    nonces = NonceManager(clock)
    assert nonces.sync_with_server(NOW + 2_000 * direction) == ClockSync(2_000 * direction, is_warning=False)
    assert nonces.sync_with_server(NOW + 2_001 * direction) == ClockSync(2_001 * direction, is_warning=True)
    assert nonces.offset_ms == 2_001 * direction, "a warning is stored all the same"


@pytest.mark.parametrize("direction", [1, -1])
def test_6_drift_over_5_s_is_an_error_and_stores_nothing(direction: int) -> None:
    nonces = NonceManager(HandClock())
    nonces.sync_with_server(NOW + 100)
    before = (nonces.offset_ms, nonces.last)
    with pytest.raises(TimeDriftTooLarge, match=r"5001 ms from ours; at most 5000 ms") as caught:
        nonces.sync_with_server(NOW + 5_001 * direction)
    assert caught.value.offset_ms == 5_001 * direction
    assert (nonces.offset_ms, nonces.last) == before
    assert nonces.sync_with_server(NOW + 5_000 * direction).is_warning, "5000 itself is allowed"


def test_7_follows_the_servers_time() -> None:
    clock = HandClock()
    nonces = NonceManager(clock)
    nonces.next()
    nonces.sync_with_server(NOW + 700)
    clock.ms += 10_000
    assert nonces.next() == NOW + 10_700
    nonces.sync_with_server(clock.ms - 300)
    clock.ms += 10_000
    assert nonces.next() == clock.ms - 300


def test_starts_above_the_last_run() -> None:
    assert NonceManager(HandClock(), last=NOW + 50).next() == NOW + 51
    assert NonceManager(HandClock(), last=NOW - 50).next() == NOW


def test_never_gives_zero() -> None:
    assert NonceManager(HandClock(0)).next() == 1


def test_a_sync_never_goes_back() -> None:
    clock = HandClock()
    nonces = NonceManager(clock)
    clock.ms += 1_000
    last = nonces.next()
    nonces.sync_with_server(clock.ms - 1_900)
    assert nonces.next() == last + 1


def test_sync_against_the_moment_the_server_spoke() -> None:
    clock = HandClock(NOW + 4_000)
    nonces = NonceManager(clock)
    assert nonces.sync_with_server(NOW + 10, local_ms=NOW).offset_ms == 10


def test_limits_are_settings() -> None:
    nonces = NonceManager(HandClock(), warn_ms=10, refuse_ms=20)
    assert nonces.sync_with_server(NOW + 11).is_warning
    with pytest.raises(TimeDriftTooLarge, match="at most 20 ms"):
        nonces.sync_with_server(NOW + 21)


def test_an_error_inside_leaves_it_usable() -> None:
    nonces = NonceManager(HandClock())
    with pytest.raises(TypeError):
        nonces.sync_with_server("soon")  # type: ignore[arg-type]
    clockless = NonceManager(HandClock())
    clockless._offset_ms = "broken"  # type: ignore[assignment]
    with pytest.raises(TypeError):
        clockless.next()
    clockless._offset_ms = 0
    assert clockless.next() == NOW, "the token was given back"


class TokenElsewhere(deque[None]):
    """Another thread has the token whenever it is asked for the first two times."""

    def __init__(self) -> None:
        super().__init__((None,))
        self.asked = 0

    def pop(self) -> None:  # type: ignore[override]
        self.asked += 1
        if self.asked <= 2:
            raise IndexError
        super().pop()


def test_who_finds_the_token_taken_tries_again_and_gives_it_back() -> None:
    nonces = NonceManager(HandClock())
    nonces._token = token = TokenElsewhere()
    assert nonces.next() == NOW
    assert (token.asked, len(token)) == (3, 1)
    with pytest.raises(TimeDriftTooLarge):
        nonces.sync_with_server(NOW + 60_000)
    assert len(token) == 1
    assert nonces.next() == NOW + 1
