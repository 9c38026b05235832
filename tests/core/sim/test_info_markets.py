"""Answers about markets: gathered books, scopes, candles, funding, and how wrong requests fail."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.sim.admission import WireFailure
from core.sim.book import Level
from core.sim.info_markets import coarser

HOUR = 3_600_000


def levels(*prices):
    return [Level(Decimal(px), Decimal("0.5"), 1) for px in prices]


@pytest.mark.parametrize(
    ("is_bid", "figures", "mantissa", "px"),
    [
        (True, 5, None, "1698.7"),
        (False, 5, None, "1698.7"),
        (True, 5, 2, "1698.6"),
        (False, 5, 2, "1698.8"),
        (True, 5, 5, "1698.5"),
        (False, 5, 5, "1699"),
        (True, 4, None, "1698"),
        (False, 3, None, "1700"),
        (True, 2, None, "1600"),
    ],
)
def test_gathered_prices_never_look_better_than_they_are(is_bid, figures, mantissa, px):
    (found,) = coarser(levels("1698.7"), figures, is_bid, mantissa)
    assert (found.px, found.sz) == (Decimal(px), Decimal("0.5"))


def test_levels_of_one_gathered_price_are_added():
    assert coarser(levels("1698.7", "1698.1", "1690"), 3, True) == [Level(Decimal(1690), Decimal("1.5"), 3)]
    assert coarser(levels("0.061234", "0.061199"), 4, False) == [
        Level(Decimal("0.06124"), Decimal("0.5"), 1),
        Level(Decimal("0.06120"), Decimal("0.5"), 1),
    ]
    assert coarser(levels("1"), None, True) == levels("1")


def failure(desk, kind, **fields):
    with pytest.raises(WireFailure) as failed:
        desk.info(kind, **fields)
    return failed.value.status, failed.value.text.split(":")[0]


NOT_TYPED = (422, "Failed to deserialize the JSON body into the target type")
UNKNOWN = (500, "null")


@pytest.mark.parametrize(
    ("kind", "fields", "fails"),
    [
        ("l2Book", {}, NOT_TYPED),
        ("l2Book", {"coin": "BTC", "nSigFigs": "3"}, NOT_TYPED),
        ("l2Book", {"coin": "BTC", "nSigFigs": True}, NOT_TYPED),
        ("l2Book", {"coin": "BTC", "nSigFigs": 7}, UNKNOWN),
        ("l2Book", {"coin": "BTC", "nSigFigs": 5, "mantissa": 1}, UNKNOWN),
        ("l2Book", {"coin": "BTC", "nSigFigs": 4, "mantissa": 2}, UNKNOWN),
        ("metaAndAssetCtxs", {"dex": "nope"}, UNKNOWN),
        ("meta", {"dex": 5}, NOT_TYPED),
        ("fundingHistory", {"coin": "NOPE", "startTime": 0}, UNKNOWN),
        ("fundingHistory", {"coin": "BTC"}, NOT_TYPED),
        ("fundingHistory", {"coin": "BTC", "startTime": -1}, NOT_TYPED),
        ("candleSnapshot", {}, NOT_TYPED),
        ("candleSnapshot", {"req": {"coin": "BTC", "interval": "7m", "startTime": 0}}, NOT_TYPED),
        ("candleSnapshot", {"req": {"coin": "BTC", "interval": "1m"}}, NOT_TYPED),
        ("candleSnapshot", {"req": {"coin": "NOPE", "interval": "1m", "startTime": 0}}, UNKNOWN),
        ("marginTable", {"id": 57}, UNKNOWN),
        ("marginTable", {}, NOT_TYPED),
        ("activeAssetData", {"user": "0x" + "1" * 40, "coin": "NOPE"}, UNKNOWN),
        ("recentTrades", {}, NOT_TYPED),
    ],
)
def test_wrong_requests(desk, kind, fields, fails):
    assert failure(desk, kind, **fields) == fails


def test_without_a_dex_the_main_one_is_meant(desk):
    for fields in ({}, {"dex": ""}, {"dex": None}):
        assert "BTC" in desk.info("allMids", **fields)
        assert desk.info("meta", **fields)["universe"][0]["name"] == "BTC"
    assert all(coin.startswith("xyz:") for coin in desk.info("allMids", dex="xyz"))


def test_contexts_stand_in_the_order_of_the_universe(desk):
    for dex in ("", "xyz"):
        meta, ctxs = desk.info("metaAndAssetCtxs", dex=dex)
        assert len(meta["universe"]) == len(ctxs)
        by_name = {m["name"]: ctx for m, ctx in zip(meta["universe"], ctxs, strict=True)}
        assert {name for name, ctx in by_name.items() if ctx["midPx"] is None} == {
            m["name"] for m in meta["universe"] if m.get("isDelisted")
        }
    assert by_name["xyz:SNDK"]["oraclePx"] == "1700.0"
    assert [m["universe"][0]["name"] for m in desk.info("allPerpMetas")][:2] == ["BTC", "xyz:XYZ100"]


def test_a_books_extremes(desk):
    assert desk.info("l2Book", coin="xyz:SNDK", nSigFigs=5, mantissa=5)["levels"][1][0]["px"] == "1699.0"
    assert desk.info("l2Book", coin="PURR/USDC")["levels"] == [[], []]
    assert desk.info("l2Book", coin="sndk") is None
    assert desk.info("recentTrades", coin="NOPE") == []


def test_candles_are_made_of_what_was_traded(desk):
    wanted = {"coin": "xyz:SNDK", "interval": "1m", "startTime": 0}
    assert desk.info("candleSnapshot", req=wanted) == []
    desk.order(True, "1700", "0.05")
    desk.order(False, "1690", "0.05")
    (candle,) = desk.info("candleSnapshot", req=wanted)
    assert [candle[k] for k in ("s", "i", "o", "h", "l", "c", "v", "n")] == [
        *("xyz:SNDK", "1m", "1699.0", "1699.0", "1698.0", "1698.0", "0.1", 2)
    ]
    assert candle["T"] - candle["t"] == 59_999
    assert desk.info("candleSnapshot", req={**wanted, "startTime": candle["T"] + 1}) == []


def test_every_full_hour_has_a_funding_rate(desk):
    begun = desk.now_ms
    assert desk.info("fundingHistory", coin="BTC", startTime=0) == []
    desk.later(3 * HOUR)
    rows = desk.info("fundingHistory", coin="BTC", startTime=0)
    assert [r["time"] % HOUR for r in rows] == [0, 0, 0]
    assert begun < rows[0]["time"] <= desk.now_ms
    assert desk.info("fundingHistory", coin="BTC", startTime=rows[1]["time"], endTime=rows[1]["time"]) == [rows[1]]
    assert desk.info("fundingHistory", coin="MATIC", startTime=0) == []
    (_, [[where, predicted]]), *_ = desk.info("predictedFundings")
    assert where == "HlPerp"
    assert predicted["nextFundingTime"] == rows[-1]["time"] + HOUR


def test_margin_tables_are_those_that_the_universe_names(desk):
    for entry in desk.info("meta", dex="xyz")["universe"]:
        tiers = desk.info("marginTable", id=entry["marginTableId"])["marginTiers"]
        assert tiers == [{"lowerBound": "0.0", "maxLeverage": entry["maxLeverage"]}]
