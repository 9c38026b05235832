"""What the console is told of a real journal: pages that go on where they ended, a chain with everything, a report, and words for what is wrong."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
from old_journals import FORMATS, unpack

from core.messages.effects import (
    AuditRow,
    EdgeRow,
    FillRow,
    FundingRow,
    OrderRow,
    PostRow,
    Severity,
    SignalRow,
    TradeRow,
)
from core.messages.records import FillRecord, OrderRecord, PostRecord, RecordKind, RecordsError, SignalRecord
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import ExitReason, Fill, FundingPayment, Trade
from core.model.signal import Signal
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.runtime.journal_reader import JournalReader

NOW = 1_790_000_000_000
SNDK, BTC = MarketKey("xyz", "SNDK"), MarketKey("", "BTC")
ENTRY, EXIT = Cloid("0xaa01"), Cloid("0xaa02")


def signal(signal_id: str, market: MarketKey = SNDK) -> Signal:
    numbers = (D(1000), D(996), D(1), D("995.5"), D(997), D("0.05"), D(30), D(1), D(28))
    return Signal(signal_id, market, OrderSide.BUY, NOW, *numbers)


def order(cloid: Cloid, status: OrderStatus, filled: str = "0", *, is_exit: bool = False, reason: str = "") -> OrderRow:
    side, purpose = ("sell", "exit") if is_exit else ("buy", "entry")
    return OrderRow(cloid, SNDK, status, 5, side, D(997), D("0.05"), D(filled), is_exit, purpose, reason, "s1-1")


def fill(tid: int, cloid: Cloid, side: OrderSide, at_ms: int, correlation_id: str = "s1-1") -> FillRow:
    return FillRow(
        Fill(SNDK, side, D(1000), D("0.05"), at_ms, D(0), D(0), D("0.01"), 5, tid, str(cloid), True, "Open Long"),
        correlation_id,
    )


def trade(trade_id: str = "s1-1", expected: D | None = D(28)) -> TradeRow:
    return TradeRow(
        Trade(
            trade_id, SNDK, OrderSide.BUY, D("0.05"), D(1000), D(1002), NOW, NOW + 30_000, ExitReason.TIME_STOP, D("0.1"), D("0.02"),
            expected, D(20), 150, 1,
        )
    )  # fmt: skip


LIFE = (
    SignalRow(signal("s1-1"), "accepted"),
    order(ENTRY, OrderStatus.IN_FLIGHT),
    PostRow(1, NOW, "orders", 1, "opened", (ENTRY,)),
    PostRow(1, NOW, "orders", 1, "answered"),
    order(ENTRY, OrderStatus.FILLED),
    fill(1, ENTRY, OrderSide.BUY, NOW),
    order(ENTRY, OrderStatus.FILLED, "0.05"),
    EdgeRow("s1-1", SNDK, OrderSide.BUY, 0, 0, D(1000), D(995), D(998), D(20)),
    SignalRow(signal("s1-2", BTC), "spread: 7 x its mean"),
    EdgeRow("s1-1", SNDK, OrderSide.BUY, 1000, 20, None, None, None, None),
    FundingRow(FundingPayment(SNDK, NOW + 10_000, D("-0.01"), D("0.05"), D("0.0000125"))),
    order(EXIT, OrderStatus.IN_FLIGHT, is_exit=True),
    PostRow(2, NOW + 1, "orders", 1, "opened", (EXIT,)),
    fill(2, EXIT, OrderSide.SELL, NOW + 30_000),
    trade(),
    AuditRow(1, Severity.INFO, "trade", "closed", "s1-1"),
    AuditRow(2, Severity.WARNING, "post", "100% odd_thing", ""),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def written(path: Path, *rows, clean: bool = True) -> None:
    journal = Journal.open(path, ManualClock(NOW))
    for row in rows:
        journal.append(row)
    journal.end_run(clean=clean)
    assert journal.close()


@pytest.fixture
def reader(path: Path) -> Iterator[JournalReader]:
    written(path, *LIFE)
    return JournalReader(path, ManualClock(NOW))


def counts(reader: JournalReader, search: str) -> dict[str, int]:
    return {k.value: n for k in RecordKind if (n := len(reader.page(k, search=search).rows))}


# --- pages ---------------------------------------------------------------------------------------------------------------


def test_every_kind_has_its_rows(reader: JournalReader) -> None:
    assert counts(reader, "") == {"orders": 2, "fills": 2, "trades": 1, "signals": 2, "posts": 2, "events": 3}


def test_an_order_is_one_row_as_it_was_last_heard_of(reader: JournalReader) -> None:
    exit_, entry = reader.page(RecordKind.ORDERS).rows
    assert isinstance(entry, OrderRecord)
    assert (entry.cloid, entry.status, entry.filled, entry.price) == (ENTRY, "filled", D("0.05"), D(997))
    assert isinstance(exit_, OrderRecord)
    assert (exit_.status, exit_.reduce_only, exit_.purpose) == ("in flight", True, "exit")


def test_a_post_is_one_row_and_knows_whose_it_was(reader: JournalReader) -> None:
    second, first = reader.page(RecordKind.POSTS).rows
    assert isinstance(first, PostRecord)
    assert (first.post_id, first.outcome, first.closed_ms, first.correlation_id) == (1, "answered", NOW, "s1-1")
    assert isinstance(second, PostRecord)
    assert (second.outcome, second.closed_ms) == ("open", None)


def test_decimals_are_exact(reader: JournalReader) -> None:
    newest = reader.page(RecordKind.FILLS).rows[0]
    assert isinstance(newest, FillRecord)
    assert (newest.tid, str(newest.size), newest.market, newest.at_ms) == (2, "0.05", SNDK, NOW + 30_000)
    denied = reader.page(RecordKind.SIGNALS).rows[0]
    assert isinstance(denied, SignalRecord)
    assert (denied.accepted, denied.verdict, denied.market) == (False, "spread: 7 x its mean", BTC)


def test_all_pages_together_are_every_row_once_also_when_rows_come_meanwhile(path: Path) -> None:
    written(path, *(fill(n, ENTRY, OrderSide.BUY, NOW + n) for n in range(1, 26)))
    reader = JournalReader(path)
    seen: list[int] = []
    before: int | None = None
    for n in range(100):
        page = reader.page(RecordKind.FILLS, before=before, limit=10)
        seen += [r.tid for r in page.rows if isinstance(r, FillRecord)]
        before = page.next_before
        if before is None:
            break
        written(path, fill(100 + n, ENTRY, OrderSide.BUY, NOW + 100 + n))
    assert seen == list(range(25, 0, -1))


def test_a_page_that_ends_with_the_last_row_is_the_last(path: Path) -> None:
    written(path, *(fill(n, ENTRY, OrderSide.BUY, NOW + n) for n in range(1, 11)))
    page = JournalReader(path).page(RecordKind.FILLS, limit=10)
    assert (len(page.rows), page.next_before) == (10, None)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("sndk", {"orders": 2, "fills": 2, "trades": 1, "signals": 1}),
        ("BTC spread", {"signals": 1}),
        ("spread btc", {"signals": 1}),
        ("spread sndk", {}),
        ("100%", {"events": 1}),
        ("odd_thing", {"events": 1}),
        ("odd%thing", {}),
        ("s1-1", {"orders": 2, "fills": 2, "trades": 1, "signals": 1, "posts": 2, "events": 1}),
        ("answered", {"posts": 1}),
        ("aa02", {"orders": 1, "fills": 1}),
        ("'; DROP TABLE", {}),
    ],
)
def test_search(reader: JournalReader, search: str, found: dict[str, int]) -> None:
    assert counts(reader, search) == found


def test_one_run_alone(path: Path) -> None:
    written(path, fill(1, ENTRY, OrderSide.BUY, NOW))
    written(path, fill(2, ENTRY, OrderSide.BUY, NOW + 1))
    reader = JournalReader(path)
    assert [r.run_id for r in reader.page(RecordKind.FILLS).rows] == [2, 1]
    assert [r.run_id for r in reader.page(RecordKind.FILLS, run_id=1).rows] == [1]


# --- chains --------------------------------------------------------------------------------------------------------------


def test_a_chain_is_everything_of_a_signal_in_the_order_it_happened(reader: JournalReader) -> None:
    steps = reader.chain("s1-1")
    assert [s.what for s in steps] == [
        "signal", "order", "post", "order", "fill", "order", "edge", "edge", "funding", "order", "post", "fill", "trade", "event",
    ]  # fmt: skip
    texts = [s.text for s in steps]
    assert texts[0] == "xyz:SNDK buy edge 30.0 bps, 0.05 @ 997, oracle 1000: accepted"
    assert texts[2] == f"post 1, nonce {NOW}, 1 orders: answered after 0 ms"
    assert texts[5] == "entry buy 0.05 @ 997 0xaa01: filled, 0.05 filled"
    assert texts[6:9] == ["at the fill: 20.0 bps", "1 s after the fill: no fresh data", "xyz:SNDK -0.01 USD"]
    assert texts[10].endswith(": open")
    assert texts[12] == "xyz:SNDK closed by time stop, +20.0 bps, net +0.0800 USD"
    assert [s.record is not None for s in steps].count(True) == 9


def test_no_chain(reader: JournalReader) -> None:
    assert reader.chain("") == ()
    assert reader.chain("s9-9") == ()


# --- the report ----------------------------------------------------------------------------------------------------------


def test_the_report_is_of_the_file(reader: JournalReader, path: Path) -> None:
    found = reader.report()
    (one,) = found.trades
    assert (one.trade_id, one.net_pnl_usd, one.funding_usd) == ("s1-1", D("0.07"), D("-0.01"))
    assert one.edges is not None
    assert (one.edges.at_fill, one.edges.after_1s) == (20, None)
    assert (found.source, found.made_at_ms, found.runs) == (str(path), NOW, (1,))
    assert reader.report(date(2020, 1, 1)).trades == ()
    assert reader.report(run_id=1).trades == (one,)


def test_a_trade_closed_by_a_later_run_finds_its_signal_through_its_fills(path: Path) -> None:
    written(path, *LIFE[:8], clean=False)
    written(path, fill(2, EXIT, OrderSide.SELL, NOW + 30_000, ""), trade("", None))
    found = JournalReader(path).report()
    (one,) = found.trades
    assert (one.trade_id, one.is_strategy, one.expected_edge_bps, one.run_id) == ("s1-1", True, D(28), 2)
    assert found.notes == ("run 1 ended, but not in order",)


def test_a_trade_whose_fills_were_found_later_finds_its_signal_through_its_order(path: Path) -> None:
    written(path, *LIFE[:5], clean=False)
    written(path, fill(1, ENTRY, OrderSide.BUY, NOW, ""), trade("", None))
    (one,) = JournalReader(path).report().trades
    assert (one.trade_id, one.is_strategy) == ("s1-1", True)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT signal_id, expected_edge_bps, slippage_bps FROM trades").fetchall() == [
            ("s1-1", 28.0, 8.0)
        ]


# --- files -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_an_old_journal_is_read_and_left_as_it_is(format_: int, path: Path) -> None:
    unpack(format_, path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    reader = JournalReader(path)
    assert all(reader.page(kind).rows for kind in RecordKind)
    found = reader.report()
    assert len(found.trades) > 10
    assert len(reader.chain(found.trades[0].trade_id)) > 8
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before


def test_a_journal_that_is_being_written_is_read(path: Path) -> None:
    journal = Journal.open(path, ManualClock(NOW))
    reader = JournalReader(path)
    assert reader.page(RecordKind.FILLS).rows == ()
    journal.append(fill(1, ENTRY, OrderSide.BUY, NOW))
    assert journal.close()
    assert len(reader.page(RecordKind.FILLS).rows) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "no journal of this program"),
        (b"x" * 5_000, "no journal of this program"),
    ],
)
def test_what_cannot_be_read_is_one_line(path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordsError, match=words) as refused:
        JournalReader(path).page(RecordKind.FILLS)
    assert str(refused.value).startswith(f"{path}: ")


def test_a_damaged_journal(path: Path) -> None:
    written(path, *LIFE)
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    path.write_bytes(bytes(data))
    with pytest.raises(RecordsError, match="cannot be read"):
        JournalReader(path).report()


def test_a_value_that_makes_no_sense(path: Path) -> None:
    written(path, *LIFE)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE trade_rows SET size = 'much'")
        db.commit()
    for ask in (lambda r: r.page(RecordKind.TRADES), lambda r: r.report(), lambda r: r.chain("s1-1")):
        with pytest.raises(RecordsError):
            ask(JournalReader(path))


def test_a_journal_of_a_newer_program(path: Path) -> None:
    written(path, *LIFE)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(RecordsError, match="newer version"):
        JournalReader(path).report()
