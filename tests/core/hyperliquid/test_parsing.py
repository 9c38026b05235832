"""WebSocket frames -> events, on the protocol's own examples, on broken ones, and on anything at all."""

from __future__ import annotations

import json
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hyperliquid.parsing import PongReceived, parse_frame
from core.hyperliquid.wire_values import number, order_status
from core.messages.events import (
    AssetCtx,
    Bbo,
    ChannelError,
    Event,
    Fills,
    OrderOutcome,
    OrderUpdates,
    Outcome,
    PostRefused,
    PostReply,
    Subscribed,
)
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus

GOLDEN = Path(__file__).parents[2] / "golden" / "messages"
SNDK = MarketKey("xyz", "SNDK")


def load(name: str) -> Any:
    return json.loads((GOLDEN / f"ws_{name}.json").read_text())


def parse(name: str) -> list[Any]:
    return parse_frame((GOLDEN / f"ws_{name}.json").read_bytes())


def only(name: str) -> Any:
    (event,) = parse(name)
    return event


# --- market data -----------------------------------------------------------------------------------------------------


def test_bbo() -> None:
    assert only("bbo") == Bbo(SNDK, 1790232237073, D("1698.1"), D("0.2"), D("1698.6"), D("1.0"))


def test_bbo_with_a_missing_side() -> None:
    assert only("bbo_one_sided") == Bbo(SNDK, 1790232237140, None, None, D("1698.6"), D("1.0"))


def test_book_frames_give_their_touch_and_say_so() -> None:
    assert only("l2book") == Bbo(
        MarketKey("xyz", "SP500"), 1790232237073, D("7673.3"), D("8.066"), D("7673.4"), D("3.1"), from_book=True
    )
    assert only("l2book_fast").market == MarketKey("", "BTC")


def test_asset_context() -> None:
    assert only("active_asset_ctx") == AssetCtx(
        SNDK, D("1698.2"), D("1698.3"), D("1698.35"), D("812.3"), D("0.0000125")
    )


def test_asset_context_of_an_empty_book_has_no_mid() -> None:
    ctx = only("active_asset_ctx_empty_book")
    assert ctx.mid_px is None
    assert ctx.funding == D("-0.0000125")


@pytest.mark.parametrize(
    "px", ["NaN", "Infinity", "-Infinity", "sNaN", "-1", "0", "1e99", "1" * 40, "", " 1", "1_000", "0x10", "1e-999999"]
)
def test_a_price_that_makes_no_sense_is_an_error_not_a_quote(px: str) -> None:
    frame = load("bbo")
    frame["data"]["bbo"][0]["px"] = px
    (event,) = parse_frame(json.dumps(frame))
    assert isinstance(event, ChannelError)
    assert "bbo" in event.text


@pytest.mark.parametrize("px", [1698.1, None, True, [], {}])
def test_a_price_that_is_not_text_is_an_error(px: Any) -> None:
    frame = load("bbo")
    frame["data"]["bbo"][0]["px"] = px
    (event,) = parse_frame(json.dumps(frame))
    assert isinstance(event, ChannelError)


@pytest.mark.parametrize("time", [-1, 10**15, 1.5, "1", None])
def test_a_time_that_makes_no_sense_is_an_error(time: Any) -> None:
    frame = load("bbo")
    frame["data"]["time"] = time
    (event,) = parse_frame(json.dumps(frame))
    assert isinstance(event, ChannelError)


# --- account ---------------------------------------------------------------------------------------------------------


def test_order_update() -> None:
    (report,) = only("order_updates_open").orders
    assert report.market == SNDK
    assert report.oid == 57118842019
    assert report.cloid == "0xa1f0cddc000000000000000000000001"
    assert report.side is OrderSide.BUY
    assert report.limit_px == D("1698.1")
    assert (report.remaining, report.original_size) == (D("0.05"), D("0.05"))
    assert not report.reduce_only
    assert (report.status, report.status_text) == (OrderStatus.OPEN, "open")
    assert (report.status_time_ms, report.placed_time_ms) == (1790232237140, 1790232237140)


def test_both_updates_of_one_message_are_kept_in_order() -> None:
    first, second = only("order_updates_open_then_filled").orders
    assert (first.status, second.status) == (OrderStatus.OPEN, OrderStatus.FILLED)
    assert second.remaining == 0


def test_open_with_less_than_the_original_size_is_partly_filled() -> None:
    frame = load("order_updates_open")
    frame["data"][0]["order"]["sz"] = "0.02"
    (event,) = parse_frame(json.dumps(frame))
    assert event.orders[0].status is OrderStatus.PARTIAL_FILLED


def test_order_without_cloid_reduce_only() -> None:
    (report,) = only("order_updates_ioc_no_match").orders
    assert report.cloid is None
    assert report.reduce_only
    assert report.side is OrderSide.SELL
    assert report.status is OrderStatus.REJECTED


def test_l03_one_bad_element_costs_only_itself() -> None:
    frame = load("order_updates_open_then_filled")
    frame["data"].insert(1, {"order": {"coin": 7}, "status": "open"})
    updates, error = parse_frame(json.dumps(frame))
    assert isinstance(updates, OrderUpdates)
    assert [o.status for o in updates.orders] == [OrderStatus.OPEN, OrderStatus.FILLED]
    assert isinstance(error, ChannelError)
    assert "orderUpdates" in error.text


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("open", OrderStatus.OPEN),
        ("triggered", OrderStatus.OPEN),
        ("accepted", OrderStatus.OPEN),
        ("filled", OrderStatus.FILLED),
        ("canceled", OrderStatus.CANCELED),
        ("reduceOnlyCanceled", OrderStatus.CANCELED),
        ("scheduledCancel", OrderStatus.CANCELED),
        ("internalCancel", OrderStatus.CANCELED),
        ("rejected", OrderStatus.REJECTED),
        ("iocCancelRejected", OrderStatus.REJECTED),
        ("somethingNewOfNextYearCanceled", OrderStatus.CANCELED),
        ("somethingNewOfNextYearRejected", OrderStatus.REJECTED),
        ("somethingNewOfNextYear", OrderStatus.UNKNOWN),
        ("", OrderStatus.UNKNOWN),
    ],
)
def test_l35_status_words_known_and_unknown(word: str, status: OrderStatus) -> None:
    assert order_status(word) is status


def test_fills_snapshot_comes_out_oldest_first() -> None:
    fills = only("user_fills_snapshot")
    assert isinstance(fills, Fills)
    assert fills.is_snapshot
    assert [f.tid for f in fills.fills] == [111, 17679709382320]
    newest = fills.fills[1]
    assert newest.key == (1790232237140, "xyz:SNDK", 17679709382320)
    assert (newest.price, newest.size, newest.fee) == (D("1698.6"), D("0.05"), D("0.007644"))
    assert (newest.side, newest.crossed, newest.direction) == (OrderSide.BUY, True, "Open Long")
    assert newest.cloid == "0xa1f0cddc000000000000000000000002"
    assert fills.fills[0].cloid is None


def test_fills_of_one_millisecond_keep_the_order_they_happened_in() -> None:
    frame = load("user_fills_snapshot")
    newest, oldest = frame["data"]["fills"]
    frame["data"]["fills"] = [{**newest, "tid": 3}, {**newest, "tid": 2}, {**newest, "tid": 1}, oldest]
    (fills,) = parse_frame(json.dumps(frame))
    assert [f.tid for f in fills.fills] == [111, 1, 2, 3]


def test_an_empty_snapshot_is_news() -> None:
    assert only("user_fills_snapshot_empty") == Fills((), is_snapshot=True)


def test_live_fills_lack_the_snapshot_key() -> None:
    assert not only("user_fills_live").is_snapshot
    assert not only("user_fills").is_snapshot


def test_a_bad_fill_costs_only_itself() -> None:
    frame = load("user_fills_snapshot")
    frame["data"]["fills"][0]["px"] = "NaN"
    fills, error = parse_frame(json.dumps(frame))
    assert [f.tid for f in fills.fills] == [111]
    assert isinstance(error, ChannelError)


def test_user_events_besides_fills() -> None:
    assert parse("user_funding") == []
    assert only("user_liquidation").text.startswith("liquidation: ")
    text = only("user_non_user_cancel").text
    assert text.startswith("canceled by the exchange")
    assert "57118842019" in text


# --- answers to posts --------------------------------------------------------------------------------------------------


def test_post_resting() -> None:
    assert only("post_resting") == PostReply(256, (OrderOutcome(Outcome.RESTING, 88383),))


def test_post_filled() -> None:
    assert only("post_filled") == PostReply(257, (OrderOutcome(Outcome.FILLED, 77747314, D("0.02"), D("1891.4")),))


def test_l36_every_element_is_judged() -> None:
    filled, error = only("post_errors_among_fills").outcomes
    assert filled.outcome is Outcome.FILLED
    assert error == OrderOutcome(Outcome.ERROR, error="Order must have minimum value of $10. asset=4")


def test_post_waiting_and_cancel_words() -> None:
    assert [o.outcome for o in only("post_waiting").outcomes] == [Outcome.WAITING, Outcome.WAITING]
    success, error = only("post_cancel").outcomes
    assert success == OrderOutcome(Outcome.CANCELED)
    assert error.outcome is Outcome.ERROR


def test_post_default_has_no_outcomes() -> None:
    assert only("post_default") == PostReply(261, ())


def test_post_refused() -> None:
    assert only("post_refused") == PostRefused(262, "Invalid nonce: duplicate nonce 1705000000000")


def test_post_answered_with_a_transport_error_leaves_the_outcome_open() -> None:
    refused = only("post_transport_error")
    assert refused.post_id == 263
    assert refused.is_transport
    assert refused.error.startswith("422")


@pytest.mark.parametrize(
    "element",
    [
        "confirmed",
        {"placed": {"oid": 1}},
        {},
        7,
        None,
        [],
        {"filled": {"oid": 1, "totalSz": "NaN", "avgPx": "1"}},
        {"filled": {"totalSz": "1", "avgPx": "1"}},
        {"resting": {"oid": -1}},
    ],
)
def test_an_element_not_understood_is_unreadable_and_costs_only_itself(element: Any) -> None:
    frame = load("post_filled")
    frame["data"]["response"]["payload"]["response"]["data"]["statuses"].insert(0, element)
    (reply,) = parse_frame(json.dumps(frame))
    assert [o.outcome for o in reply.outcomes] == [Outcome.UNREADABLE, Outcome.FILLED]
    assert reply.outcomes[0].error


@pytest.mark.parametrize(
    "response",
    [
        {"type": "action", "payload": {"status": "maybe", "response": "x"}},
        {"type": "action", "payload": None},
        {"type": "action"},
        {"type": "info", "payload": {"type": "l2Book", "data": None}},
        {"type": "action", "payload": {"status": "ok", "response": {"type": "order", "data": {"statuses": {}}}}},
        None,
        [],
    ],
)
def test_an_answer_not_understood_leaves_the_outcome_open(response: Any) -> None:
    error, refused = parse_frame(json.dumps({"channel": "post", "data": {"id": 9, "response": response}}))
    assert isinstance(error, ChannelError)
    assert isinstance(refused, PostRefused)
    assert refused.post_id == 9
    assert refused.is_transport


# --- the connection --------------------------------------------------------------------------------------------------


def test_acknowledgements_name_type_and_target() -> None:
    assert only("subscription_bbo") == Subscribed("bbo", "xyz:SNDK")
    assert only("subscription_l2book") == Subscribed("l2Book", "xyz:SNDK")
    assert only("subscription_user_fills") == Subscribed("userFills", "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
    assert parse("unsubscription") == []


def test_errors_are_shown() -> None:
    assert only("error_already_subscribed").text.startswith("Already subscribed")


def test_a_post_refused_on_the_error_channel_is_answered() -> None:
    error, refused = parse("error_pending_posts")
    assert isinstance(error, ChannelError)
    assert refused == PostRefused(7, "too many pending post requests id=7", is_transport=True)


def test_pong() -> None:
    assert only("pong") == PongReceived()
    assert parse_frame('{"channel":"pong"}') == [PongReceived()]


def test_the_greeting_says_nothing() -> None:
    assert parse_frame("Websocket connection established.") == []
    assert parse_frame(b"Websocket connection established.") == []


@pytest.mark.parametrize("raw", ["", "hello", b"\xff\xfe", "[]", "null", "7", '{"data":1}', '{"channel":7}', "\ud800"])
def test_what_is_no_frame_is_an_error(raw: str | bytes) -> None:
    (event,) = parse_frame(raw)
    assert isinstance(event, ChannelError)
    assert len(event.text) < 2000


def test_an_unknown_channel_is_named() -> None:
    assert "trades" in only("trades").text


@pytest.mark.parametrize("depth", [100, 100_000])
def test_deep_nesting_is_an_error(depth: int) -> None:
    (event,) = parse_frame('{"channel":"bbo","data":' + "[" * depth + "]" * depth + "}")
    assert isinstance(event, ChannelError)


def test_every_recorded_message_is_understood_or_deliberately_an_error() -> None:
    errors = {p.stem for p in GOLDEN.glob("ws_*.json") for e in parse_frame(p.read_bytes()) if type(e) is ChannelError}
    assert errors == {
        "ws_error_already_subscribed",
        "ws_error_pending_posts",
        "ws_trades",
        "ws_user_liquidation",
        "ws_user_non_user_cancel",
    }


# --- anything at all ---------------------------------------------------------------------------------------------------

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=15,
)
_channels = st.sampled_from(
    ["bbo", "activeAssetCtx", "l2Book", "orderUpdates", "userFills", "user", "post", "subscriptionResponse", "error"]
)


def check_events(events: list[Any]) -> None:
    for event in events:
        assert isinstance(event, (Event, PongReceived))
        if isinstance(event, Bbo):
            assert all(v is None or v.is_finite() for v in (event.bid_px, event.bid_sz, event.ask_px, event.ask_sz))


@given(st.binary(max_size=200))
def test_any_bytes_at_all(raw: bytes) -> None:
    check_events(parse_frame(raw))


@given(st.text(max_size=200))
def test_any_text_at_all(raw: str) -> None:
    check_events(parse_frame(raw))


@given(_channels, _json)
def test_any_json_in_our_channels(channel: str, data: Any) -> None:
    check_events(parse_frame(json.dumps({"channel": channel, "data": data})))


FRAMES = [json.loads(p.read_text()) for p in sorted(GOLDEN.glob("ws_*.json"))]


@settings(max_examples=300)
@given(st.sampled_from(FRAMES), st.randoms(use_true_random=False), _json)
def test_any_one_value_of_a_real_frame_replaced(frame: Any, dice: Any, junk: Any) -> None:
    check_events(parse_frame(json.dumps(replace_one(frame, dice, junk))))


@settings(max_examples=200)
@given(st.sampled_from(FRAMES), st.integers(min_value=0, max_value=600))
def test_any_real_frame_cut_short(frame: Any, length: int) -> None:
    check_events(parse_frame(json.dumps(frame)[:length]))


def replace_one(value: Any, dice: Any, junk: Any) -> Any:
    """A copy with one value, somewhere inside, replaced."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(sorted(value))
        return {**value, key: replace_one(value[key], dice, junk)}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [*value[:at], replace_one(value[at], dice, junk), *value[at + 1 :]]
    return junk


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=8))
def test_every_ordinary_number_is_read_exactly(value: D) -> None:
    assert number(format(value, "f")) == value


def test_fills_of_somebody_else_are_not_ours() -> None:
    """A server that mixes up its users must not give us their positions."""
    raw = json.dumps({"channel": "userFills", "data": {"user": "0x" + "C" * 40, "isSnapshot": True, "fills": []}})
    assert [type(e) for e in parse_frame(raw)] == [Fills], "nobody said whose they should be"
    assert [type(e) for e in parse_frame(raw, "0x" + "c" * 40)] == [Fills], "the case of an address says nothing"
    (error,) = parse_frame(raw, "0x" + "a" * 40)
    assert isinstance(error, ChannelError)
    assert "userFills of another user" in error.text


def test_fills_that_do_not_say_whose_they_are_are_those_asked_for() -> None:
    raw = json.dumps({"channel": "userFills", "data": {"isSnapshot": True, "fills": []}})
    assert [type(e) for e in parse_frame(raw, "0x" + "a" * 40)] == [Fills]
