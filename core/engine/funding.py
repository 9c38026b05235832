"""Funding: what positions paid or received at a full hour, read after each hour that one was held through, and booked once.

It counts toward the limit of the loss, as fees do. Rules that are easy to get wrong: the exchange tells a payment some seconds after the
hour, so an answer without it is no proof that there was none, and is asked for again; an answer repeats what an earlier one told, also over
a restart; and a run that ended within a minute of the hour has not read it, so the next one asks when it is ready.

SPEC 10 (net of fees and funding), 8 (cumulative loss).
"""

from __future__ import annotations

from collections.abc import Callable

from core.engine.machines import Machines
from core.messages.effects import FundingRow, Journal, Severity
from core.messages.events import FundingRead
from core.messages.queries import QueryFunding
from core.model.market import MarketKey
from core.model.position import FundingPayment

HOUR_MS = 3_600_000
REACH_BACK_MS = 24 * HOUR_MS
"""Each question reaches back a day: for what a run that was not there could not read."""
PAUSES_MS = (5_000, 30_000, 120_000)
"""After the hour, and after each answer that does not have its payment yet."""


class Funding:
    """Args: trip: pulls the HardStop with a reason."""

    def __init__(self, m: Machines, trip: Callable[[str], None]) -> None:
        self._m = m
        self._trip = trip
        self._owes_a_look = m.journal_since_ms is not None
        """What an earlier run could not read any more."""
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
        if self._owes_a_look and m.readiness.is_ready:
            self._owes_a_look = False
            m.ask(QueryFunding(m.now - REACH_BACK_MS))
        if self._wanted is not None and m.now >= self._due_ms and m.link.connected:
            self._ask(self._wanted)

    def on_read(self, read: FundingRead) -> None:
        m = self._m
        query = QueryFunding(read.start_ms)
        m.asker.on_answer(query, m.now)
        m.asker.drop(query)
        for payment in read.payments:
            key = (payment.market, payment.time_ms)
            if key in self._seen or (payment.market.name, payment.time_ms) in m.seen_funding:
                continue
            self._seen.add(key)
            m.emit(Journal(FundingRow(payment)))
            if payment.time_ms >= m.run.started_ms:
                m.tally.funding += payment.usdc
                m.note(Severity.INFO, "funding", f"{payment.market}: {payment.usdc:+f} USD")
            self._count(payment)
            if self._wanted is not None and payment.time_ms // HOUR_MS >= self._wanted:
                self._wanted = None

    def _count(self, payment: FundingPayment) -> None:
        """What was paid since this journal began, on the dexes that we trade; before that it is history, and elsewhere it is another's."""
        m = self._m
        since_ms = m.run.started_ms if m.journal_since_ms is None else m.journal_since_ms
        if payment.time_ms < since_ms or payment.market.dex not in m.dexes:
            return
        reason = m.risk.on_funding(payment.usdc)
        m.persist_counters()
        if reason:
            self._trip(reason)

    def _ask(self, hour: int) -> None:
        m = self._m
        if self._attempts == len(PAUSES_MS):
            self._wanted = None
            m.note(Severity.INFO, "funding", "a position was held through the full hour, and no payment of it was told")
            return
        self._attempts += 1
        self._due_ms = m.now + PAUSES_MS[min(self._attempts, len(PAUSES_MS) - 1)]
        m.ask(QueryFunding(hour * HOUR_MS - REACH_BACK_MS))
