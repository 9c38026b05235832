"""What counts of a signed request and what does not: how its signature is spelt, what is null, in which order its keys come."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sim_desk import TEST_KEY, Desk

from core.hyperliquid.signing import sign_l1_action

OK = {"status": "ok", "response": {"type": "default"}}
ORDER = {
    "type": "order",
    "orders": [
        {
            "a": 110016,
            "b": True,
            "p": "1600",
            "s": "0.05",
            "r": False,
            "t": {"limit": {"tif": "Gtc"}},
            "c": "0x0000000000000000000000000000abcd",
        }
    ],
    "grouping": "na",
}
NOBODY = "does not exist"


def resting(reply):
    return "resting" in reply["response"]["data"]["statuses"][0]


def test_leading_zeros_of_r_and_s_may_be_missing(desk):
    shortened = 0
    for _ in range(1_500):
        raw = desk.envelope({"type": "noop"})
        for part in ("r", "s"):
            spelt = hex(int(raw["signature"][part], 16))
            shortened += len(spelt) < 66
            raw["signature"][part] = spelt
        assert desk.raw(raw) == OK
    assert shortened >= 50, "one in eight signatures has a part that begins with a zero"


def test_full_length_is_as_good(desk):
    raw = desk.envelope({"type": "noop"})
    for part in ("r", "s"):
        raw["signature"][part] = f"0x{int(raw['signature'][part], 16):064x}"
    assert desk.raw(raw) == OK


@pytest.mark.parametrize("absent", [(), ("vaultAddress",), ("expiresAfter",), ("vaultAddress", "expiresAfter")])
def test_null_is_the_same_as_absent(desk, absent):
    raw = desk.envelope(ORDER)
    for key in absent:
        del raw[key]
    assert resting(desk.raw(raw))


def shuffled(value, dice):
    if isinstance(value, dict):
        items = [(k, shuffled(v, dice)) for k, v in value.items()]
        dice.shuffle(items)
        return dict(items)
    return [shuffled(v, dice) for v in value] if isinstance(value, list) else value


def test_the_order_of_keys_on_the_wire_is_free(desk):
    dice = random.Random("keys")
    for _ in range(50):
        assert resting(desk.raw(shuffled(desk.envelope(ORDER), dice)))


def test_an_optional_key_may_be_null_but_what_is_not_known_is_hashed_as_it_came(desk):
    def signed_over(action):
        nonce = desk.next_nonce()
        return {
            "action": action,
            "nonce": nonce,
            "signature": sign_l1_action(TEST_KEY, action, None, nonce, None, False),
        }

    plain = {**ORDER, "orders": [{k: v for k, v in ORDER["orders"][0].items() if k != "c"}]}
    raw = signed_over(plain)
    raw["action"] = {**plain, "orders": [{**plain["orders"][0], "c": None}], "builder": None}
    assert resting(desk.raw(raw))
    more = {**plain, "orders": [{**plain["orders"][0], "tag": "mine"}], "note": {"x": [1, None]}}
    assert resting(desk.raw(signed_over(more)))
    raw = signed_over(plain)
    raw["action"] = more
    assert NOBODY in desk.raw(raw)["response"]


def test_numbers_and_cloids_are_hashed_in_their_one_spelling(desk):
    raw = desk.envelope(ORDER)
    order = {
        **ORDER["orders"][0],
        "p": "1600.00",
        "s": "0.0500",
        "c": ORDER["orders"][0]["c"].upper().replace("0X", "0x"),
    }
    raw["action"] = {**ORDER, "orders": [order]}
    assert resting(desk.raw(raw))


def test_the_wrong_letter_recovers_a_stranger(desk):
    assert NOBODY in desk.send(ORDER, is_mainnet=True)["response"]


@settings(max_examples=40, deadline=None)
@given(
    extra=st.dictionaries(
        st.text(min_size=1, max_size=8), st.integers(0, 2**40) | st.text(max_size=8) | st.none(), max_size=3
    )
)
def test_unknown_keys_around_the_action_do_not_matter(extra):
    desk = Desk()
    raw = desk.envelope({"type": "noop"})
    assert desk.raw({**extra, **raw, "isFrontend": True}) == OK
