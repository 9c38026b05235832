"""Everything the venue knows, in one place: markets, books, accounts, orders, fills, and what is still to be told to whom.

Holds state and the few steps that every part needs (marks, recording a fill, cancelling). Decides no order's fate (desk does) and
knows no request (info and exchange do). Easy to get wrong: what users are told is collected in the outbox and drained by the exchange, once.

PROTOCOL 6.6, 14 step 10.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from core.sim import tpsl, wire
from core.sim.accounts import ZERO, Account, DexBalance, Position, apply_fill, builder_fee_of, fee_of, fund, margin_of
from core.sim.book import Book
from core.sim.candles import Candles
from core.sim.events import FundingPayment, LedgerUpdate
from core.sim.faults import FaultBoard
from core.sim.market import BLOCK_MS, CoinMarket
from core.sim.nonces import NonceBook
from core.sim.orders import OrderRecord, OrderStore
from core.sim.outbox import Outbox
from core.sim.trouble import Trouble
from core.sim.twap_orders import NO_HASH, Twap, TwapNote
from core.sim.universe import Universe
from core.sim.vault import Vault

_RECENT_TRADES = 30
_MAX_FILLS = 10_000
_MAX_EVENTS = 2_000
_NOT_BY_USER = ("marginCanceled", "liquidatedCanceled", "delistedCanceled")
"""Ends that users are told of a second time, as `nonUserCancel`."""


class Venue:
    """The state. One owner: core.sim.exchange."""

    def __init__(self, universe: Universe, seed: int, moving: tuple[str, ...], start_ms: int) -> None:
        for coin in moving:
            if coin not in universe.by_coin:
                raise ValueError(f"sim.markets: {coin!r} is not listed; known: {', '.join(universe.by_coin)}")
        self.universe = universe
        self.seed = seed
        self.block_ms = self.start_ms = start_ms - start_ms % BLOCK_MS
        self.markets = {
            coin: CoinMarket(listing, seed, coin in moving, self.block_ms) for coin, listing in universe.by_coin.items()
        }
        self.books = {coin: Book(market) for coin, market in self.markets.items()}
        self.accounts: dict[str, Account] = {}
        self.agents: dict[str, str] = {}
        """Agent address -> whose agent."""
        self.used_agents: set[str] = set()
        """Every address that ever was an agent."""
        self.orders = OrderStore()
        self.nonces = NonceBook()
        self.faults = FaultBoard(universe.by_coin, universe.by_dex)
        self.fee_factor = 1
        """How many times the usual fees are."""
        self.outbox = Outbox(self.faults)
        self.trouble = Trouble()
        self.moving = tuple(coin for coin, market in self.markets.items() if market.moves)
        self.fills: dict[str, deque[wire.Fill]] = {}
        self.fill_count = 0
        """Since the venue began; the latest of each account are kept."""
        self.fundings: dict[str, deque[FundingPayment]] = {}
        """Oldest first, per account."""
        self.ledger: dict[str, deque[LedgerUpdate]] = {}
        """Money that moved otherwise than by trading and funding; oldest first, per account."""
        self.trades: dict[str, deque[wire.Trade]] = {}
        self.candles = Candles()
        self.new_trades: list[wire.Trade] = []
        self.touched: dict[str, None] = {}
        """Coins whose book changed since the last frames, in order."""
        self.changed_users: dict[str, None] = {}
        self._stirred: dict[str, None] = {}
        """Coins where a user traded or rests; such a book is looked at in every block."""
        self._open: dict[str, dict[int, OrderRecord]] = {}
        self.triggers: dict[str, dict[int, OrderRecord]] = {}
        """Coin -> orders that wait for its mark."""
        self.scheduled: dict[str, None] = {}
        """Accounts with a scheduled cancel."""
        self.vaults: dict[str, Vault] = {}
        self.twaps: dict[int, Twap] = {}
        """Those that run."""
        self.last_twap_id = 0
        self.twap_history: dict[str, deque[TwapNote]] = {}
        self.twap_fills: dict[str, deque[wire.Fill]] = {}
        """Fills of slices; oldest first, per account."""
        self.liquidations = 0
        self.is_mainnet = False
        """Which network its owners' signatures are for; set by the exchange."""
        self.funded_hour = start_ms // 3_600_000
        """The last hour whose funding is paid."""
        self.look_again_ms = start_ms
        """Until then no account needs to be looked at for funding or liquidation."""
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

    def approve_agent(self, user: str, agent: str, name: str, until_ms: int | None = None) -> None:
        """Let an address trade for an account, in the place of the one that had the name."""
        account = self.accounts[user]
        for old in [a for a, n in account.agents.items() if n == name]:
            self.remove_agent(old)
        account.agents[agent] = name
        if until_ms is not None:
            account.agents_until[agent] = until_ms
        self.agents[agent] = user
        self.used_agents.add(agent)

    def remove_agent(self, agent: str) -> None:
        """Its nonces are forgotten with it."""
        account = self.accounts[self.agents.pop(agent)]
        del account.agents[agent]
        account.agents_until.pop(agent, None)
        self.nonces.forget(agent)

    def user_of(self, signer: str, now_ms: int) -> str:
        """Whose account a signer acts for: its own, or, of an approved agent, its master's."""
        user = self.agents.get(signer)
        if user is None:
            return signer
        until_ms = self.accounts[user].agents_until.get(signer)
        if until_ms is not None and now_ms > until_ms:
            self.remove_agent(signer)
            return signer
        return user

    def prune_agents_of_the_ruined(self, account: Account) -> None:
        """An account with nothing left loses its agents."""
        if account.spot_usd > 0 or any(b.raw_usd > 0 or b.positions for b in account.dexes.values()):
            return
        for agent in list(account.agents):
            self.remove_agent(agent)

    def marks(self, balance: DexBalance) -> dict[str, Decimal]:
        return {coin: self.markets[coin].mark_px for coin in balance.positions}

    def available_usd(self, account: Account, dex: str) -> Decimal:
        """What new orders of this dex may use as margin."""
        balance = account.dexes[dex]
        m = margin_of(balance, self.marks(balance), self.universe)
        held = ZERO
        for order in self.open_orders(account.user, dex):
            if not order.reduce_only and not order.is_waiting:
                _, leverage = account.leverage_of(self.universe.by_coin[order.coin])
                held += order.sz * order.limit_px / leverage
        return m.cross_value - m.cross_margin_used - held

    def can_pay(self, order: OrderRecord) -> bool:
        """Whether a resting order still has its margin, now that it is about to trade."""
        if order.reduce_only:
            return True
        account, listing = self.accounts[order.user], self.universe.by_coin[order.coin]
        szi = account.szi(listing)
        if szi != 0 and (szi > 0) != order.is_buy and order.sz <= abs(szi):
            return True
        return self.available_usd(account, listing.dex) >= 0

    # orders --------------------------------------------------------------------------------------------------------

    def open_orders(self, user: str, dex: str | None = None) -> list[OrderRecord]:
        """An account's resting and waiting orders, newest first; of one dex when given."""
        orders = reversed(self._open.get(user, {}).values())
        return [o for o in orders if dex is None or self.universe.by_coin[o.coin].dex == dex]

    def count_open(self, user: str) -> int:
        return len(self._open.get(user, ()))

    def open_orders_at(self, user: str, dex: str, time_ms: int) -> list[OrderRecord]:
        """The same as it was at a time in the past."""
        found = []
        for order in self.orders.history(user):
            if order.timestamp > time_ms or (not order.is_live and order.status_timestamp <= time_ms):
                continue
            if self.universe.by_coin[order.coin].dex == dex:
                later = (f.sz for f in self.fills_of(user) if f.oid == order.oid and f.time > time_ms)
                found.append(replace(order, sz=sum(later, order.sz)))
        return found

    def rest(self, order: OrderRecord) -> None:
        """Put an order on its book, or one with a trigger among those that wait for the mark."""
        self._open.setdefault(order.user, {})[order.oid] = order
        if order.is_waiting:
            self.triggers.setdefault(order.coin, {})[order.oid] = order
            return
        self.books[order.coin].rest(order)
        self.touched[order.coin] = None
        self._stirred[order.coin] = None

    def stop_waiting(self, order: OrderRecord) -> None:
        """Take an order from among those that wait for the mark."""
        waiting = self.triggers[order.coin]
        del waiting[order.oid]
        if not waiting:
            del self.triggers[order.coin]

    def cancel(self, order: OrderRecord, status: str, now_ms: int) -> None:
        """Take a live order away and tell its user."""
        assert order.is_live, f"order {order.oid} is {order.status}"
        if order.parent is not None:
            pass  # asleep: it is nowhere yet
        elif order.is_waiting:
            self.stop_waiting(order)
        else:
            self.books[order.coin].remove(order)
        self.ended(order, status, now_ms)

    def ended(self, order: OrderRecord, status: str, now_ms: int) -> None:
        order.become(status, now_ms)
        self._open.get(order.user, {}).pop(order.oid, None)
        self.touched[order.coin] = None
        self.tell_order(order)
        if status in _NOT_BY_USER:
            self.outbox.note(order.user, "user", {"nonUserCancel": [{"coin": order.coin, "oid": order.oid}]})
        if order.children or order.siblings:
            tpsl.follow(self, order, now_ms)

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
        builder_fee = builder_fee_of(order.builder, px, sz)
        fee = fee_of(listing, px, sz, crossed) * self.fee_factor + builder_fee
        account = self.accounts[order.user]
        account.remember(now_ms)
        held = account.position(listing)
        was_cross = held is not None and held.is_cross
        effect = apply_fill(account, listing, order.is_buy, px, sz, fee)
        direction, liquidation = effect.direction, None
        if order.forced:
            direction = f"Liquidated {'Cross' if was_cross else 'Isolated'} {'Short' if order.is_buy else 'Long'}"
            liquidation = (order.user, self.markets[order.coin].mark_px, order.forced)
        fill = wire.Fill(
            user=order.user,
            coin=order.coin,
            px=px,
            sz=sz,
            is_buy=order.is_buy,
            time=now_ms,
            start_position=effect.start_position,
            direction=direction,
            closed_pnl=effect.closed_pnl,
            hash=tx if order.twap_id is None else NO_HASH,
            oid=order.oid,
            crossed=crossed,
            fee=fee,
            tid=tid,
            cloid=order.cloid,
            builder_fee=builder_fee,
            liquidation=liquidation,
            twap_id=order.twap_id,
        )
        self.fills_of(order.user).append(fill)
        self.fill_count += 1
        if order.twap_id is not None:
            twap = self.twaps[order.twap_id]
            twap.executed_sz += sz
            twap.executed_ntl += px * sz
            self.twap_fills.setdefault(order.user, deque(maxlen=_MAX_FILLS)).append(fill)
        self.outbox.fill(fill)
        self._stirred[order.coin] = None
        self.changed_users[order.user] = None
        self.touched[order.coin] = None
        self.shrink_reduce_only(order, now_ms)

    def record_trade(
        self, coin: str, is_buy: bool, px: Decimal, sz: Decimal, users: tuple[str, str], tx: str, tid: int, now_ms: int
    ) -> None:
        trade = wire.Trade(coin, is_buy, px, sz, now_ms, tx, tid, users)
        self.trades.setdefault(coin, deque(maxlen=_RECENT_TRADES)).append(trade)
        self.new_trades.append(trade)
        self.candles.add(coin, px, sz, now_ms)
        market = self.markets[coin]
        market.day_base += sz
        market.day_usd += px * sz

    def shrink_reduce_only(self, filled: OrderRecord, now_ms: int) -> None:
        """Resting reduce-only orders never exceed the position, and go when it is gone; those that wait for a trigger only go."""
        listing = self.universe.by_coin[filled.coin]
        mine = [
            o
            for o in self._open.get(filled.user, {}).values()
            if o.reduce_only and o.coin == listing.coin and o is not filled and o.oid not in filled.siblings
        ]
        if not mine:
            return
        szi = self.accounts[filled.user].szi(listing)
        for order in mine:
            reducible = abs(szi) if (szi > 0) != order.is_buy else ZERO
            if not order.is_live:
                continue  # went with one before it
            if reducible == 0:
                self.cancel(order, "reduceOnlyCanceled", now_ms)
            elif order.sz > reducible and not order.is_waiting:
                order.sz = reducible
                self.tell_order(order)

    # time ----------------------------------------------------------------------------------------------------------

    def live_coins(self) -> Iterable[str]:
        """Coins whose book can change by itself in a block: those that move, and those that somebody stirred."""
        return self._live_coins() if self._stirred else self.moving

    def _live_coins(self) -> Iterator[str]:
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

    def shift_dexs(self) -> None:
        """The builder dexes change places in perpDexs, and with them every asset id of theirs."""
        for listing in self.universe.shift_dexs():
            self.markets[listing.coin].relist(listing)

    def relist(self, coin: str, changes: Mapping[str, Any]) -> None:
        """Change the rules of one market from now on. One that is delisted loses its orders; positions in it stay until they are settled,
        which is not played."""
        for listing in self.universe.change(coin, changes):
            self.markets[listing.coin].relist(listing)
            self.touched[listing.coin] = None
        if self.universe.by_coin[coin].spec.is_delisted:
            for order in [*self.books[coin].resting(), *self.triggers.get(coin, {}).values()]:
                if order.is_live:
                    self.cancel(order, "delistedCanceled", self.block_ms)

    def cancel_all(self, user: str, status: str, now_ms: int) -> int:
        """Cancel every resting order of an account; returns how many."""
        orders = self.open_orders(user)
        for order in orders:
            self.cancel(order, status, now_ms)
        return len(orders)
