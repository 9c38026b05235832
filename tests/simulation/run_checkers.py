"""Checkers of a run as a whole: how many trades it may begin, where it waits for a decision, and what its hours cost.

Judged on the signals that were accepted, the venue's fills and payments, and the operator's decisions. Same form and same promise as in
checkers.
"""

from __future__ import annotations

from collections.abc import Sequence

from check import Check, is_by_hand
from ledger import ZERO, Ledger

from core.messages.commands import DecideCheckpoint
from core.messages.effects import Alert, Effect, Journal, SignalRow, TradeRow
from core.messages.tape import Message
from core.sim.world.world import World

_TOLD_WITHIN_MS = 160_000
"""Of a payment after its hour: three questions, and what stands in their way."""
_HOUR_MS = 3_600_000


class RunLimits(Check):
    """No signal is accepted beyond the trades that a run has, nor beyond a checkpoint that nobody has gone beyond; each is told once."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._closed = 0
        self._passed = 0
        self._stopped = False
        self._told: set[str] = set()
        self._is_whole = True
        """No kill has taken rows with it: what is counted here is what the run has counted."""

    def crashed(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        self._is_whole = False

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        safety, engine = world.plan.config.safety, world.engine
        if engine is None or not (safety.checkpoints or safety.max_total_trades):
            return
        if not self._is_whole:
            return
        due = next((n for n in safety.checkpoints if n > self._passed), None)
        if isinstance(message, DecideCheckpoint) and message.trades == due and self._closed >= due:
            self._stopped = not message.go_on
            if message.go_on:
                self._passed = due
                due = next((n for n in safety.checkpoints if n > self._passed), None)
        for effect in effects:
            if isinstance(effect, Journal) and isinstance(effect.row, TradeRow) and effect.row.trade.is_by_signal:
                self._closed += 1
            elif isinstance(effect, Alert) and effect.title.startswith("checkpoint"):
                self.expect(effect.title not in self._told, f"{effect.title} was told twice")
                self._told.add(effect.title)
        if not any(
            isinstance(e, Journal) and isinstance(e.row, SignalRow) and e.row.verdict == "accepted" for e in effects
        ):
            return
        begun = self._begun(world)
        self.expect(
            safety.max_total_trades is None or begun <= safety.max_total_trades,
            f"a signal was accepted as trade {begun} of {safety.max_total_trades} of the run",
        )
        self.expect(
            due is None or begun <= due, f"a signal was accepted as trade {begun}, checkpoint {due} is before it"
        )
        self.expect(not self._stopped, "a signal was accepted after it was decided to stop")

    def _begun(self, world: World) -> int:
        """Positions that our entries opened at the venue, and entries that may still open one."""
        assert world.engine is not None
        fills = world.exchange.venue.fills.get(world.plan.account, ())
        opened = {f.oid: f.cloid for f in fills if f.start_position == 0}
        ours = [c for c in opened.values() if c in self.ledger.placed and not self._is_other(c)]
        seen = set(opened.values())
        orders = world.engine.machines.orders.unsettled()
        live = [o for o in orders if not o.reduce_only and o.purpose.value == "entry" and o.cloid not in seen]
        return len(ours) + len(live)

    def _is_other(self, cloid: str | None) -> bool:
        order = self.ledger.placed[cloid or ""].order
        return order.reduce_only or is_by_hand(order)


class FundingBooked(Check):
    """What the venue paid or took at the full hours is counted, once, against the loss of the run."""

    quiet = ()

    def at_rest(self, world: World) -> None:
        assert world.engine is not None
        paid = world.exchange.venue.fundings.get(world.plan.account, ())
        dexes = world.engine.machines.dexes
        ours = [p for p in paid if (p.coin.split(":")[0] if ":" in p.coin else "") in dexes]
        now_ms = world.agenda.now_ms
        settled = all(now_ms - p.time // _HOUR_MS * _HOUR_MS >= _TOLD_WITHIN_MS for p in ours)
        booked = world.engine.machines.risk.counters.funding_usd
        told = sum((p.usdc for p in ours), ZERO)
        if settled and not self.ledger.overrides:
            self.expect(booked == told, f"funding of ${booked} booked, ${told} at the venue")


RUN_CHECKERS = (RunLimits, FundingBooked)
