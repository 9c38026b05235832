"""What only an emergency asks, read without trust: a broken answer is never an empty one."""

from __future__ import annotations

import json
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from core.hyperliquid.account_wide import (
    read_dex_names,
    read_mids,
    read_running_twaps,
    read_twap_cancel,
    twap_cancel_action,
)
from core.hyperliquid.actions import canonical_action
from core.model.market import MarketKey

GOLDEN = Path(__file__).parents[2] / "golden" / "messages"
SNDK, BTC = MarketKey("xyz", "SNDK"), MarketKey("", "BTC")


def raw(value: Any) -> bytes:
    return json.dumps(value).encode()


def twap(twap_id: int | None, coin: str, status: Any) -> dict[str, Any]:
    state = {"coin": coin, "user": "0x1", "side": "B", "sz": "1", "executedSz": "0", "minutes": 10, "reduceOnly": False}
    return {"time": 1, "state": state, "status": status} | ({} if twap_id is None else {"twapId": twap_id})


def test_dexes_with_the_main_one_first_and_empty_slots_left_out() -> None:
    assert read_dex_names(raw([None, {"name": "xyz"}, None, {"name": "abc"}])) == ("", "xyz", "abc")


def test_dexes_as_the_exchange_tells_them() -> None:
    (file,) = GOLDEN.glob("info_perp_dexs.json")
    assert read_dex_names(file.read_bytes())[:2] == ("", "xyz")


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"[]", b"{}", b'[{"name":"xyz"}]', b"[null,{}]", b"[null,5]", b'[null,{"name":""}]']
)
def test_what_is_no_list_of_dexes(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"perpDexs|not JSON"):
        read_dex_names(answer)


def test_mids_of_one_dex_without_what_makes_no_sense() -> None:
    answer = {"xyz:SNDK": "1698.35", "xyz:BAD": "NaN", "xyz:NIL": "0", "xyz:ODD": 5, "BTC": "95000", "a:b:c": "1"}
    assert read_mids(raw(answer), "xyz") == {SNDK: D("1698.35")}
    assert read_mids(raw(answer), "") == {BTC: D("95000")}


@pytest.mark.parametrize("answer", [b"", b"null", b"[]", b'"x"', b"<html>"])
def test_what_are_no_mids(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r"allMids|not JSON"):
        read_mids(answer, "")


def test_running_twaps_are_those_that_began_and_did_not_end() -> None:
    history = [
        twap(3, "xyz:SNDK", {"status": "activated"}),
        twap(2, "BTC", {"status": "finished"}),
        twap(2, "BTC", {"status": "activated"}),
        twap(1, "BTC", {"status": "activated"}),
        twap(1, "BTC", {"status": "error", "description": "no margin"}),
        twap(None, "BTC", {"status": "activated"}),
        twap(9, "@107", {"status": "activated"}),
        twap(8, "PURR/USDC", {"status": "activated"}),
    ]
    assert read_running_twaps(raw(history)) == ((SNDK, 3),)
    assert read_running_twaps(b"[]") == ()


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"{}", b"[1]", b'[{"state":{"coin":"BTC"},"status":"activated","twapId":1}]']
)
def test_what_is_no_history_of_twaps(answer: bytes) -> None:
    with pytest.raises(ValueError, match="twapHistory"):
        read_running_twaps(answer)


def test_the_action_is_spelt_as_it_is_hashed() -> None:
    action = twap_cancel_action(110_016, 5)
    assert action == canonical_action(action)
    assert list(action) == ["type", "a", "t"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": "ok", "response": {"type": "twapCancel", "data": {"status": "success"}}}, ""),
        (
            {
                "status": "ok",
                "response": {"type": "twapCancel", "data": {"status": {"error": "TWAP was never placed."}}},
            },
            "TWAP was never placed.",
        ),
        ({"status": "ok", "response": {"type": "twapCancel", "data": {"status": "odd"}}}, "odd"),
        ({"status": "err", "response": "Invalid nonce: duplicate nonce 5"}, "Invalid nonce: duplicate nonce 5"),
    ],
)
def test_how_it_is_answered(answer: Any, says: str) -> None:
    assert read_twap_cancel(raw(answer)) == says


@pytest.mark.parametrize(
    "answer", [b"", b"null", b"[]", b"{}", b'{"status":"ok"}', b'{"status":"ok","response":{"data":[]}}']
)
def test_an_answer_that_makes_no_sense(answer: bytes) -> None:
    with pytest.raises(ValueError, match="makes no sense"):
        read_twap_cancel(answer)
