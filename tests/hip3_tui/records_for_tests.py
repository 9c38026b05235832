"""A journal made by hand: rows of every kind, a chain, a report; and a handle that pages and searches as the real one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal as D

from msgspec.structs import astuple

from core.messages.effects import Severity
from core.messages.records import (
    AnyRecord,
    EventRecord,
    FillRecord,
    OrderRecord,
    Page,
    PostRecord,
    RecordKind,
    RecordsError,
    SignalRecord,
    Step,
    TradeRecord,
)
from core.messages.report import Report
from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason

T0 = 1_763_870_584_000
BUY, SELL = OrderSide.BUY, OrderSide.SELL
COINS = ("xyz:SNDK", "xyz:NVDA", "BTC", "xyz:TSLA")


def _of(number: int) -> tuple[MarketKey, OrderSide, str, int]:
    return MarketKey.parse(COINS[number % 4]), BUY if number % 3 else SELL, f"s3-{number}", T0 - number * 7_321


def signal(n: int) -> SignalRecord:
    market, side, cid, at = _of(n)
    denied = n % 4 == 1
    return SignalRecord(
        row=10_000 - n, run_id=3, at_ms=at, correlation_id=cid, market=market, side=side, oracle_px=D("1240.2"), touch_px=D("1235.1"),
        touch_sz=D("0.4"), mid_px=D("1234.9"), price=D("1236.3"), size=D("0.012"), edge_bps=D("41.3"), fee_bps=D("9"),
        expected_edge_bps=D("14.3"), accepted=not denied, verdict="max position total: $119.60 > $100" if denied else "accepted",
    )  # fmt: skip


def order(n: int) -> OrderRecord:
    market, side, cid, at = _of(n)
    status = ("filled", "filled", "rejected", "unknown", "canceled")[n % 5]
    return OrderRecord(
        row=10_000 - n, run_id=3, at_ms=at + 240, correlation_id=cid, cloid=f"0x6869703300000003{n:016x}", oid=81_234_500_000 + n,
        market=market, side=side, price=D("1236.3"), size=D("0.012"), filled=D("0.012") if status == "filled" else D(0),
        reduce_only=n % 2 == 0, purpose="exit" if n % 2 == 0 else "entry", status=status,
        reason="" if status == "filled" else "Order could not immediately match against any resting orders.", created_ms=at,
    )  # fmt: skip


def fill(n: int) -> FillRecord:
    market, side, cid, at = _of(n)
    return FillRecord(
        row=10_000 - n, run_id=3, at_ms=at + 231, correlation_id=cid, market=market, side=side, price=D("1234.5"), size=D("0.012"),
        fee_usd=D("0.00667"), closed_pnl_usd=D("-0.0312") if n % 2 else D(0), direction="Open Long" if side is BUY else "Close Long",
        crossed=True, oid=81_234_500_000 + n, tid=700_000 + n, cloid=f"0x6869703300000003{n:016x}",
    )  # fmt: skip


def trade(n: int) -> TradeRecord:
    market, side, cid, at = _of(n)
    net = D("0.1432") if n % 3 else D("-0.0871")
    return TradeRecord(
        row=10_000 - n, run_id=3, at_ms=at, correlation_id=cid, market=market, side=side, size=D("0.012"), entry_price=D("1234.5"),
        exit_price=D("1236.9"), entry_ms=at - 12_400, exit_ms=at, exit_reason=ExitReason.TIME_STOP if n % 4 else ExitReason.HARD_STOP,
        gross_pnl_usd=net + D("0.0134"), fees_usd=D("0.0134"), net_pnl_usd=net, expected_edge_bps=D("14.3"), actual_edge_bps=D("19.4"),
        slippage_bps=D("-5.1"), flat_time_ms=231, exit_attempts=1 if n % 5 else 2,
    )  # fmt: skip


def post(n: int) -> PostRecord:
    _, _, cid, at = _of(n)
    return PostRecord(
        row=10_000 - n, run_id=3, at_ms=at, correlation_id=cid, post_id=n, nonce=at, kind="order", count=1,
        closed_ms=None if n == 1 else at + 238, outcome="" if n == 1 else "answered",
    )  # fmt: skip


def event(n: int) -> EventRecord:
    _, _, cid, at = _of(n)
    kinds = (("entry", Severity.INFO), ("time stop", Severity.WARNING), ("HARD STOP", Severity.CRITICAL))
    kind, severity = kinds[n % 3]
    return EventRecord(
        row=10_000 - n, run_id=3, at_ms=at, correlation_id=cid, number=500 - n, severity=severity, kind=kind,
        text="xyz:SNDK buy 0.012 @ 1236.3, edge 41.3 bps and more words than a narrow table has room for, which end in dots",
    )  # fmt: skip


MAKERS = {
    RecordKind.ORDERS: order,
    RecordKind.FILLS: fill,
    RecordKind.TRADES: trade,
    RecordKind.SIGNALS: signal,
    RecordKind.POSTS: post,
    RecordKind.EVENTS: event,
}


def chain(correlation_id: str) -> tuple[Step, ...]:
    n = int(correlation_id.split("-")[1])
    at = _of(n)[3]
    return (
        Step(at, "signal", "buy xyz:SNDK, edge 41.3 bps, expected 14.3", signal(n)),
        Step(at + 2, "order", "entry buy 0.012 @ 1236.3 Ioc, queued"),
        Step(at + 40, "post", "post 7, 1 order, nonce 1763870584000", post(n)),
        Step(at + 231, "fill", "bought 0.012 @ 1234.5, fee $0.0067", fill(n)),
        Step(at + 278, "order", "filled 0.012"),
        Step(at + 30_500, "trade", "closed by time stop, +19.4 bps, net +$0.1432", trade(n)),
    )


@dataclass
class FakeRecords:
    """``rows`` of each kind; every call is noted, with the thread it came from."""

    rows: int = 250
    error: str = ""
    made_report: Report | None = None
    source: str = "journal.db"
    calls: list[tuple[object, ...]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def page(
        self,
        kind: RecordKind,
        *,
        search: str = "",
        before: int | None = None,
        limit: int = 100,
        run_id: int | None = None,
    ) -> Page:
        self._note("page", kind, search, before, limit, run_id)
        found = [
            row
            for row in (MAKERS[kind](n) for n in range(1, self.rows + 1))
            if (before is None or row.row < before) and self._has(row, search.lower().split())
        ]
        rows = found[:limit]
        return Page(tuple(rows), rows[-1].row if len(found) > limit else None)

    def chain(self, correlation_id: str) -> tuple[Step, ...]:
        self._note("chain", correlation_id)
        return chain(correlation_id)

    def report(self, day: date | None = None) -> Report:
        self._note("report", day)
        assert self.made_report is not None
        return self.made_report

    @staticmethod
    def _has(row: AnyRecord, words: Sequence[str]) -> bool:
        text = " ".join(str(value) for value in astuple(row)).lower()
        return all(word in text for word in words)

    def _note(self, *call: object) -> None:
        import threading

        self.calls.append(call)
        self.threads.add(threading.current_thread().name)
        if self.error:
            raise RecordsError(self.error)
