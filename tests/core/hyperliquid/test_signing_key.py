"""One key: what is accepted as a secret, which address it has, and that it never shows."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hyperliquid.signing_key import GROUP_ORDER, SigningKey, address_bytes, checksum_address

SECRET_HEX = "c0ffee" + "5a" * 29
SECRET = bytes.fromhex(SECRET_HEX)
secrets = st.integers(1, GROUP_ORDER - 1).map(lambda n: n.to_bytes(32, "big"))


@pytest.mark.parametrize(
    "secret", [b"", SECRET[:31], SECRET + b"\x00", bytes(32), GROUP_ORDER.to_bytes(32, "big"), b"\xff" * 32]
)
def test_no_key_outside_the_group(secret: bytes) -> None:
    with pytest.raises(ValueError, match="expected 32 bytes") as caught:
        SigningKey(secret)
    assert len(secret) == 0 or secret.hex() not in str(caught.value)


@settings(max_examples=30, deadline=None)
@given(secret=secrets)
def test_address_and_checksum_equal_eth_account(secret: bytes) -> None:
    key = SigningKey(secret)
    assert checksum_address(key.address) == Account.from_key(secret).address
    assert "0x" + address_bytes(key.address).hex() == key.address


def test_the_key_shows_only_its_address() -> None:
    key = SigningKey(SECRET)
    shown = repr(key) + str(key) + f"{key}" + repr([key]) + repr(vars(key) if hasattr(key, "__dict__") else "")
    assert key.address in shown
    assert SECRET_HEX not in shown.lower()
    assert repr(SECRET) not in shown


@pytest.mark.parametrize("leak", [pickle.dumps, copy.copy, copy.deepcopy])
def test_the_key_is_neither_pickled_nor_copied(leak: Any) -> None:
    with pytest.raises(TypeError, match="neither pickled nor copied"):
        leak(SigningKey(SECRET))


@pytest.mark.parametrize("text", ["", "0x", SECRET_HEX[:-1], SECRET_HEX + "0", "0x0x" + SECRET_HEX, "g" * 64, "٣" * 64])
def test_hex_text_is_64_digits(text: str) -> None:
    with pytest.raises(ValueError, match="expected 64 hex digits") as caught:
        SigningKey.from_hex(text)
    assert SECRET_HEX[:8] not in str(caught.value)


def test_blanks_and_0x_do_not_count() -> None:
    addresses = {
        SigningKey.from_hex(text).address for text in (SECRET_HEX, f" 0x{SECRET_HEX}\n", f"0X{SECRET_HEX.upper()}")
    }
    assert addresses == {Account.from_key(SECRET).address.lower()}


def test_signatures_are_deterministic_and_low_s() -> None:
    key = SigningKey(SECRET)
    for number in range(200):
        signature = key.sign_digest(number.to_bytes(32, "big"))
        assert signature == key.sign_digest(number.to_bytes(32, "big"))
        assert (len(signature["r"]), len(signature["s"])) == (66, 66)
        assert int(signature["s"], 16) <= GROUP_ORDER // 2
        assert signature["v"] in (27, 28)
