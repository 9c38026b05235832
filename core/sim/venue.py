"""Everything the venue knows, in one place: markets, books, accounts, orders, fills, and what is still to be told to whom.

Holds state and the few steps that every part needs (marks, recording a fill, cancelling). Decides no order's fate (desk does) and
knows no request (info and exchange do). Easy to get wrong: what users are told is collected here and drained by the exchange, once.

PROTOCOL 6.6, 14 step 10.
"""

from __future__ import annotations

import hashlib
from collections import deque
from decimal import Decimal

from msgspec import Struct

from core.sim import wire
from core.sim.accounts import ZERO, Account, apply_fill, fee_of, fund, margin_of
from core.sim.book import Book
from core.sim.faults import FaultBoard
from core.sim.market import BLOCK_MS, CoinMarket
from core.sim.nonces import NonceBook
from core.sim.orders import OPEN, OrderRecord, OrderStore
from core.sim.universe import Listing, Universe

_RECENT_TRADES = 30
_MAX_FILLS = 10_000


class UserEvent(Struct, frozen=True):
    """Something one user is told on one channel; `data` is the frame's `data`."""

    user: str
    channel: str
    data: object


class Venue:
    """The state. One owner: core.sim.exchange."""

    def __init__(self, universe: Universe, seed: int, moving: tuple[str, ...], start_ms: int) -> None:
        for coin in moving:
            if coin not in universe.by_coin:
                raise ValueError(f"sim.markets: {coin!r} is not listed; known: {', '.join(universe.by_coin)}")
        self.universe = universe
        self.seed = seed
        self.block_ms = start_ms - start_ms % BLOCK_MS
        self.markets = {
            coin: CoinMarket(listing, seed, coin in moving, self.block_ms) for coin, listing in universe.by_coin.items()
        }
        self.books = {coin: Book(market) for coin, market in self.markets.items()}
        self.accounts: dict[str, Account] = {}
        self.agents: dict[str, str] = {}
        self.orders = OrderStore()
        self.nonces = NonceBook()
        self.faults = FaultBoard()
        self.fills: dict[str, deque[wire.Fill]] = {}
        self.trades: dict[str, deque[wire.Trade]] = {}
        self.new_trades: list[wire.Trade] = []
        self.touched: dict[str, None] = {}
        """Coins whose book changed since the last frames, in order."""
        self.changed_users: dict[str, None] = {}
        self._updates: dict[str, list[wire.Json]] = {}
        self._new_fills: dict[str, list[wire.Fill]] = {}
        self._count = 0
        self._market_count: dict[str, int] = {}

    # accounts ------------------------------------------------------------------------------------------------------

    def fund(self, user: str, usd: Decimal) -> None:
        """Open an account, or add to each dex of an existing one."""
        account = self.accounts.get(user)
        if account is None:
            self.accounts[user] = fund(self.universe, user, usd)
        else:
            for balance in account.dexes.values():
                balance.raw_usd += usd
        self.changed_users[user] = None

    def approve_agent(self, user: str, agent: str, name: str) -> None:
        account = self.accounts[user]
        for old in [a for a, n in account.agents.items() if n == name]:
            del account.agents[old]
            del self.agents[old]
        account.agents[agent] = name
        self.agents[agent] = user

    def marks(self, account: Account, dex: str) -> dict[str, Decimal]:
        return {coin: self.markets[coin].mark_px for coin in account.dexes[dex].positions}

    def available_usd(self, account: Account, dex: str) -> Decimal:
        """What new orders of this dex may use as margin."""
        m = margin_of(account.dexes[dex], self.marks(account, dex), self.universe)
        held = ZERO
        for order in self.open_orders(account.user, dex):
            if not order.reduce_only:
                _, leverage = account.leverage_of(self.universe.by_coin[order.coin])
                held += order.sz * order.limit_px / leverage
        return m.cross_value - m.cross_margin_used - held

    # orders --------------------------------------------------------------------------------------------------------

    def open_orders(self, user: str, dex: str | None = None) -> list[OrderRecord]:
        """An account's resting orders, newest first; of one dex when given."""
        return [
            o
            for book in self.books.values()
            for o in book.resting()
            if o.user == user and (dex is None or self.universe.by_coin[o.coin].dex == dex)
        ]

    def cancel(self, order: OrderRecord, status: str, now_ms: int) -> None:
        """Take a resting order off its book and tell its user."""
        assert order.status == OPEN, f"order {order.oid} is {order.status}"
        self.books[order.coin].remove(order)
        self.ended(order, status, now_ms)

    def ended(self, order: OrderRecord, status: str, now_ms: int) -> None:
        order.become(status, now_ms)
        self.touched[order.coin] = None
        self.tell_order(order)

    def tell_order(self, order: OrderRecord, status: str | None = None) -> None:
        self._updates.setdefault(order.user, []).append(wire.order_update(order, status))
        self.changed_users[order.user] = None

    # trades --------------------------------------------------------------------------------------------------------

    def market_trade_id(self, coin: str) -> tuple[str, int]:
        """The same for a trade between strangers; numbered per coin, so that users' trades do not change it."""
        self._market_count[coin] = self._market_count.get(coin, 0) + 1
        return self._digest(f"{coin}/{self._market_count[coin]}")

    def trade_id(self) -> tuple[str, int]:
        """A transaction hash and a trade number, the same for both sides."""
        self._count += 1
        return self._digest(str(self._count))

    def _digest(self, what: str) -> tuple[str, int]:
        digest = hashlib.sha256(f"{self.seed}/{what}".encode()).hexdigest()
        return "0x" + digest, int(digest[:13], 16) >> 2

    def record_fill(
        self, order: OrderRecord, px: Decimal, sz: Decimal, crossed: bool, tx: str, tid: int, now_ms: int
    ) -> None:
        """Book one side of a trade."""
        listing = self.universe.by_coin[order.coin]
        fee = fee_of(listing, px, sz, crossed)
        effect = apply_fill(self.accounts[order.user], listing, order.is_buy, px, sz, fee)
        fill = wire.Fill(
            user=order.user,
            coin=order.coin,
            px=px,
            sz=sz,
            is_buy=order.is_buy,
            time=now_ms,
            start_position=effect.start_position,
            direction=effect.direction,
            closed_pnl=effect.closed_pnl,
            hash=tx,
            oid=order.oid,
            crossed=crossed,
            fee=fee,
            tid=tid,
            cloid=order.cloid,
        )
        self.fills.setdefault(order.user, deque(maxlen=_MAX_FILLS)).append(fill)
        self._new_fills.setdefault(order.user, []).append(fill)
        self.changed_users[order.user] = None
        self.touched[order.coin] = None
        self._shrink_reduce_only(listing, order, now_ms)

    def record_trade(
        self, coin: str, is_buy: bool, px: Decimal, sz: Decimal, users: tuple[str, str], tx: str, tid: int, now_ms: int
    ) -> None:
        trade = wire.Trade(coin, is_buy, px, sz, now_ms, tx, tid, users)
        self.trades.setdefault(coin, deque(maxlen=_RECENT_TRADES)).append(trade)
        self.new_trades.append(trade)
        market = self.markets[coin]
        market.day_base += sz
        market.day_usd += px * sz

    def _shrink_reduce_only(self, listing: Listing, filled: OrderRecord, now_ms: int) -> None:
        """Resting reduce-only orders never exceed the position, and go when it is gone."""
        szi = self.accounts[filled.user].szi(listing)
        for order in self.books[listing.coin].resting():
            if order is filled or order.user != filled.user or not order.reduce_only:
                continue
            reducible = abs(szi) if (szi > 0) != order.is_buy else ZERO
            if reducible == 0:
                self.cancel(order, "reduceOnlyCanceled", now_ms)
            elif order.sz > reducible:
                order.sz = reducible
                self.tell_order(order)

    # telling -------------------------------------------------------------------------------------------------------

    def drain_user_events(self) -> tuple[UserEvent, ...]:
        """What users have to be told since the last call: order updates, then fills on both channels."""
        events = [UserEvent(user, "orderUpdates", updates) for user, updates in self._updates.items()]
        for user, fills in self._new_fills.items():
            shapes = [wire.fill(f) for f in fills]
            events.append(UserEvent(user, "userFills", {"user": user, "fills": shapes}))
            events.append(UserEvent(user, "user", {"fills": shapes}))
        self._updates = {}
        self._new_fills = {}
        return tuple(events)

    def cancel_all(self, user: str, status: str, now_ms: int) -> int:
        """Cancel every resting order of an account; returns how many."""
        orders = self.open_orders(user)
        for order in orders:
            self.cancel(order, status, now_ms)
        return len(orders)

    def run_scheduled_cancels(self, now_ms: int) -> None:
        for account in self.accounts.values():
            if account.schedule_cancel_ms is not None and now_ms >= account.schedule_cancel_ms:
                account.schedule_cancel_ms = None
                self.cancel_all(account.user, "scheduledCancel", now_ms)
