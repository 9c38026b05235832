"""The plan's twelve rows for the Signer, each under its number."""

from __future__ import annotations

import inspect
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgpack
import pytest
from eth_account import Account
from hyperliquid.utils import signing as sdk

from core.hyperliquid import signing
from core.hyperliquid.actions import batch_action
from core.hyperliquid.keccak import keccak
from core.hyperliquid.signing import SigningKey, action_hash, l1_digest, recover_l1_signer
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import ActionBatch, Cancels, Orders, OrderSide, PendingCancel, PendingOrder, TimeInForce
from core.runtime.keys import TEST_ADDRESS, TEST_KEY, AddressMismatch, KeyManager, NoTradingKey
from core.runtime.signer import Signer

NONCE = 1_705_000_000_000
SNDK = MarketKey("xyz", "SNDK")
IDS = {SNDK: 110016}
CLOID = Cloid("0x6869703300000001000000000000abcd")
VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"
GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "l1_actions.json").read_text())
WALLET = Account.from_key(TEST_KEY)

ORDERS = Orders(
    (
        PendingOrder(
            CLOID, SNDK, OrderSide.BUY, Decimal("1698.10"), Decimal("0.05"), False, TimeInForce.IOC, created_at_ms=NONCE
        ),
    )
)
CANCELS = Cancels((PendingCancel(SNDK, oid=481029459465),))
CLOID_CANCELS = Cancels((PendingCancel(SNDK, cloid=CLOID),))


def keys() -> KeyManager:
    return KeyManager(SigningKey.from_hex(TEST_KEY))


def signer(is_mainnet: bool = False, vault: str | None = None) -> Signer:
    return Signer(keys(), is_mainnet, vault)


def as_numbers(signature: dict[str, Any]) -> tuple[int, int, int]:
    return int(signature["r"], 16), int(signature["s"], 16), signature["v"]


@pytest.mark.parametrize("batch", [ORDERS, CANCELS, CLOID_CANCELS], ids=["orders", "cancels", "cloid cancels"])
def test_1_action_hash_equals_the_sdk(batch: ActionBatch) -> None:
    signed = signer(vault=VAULT).build_and_sign(batch, NONCE, NONCE + 5_000, IDS.__getitem__)
    assert signed.hash_hex == "0x" + sdk.action_hash(signed.payload["action"], VAULT, NONCE, NONCE + 5_000).hex()
    row = next(row for row in GOLDEN if row["name"] == "cancel big oid")
    assert signer().build_and_sign(CANCELS, row["nonce"], None, IDS.__getitem__).hash_hex == row["action_hash"]


@pytest.mark.parametrize("is_mainnet", [True, False], ids=["mainnet", "testnet"])
def test_2_signature_equals_the_sdk(is_mainnet: bool) -> None:
    for batch in (ORDERS, CANCELS, CLOID_CANCELS):
        payload = signer(is_mainnet).build_and_sign(batch, NONCE, None, IDS.__getitem__).payload
        theirs = sdk.sign_l1_action(WALLET, payload["action"], None, NONCE, None, is_mainnet)
        assert as_numbers(payload["signature"]) == as_numbers(theirs)
    row = next(row for row in GOLDEN if row["name"] == "cancel big oid")
    payload = signer(is_mainnet).build_and_sign(CANCELS, row["nonce"], None, IDS.__getitem__).payload
    assert as_numbers(payload["signature"]) == as_numbers(row["mainnet" if is_mainnet else "testnet"])


def test_3_address_is_derived_from_the_key() -> None:
    assert signer().address == TEST_ADDRESS == WALLET.address.lower()


def test_4_another_address_than_expected_is_an_error() -> None:
    key = SigningKey.from_hex(TEST_KEY)
    assert KeyManager(key, WALLET.address).address == TEST_ADDRESS, "capitals do not matter"
    with pytest.raises(AddressMismatch):
        KeyManager(key, VAULT)


def test_5_without_a_trading_key_nothing_is_signed() -> None:
    observer = Signer(KeyManager.observation(), is_mainnet=False)
    assert observer.address == ""
    with pytest.raises(NoTradingKey):
        observer.build_and_sign(ORDERS, NONCE, None, IDS.__getitem__)


def test_6_batches_become_the_right_actions() -> None:
    actions = [
        signer().build_and_sign(batch, NONCE, None, IDS.__getitem__).payload["action"]
        for batch in (ORDERS, CANCELS, CLOID_CANCELS)
    ]
    assert [action["type"] for action in actions] == ["order", "cancel", "cancelByCloid"]
    assert actions[0]["grouping"] == "na"
    assert "grouping" not in actions[1]
    assert "grouping" not in actions[2]


def test_7_absent_keys_are_absent_in_the_msgpack() -> None:
    for batch in (ORDERS, CANCELS, CLOID_CANCELS):
        action = batch_action(batch, lambda market: 5)  # an id without the byte of nil in it
        packed = msgpack.packb(action)
        assert b"\xc0" not in packed, "nil"
        assert b"builder" not in packed
        assert keccak(packed + NONCE.to_bytes(8, "big") + b"\x00") == action_hash(action, None, NONCE, None)


def test_8_nonce_is_big_endian() -> None:
    action = batch_action(CANCELS, IDS.__getitem__)
    packed = msgpack.packb(action)
    assert action_hash(action, None, 1, None) == keccak(packed + b"\x00\x00\x00\x00\x00\x00\x00\x01" + b"\x00")
    assert action_hash(action, None, 1, 2) == keccak(
        packed + bytes(7) + b"\x01" + b"\x00" + b"\x00" + bytes(7) + b"\x02"
    )


def test_9_no_vault_has_its_tag_too() -> None:
    action = batch_action(CANCELS, IDS.__getitem__)
    head = msgpack.packb(action) + NONCE.to_bytes(8, "big")
    zero = "0x" + "00" * 20
    assert action_hash(action, None, NONCE, None) == keccak(head + b"\x00")
    assert action_hash(action, zero, NONCE, None) == keccak(head + b"\x01" + bytes(20))
    assert action_hash(action, None, NONCE, None) != action_hash(action, zero, NONCE, None)


def test_10_post_id_has_no_way_into_the_signature() -> None:
    """There is no parameter for it, and nothing but what is named below changes the signed bytes."""
    assert list(inspect.signature(Signer.build_and_sign).parameters) == [
        "self",
        "batch",
        "nonce",
        "expires_after_ms",
        "asset_id_of",
    ]
    first, second = (signer().build_and_sign(ORDERS, NONCE, NONCE + 5_000, IDS.__getitem__) for _ in range(2))
    assert first == second, "the same batch, nonce and expiry give the same bytes, however often it is posted"
    assert set(first.payload) == {"action", "nonce", "signature", "vaultAddress", "expiresAfter"}
    assert str(ORDERS.orders[0].created_at_ms) not in json.dumps(first.payload["action"])


def test_11_domain_is_exchange_1_1337() -> None:
    domain = {"name": "Exchange", "version": "1", "chainId": 1337, "verifyingContract": "0x" + "00" * 20}
    fields = [{"name": "source", "type": "string"}, {"name": "connectionId", "type": "bytes32"}]
    signed = signer().build_and_sign(ORDERS, NONCE, None, IDS.__getitem__)
    agent = {"source": "b", "connectionId": bytes.fromhex(signed.hash_hex[2:])}
    theirs = WALLET.sign_typed_data(domain, {"Agent": fields}, agent)
    assert as_numbers(signed.payload["signature"]) == (theirs.r, theirs.s, theirs.v)
    wrong = WALLET.sign_typed_data(domain | {"chainId": 1}, {"Agent": fields}, agent)
    assert as_numbers(signed.payload["signature"]) != (wrong.r, wrong.s, wrong.v)


def test_12_source_letter_is_a_on_mainnet_and_b_on_testnet() -> None:
    for is_mainnet, letter in ((True, b"a"), (False, b"b")):
        signed = signer(is_mainnet).build_and_sign(ORDERS, NONCE, None, IDS.__getitem__)
        connection_id = bytes.fromhex(signed.hash_hex[2:])
        struct = keccak(signing.AGENT_TYPEHASH + keccak(letter) + connection_id)
        assert l1_digest(connection_id, is_mainnet) == keccak(b"\x19\x01" + signing.DOMAIN_SEPARATOR + struct)
        payload = signed.payload
        arguments = (payload["action"], payload["signature"], None, NONCE, None)
        assert recover_l1_signer(*arguments, is_mainnet) == TEST_ADDRESS
        assert recover_l1_signer(*arguments, not is_mainnet) != TEST_ADDRESS


def test_vault_and_expiry_are_signed_and_sent() -> None:
    capitals = "0x" + VAULT[2:].upper()
    payload = signer(vault=capitals).build_and_sign(ORDERS, NONCE, NONCE + 5_000, IDS.__getitem__).payload
    assert (payload["nonce"], payload["vaultAddress"], payload["expiresAfter"]) == (NONCE, VAULT, NONCE + 5_000)
    arguments = (payload["action"], payload["signature"], VAULT, NONCE, NONCE + 5_000, False)
    assert recover_l1_signer(*arguments) == TEST_ADDRESS
    assert recover_l1_signer(*arguments[:4], None, False) != TEST_ADDRESS


def test_repr_shows_role_and_address_at_most() -> None:
    shown = repr(signer(True))
    assert TEST_ADDRESS in shown
    assert "mainnet" in shown
    assert TEST_KEY[2:10] not in shown
