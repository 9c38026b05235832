"""TradeBook: from flat to flat is a trade; money is the exchange's own."""

from __future__ import annotations

from engine_rig import BUY, NOW, SELL, SNDK, D
from msgspec.structs import replace

from core.engine.trades import TradeBook
from core.model.position import ExitReason, Fill, Trade
from core.model.signal import Signal

SIGNAL = Signal("s1-1", SNDK, BUY, NOW, D(201), D(200), D(10), D(200), D(200), D(1), D(50), D("4.5"), D(41))


def fill(side: object, size: str, px: str, at: int, *, pnl: str = "0", fee: str = "0.01", start: str = "0") -> Fill:
    return Fill(SNDK, side, D(px), D(size), NOW + at, D(start), D(pnl), D(fee), 1, at)  # type: ignore[arg-type]


def close(book: TradeBook, reason: ExitReason = ExitReason.TIME_STOP) -> Trade:
    trade = book.close(SNDK, reason, exit_started_ms=NOW + 50, attempts=2, now_ms=NOW + 90)
    assert trade is not None
    return trade


def test_one_entry_one_exit() -> None:
    book = TradeBook()
    book.on_fill(fill(BUY, "1", "200", 1), SIGNAL)
    assert book.open_id(SNDK) == SIGNAL.signal_id
    assert book.open_fees(SNDK) == D("0.01")
    book.on_fill(fill(SELL, "1", "202", 60, pnl="2", start="1"), None)
    trade = close(book)
    assert (trade.trade_id, trade.side, trade.size) == ("s1-1", BUY, D(1))
    assert (trade.entry_price, trade.exit_price) == (D(200), D(202))
    assert (trade.gross_pnl_usd, trade.fees_usd, trade.net_pnl_usd) == (D(2), D("0.02"), D("1.98"))
    assert trade.actual_edge_bps == 100
    assert trade.slippage_bps == D(41) - 100
    assert (trade.flat_time_ms, trade.exit_attempts) == (40, 2)
    assert (trade.entry_ms, trade.exit_ms) == (NOW + 1, NOW + 60)
    assert book.open_id(SNDK) == ""


def test_prices_are_averages_by_size() -> None:
    book = TradeBook()
    book.on_fill(fill(BUY, "1", "200", 1), SIGNAL)
    book.on_fill(fill(BUY, "3", "204", 2, start="1"), SIGNAL)
    book.on_fill(fill(SELL, "2", "200", 3, start="4"), None)
    book.on_fill(fill(SELL, "2", "210", 4, start="2"), None)
    trade = close(book)
    assert (trade.entry_price, trade.exit_price, trade.size) == (D(203), D(205), D(4))


def test_a_short_earns_when_the_price_falls() -> None:
    book = TradeBook()
    book.on_fill(fill(SELL, "1", "200", 1), SIGNAL)
    book.on_fill(fill(BUY, "1", "198", 2, pnl="2", start="-1"), None)
    assert close(book).actual_edge_bps == 100


def test_an_exit_of_a_position_from_before_has_no_invented_gain() -> None:
    book = TradeBook()
    book.on_fill(fill(SELL, "1", "198", 2, pnl="-2", start="1"), None)
    trade = close(book)
    assert trade.side is BUY
    assert (trade.trade_id, trade.expected_edge_bps, trade.slippage_bps) == ("", None, None)
    assert (trade.gross_pnl_usd, trade.actual_edge_bps) == (D(-2), D(0))


def test_a_trade_without_a_signal_has_the_id_of_the_order_that_opened_it() -> None:
    book = TradeBook()
    book.on_fill(fill(BUY, "1", "200", 1), None, "m1-1")
    book.on_fill(fill(SELL, "1", "200", 2, start="1"), None, "m1-2")
    trade = close(book)
    assert (trade.trade_id, trade.expected_edge_bps) == ("m1-1", None)
    book.on_fill(fill(SELL, "1", "200", 3, start="1"), None, "m1-3")
    assert close(book).trade_id == "", "nobody knows what opened it"


def test_flat_without_a_fill_is_no_trade() -> None:
    assert TradeBook().close(SNDK, ExitReason.EXTERNAL, exit_started_ms=None, attempts=0, now_ms=NOW) is None


def test_an_exit_that_nobody_asked_for_took_no_time() -> None:
    book = TradeBook()
    book.on_fill(fill(BUY, "1", "200", 1), None)
    book.on_fill(replace(fill(SELL, "1", "200", 2), start_position=D(1)), None)
    trade = book.close(SNDK, ExitReason.EXTERNAL, exit_started_ms=None, attempts=0, now_ms=NOW + 9)
    assert trade is not None
    assert trade.flat_time_ms == 0
