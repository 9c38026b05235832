"""What a restart finds: the journal's memory of a run, kept as the journal file keeps it (core.runtime.journal), without a file.

Rules that are easy to get wrong: the latch is there at once, everything else only with the next batch, so a crash loses what came after
the last one; and a run that did not say that it ended well did not. A record of the stop program waits until a console takes it.

SPEC 6, 8; LESSONS L05, L17, L29.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from core.messages.effects import (
    FillRow,
    FundingRow,
    JournalRow,
    LatchState,
    OrderRow,
    PostRow,
    RiskCounters,
    TradeRow,
)
from core.messages.recovered import Recovered
from core.model.order import OrderStatus
from core.model.position import FillKey

BATCH_MS = 100
UNCLEAN_NONCE_MARGIN = 1000
FILL_MEMORY_MS = 10 * 24 * 3600 * 1000


class StopRecord(Struct, frozen=True):
    """What the stop program leaves beside the journal."""

    id: str
    at_ms: int
    by: str
    reason: str


class Disk:
    def __init__(self) -> None:
        self.latch = LatchState()
        self.stop_record: StopRecord | None = None
        self.is_stopped = False
        """The run that began last found a record."""
        self._run_id = 0
        self._ended_clean = True
        self._since_ms: int | None = None
        self._counters = RiskCounters()
        self._fills: set[FillKey] = set()
        self._funding: set[tuple[str, int]] = set()
        self._opened: dict[str, OrderRow] = {}
        self._closed: set[str] = set()
        self._highest_nonce = 0
        self._waiting: list[JournalRow] = []
        self._waiting_counters: RiskCounters | None = None

    def begin_run(self, now_ms: int) -> Recovered:
        """What the last run left; and another one begins."""
        unclean = not self._ended_clean
        self.is_stopped = self.stop_record is not None
        margin = UNCLEAN_NONCE_MARGIN if unclean else 0
        since_ms = None if self._since_ms is None else max(self._since_ms, now_ms - FILL_MEMORY_MS)
        self._since_ms = now_ms if self._since_ms is None else self._since_ms
        self._run_id += 1
        self._ended_clean = False
        recovered = Recovered(
            run_id=self._run_id,
            last_nonce=self._highest_nonce + margin if self._highest_nonce else 0,
            latch=self.latch,
            counters=self._counters,
            seen_fills=frozenset(self._fills),
            opened_by={c: o.correlation_id for c, o in self._opened.items() if self._has_open_end(o)},
            seen_funding=frozenset(self._funding),
            journal_since_ms=since_ms,
            unclean=unclean,
        )
        return self._stopped(recovered) if self.stop_record is not None else recovered

    def _stopped(self, recovered: Recovered) -> Recovered:
        """The record is taken: latched, on the disk, and only then is it gone."""
        record, self.stop_record = self.stop_record, None
        assert record is not None
        if not self.latch.tripped_at_ms:
            self.latch = LatchState(record.at_ms, f"{record.reason} ({record.by})")
        return replace(recovered, latch=self.latch, stopped_from_outside=f"{record.reason} ({record.by})")

    @property
    def highest_nonce(self) -> int:
        """As far as the journal tells."""
        return self._highest_nonce

    def _has_open_end(self, order: OrderRow) -> bool:
        is_nothing = order.status in (OrderStatus.REJECTED, OrderStatus.CANCELED) and not order.filled_size
        return not is_nothing and order.correlation_id not in self._closed

    def append(self, row: JournalRow) -> None:
        self._waiting.append(row)

    def put_counters(self, counters: RiskCounters) -> None:
        self._waiting_counters = counters

    def flush(self) -> None:
        """A batch is written."""
        if self._waiting:
            for row in self._waiting:
                if isinstance(row, FillRow):
                    self._fills.add(row.fill.key)
                elif isinstance(row, PostRow):
                    self._highest_nonce = max(self._highest_nonce, row.nonce)
                elif isinstance(row, FundingRow):
                    self._funding.add((row.payment.market.name, row.payment.time_ms))
                elif isinstance(row, OrderRow) and row.purpose != "exit" and row.correlation_id:
                    self._opened[row.cloid] = row
                elif isinstance(row, TradeRow):
                    self._close(row.trade.trade_id)
            self._waiting.clear()
        if self._waiting_counters is not None:
            self._counters = self._waiting_counters
            self._waiting_counters = None

    def _close(self, story: str) -> None:
        self._closed.add(story)
        self._opened = {c: o for c, o in self._opened.items() if o.correlation_id != story}

    def crash(self) -> None:
        """The program was killed: what waited for the next batch is lost."""
        self._waiting.clear()
        self._waiting_counters = None

    def end_run(self) -> None:
        """It ended in an orderly way."""
        self.flush()
        self._ended_clean = True
