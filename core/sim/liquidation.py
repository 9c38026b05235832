"""Closing positions by force when an account no longer has the maintenance margin: at the market, and what the market does not take, taken over.

Coarser than the venue: all cross positions of a dex at once instead of the largest first, no partial liquidation, no auto-deleveraging, and
every market has one margin tier. Easy to get wrong: an isolated position stands and falls alone, whatever the account is worth; and open
orders of the account go first, because they hold margin.

PROTOCOL 6.6 (liquidation, nonUserCancel), 7.2, 7.3; issue 4 part 3 (liquidation may be coarse but must exist).
"""

from __future__ import annotations

from decimal import Decimal

from core.sim import wire
from core.sim.accounts import ZERO, Account, Position, margin_of
from core.sim.desk import force
from core.sim.margin_tiers import table_of
from core.sim.money import log
from core.sim.orders import FILLED, OrderRecord
from core.sim.venue import Venue

LIQUIDATOR = "0x" + "2e" * 20
"""Takes over what the market does not."""
_BACKSTOP_AT = Decimal(2) / 3
"""Of the maintenance margin; below it the liquidator takes over."""


def run(venue: Venue, now_ms: int) -> None:
    """Look at every account that holds something."""
    for account in list(venue.accounts.values()):
        for dex, balance in account.dexes.items():
            if balance.positions:
                _look_at(venue, account, dex, now_ms)


def _look_at(venue: Venue, account: Account, dex: str, now_ms: int) -> None:
    balance = account.dexes[dex]
    marks = venue.marks(balance)
    m = margin_of(balance, marks, venue.universe)
    for position in [p for p in balance.positions.values() if not p.is_cross]:
        value = position.raw_usd + position.szi * marks[position.coin]
        needed = _maintenance(venue, position)
        if value < needed:
            _liquidate(venue, account, [position], value, needed, now_ms)
    if m.maintenance > 0 and m.cross_value < m.maintenance:
        crosses = [p for p in balance.positions.values() if p.is_cross]
        _liquidate(venue, account, crosses, m.cross_value, m.maintenance, now_ms)


def _maintenance(venue: Venue, position: Position) -> Decimal:
    market = venue.markets[position.coin]
    return table_of(market.listing).maintenance(abs(position.szi) * market.mark_px)


def _liquidate(
    venue: Venue, account: Account, positions: list[Position], value: Decimal, needed: Decimal, now_ms: int
) -> None:
    is_cross = positions[0].is_cross
    dex = venue.universe.by_coin[positions[0].coin].dex
    notional = sum((abs(p.szi) * venue.markets[p.coin].mark_px for p in positions), ZERO)
    held = [{"coin": p.coin, "szi": wire.number(p.szi)} for p in positions]
    _tell(venue, account, notional, value, held, is_cross, now_ms)
    coins = {p.coin for p in positions}
    for order in venue.open_orders(account.user, dex):
        if order.is_live and (is_cross or order.coin in coins):
            venue.cancel(order, "liquidatedCanceled", now_ms)
    for position in positions:
        if position.szi != 0:
            force(venue, _order(venue, account, position, "market", now_ms), now_ms)
    if value < needed * _BACKSTOP_AT:
        for position in positions:
            if position.szi != 0:
                _take_over(venue, account, position, now_ms)
    balance = account.dexes[dex]
    if not any(p.is_cross for p in balance.positions.values()):
        balance.raw_usd = max(ZERO, balance.raw_usd)  # what is missing, the liquidator has lost
    venue.prune_agents_of_the_ruined(account)


def _order(venue: Venue, account: Account, position: Position, method: str, now_ms: int) -> OrderRecord:
    listing = venue.universe.by_coin[position.coin]
    order = OrderRecord(
        oid=venue.orders.next_oid(),
        user=account.user,
        coin=position.coin,
        asset=listing.asset,
        is_buy=position.szi < 0,
        limit_px=venue.markets[position.coin].mark_px,
        sz=abs(position.szi),
        orig_sz=abs(position.szi),
        tif="LiquidationMarket",
        reduce_only=True,
        cloid=None,
        timestamp=now_ms,
        status_timestamp=now_ms,
        forced=method,
    )
    venue.orders.add(order)
    return order


def _take_over(venue: Venue, account: Account, position: Position, now_ms: int) -> None:
    """The liquidator takes the position at the mark, and what was left of its margin."""
    order = _order(venue, account, position, "backstop", now_ms)
    dex = account.dexes[venue.universe.by_coin[position.coin].dex]
    before = dex.raw_usd
    tx, tid = venue.trade_id()
    sz = order.sz
    order.sz = ZERO
    venue.tell_order(order, "open")
    venue.record_fill(order, order.limit_px, sz, True, tx, tid, now_ms)
    venue.ended(order, FILLED, now_ms)
    dex.raw_usd = min(before, ZERO) if position.is_cross else before


def _tell(
    venue: Venue,
    account: Account,
    notional: Decimal,
    value: Decimal,
    held: list[dict[str, str]],
    is_cross: bool,
    now_ms: int,
) -> None:
    venue.liquidations += 1
    liquidation = {
        "lid": venue.liquidations,
        "liquidator": LIQUIDATOR,
        "liquidated_user": account.user,
        "liquidated_ntl_pos": wire.usd(notional),
        "liquidated_account_value": wire.usd(value),
    }
    venue.outbox.note(account.user, "user", {"liquidation": liquidation})
    delta = {
        "type": "liquidation",
        "liquidatedNtlPos": wire.usd(notional),
        "accountValue": wire.usd(value),
        "leverageType": "Cross" if is_cross else "Isolated",
        "liquidatedPositions": held,
    }
    log(venue, account.user, delta, now_ms)
