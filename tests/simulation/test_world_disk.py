"""The world's disk finds after a restart what the real journal finds, whatever was written, ended or killed before.

The real one is SQLite in a folder of the test. A kill is a copy of its files as they lie there at that moment, opened by the next program:
what the writer had not committed is not in them. Its writer is made to wait for ever between batches, so that the test says when a batch is
written. Virtual lives last minutes: that the journal forgets fills after ten days is beyond them, and not compared.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from decimal import Decimal as D
from pathlib import Path
from random import Random

import pytest

from core.messages.effects import (
    AuditRow,
    EdgeRow,
    FillRow,
    FundingRow,
    JournalRow,
    LatchState,
    OrderRow,
    PostRow,
    RiskCounters,
    Severity,
    SignalRow,
    TradeRow,
)
from core.messages.recovered import Recovered
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus
from core.model.position import ExitReason, Fill, FundingPayment, Trade
from core.model.signal import Signal
from core.runtime import journal as journal_module
from core.runtime.clock import ManualClock
from core.runtime.journal import Journal
from core.sim.world import disk as disk_module
from core.sim.world.disk import Disk

NOW = 1_705_054_000_000
MARKETS = (MarketKey("xyz", "SNDK"), MarketKey("", "BTC"))
STEPS = 80


class Pair:
    """A real journal and the world's disk, told the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clock = ManualClock(NOW)
        self._generation = 0
        self._path = folder / "0" / "journal.db"
        self.journal = Journal.open(self._path, self._clock)
        self.disk = Disk()
        self.both_found: list[tuple[Recovered, Recovered]] = []
        self._started()

    def _started(self) -> None:
        self.both_found.append((self.journal.recovered, self.disk.begin_run(self._clock.now_ms())))

    def wait(self, ms: int) -> None:
        self._clock.advance(ms)

    def append(self, row: JournalRow) -> None:
        self.journal.append(row)
        self.disk.append(row)

    def put_counters(self, counters: RiskCounters) -> None:
        self.journal.put_counters(counters)
        self.disk.put_counters(counters)

    def latch(self, latch: LatchState) -> None:
        self.disk.latch = latch
        self.flush()

    def flush(self) -> None:
        """The journal writes a batch along with each latch. The second latch is on the disk only when the first one's batch is."""
        for _ in range(2):
            assert self.journal.persist_latch(self.disk.latch)
        assert self.journal.backlog == 0
        self.disk.flush()

    def end(self) -> None:
        self.journal.end_run(clean=True)
        assert self.journal.close()
        self.disk.end_run()
        self.journal = Journal.open(self._path, self._clock)
        self._started()

    def kill(self) -> None:
        self._path = self._copy_of_the_files()
        self.journal.close()
        self.journal = Journal.open(self._path, self._clock)
        self.disk.crash()
        self._started()

    def _copy_of_the_files(self) -> Path:
        self._generation += 1
        to = self._folder / str(self._generation)
        to.mkdir()
        for name in (self._path.name, f"{self._path.name}-wal"):
            if (self._path.parent / name).exists():
                shutil.copy(self._path.parent / name, to / name)
        return to / self._path.name


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(journal_module, "BATCH_S", 3_600.0)
    found = Pair(tmp_path)
    yield found
    found.journal.close()


def post_row(nonce: int, outcome: str = "opened") -> PostRow:
    return PostRow(nonce % 1_000, nonce, "orders", 1, outcome)


def fill_row(dice: Random, tid: int) -> FillRow:
    market = dice.choice(MARKETS)
    return FillRow(
        Fill(market, OrderSide.BUY, D("12.5"), D("1"), NOW + dice.randint(0, 5), D(0), D(0), D("0.01"), 7, tid), "s1"
    )


def other_row(dice: Random) -> JournalRow:
    """Orders, trades and funding are remembered as far as they are open or counted; the others leave nothing behind for a restart."""
    market, cloid, story = MARKETS[0], Cloid(f"0x{dice.randint(0, 9):032x}"), f"s{dice.randint(0, 5)}"
    status, filled = dice.choice(tuple(OrderStatus)), D(dice.choice(("0", "0.0", "2")))
    purpose = dice.choice(("entry", "exit", "manual"))
    rows: tuple[JournalRow, ...] = (
        AuditRow(1, Severity.INFO, "start", "a text", ""),
        EdgeRow("s1", market, OrderSide.BUY, 1000, 20, D("12.5"), None, None, None),
        FundingRow(FundingPayment(market, NOW + dice.randint(0, 9), D("-0.01"), D("1"), D("0.0000125"))),
        OrderRow(cloid, market, status, 5, "buy", D("1"), D("2"), filled, False, purpose, "", story),
        SignalRow(Signal("s1", market, OrderSide.BUY, NOW, *(D(n) for n in range(1, 10))), "accepted"),
        TradeRow(
            Trade(
                story, market, OrderSide.BUY, D("1"), D("2"), D("3"), NOW, NOW + 1, ExitReason.TIME_STOP,
                D("0.5"), D("0.1"), None, D("2"), 100, 1,
            )
        ),
    )  # fmt: skip
    return dice.choice(rows)


def counters(dice: Random) -> RiskCounters:
    return RiskCounters(
        cumulative_pnl_usd=D(dice.randint(-2_000, 2_000)) / 100,
        consecutive_losses=dice.randint(0, 5),
        rejected_at_ms=tuple(NOW + dice.randint(0, 1_000) for _ in range(dice.randint(0, 3))),
        trades_total=dice.randint(0, 99),
        day=19_000,
    )


def anything(pair: Pair, dice: Random, step: int) -> str:
    what = dice.choices(
        ("fill", "fill again", "post", "answered", "other", "counters", "latch", "flush", "end", "kill", "wait"),
        (12, 4, 12, 4, 8, 8, 4, 12, 3, 8, 5),
    )[0]
    match what:
        case "fill":
            pair.append(fill_row(dice, step))
        case "fill again":
            pair.append(fill_row(dice, dice.randint(0, step)))
        case "post":
            pair.append(post_row(NOW + step * 10))
        case "answered":
            pair.append(post_row(NOW + dice.randint(0, step) * 10, "answered"))
        case "other":
            pair.append(other_row(dice))
        case "counters":
            pair.put_counters(counters(dice))
        case "latch":
            pair.latch(dice.choice((LatchState(), LatchState(NOW + step, f"reason {step}"))))
        case "flush":
            pair.flush()
        case "end":
            pair.end()
        case "kill":
            pair.kill()
        case "wait":
            pair.wait(dice.randint(1, 3_600_000))
    return what


@pytest.mark.parametrize("seed", range(25))
def test_both_find_the_same_after_every_restart(pair, seed):
    dice, told = Random(seed), []
    for step in range(STEPS):
        told.append(anything(pair, dice, step))
        real, ours = pair.both_found[-1]
        assert ours == real, told
    pair.flush()
    pair.kill()
    real, ours = pair.both_found[-1]
    assert ours == real
    assert real.unclean
    assert real.seen_fills
    assert real.last_nonce > 0


def test_a_kill_between_a_latch_and_its_batch_leaves_the_latch_alone(pair, monkeypatch):
    """The moment that the world's disk stands for: the journal writes the latch first, in a transaction of its own."""
    latch, copies = LatchState(NOW, "disconnected"), []
    insert = pair.journal._insert

    def copy_first(rows):
        copies.append(pair._copy_of_the_files())
        insert(rows)

    monkeypatch.setattr(pair.journal, "_insert", copy_first)
    pair.append(post_row(NOW + 10))
    pair.append(fill_row(Random(0), 1))
    assert pair.journal.persist_latch(latch)
    assert pair.journal.persist_latch(latch)
    killed = Journal.open(copies[0], ManualClock(NOW))
    try:
        pair.disk.latch = latch
        pair.disk.crash()
        assert killed.recovered == pair.disk.begin_run(NOW)
        assert killed.recovered.latch == latch
        assert (killed.recovered.last_nonce, killed.recovered.seen_fills) == (0, frozenset())
    finally:
        killed.close()


def test_their_constants_are_the_same():
    assert disk_module.BATCH_MS == journal_module.BATCH_S * 1_000
    assert disk_module.UNCLEAN_NONCE_MARGIN == journal_module._UNCLEAN_NONCE_MARGIN
    assert disk_module.FILL_MEMORY_MS == journal_module._FILL_MEMORY_MS
