"""Money: balances per dex, positions, what a fill does to them, margin and fees.

One account has a separate balance on each dex (abstraction mode "disabled"). A cross position draws on the dex's balance; an isolated
one holds its own. Easy to get wrong: the raw USD of a long is negative (what was paid), so equity is raw USD + szi x mark, on every level.

What moves money besides fills is elsewhere: funding, liquidation, transfers.

PROTOCOL 2.4 to 2.6, 8.1.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct, field

from core.model.market import MarginMode
from core.sim.margin_tiers import table_of
from core.sim.universe import Listing, Universe

TAKER_RATE = Decimal("0.00045")
MAKER_RATE = Decimal("0.00015")
_FEE_PLACES = Decimal("0.000001")
_DEFAULT_LEVERAGE = 20
_PAST_KEPT = 50
_GROWTH_VOLUME_SHARE = Decimal("0.1")

ZERO = Decimal(0)


class Position(Struct, eq=False):
    """An open position; a flat one does not exist."""

    coin: str
    szi: Decimal
    entry_px: Decimal
    is_cross: bool
    leverage: int
    raw_usd: Decimal = ZERO
    """Isolated only: its own margin less what it paid."""
    funding_since_open: Decimal = ZERO
    """Received; what was paid is negative."""
    funding_since_change: Decimal = ZERO
    """The same since its size last changed."""

    def unrealized(self, mark_px: Decimal) -> Decimal:
        return self.szi * (mark_px - self.entry_px)


class DexBalance(Struct, eq=False):
    """The account on one dex."""

    raw_usd: Decimal
    """Cash less what the cross longs cost, plus what the cross shorts brought."""
    positions: dict[str, Position] = field(default_factory=dict)


class Account(Struct, eq=False):
    """One funded address."""

    user: str
    dexes: dict[str, DexBalance]
    leverage: dict[str, tuple[bool, int]] = field(default_factory=dict)
    """Coin -> (is cross, leverage), once set."""
    cum_volume: Decimal = ZERO
    """Counted toward the request budget: growth-mode volume by a tenth."""
    requests_used: int = 0
    last_limited_ms: int = -(10**9)
    schedule_cancel_ms: int | None = None
    agents: dict[str, str] = field(default_factory=dict)
    """Agent address -> name; the empty name is the one unnamed agent."""
    agents_until: dict[str, int] = field(default_factory=dict)
    """Agent address -> last ms of its approval; without an entry it never ends."""
    agent_removal_ms: int = -(10**9)
    """When an agent was last removed."""
    master: str | None = None
    """Whose sub-account this is, or who leads this vault."""
    is_vault: bool = False
    sub_accounts: dict[str, str] = field(default_factory=dict)
    """Address -> name."""
    builders: dict[str, int] = field(default_factory=dict)
    """Approved builder -> highest fee in tenths of a basis point."""
    spot_usd: Decimal = ZERO
    """USDC of the spot account; the only token there is."""
    bought_requests: int = 0
    scheduled_fired: tuple[int, int] = (0, 0)
    """(day, how often the scheduled cancel has fired on it)."""
    funding_all_time: dict[str, Decimal] = field(default_factory=dict)
    """Coin -> received on it."""
    past: deque[tuple[int, dict[str, DexBalance]]] = field(default_factory=lambda: deque(maxlen=_PAST_KEPT))
    """(until when, what the dexes were like), oldest first."""

    def remember(self, now_ms: int) -> None:
        """Keep the present state of all dexes, which is about to change."""
        self.past.append(
            (
                now_ms,
                {
                    name: DexBalance(b.raw_usd, {coin: copy(p) for coin, p in b.positions.items()})
                    for name, b in self.dexes.items()
                },
            )
        )

    def as_of(self, time_ms: int) -> dict[str, DexBalance]:
        """The dexes as they were then, as far back as is remembered."""
        return next((dexes for until_ms, dexes in self.past if until_ms > time_ms), self.dexes)

    def position(self, listing: Listing) -> Position | None:
        return self.dexes[listing.dex].positions.get(listing.coin)

    def szi(self, listing: Listing) -> Decimal:
        position = self.position(listing)
        return position.szi if position else ZERO

    def leverage_of(self, listing: Listing) -> tuple[bool, int]:
        """(is cross, leverage) that the next order of this coin uses."""
        default = (
            listing.spec.margin_mode is MarginMode.CROSS,
            min(_DEFAULT_LEVERAGE, listing.spec.max_leverage),
        )
        return self.leverage.get(listing.coin, default)


class FillEffect(NamedTuple):
    """What one fill did to a position, as the fill record tells it."""

    start_position: Decimal
    direction: str
    closed_pnl: Decimal


def fund(universe: Universe, user: str, usd: Decimal) -> Account:
    return Account(user, {dex.name: DexBalance(usd) for dex in universe.dexes})


def fee_of(listing: Listing, px: Decimal, sz: Decimal, is_taker: bool) -> Decimal:
    """USD charged for a fill, the deployer's share included."""
    rate = (TAKER_RATE if is_taker else MAKER_RATE) * listing.spec.fee_scale
    return (px * sz * rate).quantize(_FEE_PLACES)


def builder_fee_of(builder: tuple[str, int] | None, px: Decimal, sz: Decimal) -> Decimal:
    """USD charged for whoever sent the order, in tenths of a basis point of its value."""
    return ZERO if builder is None else (px * sz * builder[1] / 100_000).quantize(_FEE_PLACES)


def apply_fill(account: Account, listing: Listing, is_buy: bool, px: Decimal, sz: Decimal, fee: Decimal) -> FillEffect:
    """Book one fill: position, realised result, margin and fee."""
    assert sz > 0
    balance = account.dexes[listing.dex]
    growth = listing.spec.growth_mode
    account.cum_volume += px * sz * (_GROWTH_VOLUME_SHARE if growth else 1)
    balance.raw_usd -= fee
    start = account.szi(listing)
    signed = sz if is_buy else -sz
    closing = min(sz, abs(start)) if start * signed < 0 else ZERO
    closed_pnl = ZERO
    held = balance.positions.get(listing.coin)
    if held is not None:
        held.funding_since_change = ZERO
    if closing:
        closed_pnl = _reduce(balance, balance.positions[listing.coin], closing, px)
    if sz > closing:
        _increase(account, balance, listing, (sz - closing) * (1 if is_buy else -1), px)
    return FillEffect(start, _direction(start, start + signed), closed_pnl)


def _reduce(balance: DexBalance, position: Position, sz: Decimal, px: Decimal) -> Decimal:
    sign = 1 if position.szi > 0 else -1
    pnl = sz * (px - position.entry_px) * sign
    if position.is_cross:
        balance.raw_usd += sign * sz * px
    else:
        released = (position.raw_usd + position.szi * px) * sz / abs(position.szi)
        position.raw_usd += sign * sz * px - released
        balance.raw_usd += released
    position.szi -= sign * sz
    if position.szi == 0:
        del balance.positions[position.coin]
    return pnl


def _increase(account: Account, balance: DexBalance, listing: Listing, signed: Decimal, px: Decimal) -> None:
    position = balance.positions.get(listing.coin)
    if position is None:
        is_cross, leverage = account.leverage_of(listing)
        position = Position(listing.coin, ZERO, ZERO, is_cross, leverage)
        balance.positions[listing.coin] = position
    cost = signed * px
    position.entry_px = (position.szi * position.entry_px + cost) / (position.szi + signed)
    position.szi += signed
    if position.is_cross:
        balance.raw_usd -= cost
    else:
        margin = abs(cost) / position.leverage
        balance.raw_usd -= margin
        position.raw_usd += margin - cost


def _direction(start: Decimal, end: Decimal) -> str:
    if start == 0:
        return "Open Long" if end > 0 else "Open Short"
    side = "Long" if start > 0 else "Short"
    if start * end < 0:
        return f"{side} > {'Short' if start > 0 else 'Long'}"
    return f"{'Open' if abs(end) > abs(start) else 'Close'} {side}"


class Margin(NamedTuple):
    """Sums over one dex, at given marks."""

    account_value: Decimal
    notional: Decimal
    raw_usd: Decimal
    margin_used: Decimal
    cross_value: Decimal
    cross_notional: Decimal
    cross_margin_used: Decimal
    maintenance: Decimal

    @property
    def withdrawable(self) -> Decimal:
        return max(ZERO, self.cross_value - max(self.cross_margin_used, self.cross_notional / 10))


def margin_of(balance: DexBalance, marks: dict[str, Decimal], universe: Universe) -> Margin:
    """Add up one dex. `marks` must hold every coin with a position there."""
    cross_value = raw = balance.raw_usd
    cross_notional = cross_used = maintenance = iso_value = iso_notional = ZERO
    for position in balance.positions.values():
        notional = abs(position.szi) * marks[position.coin]
        value = position.szi * marks[position.coin]
        if position.is_cross:
            cross_value += value
            cross_notional += notional
            cross_used += notional / position.leverage
            maintenance += table_of(universe.by_coin[position.coin]).maintenance(notional)
        else:
            raw += position.raw_usd
            iso_value += position.raw_usd + value
            iso_notional += notional
    return Margin(
        account_value=cross_value + iso_value,
        notional=cross_notional + iso_notional,
        raw_usd=raw,
        margin_used=cross_used + iso_value,
        cross_value=cross_value,
        cross_notional=cross_notional,
        cross_margin_used=cross_used,
        maintenance=maintenance,
    )
