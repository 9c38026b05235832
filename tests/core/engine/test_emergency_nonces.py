"""Nonces of a process that shares its key: above what is known, ahead of the clock, and wiser after each refusal."""

from __future__ import annotations

from core.engine.emergency_nonces import AHEAD_MS, EmergencyNonces

NOW = 1_800_000_000_000


def test_begins_above_everything_known() -> None:
    assert EmergencyNonces(0, NOW).next(NOW) == NOW + AHEAD_MS + 1
    assert EmergencyNonces(NOW + 3_600_000, NOW).next(NOW) == NOW + 3_600_000 + AHEAD_MS + 1


def test_rises_with_each_and_follows_the_clock() -> None:
    nonces = EmergencyNonces(0, NOW)
    first, second, later = nonces.next(NOW), nonces.next(NOW), nonces.next(NOW + 60_000)
    assert first < second < later
    assert later == NOW + 60_000 + AHEAD_MS
    assert nonces.next(NOW - 100_000) == later + 1


def test_what_was_in_the_way_is_passed() -> None:
    nonces = EmergencyNonces(0, NOW)
    nonces.on_refused(f"Invalid nonce: nonce too low {nonces.next(NOW)} < {NOW + 900_000}")
    assert nonces.next(NOW) > NOW + 900_000
    last = nonces.next(NOW)
    nonces.on_refused(f"Invalid nonce: duplicate nonce {last}")
    assert nonces.next(NOW) > last + 1
    nonces.on_refused("Invalid nonce")
    assert nonces.next(NOW) > last + 1_000


def test_a_clock_that_is_days_ahead_is_not_followed_any_more() -> None:
    nonces = EmergencyNonces(0, NOW + 3 * 86_400_000)
    nonces.on_refused(f"Invalid nonce: nonce too high {nonces.next(NOW)} > {NOW + 86_000_000}")
    assert NOW < nonces.next(NOW + 3 * 86_400_000) < NOW + 86_000_000
