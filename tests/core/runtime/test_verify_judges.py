"""Verdicts from figures: each passes for what it measured and fails for the right reason."""

from __future__ import annotations

from engine_rig import BUY, NOW, SNDK, D

from core.messages.ticket import LifeStep
from core.messages.verification import Verdict
from core.model.position import ExitReason, Trade
from core.runtime.verify_judges import InflightSample, judge_inflight, judge_nonces, judge_time_stop, nonces_of


def trade(held_ms: int, reason: ExitReason = ExitReason.TIME_STOP) -> Trade:
    return Trade(
        "m1-1", SNDK, BUY, D(1), D(200), D(200), NOW, NOW + held_ms, reason, D(0), D("0.1"), None, D(0), 100, 1
    )


def test_nonces_must_rise_and_be_taken() -> None:
    rising = list(range(100, 120))
    assert judge_nonces(rising, [])[0] is Verdict.PASS
    verdict, reason, _ = judge_nonces([*rising, 119], [])
    assert (verdict, reason) == (Verdict.FAIL, "nonce 119 after 119")
    verdict, reason, _ = judge_nonces(rising, ["Invalid nonce: duplicate nonce 105"])
    assert (verdict, reason) == (Verdict.FAIL, "the exchange refused a nonce: Invalid nonce: duplicate nonce 105")
    verdict, reason, _ = judge_nonces(rising[:3], [])
    assert (verdict, reason) == (Verdict.FAIL, "only 3 of 20 actions were signed")
    assert judge_nonces([], [])[0] is Verdict.FAIL


def test_nonces_are_read_off_the_steps() -> None:
    steps = (LifeStep(1, "queued", "x"), LifeStep(2, "to be signed", "post 1, nonce 77"), LifeStep(3, "sent", "post 1"))
    assert nonces_of(steps) == [77]


def test_inflight_is_sent_minus_completed_and_a_load_that_never_came_proves_nothing() -> None:
    calm, busy = InflightSample(2, 12, 10), InflightSample(85, 100, 15)
    assert judge_inflight([calm, busy], 80, 100)[0] is Verdict.PASS
    verdict, reason, figures = judge_inflight([calm], 80, 100)
    assert verdict is Verdict.NOT_RUN
    assert "only 2 were in flight" in reason
    assert figures["peak"] == 2
    verdict, reason, _ = judge_inflight([busy, InflightSample(3, 12, 10)], 80, 100)
    assert (verdict, reason) == (Verdict.FAIL, "12 sent - 10 completed, and 3 in flight of 100")
    assert judge_inflight([InflightSample(101, 101, 0)], 80, 100)[0] is Verdict.FAIL
    assert judge_inflight([InflightSample(-1, 0, 1)], 80, 100)[0] is Verdict.FAIL
    assert judge_inflight([], 80, 100)[0] is Verdict.NOT_RUN


def test_a_time_stop_is_judged_by_the_trade_it_closed() -> None:
    assert judge_time_stop(trade(30_400), 30_000)[0] is Verdict.PASS
    verdict, reason, _ = judge_time_stop(None, 30_000)
    assert (verdict, reason) == (Verdict.FAIL, "still open 5 s after its time stop")
    verdict, reason, _ = judge_time_stop(trade(30_400, ExitReason.OPERATOR), 30_000)
    assert (verdict, reason) == (Verdict.FAIL, "closed by operator, not by the time stop")
    for held_ms in (28_000, 36_000):
        verdict, reason, _ = judge_time_stop(trade(held_ms), 30_000)
        assert (verdict, reason) == (Verdict.FAIL, f"held for {held_ms} ms with a time stop of 30000 ms")
