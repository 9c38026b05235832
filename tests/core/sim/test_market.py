"""The market as a whole: repeatable, worth trading on average, with losers among the chances, and never impossible."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import subprocess
import sys
from decimal import Decimal
from itertools import pairwise

import pytest
from sim_desk import Desk

from core.config import SimConfig
from core.model.rounding import is_valid_price, is_valid_size
from core.sim.exchange import Exchange
from core.sim.feed import Feed
from core.sim.market import BLOCK_MS, CoinMarket
from core.sim.universe import real_universe

MARKETS = SimConfig().markets
UNIVERSE = real_universe()
BLOCKS = 600_000 // BLOCK_MS


def walk(coin: str, seed: int):
    market = CoinMarket(UNIVERSE.by_coin[coin], seed, True, 0)
    for i in range(1, BLOCKS + 1):
        market.step(i * BLOCK_MS)
        yield i * BLOCK_MS, market


class Chance:
    """A touch taken when it was 15 bps or more from the oracle, given up at mid half a minute later."""

    def __init__(self, at_ms: int, sign: int, px: float, gap_bps: float) -> None:
        self.at_ms, self.sign, self.px, self.gap_bps = at_ms, sign, px, gap_bps
        self.result_bps: float | None = None


def study(coin: str, seed: int):
    chances: list[Chance] = []
    sizes_usd, divergences, gaps = [], [], []
    last = None
    for now_ms, market in walk(coin, seed):
        bid, ask = (float(side[0].px) for side in (market.bids, market.asks))
        oracle, mid = float(market.oracle_px), (bid + ask) / 2
        sizes_usd.append(float(market.asks[0].sz) * ask)
        gap = max((oracle / ask - 1) * 1e4, (bid / oracle - 1) * 1e4)
        gaps.append(gap)
        divergences.append((gap, abs(float(market.mark_px) / mid - 1) * 1e4))
        if last is not None and last.result_bps is None and now_ms - last.at_ms >= 30_000:
            last.result_bps = last.sign * (mid / last.px - 1) * 1e4
        if gap >= 15 and (last is None or last.result_bps is not None):
            sign = 1 if oracle > ask else -1
            last = Chance(now_ms, sign, ask if sign > 0 else bid, gap)
            chances.append(last)
    return [c for c in chances if c.result_bps is not None], sizes_usd, divergences, gaps


@pytest.fixture(scope="module")
def studies():
    return [study(coin, 7) for coin in MARKETS]


def test_taking_the_touch_pays_on_average_and_not_always(studies):
    results = [c.result_bps for chances, *_ in studies for c in chances]
    assert len(results) > 50
    assert statistics.mean(results) > 10
    losers = sum(r < 0 for r in results) / len(results)
    assert 0.1 < losers < 0.5


def openings(gaps: list[float]) -> list[int]:
    """Blocks at which a gap of 25 bps or more opened."""
    found, is_open = [], False
    for i, gap in enumerate(gaps):
        if gap >= 25 and not is_open:
            is_open = True
            found.append(i)
        elif gap < 5:
            is_open = False
    return found


def test_gaps_worth_an_entry_open_often_enough(studies):
    opened = sum(len(openings(gaps)) for *_, gaps in studies)
    assert 4 < 600 / opened < 9, f"one every {600 / opened:.1f} s"


def test_a_gap_waits_to_be_taken_then_closes_within_seconds_and_sometimes_stays(studies):
    def after(ms: int) -> list[float]:
        blocks = ms // BLOCK_MS
        return [gaps[i + blocks] / gaps[i] for *_, gaps in studies for i in openings(gaps) if i + blocks < len(gaps)]

    assert statistics.median(after(1_000)) > 0.9
    assert statistics.median(after(5_000)) < 0.6
    assert statistics.median(after(18_000)) < 0.1
    assert 0.02 < sum(share > 0.7 for share in after(24_000)) / len(after(24_000)) < 0.25


def test_gaps_stay_within_reason(studies):
    assert 60 < max(max(gaps) for *_, gaps in studies) < 200


def test_a_twentieth_of_the_touch_is_worth_an_order_nearly_always(studies):
    twentieths = [usd / 20 for _, sizes, *_ in studies for usd in sizes]
    assert sum(x >= 10 for x in twentieths) / len(twentieths) > 0.97
    assert statistics.median(twentieths) < 60


def test_the_mark_stays_near_the_mid_unless_the_gap_is_large(studies):
    assert all(d < 50 for _, _, divergences, _ in studies for gap, d in divergences if gap < 80)
    assert any(d > 50 for _, _, divergences, _ in studies for gap, d in divergences)


def test_prices_and_sizes_are_on_tick_and_lot_and_the_spread_is_a_few_bps():
    for coin in MARKETS:
        sz_decimals = UNIVERSE.by_coin[coin].spec.sz_decimals
        spreads = []
        for now_ms, market in walk(coin, 3):
            if now_ms > 30_000:
                break
            for side, direction in ((market.bids, -1), (market.asks, 1)):
                assert len(side) == 20
                assert all(is_valid_price(q.px, sz_decimals) and is_valid_size(q.sz, sz_decimals) for q in side[:3])
                assert all((b.px - a.px) * direction > 0 for a, b in pairwise(side))
            spreads.append(float(market.asks[0].px / market.bids[0].px - 1) * 1e4)
        assert 0 < statistics.mean(spreads) < 6


def test_quiet_markets_stand_still_and_delisted_ones_are_empty():
    quiet = CoinMarket(UNIVERSE.by_coin["xyz:GOLD"], 7, False, 0)
    before = (quiet.bids, quiet.asks, quiet.oracle_px)
    assert quiet.step(BLOCK_MS) == (False, None)
    assert (quiet.bids, quiet.asks, quiet.oracle_px) == before
    assert CoinMarket(UNIVERSE.by_coin["MATIC"], 7, True, 0).bids == ()


def fingerprint(seed: int, pace_ms: int, until_ms: int = 31_500, markets: tuple[str, ...] = MARKETS) -> str:
    exchange = Exchange(seed=seed, markets=markets, balance_usd=Decimal(1000), start_ms=0)
    seen = hashlib.sha256()
    for now_ms in range(pace_ms, until_ms + 1, pace_ms):
        block = exchange.advance(now_ms)
        for trade in block.trades:
            seen.update(repr(trade).encode())
        if now_ms % 6_300 == 0:
            for coin in ("xyz:SNDK", "BTC"):
                seen.update(repr(exchange.info({"type": "l2Book", "coin": coin}, now_ms)).encode())
            seen.update(repr(exchange.info({"type": "metaAndAssetCtxs", "dex": "xyz"}, now_ms)).encode())
    return seen.hexdigest()


def test_the_same_seed_gives_the_same_market_whatever_the_callers_pace():
    assert fingerprint(7, 70) == fingerprint(7, 210)
    assert fingerprint(7, 70) != fingerprint(8, 70)


def minute_of_frames() -> str:
    """A minute of the exchange with a trader and with trouble, as everything a connection hears."""
    desk = Desk(seed=7, markets=MARKETS)
    feed, heard = Feed(desk.exchange), hashlib.sha256()
    session = feed.open(lambda text: heard.update(text.encode()), desk.now_ms)
    wanted = [
        {"type": kind, "coin": coin} for coin in MARKETS for kind in ("bbo", "l2Book", "activeAssetCtx", "trades")
    ]
    wanted += [{"type": kind, "user": desk.user} for kind in ("orderUpdates", "userFills", "userEvents")]
    wanted += [{"type": kind, "user": desk.user, "dex": "xyz"} for kind in ("openOrders", "clearinghouseState")]
    for subscription in wanted:
        feed.receive(session, json.dumps({"method": "subscribe", "subscription": subscription}), desk.now_ms)
    market = desk.exchange.venue.markets["xyz:SNDK"]
    desk.control(do="fault", name="spread_shock", factor=3, for_ms=9_000)
    desk.control(do="fault", name="duplicate_frames", count=7)
    for i in range(60_000 // BLOCK_MS):
        if i % 20 == 0:
            is_buy = i % 40 == 0
            px = market.asks[0].px if is_buy else market.bids[0].px
            status = desk.order(is_buy, f"{px}", "0.02", tif="Ioc" if i % 60 else "Gtc")
            heard.update(repr(status).encode())
        feed.publish(desk.later(BLOCK_MS), desk.now_ms)
    heard.update(repr(desk.control(do="truth")).encode())
    return heard.hexdigest()


def test_the_hash_seed_of_the_interpreter_does_not_matter():
    code = "import sys; sys.path[:0] = sys.argv[1:]; import test_market; print(test_market.minute_of_frames())"
    here = os.path.dirname(__file__)
    found = {
        subprocess.run(
            [sys.executable, "-c", code, here, os.path.dirname(os.path.dirname(here))],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "12345")
    }
    assert len(found) == 1


def test_a_coin_does_not_depend_on_which_others_move():
    def sndk(markets):
        exchange = Exchange(seed=7, markets=markets, balance_usd=Decimal(1000), start_ms=0)
        exchange.advance(7_000)
        return exchange.info({"type": "l2Book", "coin": "xyz:SNDK"}, 7_000)

    assert sndk(("xyz:SNDK",)) == sndk(MARKETS)


def test_a_market_that_is_not_listed_is_refused():
    with pytest.raises(ValueError, match="xyz:NOPE"):
        Exchange(seed=1, markets=("xyz:NOPE",), balance_usd=Decimal(1), start_ms=0)


def test_a_pinned_coin_stands_still_until_released(desk):
    for _ in range(50):
        desk.later()
    assert desk.info("l2Book", coin="xyz:SNDK")["levels"][0][0]["px"] == "1698.0"
