"""Answers of /info: shapes, scopes, and how wrong requests fail."""

from __future__ import annotations

import pytest

from core.sim.admission import WireFailure
from core.sim.control import ControlError
from core.sim.info import NoAnswer

CLOID = "0x0000000000000000000000000000abcd"
STRANGER = "0x" + "9" * 40


@pytest.mark.parametrize(
    ("request_", "status", "text"),
    [
        ({"type": "nonsense"}, 422, "Failed to deserialize the JSON body into the target type"),
        ({}, 422, "Failed to deserialize"),
        ([], 422, "Failed to deserialize"),
        ({"type": "openOrders"}, 422, "Failed to deserialize"),
        ({"type": "openOrders", "user": "0x12"}, 422, "Failed to deserialize"),
        ({"type": "orderStatus", "user": STRANGER, "oid": "abc"}, 422, "Failed to deserialize"),
        ({"type": "userFillsByTime", "user": STRANGER}, 422, "Failed to deserialize"),
        ({"type": "metaAndAssetCtxs", "dex": "nope"}, 500, "null"),
        ({"type": "l2Book", "coin": "BTC", "mantissa": 1}, 500, "null"),
    ],
)
def test_wrong_requests(desk, request_, status, text):
    with pytest.raises(WireFailure) as failure:
        desk.exchange.info(request_, desk.now_ms)
    assert failure.value.status == status
    assert failure.value.text.startswith(text)


def test_books(desk):
    book = desk.info("l2Book", coin="xyz:SNDK")
    assert (book["levels"][0][0], book["levels"][1][0]["px"]) == ({"px": "1698.0", "sz": "1.0", "n": 1}, "1699.0")
    assert [len(side) for side in book["levels"]] == [20, 20]
    assert desk.info("l2Book", coin="NOPE") is None
    assert desk.info("l2Book", coin="MATIC")["levels"] == [[], []]
    assert desk.info("allMids", dex="xyz")["xyz:SNDK"] == "1698.5"
    assert "MATIC" not in desk.info("allMids")


def test_a_resting_order_is_part_of_the_book(desk):
    desk.order(True, "1698.5", "0.05", tif="Alo")
    assert desk.info("l2Book", coin="xyz:SNDK")["levels"][0][0] == {"px": "1698.5", "sz": "0.05", "n": 1}


def test_an_unknown_user_gets_empty_answers(desk):
    state = desk.info("clearinghouseState", user=STRANGER)
    assert (state["assetPositions"], state["withdrawable"]) == ([], "0.0")
    assert desk.info("openOrders", user=STRANGER) == []
    assert desk.info("userFills", user=STRANGER) == []
    assert desk.info("userRole", user=STRANGER) == {"role": "missing"}
    assert desk.info("orderStatus", user=STRANGER, oid=1) == {"status": "unknownOid"}
    assert desk.info("userRateLimit", user=STRANGER)["nRequestsCap"] == 10_000


def test_users_are_found_in_any_case(desk):
    assert desk.info("userRole", user=desk.user.upper().replace("0X", "0x")) == {"role": "user"}


def test_order_status_by_oid_and_cloid(desk):
    oid = desk.order(True, "1600", "0.05", tif="Gtc", cloid=CLOID)["resting"]["oid"]
    by_oid = desk.info("orderStatus", user=desk.user, oid=oid)
    assert by_oid == desk.info("orderStatus", user=desk.user, oid=CLOID)
    assert by_oid["order"]["status"] == "open"
    assert by_oid["order"]["order"]["tif"] == "Gtc"
    assert by_oid["order"]["order"]["triggerCondition"] == "N/A"


def test_open_orders_in_both_shapes(desk):
    desk.order(True, "1600", "0.05", tif="Gtc")
    (plain,) = desk.info("openOrders", user=desk.user, dex="xyz")
    assert "cloid" not in plain
    assert "reduceOnly" not in plain
    (front,) = desk.info("frontendOpenOrders", user=desk.user, dex="xyz")
    assert (front["cloid"], front["reduceOnly"], front["orderType"]) == (None, False, "Limit")


def test_fills_newest_first_but_by_time_oldest_first(desk):
    for _ in range(3):
        desk.order(True, "1750", "0.05")
        desk.later()
    newest = [f["time"] for f in desk.info("userFills", user=desk.user)]
    oldest = [f["time"] for f in desk.info("userFillsByTime", user=desk.user, startTime=0)]
    assert newest == sorted(oldest, reverse=True)
    assert oldest == sorted(oldest)
    assert len(desk.info("userFillsByTime", user=desk.user, startTime=oldest[1])) == 2
    assert len(desk.info("userFillsByTime", user=desk.user, startTime=0, endTime=oldest[1])) == 2


def test_the_rest(desk):
    assert desk.info("exchangeStatus")["specialStatuses"] is None
    assert abs(desk.info("exchangeStatus")["time"] - desk.now_ms) < 300
    assert desk.info("userAbstraction", user=desk.user) == "disabled"
    assert desk.info("extraAgents", user=desk.user) == []
    assert desk.info("spotClearinghouseState", user=desk.user) == {"balances": []}
    assert desk.info("spotMeta")["tokens"][0]["name"] == "USDC"
    desk.order(True, "1700", "0.05")
    (trade,) = desk.info("recentTrades", coin="xyz:SNDK")
    assert (trade["px"], trade["side"], trade["users"][0]) == ("1699.0", "B", desk.user)
    assert desk.info("activeAssetData", user=desk.user, coin="xyz:SNDK")["leverage"]["type"] == "cross"


@pytest.mark.parametrize("kind", ["clearinghouseState", "openOrders", "frontendOpenOrders"])
@pytest.mark.parametrize("dex", ["", "xyz", "test"])
def test_reads_of_one_dex_fail_and_the_others_answer(desk, kind, dex):
    desk.control(do="fault", name="dex_reads_fail", dex=dex)
    for asked in ("", "xyz", "test"):
        if asked == dex:
            with pytest.raises(WireFailure) as failure:
                desk.info(kind, user=desk.user, dex=asked)
            assert (failure.value.status, failure.value.text) == (500, "null")
        else:
            desk.info(kind, user=desk.user, dex=asked)
    desk.info("userFills", user=desk.user)
    desk.control(do="clear_faults")
    desk.info(kind, user=desk.user, dex=dex)


def test_reads_without_a_dex_are_of_the_main_one_and_silence_is_an_answer_too(desk):
    desk.control(do="fault", name="dex_reads_fail", dex="", answer="silence", requests=["openOrders"], count=1)
    desk.info("openOrders", user=desk.user, dex="xyz")
    desk.info("clearinghouseState", user=desk.user)
    with pytest.raises(NoAnswer):
        desk.info("openOrders", user=desk.user)
    assert desk.info("openOrders", user=desk.user) == []


def test_reads_of_a_dex_fail_for_one_account_alone(desk):
    desk.control(do="fault", name="dex_reads_fail", dex="xyz", answer="429", address=desk.user)
    with pytest.raises(WireFailure) as failure:
        desk.info("openOrders", user=desk.user.upper().replace("0X", "0x"), dex="xyz")
    assert failure.value.status == 429
    desk.info("openOrders", user=STRANGER, dex="xyz")
    desk.info("meta", dex="xyz")


def test_a_dex_that_is_not_there_cannot_fail(desk):
    with pytest.raises(ControlError, match="dex = 'nope': allowed are '', 'xyz', 'test'"):
        desk.control(do="fault", name="dex_reads_fail", dex="nope")
