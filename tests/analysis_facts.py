"""Trades, signals and orders made by hand, with round numbers, for tests of the analysis."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal as D
from typing import Any

from msgspec.structs import replace

from core.analysis.facts import EdgeFact, Facts, OrderFact, RunFact, TradeFact
from core.analysis.trades import trade_results
from core.messages.report import TradeResult
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason, Trade
from core.model.signal import Signal

NOW = 1_790_078_400_000
"""Noon, UTC."""
SNDK = MarketKey("xyz", "SNDK")
RUN = RunFact(1, NOW - 1_000, None, False, "simulator", "0xabc", D(10), 30_000, 60_000)

SIGNAL = Signal(
    signal_id="s1-1",
    market=SNDK,
    side=OrderSide.BUY,
    at_ms=NOW,
    oracle_px=D(1000),
    touch_px=D(996),
    touch_sz=D(1),
    mid_px=D("995.5"),
    price=D(997),
    size=D("0.05"),
    edge_bps=D(30),
    fee_bps=D(1),
    expected_edge_bps=D(28),
)
"""Oracle 1000, touch 996: 40 bps at the touch, 30 at the limit, 28 after two fees of 1."""

TRADE = Trade(
    trade_id="s1-1",
    market=SNDK,
    side=OrderSide.BUY,
    size=D("0.05"),
    entry_price=D(1000),
    exit_price=D(1002),
    entry_ms=NOW,
    exit_ms=NOW + 30_200,
    exit_reason=ExitReason.TIME_STOP,
    gross_pnl_usd=D("0.1"),
    fees_usd=D("0.02"),
    expected_edge_bps=D(28),
    actual_edge_bps=D(20),
    flat_time_ms=150,
    exit_attempts=1,
)
"""20 bps before fees, $0.08 of $50 = 16 bps after them."""


def trade(n: int = 1, **changes: Any) -> Trade:
    """The n-th of a row of trades a minute apart."""
    later = {"trade_id": f"s1-{n}", "entry_ms": NOW + n * 60_000, "exit_ms": NOW + n * 60_000 + 30_200}
    return replace(TRADE, **{**later, **changes})


def signal(n: int = 1, **changes: Any) -> Signal:
    return replace(SIGNAL, **{"signal_id": f"s1-{n}", "at_ms": NOW + n * 60_000 - 300, **changes})


def order(n: int = 1, **changes: Any) -> OrderFact:
    """Accepted and filled, unless changed."""
    at_ms = NOW + n * 60_000
    made = OrderFact(1, f"0x{n:032x}", "entry", at_ms, at_ms, True, False, False, True)
    return replace(made, **changes)


def edge(n: int = 1, after_ms: int = 0, bps: D | None = D(30), ask: D | None = D(998)) -> EdgeFact:
    return EdgeFact(f"s1-{n}", after_ms, D(995), ask, bps)


def facts(trades: Sequence[Trade] = (), **others: Any) -> Facts:
    """Every trade with a signal of its own, unless ``signals`` says otherwise."""
    signals = tuple(signal(n, signal_id=t.trade_id) for n, t in enumerate(trades, 1) if t.trade_id)
    made = Facts("journal.db", (RUN,), tuple(TradeFact(1, t, t.trade_id) for t in trades), signals=signals)
    return replace(made, **others)


def results(*trades: Trade, **others: Any) -> tuple[TradeResult, ...]:
    return trade_results(facts(trades, **others))


def many(count: int, **changes: Any) -> tuple[TradeResult, ...]:
    return results(*(trade(n, **changes) for n in range(1, count + 1)))
