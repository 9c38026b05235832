"""Key order of what we build, and what the exchange makes of what anybody sends."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hyperliquid.actions import (
    KNOWN_ACTIONS,
    batch_action,
    cancel_action,
    cancel_by_cloid_action,
    canonical_action,
    envelope,
    noop_action,
    order_action,
    schedule_cancel_action,
    update_leverage_action,
)
from core.hyperliquid.signing import SigningKey, action_hash, recover_l1_signer, sign_l1_action
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import Cancels, Orders, OrderSide, PendingCancel, PendingOrder, TimeInForce

SNDK, BTC = MarketKey("xyz", "SNDK"), MarketKey("", "BTC")
IDS = {SNDK: 110016, BTC: 0}
CLOID = Cloid("0x6869703300000001000000000000abcd")
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "l1_actions.json").read_text())


def order(**changes: Any) -> PendingOrder:
    fields: dict[str, Any] = {
        "cloid": CLOID,
        "market": SNDK,
        "side": OrderSide.BUY,
        "price": Decimal("1698.10"),
        "size": Decimal("0.050"),
        "reduce_only": False,
        "tif": TimeInForce.IOC,
        "created_at_ms": 1,
    }
    return PendingOrder(**fields | changes)


def text(action: dict[str, Any]) -> str:
    """JSON keeps the order of the keys, so equal text is equal order."""
    return json.dumps(action, separators=(",", ":"))


# --- building -----------------------------------------------------------------------------------------------------------


def test_orders_have_the_exchanges_key_order() -> None:
    exit_order = order(market=BTC, side=OrderSide.SELL, price=Decimal("95000"), reduce_only=True, tif=TimeInForce.GTC)
    assert text(order_action([order(), exit_order], IDS.__getitem__)) == (
        '{"type":"order","orders":['
        f'{{"a":110016,"b":true,"p":"1698.1","s":"0.05","r":false,"t":{{"limit":{{"tif":"Ioc"}}}},"c":"{CLOID}"}},'
        f'{{"a":0,"b":false,"p":"95000","s":"0.05","r":true,"t":{{"limit":{{"tif":"Gtc"}}}},"c":"{CLOID}"}}'
        '],"grouping":"na"}'
    )


def test_no_order_carries_a_builder_fee() -> None:
    assert "builder" not in order_action([order()], IDS.__getitem__)


def test_built_order_equals_the_golden_vector() -> None:
    row = next(row for row in GOLDEN if row["name"].startswith("HIP-3 asset id"))
    built = order_action(
        [order(cloid=Cloid("0x0000000000000000000000000000abcd"), tif=TimeInForce.ALO)], IDS.__getitem__
    )
    assert text(built) == text(row["action"])
    assert "0x" + action_hash(built, None, row["nonce"], None).hex() == row["action_hash"]


def test_cancels_name_their_keys_differently() -> None:
    by_oid = (PendingCancel(SNDK, oid=481029459465),)
    by_cloid = (PendingCancel(BTC, cloid=CLOID),)
    assert text(cancel_action(by_oid, IDS.__getitem__)) == '{"type":"cancel","cancels":[{"a":110016,"o":481029459465}]}'
    assert text(cancel_by_cloid_action(by_cloid, IDS.__getitem__)) == (
        f'{{"type":"cancelByCloid","cancels":[{{"asset":0,"cloid":"{CLOID}"}}]}}'
    )


def test_a_batch_becomes_the_one_action_of_its_kind() -> None:
    by_oid, by_cloid = PendingCancel(SNDK, oid=7), PendingCancel(SNDK, cloid=CLOID)
    assert batch_action(Orders((order(),)), IDS.__getitem__) == order_action([order()], IDS.__getitem__)
    assert batch_action(Cancels((by_oid,)), IDS.__getitem__)["type"] == "cancel"
    assert batch_action(Cancels((by_cloid,)), IDS.__getitem__)["type"] == "cancelByCloid"


@pytest.mark.parametrize(
    "batch",
    [
        Orders(()),
        Cancels(()),
        Cancels((PendingCancel(SNDK, oid=7), PendingCancel(SNDK, cloid=CLOID))),
        Cancels((PendingCancel(SNDK, cloid=CLOID), PendingCancel(SNDK, oid=7))),
        Orders((order(cloid=Cloid("test-cloid-001")),)),
        Orders((order(size=Decimal(0)),)),
        Orders((order(price=Decimal(-1)),)),
        Orders((order(),) * 201),
    ],
    ids=["no orders", "no cancels", "oid then cloid", "cloid then oid", "bad cloid", "zero size", "price", "201"],
)
def test_what_must_never_leave_is_our_own_mistake(batch: Orders | Cancels) -> None:
    with pytest.raises(AssertionError):
        batch_action(batch, IDS.__getitem__)


def test_the_small_actions() -> None:
    golden = {row["name"]: text(row["action"]) for row in GOLDEN}
    assert text(update_leverage_action(110016, False, 5)) == golden["updateLeverage"]
    assert text(schedule_cancel_action(1705000010000)) == golden["scheduleCancel set"]
    assert text(schedule_cancel_action(None)) == golden["scheduleCancel clear"]
    assert text(noop_action()) == golden["noop"]


def test_envelope_says_everything_the_signature_covers() -> None:
    signature = sign_l1_action(SigningKey(b"\x07" * 32), noop_action(), None, 9, 10, True)
    assert envelope(noop_action(), 9, signature, None, 10) == {
        "action": {"type": "noop"},
        "nonce": 9,
        "signature": signature,
        "vaultAddress": None,
        "expiresAfter": 10,
    }


# --- reading as the exchange does -----------------------------------------------------------------------------------------


def shuffled(value: Any) -> Any:
    """The same JSON with the keys of every map the other way round."""
    if isinstance(value, dict):
        return {name: shuffled(inner) for name, inner in reversed(value.items())}
    return [shuffled(inner) for inner in value] if isinstance(value, list) else value


ON_THE_WIRE = [pytest.param(r["action"], id=r["name"]) for r in GOLDEN if "seed" not in r["name"]]


@pytest.mark.parametrize("action", ON_THE_WIRE)
def test_canonical_of_a_canonical_action_changes_nothing(action: dict[str, Any]) -> None:
    assert text(canonical_action(action)) == text(action)


@pytest.mark.parametrize("action", ON_THE_WIRE)
def test_key_order_received_does_not_matter(action: dict[str, Any]) -> None:
    assert text(canonical_action(shuffled(action))) == text(action)


def test_every_known_action_keeps_its_order() -> None:
    samples = [
        '{"type":"updateIsolatedMargin","asset":1,"isBuy":true,"ntli":-5000000}',
        '{"type":"topUpIsolatedOnlyMargin","asset":1,"leverage":"5"}',
        '{"type":"reserveRequestWeight","weight":10,"destination":"0x1719884eb866cb12b2287399b15f7db5e7d775ea"}',
        '{"type":"agentSetAbstraction","abstraction":"i"}',
        '{"type":"agentSendAsset","destination":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","sourceDex":"","destinationDex":"xyz",'
        '"token":"USDC:0x6d","amount":"100","fromSubAccount":"","nonce":7}',
        f'{{"type":"modify","oid":"{CLOID}","order":{{"a":5,"b":true,"p":"1","s":"2","r":false,"t":{{"limit":{{"tif":"Alo"}}}}}},"a":true}}',
        '{"type":"order","orders":[],"grouping":{"p":5}}',
        '{"type":"createSubAccount","name":"example"}',
        '{"type":"subAccountModify","subAccountUser":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","name":"other"}',
        '{"type":"subAccountTransfer","subAccountUser":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","isDeposit":true,"usd":10}',
        '{"type":"subAccountSpotTransfer","subAccountUser":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","isDeposit":true,'
        '"token":"USDC:0x6d","amount":"1.0"}',
        '{"type":"vaultTransfer","vaultAddress":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","isDeposit":true,"usd":10}',
        '{"type":"createVault","name":"one","description":"some words","initialUsd":100000000,"nonce":7}',
        '{"type":"vaultModify","vaultAddress":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","allowDeposits":null,'
        '"alwaysCloseOnWithdraw":true}',
        '{"type":"vaultDistribute","vaultAddress":"0x1719884eb866cb12b2287399b15f7db5e7d775ea","usd":0}',
        '{"type":"setReferrer","code":"ABC"}',
        '{"type":"registerReferrer","code":"ABC"}',
        '{"type":"claimRewards"}',
        '{"type":"twapOrder","twap":{"a":5,"b":true,"s":"2","r":false,"m":30,"t":true}}',
        '{"type":"twapCancel","a":5,"t":7}',
        '{"type":"agentEnableDexAbstraction"}',
    ]
    kinds = {row["action"]["type"] for row in GOLDEN} | {json.loads(sample)["type"] for sample in samples}
    assert kinds == KNOWN_ACTIONS
    for sample in samples:
        assert text(canonical_action(shuffled(json.loads(sample)))) == sample


def test_numbers_cloids_and_addresses_get_their_one_spelling() -> None:
    raw = {
        "type": "order",
        "orders": [
            {
                "a": 5,
                "b": True,
                "p": "0100.0",
                "s": "0.10",
                "r": False,
                "t": {"trigger": {"isMarket": True, "triggerPx": "96.500", "tpsl": "sl"}},
                "c": "0x" + "AB" * 16,
            }
        ],
        "grouping": "na",
        "builder": {"b": "0x1719884EB866CB12B2287399B15F7DB5E7D775EA", "f": 10},
    }
    wire = canonical_action(raw)
    assert (wire["orders"][0]["p"], wire["orders"][0]["s"]) == ("100", "0.1")
    assert wire["orders"][0]["t"]["trigger"]["triggerPx"] == "96.5"
    assert wire["orders"][0]["c"] == "0x" + "ab" * 16
    assert wire["builder"]["b"] == "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
    assert raw["orders"][0]["p"] == "0100.0", "the received action is left as it was"


def test_null_and_absent_are_the_same() -> None:
    bare = order_action([order()], IDS.__getitem__)
    del bare["orders"][0]["c"]
    with_nulls = {**bare, "builder": None, "orders": [{**bare["orders"][0], "c": None}]}
    assert text(canonical_action(with_nulls)) == text(bare)
    assert text(canonical_action({"type": "scheduleCancel", "time": None})) == '{"type":"scheduleCancel"}'


def test_unknown_keys_stay_at_the_end_of_their_map() -> None:
    raw = {"zz": 1, "cancels": [{"y": 2, "o": 7, "x": None, "a": 5}], "type": "cancel", "aa": [3]}
    assert text(canonical_action(raw)) == '{"type":"cancel","cancels":[{"a":5,"o":7,"y":2,"x":null}],"zz":1,"aa":[3]}'


def test_unknown_action_is_left_alone() -> None:
    raw = {"num": 100000000000, "type": "dummy"}
    assert text(canonical_action(raw)) == text(raw)


ORDER_WIRE = order_action([order()], IDS.__getitem__)["orders"][0]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"p": 100}, "orders[0].p"),
        ({"p": "1e5"}, "orders[0].p"),
        ({"p": ""}, "orders[0].p"),
        ({"p": "١"}, "orders[0].p"),
        ({"p": "100 "}, "orders[0].p"),
        ({"p": "NaN"}, "orders[0].p"),
        ({"s": None}, "orders[0].s"),
        ({"s": ".5"}, "orders[0].s"),
        ({"c": "test-cloid-001"}, "orders[0].c"),
        ({"c": "0x" + "a" * 31}, "orders[0].c"),
        ({"c": 5}, "orders[0].c"),
        ({"a": "5"}, "orders[0].a"),
        ({"a": -1}, "orders[0].a"),
        ({"a": True}, "orders[0].a"),
        ({"a": 2**32}, "orders[0].a"),
        ({"b": 1}, "orders[0].b"),
        ({"r": "false"}, "orders[0].r"),
        ({"t": {}}, "orders[0].t"),
        ({"t": {"limit": {"tif": "Fok"}}}, "orders[0].t.limit.tif"),
        ({"t": {"limit": {"tif": "Ioc"}, "trigger": {}}}, "orders[0].t"),
        ({"t": {"trigger": {"isMarket": True, "tpsl": "sl"}}}, "orders[0].t.trigger.triggerPx"),
    ],
)
def test_malformed_order_names_the_field(change: dict[str, Any], where: str) -> None:
    raw = {"type": "order", "orders": [ORDER_WIRE | change], "grouping": "na"}
    with pytest.raises(ValueError, match="expected") as caught:
        canonical_action(raw)
    assert str(caught.value).startswith(where + ": ")


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (None, "action"),
        ([], "action"),
        ({}, "type"),
        ({"type": 5}, "type"),
        ({"type": "order", "grouping": "na"}, "orders"),
        ({"type": "order", "orders": {}, "grouping": "na"}, "orders"),
        ({"type": "order", "orders": [5], "grouping": "na"}, "orders[0]"),
        ({"type": "order", "orders": []}, "grouping"),
        ({"type": "order", "orders": [], "grouping": "nope"}, "grouping"),
        ({"type": "order", "orders": [], "grouping": "na", "builder": {"b": "0x1", "f": 1}}, "builder.b"),
        ({"type": "cancel", "cancels": [{"a": 1, "o": "7"}]}, "cancels[0].o"),
        ({"type": "cancel", "cancels": [{"a": 1, "o": 7}], "f": 1}, "f"),
        ({"type": "cancelByCloid", "cancels": [{"asset": 1, "cloid": "x"}]}, "cancels[0].cloid"),
        ({"type": "modify", "oid": "12", "order": ORDER_WIRE}, "oid"),
        ({"type": "batchModify", "modifies": [{"oid": 1}]}, "modifies[0].order"),
        ({"type": "scheduleCancel", "time": -1}, "time"),
        ({"type": "updateLeverage", "asset": 1, "isCross": 0, "leverage": 5}, "isCross"),
    ],
)
def test_malformed_action_names_the_field(raw: Any, where: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        canonical_action(raw)
    assert str(caught.value).startswith(where + ": ")


prices = st.decimals("0.000001", "1000000", places=6).filter(lambda d: d > 0)


@settings(max_examples=60, deadline=None)
@given(
    built=st.lists(
        st.builds(
            order,
            market=st.sampled_from([SNDK, BTC]),
            side=st.sampled_from(OrderSide),
            price=prices,
            size=prices,
            reduce_only=st.booleans(),
            tif=st.sampled_from(TimeInForce),
        ),
        min_size=1,
        max_size=5,
    ),
    zeros=st.integers(0, 3),
)
def test_what_we_sign_is_what_the_exchange_hashes(built: list[PendingOrder], zeros: int) -> None:
    """Through JSON, with the keys turned round, capitals in the cloid and zeros behind the price: it still recovers our address."""
    key = SigningKey(b"\x07" * 32)
    action = order_action(built, IDS.__getitem__)
    signature = sign_l1_action(key, action, None, 5, None, False)
    received = shuffled(json.loads(json.dumps(action)))
    for wire in received["orders"]:
        wire["c"] = "0x" + wire["c"][2:].upper()
        wire["p"] += ("" if "." in wire["p"] else ".") + "0" * (zeros + 1)
    assert text(canonical_action(received)) == text(action)
    assert recover_l1_signer(canonical_action(received), signature, None, 5, None, False) == key.address
