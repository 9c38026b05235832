"""What info says about markets: universes, books, mids, trades, candles, funding.

Changes nothing. Easy to get wrong: without `dex` a request is about the main dex alone; a coin that does not exist is null in l2Book and
500 in what has a history; a book gathered at coarser prices rounds bids down and asks up, so it never shows a better price than there is.

PROTOCOL 1.1, 2.3, 8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from core.model.market import MAIN_DEX
from core.sim import wire, wire_spot, wire_universe
from core.sim.accounts import ZERO
from core.sim.book import Level
from core.sim.candles import INTERVALS, Candle, end_of
from core.sim.funding import HOUR_MS, RATE
from core.sim.info_request import dex_of, int_of, listing_of, text_of, unknown, wrong
from core.sim.universe import Dex
from core.sim.venue import Venue
from core.sim.wire import Json

SIG_FIGS = (2, 3, 4, 5)
"""What nSigFigs of a book may be."""
_MANTISSAS = (2, 5)
_MAX_ROWS = 500


def is_grouping(figures: Any, mantissa: Any) -> bool:
    """Whether the venue can gather a book like this: a mantissa goes with five figures only."""
    if figures is not None and (type(figures) is not int or figures not in SIG_FIGS):
        return False
    return mantissa is None or (type(mantissa) is int and mantissa in _MANTISSAS and figures == SIG_FIGS[-1])


def coarser(levels: list[Level], figures: int | None, is_bid: bool, mantissa: int | None = None) -> list[Level]:
    """Levels gathered at prices of so many significant figures, the last one a multiple of the mantissa; None changes nothing."""
    if figures is None:
        return levels
    gathered: dict[Decimal, Level] = {}
    for px, sz, n in levels:
        step = Decimal(mantissa or 1).scaleb(px.adjusted() - figures + 1)
        at = (px / step).to_integral_value(ROUND_FLOOR if is_bid else ROUND_CEILING) * step
        so_far = gathered.get(at, Level(at, ZERO, 0))
        gathered[at] = Level(at, so_far.sz + sz, so_far.n + n)
    return list(gathered.values())


def l2_book(venue: Venue, request: Json, now_ms: int) -> Json | None:
    coin, figures, mantissa = text_of(request, "coin"), request.get("nSigFigs"), request.get("mantissa")
    for name, value in (("nSigFigs", figures), ("mantissa", mantissa)):
        if value is not None and type(value) is not int:
            raise wrong(name)
    if not is_grouping(figures, mantissa):
        raise unknown()
    book = venue.books.get(coin)
    if book is None:
        return wire.l2_book(coin, [], [], venue.block_ms) if coin in wire_spot.PAIRS else None
    bids, asks = (coarser(book.levels(is_bid, now_ms), figures, is_bid, mantissa) for is_bid in (True, False))
    return wire.l2_book(coin, bids, asks, venue.block_ms)


def all_mids(venue: Venue, dex: Dex) -> dict[str, str]:
    mids = {}
    for listing in dex.listings:
        mid = venue.markets[listing.coin].mid_px
        if mid is not None:
            mids[listing.coin] = wire.number(mid)
    return mids


def asset_ctxs(venue: Venue, dex: Dex) -> list[Json]:
    """Contexts of a dex, in the order of its universe."""
    return [wire.asset_ctx(venue.markets[m.coin]) for m in dex.listings]


def candle(venue: Venue, coin: str, interval: str, now_ms: int) -> Json | None:
    """The candle of this moment; None before the coin's first trade."""
    found = venue.candles.latest(coin, interval, now_ms)
    return None if found is None else _candle(found, coin, interval)


def _candle(c: Candle, coin: str, interval: str) -> Json:
    return {
        "t": c.start_ms,
        "T": end_of(c, interval),
        "s": coin,
        "i": interval,
        "o": wire.number(c.open),
        "c": wire.number(c.close),
        "h": wire.number(c.high),
        "l": wire.number(c.low),
        "v": wire.number(c.volume),
        "n": c.trades,
    }


def _candle_snapshot(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    wanted = request.get("req")
    if not isinstance(wanted, dict):
        raise wrong("req")
    coin, interval = text_of(wanted, "coin"), text_of(wanted, "interval")
    if interval not in INTERVALS:
        raise wrong("interval")
    start_ms, end_ms = int_of(wanted, "startTime"), int_of(wanted, "endTime", now_ms)
    if coin not in venue.books and coin not in wire_spot.PAIRS:
        raise unknown()
    return [_candle(c, coin, interval) for c in venue.candles.read(coin, interval, start_ms, end_ms, now_ms)]


def _recent_trades(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    return [wire.trade(t) for t in reversed(venue.trades.get(text_of(request, "coin"), ()))]


def _meta_and_ctxs(venue: Venue, request: Json, now_ms: int) -> list[Any]:
    dex = dex_of(venue, request)
    return [wire_universe.meta(dex), asset_ctxs(venue, dex)]


def _predicted_fundings(venue: Venue, request: Json, now_ms: int) -> list[Any]:
    next_ms = now_ms - now_ms % HOUR_MS + HOUR_MS
    found = []
    for listing in venue.universe.by_dex[MAIN_DEX].listings:
        ours = {"fundingRate": wire.number(RATE), "nextFundingTime": next_ms, "fundingIntervalHours": 1}
        found.append([listing.coin, [["HlPerp", ours]]])
    return found


_OWN_TABLES_FROM = 50
"""A table with a lower number is listed nowhere: one tier, whose leverage is the number."""


def _margin_table(venue: Venue, request: Json, now_ms: int) -> Json:
    number = int_of(request, "id")
    for dex in venue.universe.dexes:
        for table_id, table in wire_universe.meta(dex)["marginTables"]:
            if table_id == number:
                found: Json = table
                return found
    if not 1 <= number < _OWN_TABLES_FROM:
        raise unknown()
    return {"description": "", "marginTiers": [{"lowerBound": "0.0", "maxLeverage": number}]}


def _perp_dex_limits(venue: Venue, request: Json, now_ms: int) -> Json | None:
    dex = dex_of(venue, request)
    return None if dex.name == MAIN_DEX else wire_universe.perp_dex_limits(dex)


def _perp_dex_status(venue: Venue, request: Json, now_ms: int) -> Json:
    dex = dex_of(venue, request)
    held = sum((a.dexes[dex.name].raw_usd for a in venue.accounts.values()), ZERO)
    return {"totalNetDeposit": wire.usd(max(ZERO, held))}


def _at_open_interest_cap(venue: Venue, request: Json, now_ms: int) -> list[str]:
    dex_of(venue, request)
    return []


def _exchange_status(venue: Venue, request: Json, now_ms: int) -> Json:
    return {"time": venue.block_ms + _clock_off_ms(venue, now_ms), "specialStatuses": None}


def _clock_off_ms(venue: Venue, now_ms: int) -> int:
    ahead, behind = (venue.faults.strike(name, now_ms) for name in ("clock_ahead", "clock_behind"))
    return (ahead.ms if ahead else 0) - (behind.ms if behind else 0)


def _funding_history(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    listing = listing_of(venue, request)
    start_ms, end_ms = int_of(request, "startTime"), int_of(request, "endTime", now_ms)
    if listing.spec.is_delisted:
        return []
    first_ms = -(-max(start_ms, venue.start_ms) // HOUR_MS) * HOUR_MS
    hours = range(first_ms, min(end_ms, now_ms) + 1, HOUR_MS)[:_MAX_ROWS]
    rate = wire.number(RATE)
    return [{"coin": listing.coin, "fundingRate": rate, "premium": "0.0", "time": at_ms} for at_ms in hours]


MARKET_ANSWERS: dict[str, Callable[[Venue, Json, int], Any]] = {
    "meta": lambda v, r, t: wire_universe.meta(dex_of(v, r)),
    "metaAndAssetCtxs": _meta_and_ctxs,
    "perpDexs": lambda v, r, t: wire_universe.perp_dexs(v.universe),
    "allPerpMetas": lambda v, r, t: [wire_universe.meta(dex) for dex in v.universe.dexes],
    "perpDexLimits": _perp_dex_limits,
    "perpDexStatus": _perp_dex_status,
    "perpsAtOpenInterestCap": _at_open_interest_cap,
    "marginTable": _margin_table,
    "maxMarketOrderNtls": lambda v, r, t: wire_universe.max_market_order_usd(v.universe),
    "l2Book": l2_book,
    "allMids": lambda v, r, t: all_mids(v, dex_of(v, r)),
    "recentTrades": _recent_trades,
    "candleSnapshot": _candle_snapshot,
    "fundingHistory": _funding_history,
    "predictedFundings": _predicted_fundings,
    "exchangeStatus": _exchange_status,
}
"""Request type -> who answers it."""
