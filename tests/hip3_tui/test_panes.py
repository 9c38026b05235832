"""Panes as pure functions from a picture to lines."""

from decimal import Decimal as D

import pytest
import snapshots_for_tests as made
from msgspec.structs import replace
from snapshots_for_tests import SELL, T0

from core.messages.alerts import AlertTarget, TargetState
from core.messages.effects import Severity
from core.messages.snapshot import BudgetView, InflightView, QueueView
from core.model.order import OrderStatus
from hip3_tui.panes.alarm import alarm_lines
from hip3_tui.panes.audit import AuditLog, AuditPane, Gap
from hip3_tui.panes.fills import FillsPane
from hip3_tui.panes.live_lines import Line, LiveLines, fit_line, line_width, wrap_line
from hip3_tui.panes.load import LoadPane, gauge
from hip3_tui.panes.markets import MarketsPane
from hip3_tui.panes.orders import OrdersPane
from hip3_tui.panes.picture import Picture, is_flat
from hip3_tui.panes.positions import PositionsPane
from hip3_tui.panes.risk import RiskPane
from hip3_tui.panes.signals import SignalsPane
from hip3_tui.panes.status import StatusPane


def plain(line: Line) -> str:
    return "".join(words for words, _ in line)


def shown(pane: LiveLines, snapshot: object, width: int = 118, height: int = 12, **picture: object) -> str:
    return "\n".join(plain(line) for line in pane.lines(Picture(snapshot, T0 + 100, **picture), width, height))  # type: ignore[arg-type]


# --- status ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "word"), [("simulator", " SIMULATOR "), ("testnet", " TESTNET "), ("mainnet", " *** MAINNET *** ")]
)
def test_the_network_is_a_word(network: str, word: str) -> None:
    assert word in shown(StatusPane(), made.snapshot(run=made.run_info(network=network)), 80, 4)


@pytest.mark.parametrize(
    ("network", "word"), [("simulator", " SIMULATOR "), ("testnet", " TESTNET "), ("mainnet", " *** MAINNET *** ")]
)
def test_the_network_is_known_before_the_engine_has_said_a_word(network: str, word: str) -> None:
    first, second = shown(StatusPane(), None, 80, 4, run=made.run_info(network=network)).split("\n")
    assert first.startswith(word)
    assert "STARTING" in first
    assert "0x1234" in second
    assert "key 0xabcd" in second
    unknown = shown(StatusPane(), None, 80, 4)
    assert "HIP3-TUI" in unknown, "a window that has not found the console yet"


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_headline_fits_even_at_its_worst(width: int) -> None:
    worst = made.on_mainnet(
        made.hard_stopped(pnl=replace(made.snapshot().pnl, exposure_usd=D("143.20"), unrealized_usd=D("-12.34")))
    )
    worst = replace(worst, ready=replace(worst.ready, md_ready=False, missing=("x",)))
    first = StatusPane().lines(Picture(worst, T0 + 723_000), width, 4)[0]
    assert line_width(first) <= width
    for word in ("*** MAINNET ***", "REDUCING", "NOT READY", "AT RISK $143.20", "STALE 12m03s"):
        assert word in plain(first), word


def test_stale_is_marked_after_one_second_not_before() -> None:
    pane, snapshot = StatusPane(), made.snapshot()
    assert "STALE" not in plain(pane.lines(Picture(snapshot, T0 + 1_000), 80, 4)[0])
    assert " STALE 1.1s " in plain(pane.lines(Picture(snapshot, T0 + 1_100), 80, 4)[0])


def test_what_is_not_known_is_not_called_flat() -> None:
    assert " FLAT " in shown(StatusPane(), made.flat(), 80, 4)
    assert " RISK NOT KNOWN " in shown(StatusPane(), made.connecting(), 80, 4)
    assert not is_flat(made.connecting())


def test_flat_with_an_order_on_its_way_says_so() -> None:
    assert "FLAT, ORDERS OUT" in shown(StatusPane(), made.flat(orders=(made.order(),)), 80, 4)


def test_readiness_names_what_is_missing() -> None:
    text = shown(StatusPane(), made.connecting(), 120, 4)
    assert "✗ data  ✗ orders  ✗ fills  ✗ positions" in text
    assert "waits for market data of 7 markets; open orders; fills; positions" in text
    assert "NOT READY" in text


@pytest.mark.parametrize("width", [80, 120])
def test_a_rehearsal_names_place_and_rules(width: int) -> None:
    first = plain(StatusPane().lines(Picture(made.rehearsing(), T0), width, 4)[0])
    assert " SIMULATOR, MAINNET RULES " in first
    worst = made.hard_stopped(run=made.run_info(rules="mainnet"))
    worst = replace(worst, ready=replace(worst.ready, md_ready=False, missing=("x",)))
    line = StatusPane().lines(Picture(worst, T0 + 723_000), 80, 4)[0]
    assert line_width(line) <= 80
    for word in ("SIM, MAINNET RULES", "REDUCING", "NOT READY", "AT RISK $14.83", "STALE 12m03s"):
        assert word in plain(line)


def test_an_unknown_order_is_in_the_headline() -> None:
    assert " 1 UNKNOWN " in plain(StatusPane().lines(Picture(made.unknown(), T0), 80, 4)[0])
    assert "UNKNOWN" not in plain(StatusPane().lines(Picture(made.snapshot(), T0), 80, 4)[0])


def test_the_trend_of_the_latencies_is_shown_where_there_is_room_and_pushes_nothing_out() -> None:
    for width, is_shown in ((80, False), (120, False), (160, True)):
        last = plain(StatusPane().lines(Picture(made.running(), T0), width, 4)[3])
        assert ("posts " in last) is is_shown
        assert "tick late p99 1.4ms" in last
        assert "…" not in last


@pytest.mark.parametrize("width", range(80, 170, 5))
def test_no_figure_of_the_connection_is_cut_at_any_width(width: int) -> None:
    for snapshot in (made.snapshot(), made.running()):
        last = StatusPane().lines(Picture(snapshot, T0), width, 4)[3]
        assert line_width(last) <= width
        assert "tick late p99 1.4ms" in plain(last)


def test_alerts_that_do_not_arrive_are_said() -> None:
    good, bad = AlertTarget("slack://...", TargetState.OK), AlertTarget("mailto://...", TargetState.RETRYING)
    assert "alerts: 2 targets" in shown(StatusPane(), made.snapshot(alerts=(good, good)), 120, 4)
    assert "alerts: 1 of 2 not delivered (retrying)" in shown(StatusPane(), made.snapshot(alerts=(good, bad)), 120, 4)
    assert "alerts" not in shown(StatusPane(), made.snapshot(), 120, 4)


# --- alarm -------------------------------------------------------------------------------------------------------------


def test_no_alarm_no_lines() -> None:
    assert alarm_lines(Picture(made.snapshot(), T0), 80) == []


def test_the_hard_stop_says_why_since_when_what_is_left_and_whether_a_reset_would_pass() -> None:
    text = "\n".join(plain(line) for line in alarm_lines(Picture(made.hard_stopped(), T0), 120))
    for words in (
        "HARD STOP",
        "6 losses in a row > 5",
        "2m11s ago",
        "1 order and 1 position",
        "refused now: 1 order and 1 position are still open",
    ):
        assert words in text
    done = made.hard_stopped(
        hard_stop=replace(made.hard_stopped().hard_stop, orders_left=0, positions_left=0, reset_refusal="")
    )
    assert "reset would be accepted" in "\n".join(plain(line) for line in alarm_lines(Picture(done, T0), 120))


def test_a_dead_engine_comes_before_the_hard_stop_and_says_what_was_open() -> None:
    lines = alarm_lines(Picture(made.hard_stopped(), T0, error="boom " * 30, is_done=True), 80)
    text = " ".join(" ".join(plain(line) for line in lines).split())
    assert text.index("ENGINE DEAD") < text.index("HARD STOP")
    assert "1 position and 1 order" in text
    assert all(line_width(line) <= 80 for line in lines)


def test_an_orderly_end_is_no_death() -> None:
    text = "\n".join(plain(line) for line in alarm_lines(Picture(made.flat(finished=True), T0, is_done=True), 80))
    assert "DEAD" not in text
    assert "nothing is open" in text


def test_an_end_without_a_word_is_a_death() -> None:
    assert "ENGINE DEAD" in plain(alarm_lines(Picture(made.snapshot(), T0, is_done=True), 80)[0])


# --- tables ------------------------------------------------------------------------------------------------------------


def test_the_countdown_runs_out() -> None:
    bars = []
    for left_ms in (30_000, 15_000, 1_000):
        text = shown(PositionsPane(), made.snapshot(positions=(made.position(time_stop_at_ms=T0 + left_ms),)))
        assert f"{left_ms / 1000:.1f}s" in text
        bars.append(text.count("━"))
    assert bars == sorted(bars, reverse=True)
    assert len(set(bars)) == 3
    assert " DUE  +1.5s" in shown(
        PositionsPane(), made.snapshot(positions=(made.position(time_stop_at_ms=T0 - 1_500),))
    )


def test_marks_of_a_position_are_words() -> None:
    text = shown(
        PositionsPane(),
        made.snapshot(
            positions=(
                made.position(is_external=True, time_stop_at_ms=None),
                made.position(is_suspect=True, side=SELL),
                made.position("SOL", time_stop_at_ms=None),
            )
        ),
    )
    assert "EXTERNAL" in text
    assert "no timer" in text
    assert "SUSPECT" in text
    assert "LONG" in text
    assert "SHORT" in text


def test_exit_attempts_and_reason() -> None:
    assert "TRY 2  4.2s" in shown(PositionsPane(), made.hard_stopped(), 76)
    assert "TRY 2  4.2s hard stop" in shown(PositionsPane(), made.hard_stopped(), 106)


@pytest.mark.parametrize("width", [76, 80, 118, 200])
def test_no_table_line_is_wider_than_the_pane(width: int) -> None:
    picture = Picture(made.snapshot(), T0)
    for pane in (PositionsPane(), MarketsPane(), OrdersPane()):
        assert all(line_width(line) <= width for line in pane.lines(picture, width, 12))


def test_rows_without_room_are_counted() -> None:
    many = made.snapshot(positions=tuple(made.position(f"M{i}") for i in range(6)))
    lines = PositionsPane().lines(Picture(many, T0), 80, 4)
    assert [plain(line).split()[0] for line in lines] == ["MARKET", "M0", "M1", "+4"]


def test_gate_verdicts_are_verbatim_where_there_is_room() -> None:
    text = " ".join(shown(MarketsPane(), made.snapshot(), 180, 9).split())
    assert "spread 21.4 bps is more than 6x its usual 3.1 bps" in text
    assert "LEFT OUT no bbo for 10 s" in text


def test_a_long_verdict_moves_no_market_from_its_line() -> None:
    rows = shown(MarketsPane(), made.snapshot(), 80, 20).split("\n")
    names = [market.market.name for market in made.snapshot().markets]
    assert [row.split()[0] for row in rows[1 : 1 + len(names)]] == names
    assert any(row.endswith("…") for row in rows), "and what is cut has a mark"


def test_prices_of_one_market_have_the_same_decimals() -> None:
    market = made.market(bid_px=D("128.9"), ask_px=D("128.94"))
    assert "128.90" in shown(MarketsPane(), made.snapshot(markets=(market,)))


def test_what_was_never_read_is_not_called_flat() -> None:
    assert "flat" not in shown(PositionsPane(), made.connecting())
    assert "not known" in shown(PositionsPane(), made.connecting())
    assert "not known" in shown(OrdersPane(), made.connecting())
    assert "flat: no position" in shown(PositionsPane(), made.flat())


def test_old_orders_are_left_out_in_silence_live_ones_are_not() -> None:
    over = [made.order(i, status=OrderStatus.FILLED, is_settled=True) for i in range(1, 9)]
    live = [made.order(i) for i in range(11, 15)]
    assert "more" not in shown(OrdersPane(), made.snapshot(orders=(*live[:2], *over)), 118, 5)
    assert "+2 more" in shown(OrdersPane(), made.snapshot(orders=(*live, *over)), 118, 4)


def test_the_oldest_line_of_the_trail_that_is_too_long_keeps_its_number() -> None:
    long = " ".join(["word"] * 40)
    pane = AuditPane()
    snapshot = made.snapshot(audit=(made.audit(1, long), made.audit(2, long, severity=Severity.CRITICAL)))
    pane.log_of_run.add(snapshot.audit)
    lines = pane.lines(Picture(snapshot, T0), 80, 5)
    assert len(lines) == 5
    assert "".join(words for words, _ in lines[0]).startswith("  1 ")
    assert "CRIT word" in "".join(words for line in lines for words, _ in line)


def test_few_lines_still_show_every_queue() -> None:
    text = shown(LoadPane(), made.snapshot(), 39, 3)
    for words in ("37/100", "cancel 0", "exits 3", "new 120"):
        assert words in text


def test_an_edge_beyond_its_threshold_has_a_sign() -> None:
    assert "!buy +15.2" in shown(MarketsPane(), made.snapshot())
    assert "!buy +3.0" not in shown(MarketsPane(), made.snapshot())


def test_unknown_and_external_orders_stand_out() -> None:
    styles = {
        words.strip(): style
        for line in OrdersPane().lines(Picture(made.hard_stopped(), T0), 118, 6)
        for words, style in line
    }
    assert styles["UNKNOWN"] == "plate-warn"
    assert "EXTERNAL" in shown(OrdersPane(), made.snapshot(orders=(made.order(is_external=True),)))


def test_a_terminal_order_whose_fills_are_not_seen_says_so() -> None:
    assert "filled, fill?" in shown(OrdersPane(), made.snapshot(orders=(made.order(status=OrderStatus.FILLED),)))


def test_trades_show_their_exit_reason_above_the_fill_that_made_them() -> None:
    text = shown(FillsPane(), made.snapshot(), 42)
    assert "TRADE -$0.03 time stop" in text
    assert text.index("TRADE") < text.index("SELL")


# --- load, risk, signals -----------------------------------------------------------------------------------------------


def test_the_gauge_keeps_its_width_and_its_mark() -> None:
    for value in range(0, 101, 5):
        line = gauge(value, 100, 20, "good", 80)
        assert line_width(line) == 20
        assert plain(line).index("┃") == 16


def test_load_at_its_limits() -> None:
    full = made.snapshot(inflight=InflightView(100, 100, 80, 100, (100,)))
    assert "FULL" in plain(LoadPane().note(Picture(full, T0)))
    marked = made.snapshot(inflight=InflightView(80, 100, 80, 80, (80,)))
    assert "EXITS ONLY" in plain(LoadPane().note(Picture(marked, T0)))
    below = made.snapshot(inflight=InflightView(79, 100, 80, 79, (79,)))
    assert LoadPane().note(Picture(below, T0)) == ()


def test_load_shows_queues_of_their_caps() -> None:
    text = shown(LoadPane(), made.snapshot(), 39, 7)
    for words in ("37/100", "0/200", "3/500", "120/1000", "1,234/10,000", "max 82"):
        assert words in text


def test_a_limited_budget_and_an_open_breaker_are_words() -> None:
    assert "LIMITED" in shown(LoadPane(), made.snapshot(budget=BudgetView(10_000, 10_000, True, None)), 39, 7)
    assert "BREAKER OPEN 42.0s" in shown(LoadPane(), made.snapshot(budget=BudgetView(1, 2, False, T0 + 42_000)), 39, 7)


def test_risk_shows_every_counter_or_says_how_many_are_hidden() -> None:
    text = shown(RiskPane(), made.snapshot(), 39, 7)
    for words in ("$1.23/$20", "4/5", "0/3", "2/10", "1/2", "12/1000"):
        assert words in text
    short = shown(RiskPane(), made.snapshot(), 39, 4)
    assert "losses in a row" in short, "the nearest to its limit stays"
    assert "+4 more" in short


def test_denials_are_shown_by_reason() -> None:
    text = shown(SignalsPane(), made.snapshot(), 118, 3)
    assert "not ready 12  has position 61  pending order 25  action budget 4" in text
    assert "hard stop 0" not in text
    assert "more" in shown(SignalsPane(), made.snapshot(), 40, 2)


def test_where_room_is_short_the_rarest_denials_go_and_what_became_of_posts_and_orders_stays() -> None:
    pane, most = SignalsPane(), made.snapshot()
    assert "not ready 12  has position 61  pending order 25  action budget 4" in shown(pane, most, 74, 9)
    assert shown(pane, most, 74, 3).split("\n") == [
        "denied: has position 61  +3 more  posts 61 sent, 60 answered",
        "orders 55 accepted, 4 rejected (3 by the market)  timed out 1",
        "flattens 29, slowest 1.2s",
    ]


# --- audit -------------------------------------------------------------------------------------------------------------


def test_a_gap_in_the_trail_is_shown() -> None:
    log = AuditLog()
    log.add((made.audit(1), made.audit(2)))
    assert [e.number for e in log.add((made.audit(5), made.audit(6)))] == [5, 6]
    assert [item if isinstance(item, Gap) else item.number for item in log.newest(10)] == [1, 2, Gap(3, 4), 5, 6]


def test_the_trail_of_another_engine_begins_anew() -> None:
    log = AuditLog()
    log.add((made.audit(7),))
    log.add((made.audit(1),))
    assert [getattr(item, "number", None) for item in log.newest(10)] == [1]


def test_the_pane_shows_the_gap_and_wraps_a_warning() -> None:
    pane = AuditPane()
    pane.show(Picture(made.snapshot(audit=made.trail()), T0))
    pane.show(Picture(made.snapshot(audit=(made.audit(12, "later"),)), T0))
    text = shown(pane, made.snapshot(), 80, 20)
    assert "3 lines missing: 9 to 11" in text
    assert "asset=110002" in text


# --- lines -------------------------------------------------------------------------------------------------------------


def test_fit_line_is_exact_and_marks_a_cut() -> None:
    line: Line = (("abc", "good"), ("def", ""))
    assert plain(fit_line(line, 8)) == "abcdef  "
    assert plain(fit_line(line, 8, right=True)) == "  abcdef"
    assert plain(fit_line(line, 5)) == "abcd…"
    assert plain(fit_line(line, 3)) == "ab…"
    assert plain(fit_line(line, 6)) == "abcdef"


def test_wrap_line_keeps_words_and_plates_whole() -> None:
    lines = wrap_line(((" LEFT OUT ", "plate-warn"), (" ", ""), ("no bbo for ten seconds", "warn")), 16)
    assert all(line_width(line) <= 16 for line in lines)
    assert " ".join(plain(line).strip() for line in lines).split() == [
        "LEFT",
        "OUT",
        "no",
        "bbo",
        "for",
        "ten",
        "seconds",
    ]


# --- words of strangers --------------------------------------------------------------------------------------------------


def test_no_figure_of_a_queue_is_cut() -> None:
    queues = (QueueView("cancel", 200, 200), QueueView("reduce-only", 500, 500), QueueView("new", 1000, 1000))
    text = shown(LoadPane(), made.snapshot(queues=queues), 39, 3)
    assert "cancel 200  exits 500  new 1000" in text


def test_nothing_that_a_terminal_obeys_reaches_a_strip() -> None:
    evil = "a\x1b]2;owned\x07b\x9b31m\u202ec\u200bd\r\n\u3000e"
    strip = AuditPane()._draw(((evil, ""),), 40)
    assert strip.text.startswith("a·]2;owned·b·31m·c·d··\u3000e")
    assert strip.cell_length == 40
