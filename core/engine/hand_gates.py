"""The gates of an order by hand: how it is rounded, and which gate refuses it. Pure, so that the order ticket can show the same judgement.

An order that adds to a position passes every gate that an entry of our own passes, but for two. A pause is for our own entries: the operator
who paused them may still place an order. And the state of the book (wide, stale, off the mark) is the operator's to judge; it is said.
A reduce-only order passes always, HardStop included; what is asked is only whether it can be sent and has something to reduce. Easy to
get wrong: a price that was typed is a promise, so it is rounded away from the market, never beyond what was typed; a price taken off the
touch must cross, so it is rounded like that of any entry.

SPEC 2 (rounding), 7 (gates), 11 (order ticket).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.messages.commands import PlaceOrder
from core.messages.ticket import GateVerdict, OrderFacts, Rounded
from core.model.order import TimeInForce
from core.model.rounding import MIN_NOTIONAL_USD, round_price, round_size, wire_text

MAX_SLIPPAGE_BPS = Decimal(1_000)
"""More than ten percent is a slip of the finger."""
_FAR = Decimal("0.95")
"""The exchange refuses a price further than this share of the reference away."""
_BPS = Decimal(10_000)


def round_order(order: PlaceOrder, f: OrderFacts) -> Rounded:
    """Price and size as they would be sent."""
    if f.sz_decimals is None:
        return Rounded(None, None, "the market's rules are not read yet", "the market's rules are not read yet")
    price, price_problem = _price(order, f, f.sz_decimals)
    size, size_problem = _size(order, f, price, f.sz_decimals)
    return Rounded(price, size, price_problem, size_problem)


def judge(order: PlaceOrder, rounded: Rounded, f: OrderFacts) -> tuple[GateVerdict, ...]:
    """The verdict of every gate, in their order; the first with a reason is the one that counts."""
    gates = _REDUCING if order.reduce_only else _ADDING
    return tuple(GateVerdict(name, refuse(order, rounded, f)) for name, refuse in gates)


def warnings(order: PlaceOrder, rounded: Rounded, f: OrderFacts) -> tuple[str, ...]:
    """What does not stop the order and should be known before it is sent."""
    said = []
    if not order.reduce_only:
        if f.paused:
            said.append("entries are paused; an order by hand goes out all the same")
        if f.market_warning:
            said.append(f"market: {f.market_warning}")
        if f.time_stop_ms is not None:
            said.append(f"a position it opens is closed by the time stop after {f.time_stop_ms / 1000:g} s")
        if order.tif is not TimeInForce.IOC:
            said.append("while it rests, no entry is made on this market, and it counts as exposure")
    elif rounded.size is not None and order.size is not None and rounded.size < order.size:
        said.append(f"cut to {wire_text(rounded.size)}")
    touch = f.ask_px if order.side.is_buy else f.bid_px
    if rounded.price is not None and touch is not None:
        crosses = rounded.price >= touch if order.side.is_buy else rounded.price <= touch
        if order.tif is TimeInForce.IOC and not crosses:
            said.append(f"does not reach {wire_text(touch)}: an IOC would find no match now")
        elif order.tif is TimeInForce.ALO and crosses:
            said.append(f"would match at {wire_text(touch)}: the exchange refuses an ALO that does")
        elif order.tif is TimeInForce.GTC and crosses:
            said.append(f"matches at {wire_text(touch)} at once, and pays the taker's fee")
    return tuple(said)


# --- rounding ----------------------------------------------------------------------------------------------------------


def _price(order: PlaceOrder, f: OrderFacts, sz_decimals: int) -> tuple[Decimal | None, str]:
    if (order.limit_px is None) == (order.slippage_bps is None):
        return None, "give either a limit price or a slippage"
    is_buy = order.side.is_buy
    if order.limit_px is not None:
        return _rounded_price(order.limit_px, not is_buy, sz_decimals)
    assert order.slippage_bps is not None
    if order.tif is not TimeInForce.IOC:
        return None, f"{order.tif.value.upper()} needs a limit price; a slippage is for IOC"
    if not order.slippage_bps.is_finite() or not 0 <= order.slippage_bps <= MAX_SLIPPAGE_BPS:
        return None, f"slippage {order.slippage_bps} bps: allowed are 0 to {MAX_SLIPPAGE_BPS}"
    touch = f.ask_px if is_buy else f.bid_px
    is_fresh = f.touch_age_ms is not None and f.touch_age_ms <= f.touch_stale_ms
    # A position must be closable without a book; what adds to one waits for a price.
    reference = touch if touch is not None and is_fresh else (f.mark_px if order.reduce_only else None)
    if reference is None:
        side = "ask" if is_buy else "bid"
        return None, f"no fresh best {side} to take a price from; give a limit price"
    return _rounded_price(reference * (1 + order.side.sign * order.slippage_bps / _BPS), is_buy, sz_decimals)


def _rounded_price(px: Decimal, up: bool, sz_decimals: int) -> tuple[Decimal | None, str]:
    try:
        return round_price(px, up, sz_decimals), ""
    except ValueError as e:
        return None, str(e)


def _size(order: PlaceOrder, f: OrderFacts, price: Decimal | None, sz_decimals: int) -> tuple[Decimal | None, str]:
    if (order.size is None) == (order.usd is None):
        return None, "give either a size or an amount in USD"
    asked = order.size if order.size is not None else order.usd
    assert asked is not None
    if not asked.is_finite() or asked <= 0:
        return None, f"size {asked}: expected a positive number"
    if order.usd is not None:
        if price is None:
            return None, "an amount in USD needs a price"
        asked = order.usd / price
    if order.reduce_only:
        asked = min(asked, abs(f.held))
    size = round_size(asked, sz_decimals)
    return size, "" if size else f"rounds to zero lots of {wire_text(Decimal(1).scaleb(-sz_decimals))}"


# --- gates: why not, or an empty text ------------------------------------------------------------------------------------

_Gate = Callable[[PlaceOrder, Rounded, OrderFacts], str]


def _price_gate(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    if r.price is None or not f.mark_px:
        return r.price_problem
    away = abs(r.price - f.mark_px) / f.mark_px
    return f"{away * 100:.0f} % away from the mark {wire_text(f.mark_px)}" if away > _FAR else ""


def _size_gate(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    if r.size_problem:
        return r.size_problem
    notional = r.notional_usd
    closes_all = order.reduce_only and r.size == abs(f.held)
    if notional is not None and notional < MIN_NOTIONAL_USD and not closes_all:
        return f"${notional:.2f} is under the exchange's minimum of ${MIN_NOTIONAL_USD}"
    return ""


def _order_limit(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    notional = r.notional_usd
    if notional is None or notional <= f.max_order_usd:
        return ""
    return f"${notional:.2f} > safety.max_notional_usd ${f.max_order_usd:f}"


def _exposure(held_usd: Decimal, limit_usd: Decimal, r: Rounded, f: OrderFacts) -> str:
    if r.size is None or f.mark_px is None:
        return ""
    total = held_usd + r.size * f.mark_px
    return f"${total:.2f} > ${limit_usd:f}" if total > limit_usd else ""


def _other_side(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    if f.held * order.side.sign >= 0:
        return ""
    return f"{_held(f)} is held: an order the other way must be reduce-only"


def _to_reduce(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    if f.held * order.side.sign < 0:
        return ""
    return f"{_held(f)} is held: it would increase it" if f.held else "no position to reduce"


def _held(f: OrderFacts) -> str:
    return f"{'buy' if f.held > 0 else 'sell'} {wire_text(abs(f.held))}"


def _stopped_and_rests(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    return f"{f.hard_stop}; only a reduce-only IOC passes" if f.hard_stop and order.tif is not TimeInForce.IOC else ""


def _not_ready(order: PlaceOrder, r: Rounded, f: OrderFacts) -> str:
    return f.not_ready or ("no mark price" if f.mark_px is None else "")


_ADDING: tuple[tuple[str, _Gate], ...] = (
    ("hard stop", lambda o, r, f: f.hard_stop),
    ("not ready", _not_ready),
    ("market not allowed", lambda o, r, f: f.not_allowed),
    ("daily trade cap", lambda o, r, f: f.daily_cap),
    ("flatten in progress", lambda o, r, f: f.flattening),
    ("market risk", lambda o, r, f: f.market_stopped),
    ("price", _price_gate),
    ("size", _size_gate),
    ("max notional per order", _order_limit),
    ("max position per market", lambda o, r, f: _exposure(f.market_exposure_usd, f.max_market_usd, r, f)),
    ("max position total", lambda o, r, f: _exposure(f.total_exposure_usd, f.max_total_usd, r, f)),
    ("has position", _other_side),
    ("pending order", lambda o, r, f: "an order of this market is not settled" if f.is_busy else ""),
    ("action budget", lambda o, r, f: f.budget),
)
_REDUCING: tuple[tuple[str, _Gate], ...] = (
    ("not ready", lambda o, r, f: f.cannot_send),
    ("hard stop", _stopped_and_rests),
    ("reduce only", _to_reduce),
    ("price", _price_gate),
    ("size", _size_gate),
    ("flatten in progress", lambda o, r, f: f.exit_pending),
)
