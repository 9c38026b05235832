"""Orders by hand: from the operator's command to a queued order of ours, or a refusal with its reason.

It gathers the facts, lets hand_gates judge them, registers, queues, and answers the command once. From there on such an order is ours in every
respect: HardStop, cancel, look-ups and the time stop treat it as any other. Easy to get wrong: the id may come with the command, and
a command that comes twice must not become two orders.

SPEC 7, 11 (order ticket); lessons L18, L19, L27.
"""

from __future__ import annotations

from decimal import Decimal

from core.engine.entries import Entries
from core.engine.hand_gates import judge, round_order, warnings
from core.engine.machines import Machines
from core.engine.scheduler import Enqueued
from core.messages.commands import PlaceOrder
from core.messages.effects import Severity
from core.messages.ticket import OrderFacts, Rounded
from core.model.cloid import is_by_hand, short
from core.model.market import MarketKey
from core.model.order import PendingOrder, Purpose
from core.model.rounding import wire_text

_QUEUED = (Enqueued.QUEUED, Enqueued.QUEUED_DEGRADED)


class ByHand:
    def __init__(self, m: Machines, entries: Entries) -> None:
        self._m = m
        self._entries = entries
        self._count = 0
        self._ids: set[str] = set()
        """Ids that came with a command, refused or not: each is good for one order."""

    # --- the command -----------------------------------------------------------------------------------------------------

    def place(self, command: PlaceOrder) -> None:
        """Judge it and queue it, or say why not."""
        m = self._m
        m.tally.by_hand += 1
        if not m.is_configured(command.market):
            names = ", ".join(str(market) for market in m.markets_configured)
            self._deny(command, f"market not allowed: {command.market} is not among the configured markets {names}")
            return
        why = self._id_refusal(command)
        if why:
            self._deny(command, why)
            return
        facts = self.facts(command.market)
        rounded = round_order(command, facts)
        refused = next((v for v in judge(command, rounded, facts) if v.reason), None)
        if refused is not None:
            self._deny(command, refused.text)
        else:
            self._queue(command, rounded, facts)

    def last_refusal(self, order: PendingOrder) -> str:
        """Why a queued order by hand must not leave after all; empty if it may. Its own mark and exposure are in the books already."""
        m, market = self._m, order.market
        reason = self._entries.stopped()
        reason = reason or self._entries.too_old(order)
        reason = reason or self._entries.not_ready() or self._entries.flattening(market)
        held = m.positions.get(market)
        if not reason and held is not None and held.side is not order.side:
            reason = "a position the other way has come up"
        if not reason and (m.exposure_usd(market) > m.max_market_usd or m.total_exposure_usd() > m.max_total_usd):
            reason = "over the exposure limit by now"
        return reason

    # --- facts -----------------------------------------------------------------------------------------------------------

    def facts(self, market: MarketKey, total_exposure_usd: Decimal | None = None) -> OrderFacts:
        """What the gates look at. Args: total_exposure_usd: if it is known already."""
        m, state, entries = self._m, self._m.markets[market], self._entries
        verdict = m.market_gates.judge(state, m.now).blocked
        stopped = m.market_gates.stopped(market)
        if not stopped and state.spec is not None and state.spec.is_delisted:
            stopped = "delisted"
        position = m.positions.get(market)
        total = m.total_exposure_usd() if total_exposure_usd is None else total_exposure_usd
        return OrderFacts(
            market=market,
            asset_id=state.spec.asset_id if state.spec else None,
            sz_decimals=state.spec.sz_decimals if state.spec else None,
            bid_px=state.bid_px,
            ask_px=state.ask_px,
            touch_age_ms=state.bbo_age_ms(m.now),
            touch_stale_ms=m.config.risk.bbo_stale_ms,
            mark_px=m.mark_of(market),
            held=position.signed_size if position else Decimal(0),
            hard_stop=entries.stopped(),
            not_ready=entries.not_ready(),
            cannot_send=self._cannot_send(),
            not_allowed="" if market in m.allowed else f"{market} is not in safety.allowed_markets",
            daily_cap=entries.daily_cap(),
            flattening=entries.flattening(market),
            exit_pending="an exit of this market is not settled" if m.orders.has_exit(market) else "",
            market_stopped=stopped,
            market_warning="" if stopped else verdict,
            paused=m.paused and not m.run.by_hand,
            market_exposure_usd=m.exposure_usd(market),
            total_exposure_usd=total,
            max_market_usd=m.max_market_usd,
            max_total_usd=m.max_total_usd,
            max_order_usd=m.config.safety.max_notional_usd,
            is_busy=m.orders.is_busy(market),
            budget=m.budget.refuses_entry(m.now),
            taker_fee_bps=m.fee_bps(market),
            maker_fee_bps=m.maker_fee_bps(market),
            time_stop_ms=None if m.run.by_hand else m.config.execution.time_stop_ms,
        )

    # --- inside ----------------------------------------------------------------------------------------------------------

    def _cannot_send(self) -> str:
        m = self._m
        if not m.trading:
            return "observation mode"
        return "" if m.link.connected else "not connected"

    def _id_refusal(self, command: PlaceOrder) -> str:
        """An id that came with the command is good once."""
        if command.cloid is None:
            return ""
        if not is_by_hand(command.cloid, self._m.run.cloid_space):
            return f"order id: {command.cloid} is not one that this run's console makes"
        if command.cloid in self._ids:
            return f"order id: {short(command.cloid)} came before; nothing is sent twice"
        self._ids.add(command.cloid)
        return ""

    def _queue(self, command: PlaceOrder, rounded: Rounded, facts: OrderFacts) -> None:
        m = self._m
        assert rounded.price is not None
        assert rounded.size is not None
        order = PendingOrder(
            cloid=command.cloid if command.cloid is not None else m.cloids.next(),
            market=command.market,
            side=command.side,
            price=rounded.price,
            size=rounded.size,
            reduce_only=command.reduce_only,
            tif=command.tif,
            created_at_ms=m.now,
        )
        enqueue = m.scheduler.enqueue_reduce_only if order.reduce_only else m.scheduler.enqueue_new_order
        result = enqueue(order)
        if result not in _QUEUED and not (order.reduce_only and result is Enqueued.INFLIGHT_FULL):
            self._deny(command, f"enqueue: {result.value}")
            return
        self._count += 1
        correlation_id = f"m{m.run.run_id}-{self._count}"
        m.orders.register(order, Purpose.MANUAL, correlation_id, m.now)
        text = (
            f"{order.side.value} {wire_text(order.size)} {order.market} @ {wire_text(order.price)} {order.tif.value.upper()}"
            + (" reduce-only" if order.reduce_only else "")
        )
        m.lives.begin(command, order, correlation_id, m.now, f"{text}, id {short(order.cloid)}, asset {facts.asset_id}")
        said = "; ".join((f"order by hand {short(order.cloid)}: {text}", *warnings(command, rounded, facts)))
        m.note(Severity.INFO, "operator", said, correlation_id=correlation_id, command_id=command.command_id)

    def _deny(self, command: PlaceOrder, reason: str) -> None:
        m = self._m
        m.tally.by_hand_denied += 1
        m.lives.deny(command, reason, m.now)
        asked = f"{command.side.value} {command.market}"
        m.note(Severity.WARNING, "operator", f"order by hand denied, {asked}: {reason}", command_id=command.command_id)
