"""Builder fees: approved by the owner first, then part of each fill's fee."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sim_desk import limit

BUILDER = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
OK = {"status": "ok", "response": {"type": "default"}}


def order(desk, fee):
    orders = [limit(True, "1700", "0.05", tif="Ioc")]
    return desk.send({"type": "order", "orders": orders, "grouping": "na", "builder": {"b": BUILDER, "f": fee}})


def test_a_builder_nobody_approved(desk):
    refused = {"status": "err", "response": "Builder fee has not been approved."}
    assert order(desk, 10) == refused
    assert desk.send_own("approveBuilderFee", builder=BUILDER, maxFeeRate="0.001%") == OK
    assert order(desk, 2) == refused
    assert desk.szi() == "0.0"


def test_an_approved_fee_is_part_of_the_fills_fee(desk):
    assert desk.send_own("approveBuilderFee", builder=BUILDER.upper().replace("X", "x"), maxFeeRate="0.01%") == OK
    assert order(desk, 10)["status"] == "ok"
    (fill,) = desk.info("userFills", user=desk.user)
    assert fill["builderFee"] == "0.008495"  # 1 bp of 0.05 x 1699
    assert Decimal(fill["fee"]) == Decimal("0.008495") + Decimal("0.007646")  # 0.9 bp in growth mode


@pytest.mark.parametrize("rate", ["1%", "0.1", "x%", "-0.01%"])
def test_a_fee_out_of_range(desk, rate):
    assert desk.send_own("approveBuilderFee", builder=BUILDER, maxFeeRate=rate)["status"] == "err"
