"""The load half of check 9: it reaches the limit, and it notices an engine that does not keep it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_rig import make_config
from msgspec.structs import replace

from core.config import ExecutionConfig
from core.engine.posts import PostRequestManager
from core.engine.scheduler import BatchScheduler
from core.runtime.verify_judges import InflightSample, Verdict, judge_inflight
from core.runtime.verify_load import most_in_flight, run_load


@pytest.mark.parametrize(("high", "limit"), [(80, 100), (5, 20), (1, 1), (100, 100)])
def test_it_reaches_the_limit_and_comes_back_to_nothing(high: int, limit: int) -> None:
    load = run_load(ExecutionConfig(inflight_high_watermark=high, inflight_limit=limit))
    assert (load.peak, load.miscounted, load.entries_above, load.beyond_limit, load.left_at_end) == (limit, "", 0, 0, 0)
    assert judge_inflight(load.samples, 3, load, high, limit)[0] is Verdict.PASS


def test_with_this_config_no_network_sees_more_than() -> None:
    assert most_in_flight(make_config(("xyz:SNDK",))) == 3, "an entry, an exit and a cancel"
    many = make_config([f"xyz:M{n}" for n in range(40)])
    assert most_in_flight(many) == 50, "one a tick, each for as long as a post may stay unanswered"


def _never_degraded(patch: pytest.MonkeyPatch) -> None:
    real = BatchScheduler.__init__

    def init(self: Any, config: ExecutionConfig, *rest: Any) -> None:
        real(self, replace(config, inflight_high_watermark=config.inflight_limit), *rest)

    patch.setattr(BatchScheduler, "__init__", init)


def _counts_twice(patch: pytest.MonkeyPatch) -> None:
    real = PostRequestManager.mark_as_sent

    def mark(self: Any, post_id: int, now_ms: int) -> bool:
        found = real(self, post_id, now_ms)
        self.sent_total += post_id == 7
        return found

    patch.setattr(PostRequestManager, "mark_as_sent", mark)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (_never_degraded, "entries left with 80 or more in flight"),
        (_counts_twice, "the engine broke off with AssertionError"),
    ],
)
def test_an_engine_that_does_not_keep_its_limits_fails(
    monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None], why: str
) -> None:
    broken(monkeypatch)
    load = run_load(ExecutionConfig())
    verdict, reason, _ = judge_inflight(
        [InflightSample(0, 12, 12)], 3, replace(load, samples=load.samples[:1]), 80, 100
    )
    assert verdict is Verdict.FAIL
    assert why in reason
