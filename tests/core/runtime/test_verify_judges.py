"""Verdicts from figures: each passes for what it measured and fails for the right reason."""

from __future__ import annotations

from engine_rig import BUY, NOW, SNDK, D
from msgspec.structs import replace

from core.messages.ticket import LifeStep
from core.messages.verification import Verdict
from core.model.position import ExitReason, Trade
from core.runtime.verify_judges import InflightSample, Load, judge_inflight, judge_nonces, judge_time_stop, nonces_of


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


CALM, BUSY, DONE = InflightSample(2, 12, 10), InflightSample(85, 100, 15), InflightSample(0, 12, 12)
FULL = Load((InflightSample(100, 100, 0), InflightSample(0, 112, 112)), "", 0, 0, 0)


def inflight(*samples: InflightSample, load: Load = FULL) -> tuple[Verdict, str]:
    verdict, reason, figures = judge_inflight(samples, 3, load, 80, 100)
    assert (figures["most_possible"], figures["load_peak"]) == (3, load.peak)
    return verdict, reason


def test_inflight_is_sent_minus_completed_on_the_network_and_under_load() -> None:
    verdict, reason = inflight(CALM, DONE)
    assert verdict is Verdict.PASS
    assert "up to 2 in flight, 0 at the end; its guards allow 3 at most" in reason
    assert "up to 100, no entry from 80 on, nothing beyond 100" in reason
    assert inflight(BUSY, InflightSample(3, 12, 10)) == (
        Verdict.FAIL,
        "12 sent - 10 completed, and 3 in flight of 100",
    )
    assert inflight(InflightSample(101, 101, 0))[0] is Verdict.FAIL
    assert inflight(InflightSample(-1, 0, 1))[0] is Verdict.FAIL
    assert inflight()[0] is Verdict.NOT_RUN
    assert inflight(CALM) == (Verdict.FAIL, "2 in flight when everything should have its answer")


def test_a_load_that_was_not_reached_or_not_kept_within_its_limits_fails() -> None:
    for changed, why in (
        (
            {"miscounted": "9 handed out, 1 answered, and 7 counted"},
            "in memory: 9 handed out, 1 answered, and 7 counted",
        ),
        ({"entries_above": 2}, "in memory: 2 entries left with 80 or more in flight"),
        ({"beyond_limit": 1}, "in memory: 1 posts left with 100 in flight"),
        ({"samples": (BUSY, DONE)}, "in memory: the load reached 85 of 100 only"),
        ({"left_at_end": 1}, "in memory: 1 in flight after the last answer"),
        ({"samples": (InflightSample(5, 9, 3),)}, "in memory: 9 sent - 3 completed, and 5 in flight of 100"),
    ):
        assert inflight(CALM, DONE, load=replace(FULL, **changed)) == (Verdict.FAIL, why)


def test_a_time_stop_is_judged_by_the_trade_it_closed() -> None:
    assert judge_time_stop(trade(30_400), 30_000)[0] is Verdict.PASS
    verdict, reason, _ = judge_time_stop(None, 30_000)
    assert (verdict, reason) == (Verdict.FAIL, "still open 5 s after its time stop")
    verdict, reason, _ = judge_time_stop(trade(30_400, ExitReason.OPERATOR), 30_000)
    assert (verdict, reason) == (Verdict.FAIL, "closed by operator, not by the time stop")
    for held_ms in (28_000, 36_000):
        verdict, reason, _ = judge_time_stop(trade(held_ms), 30_000)
        assert (verdict, reason) == (Verdict.FAIL, f"held for {held_ms} ms with a time stop of 30000 ms")
