"""The preview is the engine's own judgement, and its action is the one that is signed."""

from __future__ import annotations

import json
from typing import Any

from engine_rig import BUY, SNDK, D, Rig, order_of

from core.hyperliquid.actions import order_action
from core.messages.commands import PlaceOrder
from core.model.cloid import cloid_by_hand
from core.model.market import MarketKey
from core.model.order import TimeInForce
from core.runtime.order_preview import preview_order


def wish(rig: Rig, **changes: Any) -> PlaceOrder:
    settings = {
        "command_id": "h",
        "market": SNDK,
        "side": BUY,
        "usd": D(20),
        "slippage_bps": D(10),
        "cloid": cloid_by_hand(rig.m.run.cloid_space, 1),
        **changes,
    }
    return PlaceOrder(**settings)


def test_the_action_shown_is_the_action_that_leaves() -> None:
    rig = Rig()
    command = wish(rig)
    preview = preview_order(command, rig.snapshot())
    assert preview is not None
    assert preview.refusal == ""
    rig.handle(command)
    (post,) = rig.posts
    assert json.loads(preview.action_json) == order_action([order_of(post)], rig.engine.asset_id)
    assert "builder" not in preview.action_json
    assert json.loads(preview.action_json)["orders"][0]["a"] == preview.facts.asset_id == 110016
    assert preview.fee_usd == preview.rounded.notional_usd * D("0.00045")


def test_a_refusal_is_worded_as_the_engine_words_it() -> None:
    rig = Rig()
    command = wish(rig, usd=D(5))
    preview = preview_order(command, rig.snapshot())
    assert preview is not None
    rig.handle(command)
    assert preview.refusal
    assert rig.answer_of(command).endswith(preview.refusal)


def test_what_rests_pays_the_makers_fee() -> None:
    rig = Rig()

    def fee_bps(**changes: Any) -> object:
        preview = preview_order(wish(rig, slippage_bps=None, **changes), rig.snapshot())
        assert preview is not None
        assert preview.fee_usd is not None
        return preview.fee_usd / preview.rounded.notional_usd * 10_000

    assert fee_bps(tif=TimeInForce.ALO, limit_px=D(150)) == D("1.5")
    assert fee_bps(tif=TimeInForce.GTC, limit_px=D(150)) == D("1.5")
    assert fee_bps(tif=TimeInForce.GTC, limit_px=D(201)) == D("4.5")
    assert fee_bps(tif=TimeInForce.IOC, limit_px=D(150)) == D("4.5")


def test_what_cannot_be_worked_out_is_left_out() -> None:
    rig = Rig()
    preview = preview_order(wish(rig, slippage_bps=None), rig.snapshot())
    assert preview is not None
    assert (preview.action_json, preview.fee_usd) == ("", None)
    assert preview.refusal == "price: give either a limit price or a slippage"
    assert preview_order(wish(rig, market=MarketKey.parse("xyz:NOPE")), rig.snapshot()) is None
    empty = Rig(ready=False)
    none = preview_order(wish(empty), empty.snapshot())
    assert none is not None
    assert none.refusal.startswith("not ready: ")
