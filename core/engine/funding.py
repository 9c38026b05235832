"""Funding: what positions paid or received at a full hour, read after each hour that one was held through, and booked once.

Nothing is decided by it: a position is held for seconds, and the limits count what trades earn. Rules that are easy to get wrong: the
exchange tells a payment some seconds after the hour, so an answer without it is no proof that there was none, and is asked for again; and
an answer repeats what an earlier one told.

SPEC 10 (net of fees and funding).
"""

from __future__ import annotations

from core.engine.machines import Machines
from core.messages.effects import FundingRow, Journal, Severity
from core.messages.events import FundingRead
from core.messages.queries import QueryFunding
from core.model.market import MarketKey

HOUR_MS = 3_600_000
REACH_BACK_MS = 24 * HOUR_MS
"""Each question reaches back a day: for what a run that was not there could not read."""
PAUSES_MS = (5_000, 30_000, 120_000)
"""After the hour, and after each answer that does not have its payment yet."""


class Funding:
    def __init__(self, m: Machines) -> None:
        self._m = m
        self._hour = m.now // HOUR_MS
        self._was_held = False
        self._wanted: int | None = None
        """The hour whose payments are to be read."""
        self._asked_hour = -1
        self._attempts = 0
        self._due_ms = 0
        self._seen: set[tuple[MarketKey, int]] = set()

    def on_tick(self) -> None:
        m = self._m
        hour = m.now // HOUR_MS
        held = m.positions.all()
        held_through = any(p.entry_timestamp_ms // HOUR_MS < hour for p in held) or (
            hour > self._hour and self._was_held
        )
        if held_through and hour > self._asked_hour and m.has_account:
            self._asked_hour = self._wanted = hour
            self._attempts, self._due_ms = 0, m.now + PAUSES_MS[0]
        self._hour, self._was_held = hour, bool(held)
        if self._wanted is not None and m.now >= self._due_ms and m.link.connected:
            self._ask(self._wanted)

    def on_read(self, read: FundingRead) -> None:
        m = self._m
        query = QueryFunding(read.start_ms)
        m.asker.on_answer(query, m.now)
        m.asker.drop(query)
        for payment in read.payments:
            key = (payment.market, payment.time_ms)
            if key in self._seen:
                continue
            self._seen.add(key)
            m.emit(Journal(FundingRow(payment)))
            if payment.time_ms >= m.run.started_ms:
                m.tally.funding += payment.usdc
                m.note(Severity.INFO, "funding", f"{payment.market}: {payment.usdc:+f} USD")
            if self._wanted is not None and payment.time_ms // HOUR_MS >= self._wanted:
                self._wanted = None

    def _ask(self, hour: int) -> None:
        m = self._m
        if self._attempts == len(PAUSES_MS):
            self._wanted = None
            m.note(Severity.INFO, "funding", "a position was held through the full hour, and no payment of it was told")
            return
        self._attempts += 1
        self._due_ms = m.now + PAUSES_MS[min(self._attempts, len(PAUSES_MS) - 1)]
        m.ask(QueryFunding(hour * HOUR_MS - REACH_BACK_MS))
