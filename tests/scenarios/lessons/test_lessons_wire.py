"""Lessons about what goes over the wire and what comes back: numbers, bytes, frames. One story each."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from engine_rig import BUY, NOW, SELL, D, Rig, orders_of, report_of, update
from lesson_stage import ME, SNDK, WireStage, wire_config

from core.hyperliquid.parsing import parse_frame
from core.hyperliquid.signing import recover_l1_signer
from core.messages.commands import FlattenAll, TripHardStop
from core.messages.effects import Alert
from core.messages.snapshot import TradingState
from core.model.market import MarketKey
from core.model.order import OrderStatus


def tell(rig: Rig, channel: str, data: Any) -> None:
    """A frame of the exchange arrives."""
    for event in parse_frame(json.dumps({"channel": channel, "data": data})):
        rig.handle(event)


def element(order: Any, status: str, oid: int = 900, filled: str = "0") -> dict[str, Any]:
    """One element of an orderUpdates frame."""
    said = {
        "coin": order.market.name,
        "side": "B" if order.side is BUY else "A",
        "limitPx": str(order.price),
        "sz": str(order.size - D(filled)),
        "oid": oid,
        "timestamp": NOW,
        "origSz": str(order.size),
        "cloid": order.cloid,
    }
    return {"order": said, "status": status, "statusTimestamp": NOW}


def numbers_sent(stage: WireStage) -> list[str]:
    return [o[key] for o in stage.orders_on_wire() for key in ("p", "s")]


def test_l03_an_element_nobody_understands_costs_only_itself() -> None:
    """One frame speaks of two orders, and a third element in the middle of it is rubbish. Both orders end; the rubbish is counted and
    shown in the trail, word for word."""
    rig = Rig()
    one = orders_of(rig.enter(SNDK))[0]
    rig.advance(200)
    other = orders_of(rig.enter(MarketKey.parse("BTC")))[0]
    rubbish = {"order": {"coin": 7}, "status": []}
    tell(rig, "orderUpdates", [element(one, "iocCancelRejected", 900), rubbish, element(other, "canceled", 901)])
    assert rig.order(one).status is OrderStatus.REJECTED
    assert rig.order(other).status is OrderStatus.CANCELED
    assert rig.snapshot().tally.errors == 1
    (said,) = rig.audit("channel")
    assert "an element was not understood" in said
    assert '"coin": 7' in said


def test_l12_a_size_that_rounds_to_nothing_never_leaves() -> None:
    """The touch is so thin that our share of it is less than a lot, and the dislocation goes on for a minute. Nothing is sent, not once;
    the operator reads why, counted once and not at every look."""
    stage = WireStage()
    stage.pin(SNDK, "1705", "1697", "1698", "0.015")
    stage.advance(60_000)
    assert stage.wire == []
    assert stage.market(SNDK).last_denial == "size: rounds to zero lots"
    assert dict(stage.snapshot().tally.denied)["size"] == 1
    assert stage.snapshot().state is TradingState.ACTIVE


def test_l13_no_number_on_the_wire_is_longer_than_its_market_allows() -> None:
    """Fee scales, fractions of the touch and averages give sizes and prices of 25 digits inside. What leaves has at most the market's lot
    and tick, is spelt the same when it is hashed and when it is sent, and the exchange takes it."""
    stage = WireStage()
    stage.pin(SNDK, "1711.123456789", "1697.4", "1698.7", "0.333")
    stage.advance(1_200)
    stage.settle()
    stage.advance(32_000)
    assert len(stage.wire) == 2
    for text in numbers_sent(stage):
        assert len(text) <= 7, text
        assert re.fullmatch(r"[0-9]+(\.[0-9]*[1-9])?", text), text
    assert [a["error"] for a in stage.truth()["actions"]] == [None, None]
    assert "rejected" not in {e.kind for e in stage.snapshot().audit}


def test_l14_the_exchange_recovers_our_address_from_the_very_text_that_left() -> None:
    """r and s are hex with 0x, v is a number, and the keys stand in the order that was hashed. The exchange, which hashes what it
    received, finds our address in the text; with two keys changed places it would have found a stranger's."""
    stage = WireStage()
    stage.enter()
    text = stage.bytes_of[stage.posts[0].post_id].decode()
    sent = json.loads(text)
    assert re.search(r'"signature":\{"r":"0x[0-9a-f]{64}","s":"0x[0-9a-f]{64}","v":2[78]\}', text)
    assert list(sent["action"]) == ["type", "orders", "grouping"]
    assert list(sent["action"]["orders"][0]) == ["a", "b", "p", "s", "r", "t", "c"]
    signed = (sent["signature"], sent["vaultAddress"], sent["nonce"], sent["expiresAfter"], False)
    assert recover_l1_signer(sent["action"], *signed) == ME
    swapped = {key: sent["action"][key] for key in ("orders", "type", "grouping")}
    assert recover_l1_signer(swapped, *signed) != ME
    assert stage.held() == {"xyz:SNDK": "0.029"}


def test_l15_a_trailing_zero_is_never_signed() -> None:
    """An exit comes out at a whole number: 1% under a mid of 1700 is 1683.0. It leaves as 1683, and the exchange, which drops zeros
    before it hashes, knows whose it is."""
    stage = WireStage()
    stage.enter()
    stage.pin(SNDK, "1700", "1699.9", "1700.1", "100")
    stage.advance(1_000)
    stage.handle(FlattenAll(command_id="f"))
    stage.advance(200)
    assert stage.orders_on_wire()[-1]["p"] == "1683"
    assert all(not text.endswith("0") or "." not in text for text in numbers_sent(stage))
    assert stage.held() == {}


def test_l15_a_signature_that_does_not_fit_is_called_by_its_name() -> None:
    """Something on the way rewrites our bytes. The exchange speaks of a wallet that does not exist, another one each time; the operator
    is told "signature mismatch" and where to look, not that somebody's wallet is missing."""
    stage = WireStage()
    stage.tamper = lambda payload: payload.replace(b'"b":true', b'"b":false')
    stage.enter()
    stage.advance(2_000)
    stage.enter()
    refusals = [a["error"] for a in stage.truth()["actions"]]
    assert all(r.startswith("User or API Wallet 0x") for r in refusals)
    assert len(set(refusals)) == 2
    told = [a for a in stage.effects(Alert) if a.title == "signature mismatch"]
    assert len(told) == 2
    assert "check key, agent approval and network (simulator)" in told[0].body
    assert stage.held() == {}
    assert not stage.m.orders.is_busy(SNDK)


@pytest.mark.parametrize("word", ["iocCancelRejected", "somethingNewCanceled", "minTradeNtlRejected"])
def test_l35_a_status_never_seen_before_ends_its_order_by_its_last_syllables(word: str) -> None:
    """The exchange invents a word that ends in Rejected or Canceled. The order is over, its market free, and the word itself is what the
    operator reads as the reason."""
    rig = Rig()
    order = orders_of(rig.enter())[0]
    tell(rig, "orderUpdates", [element(order, word)])
    view = rig.order(order)
    assert view.status.is_terminal
    assert view.reason == word
    assert not rig.m.orders.is_busy(SNDK)


def test_l35_a_word_that_says_nothing_is_shown_and_looked_up() -> None:
    """A word without any known ending. Nothing breaks and nothing is assumed: the order is UNKNOWN on the screen, the word is in the trail,
    its market stays closed, and the exchange is asked by cloid until its answer makes sense."""
    rig = Rig()
    order = orders_of(rig.enter())[0]
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.UNKNOWN, 900, text="hovering")
    tell(rig, "orderUpdates", [element(order, "hovering")])
    assert rig.order(order).status is OrderStatus.UNKNOWN
    assert rig.market(SNDK).gate == "pending order"
    assert any("unknown status 'hovering'" in text for text in rig.audit("status"))
    rig.advance(2_000)
    assert rig.m.orders.is_busy(SNDK)
    rig.venue.known[order.cloid] = report_of(order, OrderStatus.CANCELED, 900)
    rig.advance(2_000)
    assert rig.order(order).status is OrderStatus.CANCELED


def two_exits(rig: Rig) -> Any:
    rig.open_position(SNDK)
    rig.open_position(MarketKey.parse("xyz:NVDA"))
    rig.handle(FlattenAll(command_id="f"))
    rig.advance(100)
    post = rig.posts[-1]
    assert len(orders_of(post)) == 2
    return post


def answer(rig: Rig, post: Any, statuses: list[Any]) -> None:
    payload = {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}
    tell(rig, "post", {"id": post.post_id, "response": {"type": "action", "payload": payload}})


def test_l36_each_order_of_a_batch_is_judged_by_its_own_status() -> None:
    """Two exits in one action; the answer is "ok", and inside it one was filled and the other refused. The refused one is not shown as
    filled: its position is still there and is tried again at once."""
    rig = Rig()
    post = two_exits(rig)
    filled, refused = orders_of(post)
    fill = rig.execute(filled)
    answer(
        rig,
        post,
        [
            {"filled": {"oid": fill.oid, "totalSz": str(fill.size), "avgPx": str(fill.price)}},
            {"error": "Order could not immediately match against any resting orders. asset=110002"},
        ],
    )
    rig.show(fill)
    assert rig.order(filled).status is OrderStatus.FILLED
    assert rig.order(refused).status is OrderStatus.REJECTED
    assert [p.market for p in rig.snapshot().positions] == [refused.market]
    rig.advance(600)
    assert [o.market for o in orders_of(rig.posts[-1])] == [refused.market]


def test_l36_one_error_for_a_whole_batch_is_every_orders_error() -> None:
    """The exchange answers a batch of two with a single error, as it does when a check fails before any order is looked at. Both are
    rejected, neither is left waiting for an answer that will not come, and the trail says that one stood for all."""
    rig = Rig()
    post = two_exits(rig)
    answer(rig, post, [{"error": "Order has invalid size."}])
    assert [rig.order(o).status for o in orders_of(post)] == [OrderStatus.REJECTED] * 2
    assert {rig.order(o).reason for o in orders_of(post)} == {"Order has invalid size."}
    assert any("one error for all: Order has invalid size." in text for text in rig.audit("post"))
    rig.advance(600)
    assert len(orders_of(rig.posts[-1])) == 2, "both are tried again"


def test_l37_nobody_is_paid_for_our_orders_who_was_not_asked_for() -> None:
    """A whole life: entry, exit, hard stop with a cancel. No action that leaves carries a builder, and what the exchange charged is the
    taker fee of the market and nothing on top."""
    stage = WireStage()
    stage.by_hand(SNDK, BUY, "1500", "0.02", c="0x" + "ab" * 16)
    stage.enter()
    stage.handle(TripHardStop(command_id="x"))
    stage.advance(3_000)
    assert {w["action"]["type"] for w in stage.wire} == {"order", "cancel"}
    for sent in stage.wire:
        assert "builder" not in sent["action"]
        assert b"builder" not in json.dumps(sent).encode()
    rate = stage.m.fee_bps(SNDK) / 10_000
    fills = stage.truth()["fills"]
    assert len(fills) == 2
    for fill in fills:
        assert abs(D(fill["fee"]) - D(fill["px"]) * D(fill["sz"]) * rate) < D("0.000001")
        assert "builderFee" not in fill


@pytest.mark.parametrize("market", ["xyz:SNDK", "xyz:RIVN", "xyz:EUR", "XRP", "kPEPE", "BTC"])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_l44_every_price_is_on_the_tick_of_its_perp(market: str, side: Any) -> None:
    """Markets from 0.006 to 95,000 with lots from whole coins to a hundred-thousandth. Entries and exits on either side are rounded by the
    rule for perps (six decimals less the size's, never the eight of spot), and the exchange never speaks of a tick."""
    key = MarketKey.parse(market)
    stage = WireStage(wire_config(market))
    stage.enter(key, side)
    stage.handle(FlattenAll(command_id="f"))
    stage.advance(500)
    entry, exit_ = stage.orders_on_wire()
    for px in (D(entry["p"]), D(exit_["p"])):
        assert len(px.as_tuple().digits) <= 5, px
        assert -px.as_tuple().exponent <= 6 - stage.m.specs[key].sz_decimals, px
    assert stage.held() == {}
    assert stage.snapshot().tally.orders_rejected == 0


def test_l44_a_price_between_two_ticks_goes_to_the_crossing_side() -> None:
    """A mid whose 1% falls between ticks: the sell is rounded down and the buy up, so that an exit never misses by a fraction of a tick."""
    key = MarketKey.parse("kPEPE")
    for side, text in ((SELL, "0.006048"), (BUY, "0.006172")):  # exactly 0.0060489 and 0.0061711
        stage = WireStage(wire_config("kPEPE"))
        stage.enter(key, side.opposite)
        stage.pin(key, "0.00611", "0.006105", "0.006115", "1000000")
        stage.advance(1_000)
        stage.handle(FlattenAll(command_id="f"))
        stage.advance(200)
        assert stage.orders_on_wire()[-1]["p"] == text
        assert stage.held() == {}


def test_l03_a_single_object_in_place_of_the_list_is_no_silence() -> None:
    """The frame is an object where a list belongs. It moves nothing, but it is counted and shown; nobody believes that nothing came."""
    rig = Rig()
    order = orders_of(rig.enter())[0]
    tell(rig, "orderUpdates", element(order, "canceled"))
    assert not rig.order(order).status.is_terminal
    assert rig.snapshot().tally.errors == 1
    assert "orderUpdates not understood" in rig.audit("channel")[0]
    rig.handle(update(report_of(order, OrderStatus.CANCELED, 900)))
    assert rig.order(order).status is OrderStatus.CANCELED
