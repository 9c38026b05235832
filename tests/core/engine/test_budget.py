"""ActionBudget: how many actions are left, and when to hold back."""

from __future__ import annotations

from engine_rig import NOW

from core.engine.budget import LIMITED_INTERVAL_MS, ActionBudget


def budget(used: int = 100, cap: int = 10_000) -> ActionBudget:
    b = ActionBudget()
    b.on_read(used, cap)
    return b


def test_counts_up_between_readings_and_gives_back_what_never_left() -> None:
    b = budget()
    b.on_posted(3, NOW)
    assert b.used == 103
    b.on_refunded(3)
    assert b.used == 100
    b.on_refunded(1_000)
    assert b.used == 0


def test_the_last_two_hundred_are_kept_for_exits() -> None:
    assert budget(9_800).refuses_entry(NOW) == ""
    assert "the last 200 are kept for exits" in budget(9_801).refuses_entry(NOW)
    assert not budget(9_801).limited


def test_used_up_lets_one_action_through_per_ten_seconds_and_no_entry() -> None:
    b = budget(10_000)
    assert b.limited
    assert b.may_post(NOW)
    b.on_posted(1, NOW)
    assert not b.may_post(NOW + LIMITED_INTERVAL_MS - 1)
    assert b.may_post(NOW + LIMITED_INTERVAL_MS)
    assert "used up" in b.refuses_entry(NOW)


def test_the_exchanges_word_beats_our_count_until_the_next_reading() -> None:
    b = budget(10)
    b.on_used_up()
    assert b.limited
    b.on_read(10, 10_000)
    assert not b.limited


def test_backoff_doubles_and_the_fifth_failure_opens_the_breaker() -> None:
    b = budget()
    waits = []
    for _ in range(5):
        b.on_failure(NOW)
        until = b.blocked_until_ms(NOW)
        assert until is not None
        waits.append(until - NOW)
    assert waits == [1_000, 2_000, 4_000, 8_000, 60_000]
    assert b.refuses_entry(NOW + 59_999).startswith("circuit breaker after 5 failed posts")
    assert b.refuses_entry(NOW + 60_000) == ""
    assert b.may_post(NOW), "exits and cancels never wait for it"


def test_a_success_begins_the_count_anew() -> None:
    b = budget()
    for _ in range(4):
        b.on_failure(NOW)
    b.on_success()
    b.on_failure(NOW + 60_000)
    assert b.blocked_until_ms(NOW + 60_000) == NOW + 61_000


def test_post_only_phase_holds_entries_for_a_minute() -> None:
    b = budget()
    b.on_post_only_phase(NOW)
    assert b.refuses_entry(NOW + 59_999).startswith("post-only phase")
    assert b.refuses_entry(NOW + 60_000) == ""
    assert b.blocked_until_ms(NOW + 60_000) is None


def test_before_the_first_reading_nothing_is_refused_for_it() -> None:
    b = ActionBudget()
    b.on_posted(1, NOW)
    b.on_refunded(1)
    assert (b.used, b.cap, b.refuses_entry(NOW)) == (None, None, "")


def test_a_clock_that_was_set_back_makes_no_wait_longer() -> None:
    b = budget()
    b.on_used_up()
    b.on_posted(1, NOW)
    b.on_failure(NOW)
    b.on_post_only_phase(NOW)
    b.set_back(3_600_000)
    back = NOW - 3_600_000
    assert b.has_posted_within(100, back + 99)
    assert not b.has_posted_within(100, back + 100)
    assert not b.may_post(back + LIMITED_INTERVAL_MS - 1)
    assert b.may_post(back + LIMITED_INTERVAL_MS)
    assert b.blocked_until_ms(back) == back + 60_000


def test_a_clock_that_was_set_back_before_the_first_post_is_nothing() -> None:
    b = budget()
    b.set_back(1_000)
    assert not b.has_posted_within(100, NOW - 1_000)
    assert b.refuses_entry(NOW - 1_000) == ""


def test_the_pause_is_named_after_the_failures_that_it_is_for() -> None:
    """A success meanwhile made it "backoff after 0 failed posts"."""
    b = budget()
    b.on_failure(NOW)
    assert b.refuses_entry(NOW + 10) == "backoff after a failed post: 1 s left"
    b.on_failure(NOW)
    b.on_success()
    assert b.refuses_entry(NOW + 10) == "backoff after 2 failed posts: 2 s left"
    b.on_failure(NOW)
    assert b.refuses_entry(NOW + 10) == "backoff after 2 failed posts: 2 s left", "the longer wait stands"
