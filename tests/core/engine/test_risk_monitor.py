"""RiskMonitor: the limit itself is allowed, one more is not; some limits are mainnet's alone."""

from __future__ import annotations

from engine_rig import NOW, D, make_config

from core.config import Config, RiskConfig, SafetyConfig, SimConfig
from core.engine.risk_monitor import RiskMonitor
from core.messages.effects import RiskCounters

HOUR = 3_600_000


def mainnet_rules() -> Config:
    return make_config(sim=SimConfig(network="mainnet"))


def monitor(config: Config | None = None, counters: RiskCounters | None = None) -> RiskMonitor:
    return RiskMonitor(config or make_config(), counters or RiskCounters())


def test_the_sixth_loss_in_a_row() -> None:
    risk = monitor()
    assert [risk.on_position_closed(D("-0.1")) for _ in range(5)] == [""] * 5
    assert risk.on_position_closed(D("-0.1")) == "6 losses in a row > 5"


def test_a_win_or_an_even_trade_ends_the_streak() -> None:
    risk = monitor()
    for result in ("-1", "-1", "0", "-1", "1", "-1"):
        risk.on_position_closed(D(result))
    assert risk.counters.consecutive_losses == 1
    assert risk.counters.trades_total == 6


def test_a_loss_of_20_is_allowed_and_a_cent_more_is_not() -> None:
    risk = monitor()
    assert risk.on_position_closed(D(-20)) == ""
    assert risk.on_position_closed(D("-0.01")) == "cumulative loss $20.01 > $20"
    assert risk.standing_reason() != ""


def test_gains_count_against_losses() -> None:
    risk = monitor()
    risk.on_position_closed(D(15))
    assert risk.on_position_closed(D(-35)) == ""
    assert risk.on_position_closed(D("-0.01")) != ""


def test_the_fourth_flatten_failure() -> None:
    risk = monitor()
    assert [risk.on_flatten_failed() for _ in range(3)] == [""] * 3
    assert risk.on_flatten_failed() == "4 flatten failures > 3"


def test_the_eleventh_rejection_within_an_hour_on_mainnet() -> None:
    risk = monitor(mainnet_rules())
    assert [risk.on_rejected(NOW + n) for n in range(10)] == [""] * 10
    assert risk.on_rejected(NOW + 10) == "11 rejections within an hour > 10"


def test_rejections_older_than_an_hour_are_forgotten() -> None:
    risk = monitor(mainnet_rules())
    for n in range(10):
        risk.on_rejected(NOW + n)
    assert risk.on_rejected(NOW + HOUR) == "", "the first of them is an hour old"
    assert risk.on_rejected(NOW + HOUR) != ""


def test_elsewhere_rejections_and_slippage_are_counted_and_stop_nothing() -> None:
    risk = monitor()
    assert all(risk.on_rejected(NOW) == "" for _ in range(30))
    assert all(risk.on_slippage(D(80)) == "" for _ in range(10))
    rows = {r.name: r for r in risk.view(NOW)}
    assert (rows["rejected per hour"].value, rows["rejected per hour"].enforced) == (D(30), False)
    assert (rows["slippage in a row"].value, rows["slippage in a row"].enforced) == (D(10), False)
    assert rows["loss"].enforced


def test_slippage_three_times_in_a_row_on_mainnet() -> None:
    risk = monitor(mainnet_rules())
    assert [risk.on_slippage(D(s)) for s in ("51", "51", "50", "51", "51")] == [""] * 5, "50 itself is allowed"
    assert risk.on_slippage(D("50.1")) == "slippage > 50 bps 3 times in a row"


def test_daily_cap_refuses_entries_and_a_new_day_begins_anew() -> None:
    risk = monitor(make_config(safety=SafetyConfig(max_daily_trades=2)))
    risk.on_position_opened(NOW)
    assert risk.refuses_entry(NOW, 0) == ""
    risk.on_position_opened(NOW)
    assert risk.refuses_entry(NOW, 0) == "2 of 2"
    assert risk.refuses_entry(NOW + 24 * HOUR, 0) == ""
    assert risk.refuses_entry(NOW, 0) == "2 of 2", "asking counts nothing and forgets nothing"
    risk.on_position_opened(NOW + 24 * HOUR)
    assert risk.counters.trades_today == 1


def test_a_reset_forgives_streaks_but_the_loss_only_when_overridden() -> None:
    risk = monitor()
    for _ in range(6):
        risk.on_position_closed(D(-4))
    risk.on_flatten_failed()
    risk.after_reset(forgive_loss=False)
    counters = risk.counters
    assert (counters.consecutive_losses, counters.flatten_failures, counters.cumulative_pnl_usd) == (0, 0, D(-24))
    assert risk.standing_reason() != ""
    risk.after_reset(forgive_loss=True)
    assert risk.standing_reason() == ""
    assert risk.counters.trades_total == 6


def test_counters_go_on_where_an_earlier_run_left_them() -> None:
    risk = monitor(counters=RiskCounters(cumulative_pnl_usd=D(-19), consecutive_losses=4))
    assert risk.on_position_closed(D(-1)) == ""
    assert risk.on_position_closed(D("-0.5")) == "6 losses in a row > 5"


def test_limits_come_from_the_config() -> None:
    risk = monitor(make_config(risk=RiskConfig(max_consecutive_losses=1)))
    risk.on_position_closed(D(-1))
    assert risk.on_position_closed(D(-1)) == "2 losses in a row > 1"


def test_the_view_shows_each_counter_against_its_limit() -> None:
    risk = monitor()
    risk.on_position_closed(D("-3.5"))
    rows = {r.name: (r.value, r.limit, r.unit) for r in risk.view(NOW)}
    assert rows["loss"] == (D("3.5"), D(20), "USD")
    assert rows["losses in a row"] == (D(1), D(5), "")
    assert rows["flatten failures"] == (D(0), D(3), "")
    assert rows["trades today"] == (D(0), D(50), "")
    assert len(rows) == 6
