"""Nonces rise, whatever the clock, the exchange's time and the threads do; and client order ids are ours, each once."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
from property_budget import examples

from core.engine.nonces import NonceManager, TimeDriftTooLarge
from core.model.cloid import OWNERSHIP_TAG, CloidMaker, is_cloid, is_ours

NOW = 1_705_054_000_000
hours = st.integers(-3_600_000, 3_600_000)
seconds = st.integers(-7_000, 7_000)


class HandClock:
    def __init__(self) -> None:
        self.at_ms = NOW

    def now_ms(self) -> int:
        return self.at_ms


steps = st.lists(
    st.tuples(st.just("next"), st.just(0))
    | st.tuples(st.just("clock"), hours | seconds)
    | st.tuples(st.just("sync"), seconds | hours)
    | st.tuples(st.just("sync half way"), seconds),
    max_size=60,
)


@examples(60)
@given(st.integers(0, 2 * NOW), steps)
def test_nonces_rise_strictly_and_follow_the_exchange(last: int, steps: list[tuple[str, int]]) -> None:
    clock = HandClock()
    nonces = NonceManager(clock, last)
    highest, offset = max(last, NOW - 1), 0
    for what, ms in steps:
        if what == "clock":
            clock.at_ms = max(0, clock.at_ms + ms)
        elif what == "next":
            nonce = nonces.next()
            assert nonce > highest, "never again, and never back"
            assert nonce == max(highest + 1, clock.at_ms + offset)
            highest = nonce
        else:
            local = clock.at_ms if what == "sync" else max(0, clock.at_ms - 150)
            server = max(0, local + ms)
            drift = server - local
            try:
                sync = nonces.sync_with_server(server, None if what == "sync" else local)
            except TimeDriftTooLarge as e:
                assert (abs(drift) > 5_000, e.offset_ms) == (True, drift)  # noqa: PT017  the other end is judged too
            else:
                assert abs(drift) <= 5_000
                assert (sync.offset_ms, sync.is_warning) == (drift, abs(drift) > 2_000)
                offset, highest = drift, max(highest, server)
        assert (nonces.last, nonces.offset_ms) == (highest, offset), "a refused sync changes nothing"


@examples(3)
@given(st.integers(2, 4), st.lists(seconds, min_size=3, max_size=6))
def test_threads_never_get_the_same_nonce(count: int, jumps: list[int]) -> None:
    """Each thread sees its own nonces rise while the clock jumps and the exchange's time is taken over."""
    clock = HandClock()
    nonces = NonceManager(clock)
    got: list[list[int]] = [[] for _ in range(count)]
    together = threading.Barrier(count + 1)

    def take(mine: list[int]) -> None:
        together.wait()
        mine.extend(nonces.next() for _ in range(300))

    threads = [threading.Thread(target=take, args=(mine,)) for mine in got]
    for thread in threads:
        thread.start()
    together.wait()
    for ms in jumps:
        clock.at_ms += ms
        nonces.sync_with_server(clock.at_ms + ms // 2)
    for thread in threads:
        thread.join()
    for mine in got:
        assert mine == sorted(set(mine))
    assert len({n for mine in got for n in mine}) == 300 * count


# --- client order ids -------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5, unique=True), st.integers(1, 40))
def test_cloids_differ_within_and_between_runs_and_are_ours(runs: list[int], count: int) -> None:
    made = [cloid for run in runs for maker in [CloidMaker(run)] for cloid in [maker.next() for _ in range(count)]]
    assert len(set(made)) == len(made)
    assert all(is_cloid(c) and is_ours(c) and c == c.lower() for c in made)
    assert made == [c for run in runs for maker in [CloidMaker(run)] for c in [maker.next() for _ in range(count)]]


@given(st.integers(0, 2**128 - 1))
def test_only_the_tag_makes_a_cloid_ours(number: int) -> None:
    cloid = f"0x{number:032x}"
    assert is_cloid(cloid)
    assert is_ours(cloid) is (number >> 96 == int(OWNERSHIP_TAG, 16))
    assert is_ours(f"0x{OWNERSHIP_TAG}{number % 2**96:024x}")


@given(st.none() | st.text(max_size=40) | st.from_regex(r"0x68697033[0-9a-f]{0,30}", fullmatch=True))
def test_what_is_no_cloid_is_not_ours(text: str | None) -> None:
    digits = text is not None and len(text) == 34 and text.startswith("0x") and text[2:].isalnum()
    if not digits:
        assert text is None or not is_cloid(text)
        assert not is_ours(text)
