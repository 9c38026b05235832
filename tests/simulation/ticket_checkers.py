"""Checkers of orders by hand: what SPEC 7 lets in of what the operator typed, and what it promises of it.

Judged on the command, the order that was made of it, the venue's rules and the newest touch and mark that were heard. Same form and same
promise as in checkers.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from check import Check, is_by_hand
from ledger import Ledger

from core.engine.machines import Machines
from core.messages.commands import PlaceOrder
from core.messages.effects import AuditRow, Effect, Journal, Post, Severity
from core.messages.events import RateLimitRead, SpecsRead
from core.messages.tape import Message
from core.model.cloid import is_by_hand as is_id_by_hand
from core.model.market import MarketKey, MarketSpec
from core.model.order import Orders, OrderStatus, TimeInForce, TrackedOrder
from core.model.rounding import MIN_NOTIONAL_USD, is_valid_price, tick_size
from core.sim.world.world import World

_MOST_SLIPPAGE = Decimal("0.1")
_BAND = Decimal("0.95")
_FRESH_MS = 2_000


class Typed(Check):
    """An order by hand is made of what was typed, once, and only where the gates of SPEC 7 let it; what only reduces is let through always."""

    quiet = ()

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._ids: set[str] = set()
        self._used_up = False
        self._first_specs: dict[MarketKey, MarketSpec] = {}
        self._specs: dict[MarketKey, MarketSpec] = {}

    def started(self, world: World) -> None:
        self._used_up = False
        self._first_specs.clear()
        self._specs.clear()

    def turn(self, world: World, message: Message, effects: Sequence[Effect]) -> None:
        if isinstance(message, RateLimitRead):
            self._used_up = message.used >= message.cap
        elif isinstance(message, SpecsRead):
            for spec in message.specs:
                self._first_specs.setdefault(spec.market, spec)
                self._specs[spec.market] = spec
        elif isinstance(message, PlaceOrder) and world.engine is not None:
            m = world.engine.machines
            answers = [e.row for e in effects if isinstance(e, Journal) and isinstance(e.row, AuditRow)]
            answers = [a for a in answers if a.command_id == message.command_id]
            self.expect(len(answers) == 1, f"an order by hand was answered {len(answers)} times")
            is_taken = answers[0].severity is Severity.INFO
            made = [o for o in m.orders.live() if is_taken and o.correlation_id == answers[0].correlation_id]
            self.expect(len(made) == is_taken, f"{len(made)} orders were made of one by hand")
            if made:
                self._judge(world, m, message, made[0])
                if message.cloid is not None:
                    self._ids.add(message.cloid)
            else:
                self.expect(not self._must_pass(m, message), f"what only reduces was denied: {answers[0].text}")
        for effect in effects:
            if isinstance(effect, Post) and isinstance(effect.batch, Orders):
                self._leaves(world, effect.batch)

    def _judge(self, world: World, m: Machines, typed: PlaceOrder, made: TrackedOrder) -> None:
        config, market = world.plan.config, typed.market
        price, size = made.price, made.original_size
        what = f"{market}: {typed.side.value} {size} @ {price}, {typed.tif.value}"
        position = m.positions.get(market)
        mark = self.ledger.marks.get(market)
        others = [o for o in m.orders.unsettled() if o.market == market and o.cloid != made.cloid]
        for refused, why in (
            (self.ledger.connected_ms is None, "without a connection"),
            (typed.cloid in self._ids, "for the second time"),
            (
                typed.cloid is not None and not is_id_by_hand(typed.cloid, m.run.cloid_space),
                "with an id of somebody else's",
            ),
            ((typed.limit_px is None) == (typed.slippage_bps is None), "with two prices, or none"),
            ((typed.size is None) == (typed.usd is None), "with two sizes, or none"),
            (typed.size is not None and size > typed.size, f"of which {typed.size} was typed"),
            (typed.usd is not None and size * price > typed.usd, f"of which ${typed.usd} was typed"),
            (typed.limit_px is not None and (price - typed.limit_px) * typed.side.sign > 0, f"beyond {typed.limit_px}"),
            (mark is not None and abs(price - mark) > mark * _BAND, f"at a mark of {mark}"),
            (typed.slippage_bps is not None and self._slips(world, typed, price), f"by {typed.slippage_bps} bps"),
        ):
            self.expect(not refused, f"an order by hand was taken {why}: {what}")
        if typed.reduce_only:
            held = Decimal(0) if position is None else position.signed_size
            for refused, why in (
                (held * typed.side.sign >= 0, f"to reduce {held}"),
                (size > abs(held), f"to reduce {held}"),
                (self.ledger.latched and typed.tif is not TimeInForce.IOC, "to rest after the latch"),
                (any(o.reduce_only for o in others), "beside another exit"),
                (size * price < MIN_NOTIONAL_USD and size != abs(held), "under the minimum"),
            ):
                self.expect(not refused, f"an order by hand was taken {why}: {what}")
            return
        allowed, spec, safety = config.safety.allowed_markets, self._specs.get(market), config.safety
        most = min(config.execution.max_notional_per_market, safety.max_notional_usd)
        opened = m.risk.counters.trades_today
        under_way = sum(not o.reduce_only and not o.filled_size for o in m.orders.unsettled())  # this one among them
        for refused, why in (
            (self.ledger.latched, "after the latch"),
            (m.stopping is not None, "while stopping"),
            (not m.readiness.is_ready, "while not ready"),
            (mark is None, "without a mark"),
            (allowed is not None and market.name not in allowed, "on a market that is not allowed"),
            (opened + under_way > safety.max_daily_trades, f"{under_way} under way after {opened} today"),
            (spec is None or spec.is_delisted, "on a market that is not listed"),
            (spec != self._first_specs.get(market), "on a market whose rules changed"),
            (m.flattener.get(market) is not None, "while the market is being closed"),
            (any(o.market == market for o in m.cancels.wanted), "while a cancel of the market is wanted"),
            (any(not o.reduce_only for o in others), "while another order of the market is not settled"),
            (any(o.reduce_only and not o.is_resting for o in others), "while an exit of the market is not settled"),
            (position is not None and position.side is not typed.side, "against a position"),
            (self._used_up, "while the budget is used up"),
            (size * price > safety.max_notional_usd, f"over ${safety.max_notional_usd}"),
            (m.exposure_usd(market) > most, f"with ${m.exposure_usd(market):.2f} on the market"),
            (m.total_exposure_usd() > m.max_total_usd, f"with ${m.total_exposure_usd():.2f} in all"),
        ):
            self.expect(not refused, f"an order by hand was taken {why}: {what}")

    def _slips(self, world: World, typed: PlaceOrder, price: Decimal) -> bool:
        """Whether a price that was to be so far off the touch is not."""
        assert typed.slippage_bps is not None
        touch = self.ledger.touch.get(typed.market)
        if not 0 <= typed.slippage_bps <= 1_000:
            return True
        if touch is None or world.local_ms - touch[1] > _FRESH_MS:
            return False
        px = touch[0].ask_px if typed.side.is_buy else touch[0].bid_px
        spec = self._specs.get(typed.market)
        if px is None or spec is None or not is_valid_price(px, spec.sz_decimals):
            return False
        away = (price - px) * typed.side.sign
        return not 0 <= away <= px * typed.slippage_bps / 10_000 + tick_size(price, spec.sz_decimals)

    def _must_pass(self, m: Machines, typed: PlaceOrder) -> bool:
        """A plain order to reduce what is held, which nothing stands against: SPEC 7 lets it through always, after the latch too."""
        position, spec = m.positions.get(typed.market), self._specs.get(typed.market)
        if not typed.reduce_only or position is None or position.side is typed.side or typed.tif is not TimeInForce.IOC:
            return False
        mark = self.ledger.marks.get(typed.market)
        if spec is None or mark is None or typed.size is None or typed.usd is not None or typed.limit_px is None:
            return False
        size = min(typed.size, position.size)
        is_plain = typed.slippage_bps is None and abs(typed.limit_px - mark) <= mark / 2
        is_enough = size == position.size or size * typed.limit_px >= MIN_NOTIONAL_USD + 1
        is_whole = size > 0 and size % Decimal(1).scaleb(-spec.sz_decimals) == 0
        is_new = typed.cloid is None or (typed.cloid not in self._ids and is_id_by_hand(typed.cloid, m.run.cloid_space))
        is_alone = not any(o.reduce_only for o in m.orders.unsettled() if o.market == typed.market)
        has_room = m.scheduler.depths[1] < m.config.execution.reduce_only_queue_cap
        return bool(
            is_plain and is_enough and is_whole and is_new and is_alone and has_room and m.trading and m.link.connected
        )

    def _leaves(self, world: World, batch: Orders) -> None:
        """The last look: what was right when it was typed may be wrong when it leaves."""
        assert world.engine is not None
        m = world.engine.machines
        for order in batch.orders:
            if order.reduce_only or not is_by_hand(order):
                continue
            position = m.positions.get(order.market)
            exits = [o for o in m.orders.unsettled() if o.market == order.market and o.reduce_only]
            exits = [o for o in exits if not o.is_resting and o.status is not OrderStatus.QUEUED]
            for refused, why in (
                (m.flattener.get(order.market) is not None, "into a market that is being closed"),
                (exits, "beside an exit that is not settled"),
                (position is not None and position.side is not order.side, "against a position"),
            ):
                self.expect(not refused, f"{order.market}: an order by hand left {why}")


TICKET_CHECKERS = (Typed,)
