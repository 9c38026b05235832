"""Everything the venue knows, in one place: markets, books, accounts, orders, fills, and what is still to be told to whom.

Holds state and the few steps that every part needs (marks, recording a fill, cancelling). Decides no order's fate (desk does) and
knows no request (info and exchange do). Easy to get wrong: what users are told is collected in the outbox and drained by the exchange, once.

PROTOCOL 6.6, 14 step 10.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from core.sim import wire
from core.sim.accounts import ZERO, Account, DexBalance, Position, apply_fill, fee_of, fund, margin_of
from core.sim.book import Book
from core.sim.faults import FaultBoard
from core.sim.market import BLOCK_MS, CoinMarket
from core.sim.nonces import NonceBook
from core.sim.orders import OPEN, OrderRecord, OrderStore
from core.sim.outbox import Outbox
from core.sim.trouble import Trouble
from core.sim.universe import Listing, Universe

_RECENT_TRADES = 30
_MAX_FILLS = 10_000


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
        self.faults = FaultBoard(universe.by_coin)
        self.outbox = Outbox(self.faults)
        self.trouble = Trouble()
        self.moving = tuple(coin for coin, market in self.markets.items() if market.moves)
        self.fills: dict[str, deque[wire.Fill]] = {}
        self.trades: dict[str, deque[wire.Trade]] = {}
        self.new_trades: list[wire.Trade] = []
        self.touched: dict[str, None] = {}
        """Coins whose book changed since the last frames, in order."""
        self.changed_users: dict[str, None] = {}
        self._stirred: dict[str, None] = {}
        """Coins where a user traded or rests; such a book is looked at in every block."""
        self._open: dict[str, dict[int, OrderRecord]] = {}
        self._count = 0
        self._market_count: dict[str, int] = {}

    # accounts ------------------------------------------------------------------------------------------------------

    def position(self, user: str, coin: str) -> Position | None:
        """The true position; None when flat or unknown."""
        account = self.accounts.get(user)
        return None if account is None else account.position(self.universe.by_coin[coin])

    def positions(self, user: str) -> list[Position]:
        """All of an account's positions, on every dex."""
        return [p for b in self.accounts[user].dexes.values() for p in b.positions.values()]

    def fills_of(self, user: str) -> deque[wire.Fill]:
        """The true fills of an account, oldest first, not to be changed."""
        return self.fills.setdefault(user, deque(maxlen=_MAX_FILLS))

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

    def marks(self, balance: DexBalance) -> dict[str, Decimal]:
        return {coin: self.markets[coin].mark_px for coin in balance.positions}

    def available_usd(self, account: Account, dex: str) -> Decimal:
        """What new orders of this dex may use as margin."""
        balance = account.dexes[dex]
        m = margin_of(balance, self.marks(balance), self.universe)
        held = ZERO
        for order in self.open_orders(account.user, dex):
            if not order.reduce_only:
                _, leverage = account.leverage_of(self.universe.by_coin[order.coin])
                held += order.sz * order.limit_px / leverage
        return m.cross_value - m.cross_margin_used - held

    # orders --------------------------------------------------------------------------------------------------------

    def open_orders(self, user: str, dex: str | None = None) -> list[OrderRecord]:
        """An account's resting orders, newest first; of one dex when given."""
        orders = reversed(self._open.get(user, {}).values())
        return [o for o in orders if dex is None or self.universe.by_coin[o.coin].dex == dex]

    def open_orders_at(self, user: str, dex: str, time_ms: int) -> list[OrderRecord]:
        """The same as it was at a time in the past."""
        found = []
        for order in self.orders.history(user):
            if order.timestamp > time_ms or (order.status != OPEN and order.status_timestamp <= time_ms):
                continue
            if self.universe.by_coin[order.coin].dex == dex:
                later = (f.sz for f in self.fills_of(user) if f.oid == order.oid and f.time > time_ms)
                found.append(replace(order, sz=sum(later, order.sz)))
        return found

    def rest(self, order: OrderRecord) -> None:
        """Put an order on its book."""
        self.books[order.coin].rest(order)
        self._open.setdefault(order.user, {})[order.oid] = order
        self.touched[order.coin] = None
        self._stirred[order.coin] = None

    def cancel(self, order: OrderRecord, status: str, now_ms: int) -> None:
        """Take a resting order off its book and tell its user."""
        assert order.status == OPEN, f"order {order.oid} is {order.status}"
        self.books[order.coin].remove(order)
        self.ended(order, status, now_ms)

    def ended(self, order: OrderRecord, status: str, now_ms: int) -> None:
        order.become(status, now_ms)
        self._open.get(order.user, {}).pop(order.oid, None)
        self.touched[order.coin] = None
        self.tell_order(order)

    def tell_order(self, order: OrderRecord, status: str | None = None) -> None:
        self.outbox.order(order, status)
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
        account = self.accounts[order.user]
        account.remember(now_ms)
        effect = apply_fill(account, listing, order.is_buy, px, sz, fee)
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
        self.fills_of(order.user).append(fill)
        self.outbox.fill(fill)
        self._stirred[order.coin] = None
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

    # time ----------------------------------------------------------------------------------------------------------

    def live_coins(self) -> Iterator[str]:
        """Coins whose book can change by itself in a block: those that move, and those that somebody stirred."""
        yield from self.moving
        for coin in tuple(self._stirred):
            if coin not in self.moving:
                yield coin
            if self.books[coin].is_calm:
                del self._stirred[coin]

    def is_halted(self, coin: str, now_ms: int) -> bool:
        return any(
            f.name == "halt" and (f.coin == coin or (f.coin is None and coin in self.moving))
            for f in self.faults.lasting(now_ms)
        )

    def relist(self, coin: str, changes: Mapping[str, Any]) -> None:
        """Change the rules of one market from now on."""
        for listing in self.universe.change(coin, changes):
            self.markets[listing.coin].relist(listing)
            self.touched[listing.coin] = None

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
