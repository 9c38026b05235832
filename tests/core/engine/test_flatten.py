"""Flattener: the whole position, one attempt at a time, each further, until flat."""

from __future__ import annotations

from engine_rig import BUY, NOW, NVDA, SELL, SNDK, D

from core.config import ExecutionConfig
from core.engine.flatten import Flattener, FlattenTask
from core.model.position import ExitReason


def one() -> tuple[Flattener, FlattenTask]:
    flattener = Flattener(ExecutionConfig())
    assert flattener.request(SNDK, ExitReason.TIME_STOP, NOW)
    (task,) = flattener.due(NOW)
    return flattener, task


def test_each_attempt_goes_further_up_to_two_percent() -> None:
    flattener, task = one()
    prices = []
    for _ in range(4):
        prices.append(flattener.limit_price(task, SELL, D(200), 3))
        flattener.on_attempt(task)
    assert prices == [D(198), D(197), D(196), D(196)]


def test_prices_are_rounded_so_that_they_still_cross() -> None:
    flattener, task = one()
    assert flattener.limit_price(task, SELL, D("123.456"), 3) == D("122.22")
    assert flattener.limit_price(task, BUY, D("123.456"), 3) == D("124.70")


def test_the_next_attempt_waits_a_little_longer_each_time() -> None:
    flattener, task = one()
    pauses = []
    for _ in range(6):
        flattener.on_attempt(task)
        flattener.on_attempt_ended(SNDK, "no match", NOW)
        pauses.append(task.next_at_ms - NOW)
    assert pauses == [400, 800, 1600, 2000, 2000, 2000]
    assert flattener.due(NOW + 1_999) == []
    assert flattener.due(NOW + 2_000) == [task]
    assert task.last_result == "no match"


def test_asked_again_it_goes_on_and_takes_the_stronger_reason_before_the_first_attempt() -> None:
    flattener, task = one()
    assert not flattener.request(SNDK, ExitReason.OPERATOR, NOW + 5)
    assert (task.reason, task.started_ms) == (ExitReason.OPERATOR, NOW)
    assert not flattener.request(SNDK, ExitReason.TIME_STOP, NOW + 6)
    assert task.reason is ExitReason.OPERATOR


def test_a_reason_is_kept_once_an_attempt_was_made() -> None:
    flattener, task = one()
    flattener.on_attempt(task)
    flattener.request(SNDK, ExitReason.HARD_STOP, NOW)
    assert task.reason is ExitReason.TIME_STOP


def test_not_flat_after_60_s_is_a_failure_and_again_each_60_s() -> None:
    flattener, task = one()
    assert flattener.failures(NOW + 59_999) == []
    assert flattener.failures(NOW + 60_000) == [task]
    assert flattener.failures(NOW + 60_001) == []
    assert flattener.failures(NOW + 120_000) == [task]


def test_flat_ends_the_task() -> None:
    flattener, task = one()
    flattener.request(NVDA, ExitReason.OPERATOR, NOW)
    assert flattener.on_flat(SNDK) is task
    assert flattener.on_flat(SNDK) is None
    assert flattener.get(SNDK) is None
    assert flattener.is_active
    flattener.on_attempt_ended(SNDK, "late", NOW)


def test_after_a_resync_every_task_may_go_on_at_once() -> None:
    flattener, task = one()
    flattener.on_attempt_ended(SNDK, "x", NOW)
    flattener.resume_now(NOW + 1)
    assert flattener.due(NOW + 1) == [task]
