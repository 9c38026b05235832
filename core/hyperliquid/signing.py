"""What is signed when an action is sent, and who signed one that arrived.

L1 actions (orders, cancels, ...) are signed through a phantom agent: keccak of msgpack(action), nonce, vault and expiry becomes the
``connectionId`` of an EIP-712 ``Agent`` struct whose ``source`` letter tells mainnet from testnet. Actions that move money or rights
(`USER_SIGNED`) are EIP-712 structs of their own. A post id or a local time is never part of either.

Easy to get wrong: the bytes follow the order of the keys in the dict that is given (actions.py keeps the exchange's order), and
numbers must already be written the one way (core.model.rounding.wire_text), or the exchange recovers a stranger's address.

SPEC 5; PROTOCOL 4.1, 4.4. Argument names and meanings are those of the official SDK.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from core.hyperliquid.keccak import keccak
from core.hyperliquid.signing_key import (
    UNRECOVERABLE,
    Signature,
    SigningKey,
    address_bytes,
    as_signing_key,
    recover_address,
)

__all__ = [
    "USER_SIGNED",
    "Signature",
    "SigningKey",
    "action_hash",
    "l1_digest",
    "recover_l1_signer",
    "recover_user_signer",
    "sign_l1_action",
    "sign_user_action",
    "user_digest",
]

# EIP-712 parts that never change, so that one signature costs three hashes. The tests derive each of them from its text.
DOMAIN_SEPARATOR = bytes.fromhex("d79297fcdf2ffcd4ae223d01edaa2ba214ff8f401d7c9300d995d17c82aa4040")
"""EIP712Domain(name "Exchange", version "1", chainId 1337, verifyingContract 0x0)."""
AGENT_TYPEHASH = bytes.fromhex("26f05c2f7239b6983075e58321292d77b3aa173d19b27257ac96ab362570f508")
"""keccak("Agent(string source,bytes32 connectionId)")."""
SOURCE_MAINNET = bytes.fromhex("3ac225168df54212a25c1c01fd35bebfea408fdac2e31ddd6f80a4bbf9a5f1cb")
"""keccak("a")."""
SOURCE_TESTNET = bytes.fromhex("b5553de315e0edf504d9150af82dafa5c4667fa618ed0a6f19c69b41166c5510")
"""keccak("b")."""

_DIGEST_HEAD = b"\x19\x01" + DOMAIN_SEPARATOR
_AGENT_MAINNET = AGENT_TYPEHASH + SOURCE_MAINNET
_AGENT_TESTNET = AGENT_TYPEHASH + SOURCE_TESTNET

# Byte for byte what msgpack.packb writes for an action (a property test says so), at a third of the time.
_pack = msgspec.msgpack.Encoder().encode


def action_hash(action: Any, vault_address: str | None, nonce: int, expires_after: int | None) -> bytes:
    """The 32 bytes that stand for an action in its signature.

    Args:
        action: The action as it goes out, keys in the exchange's order, optional keys absent.
        vault_address: The sub-account or vault that is traded for; None for the signer's own account.
        nonce: Unix ms or a little more, never used before by this signer.
        expires_after: Unix ms of the last block that may run the action; None: no limit.

    Raises:
        ValueError: A number that does not fit 8 bytes, or an address that is none.
    """
    try:
        data = _pack(action) + nonce.to_bytes(8, "big")
        data += b"\x00" if vault_address is None else b"\x01" + address_bytes(vault_address)
        if expires_after is not None:
            data += b"\x00" + expires_after.to_bytes(8, "big")
    except OverflowError:
        raise ValueError(
            f"nonce {nonce}, expiresAfter {expires_after} or a number in the action exceeds 8 bytes"
        ) from None
    return keccak(data)


def l1_digest(connection_id: bytes, is_mainnet: bool) -> bytes:
    """What the key signs for an action hash: the EIP-712 digest of its phantom agent."""
    agent = _AGENT_MAINNET if is_mainnet else _AGENT_TESTNET
    return keccak(_DIGEST_HEAD + keccak(agent + connection_id))


def sign_l1_action(
    key: Any, action: Any, vault_address: str | None, nonce: int, expires_after: int | None, is_mainnet: bool
) -> Signature:
    """Sign an L1 action.

    Args:
        key: A `SigningKey`, or whatever `as_signing_key` takes: an eth-account wallet, a coincurve key, 32 bytes, hex text.
        action: As in `action_hash`.
        vault_address: As in `action_hash`.
        nonce: As in `action_hash`.
        expires_after: As in `action_hash`.
        is_mainnet: Which source letter is signed: a for mainnet, b for testnet. A wrong one recovers a stranger's address.

    Returns:
        r and s padded to 64 digits, v 27 or 28.
    """
    digest = l1_digest(action_hash(action, vault_address, nonce, expires_after), is_mainnet)
    return as_signing_key(key).sign_digest(digest)


def recover_l1_signer(
    action: Any,
    signature: Mapping[str, Any],
    vault_address: str | None,
    nonce: int,
    expires_after: int | None,
    is_mainnet: bool,
) -> str:
    """Who signed an L1 action, as a lower-case address. Any action recovers to *some* address; the wrong one means other bytes were signed.

    Raises:
        ValueError: The signature belongs to no key (the exchange's text), or nonce, expiry or vault cannot be hashed.
    """
    digest = l1_digest(action_hash(action, vault_address, nonce, expires_after), is_mainnet)
    return _recover(digest, signature)


def _recover(digest: bytes, signature: Mapping[str, Any]) -> str:
    try:
        r, s, v = signature["r"], signature["s"], signature["v"]
    except (KeyError, TypeError):
        raise ValueError(UNRECOVERABLE) from None
    return recover_address(digest, r, s, v)


# --- actions signed as themselves --------------------------------------------------------------------------------------


class UserSigned(Struct, frozen=True):
    """The EIP-712 form of one such action: the primary type and its fields in order."""

    name: str
    fields: tuple[tuple[str, str], ...]

    @property
    def type_text(self) -> str:
        return f"HyperliquidTransaction:{self.name}({','.join(f'{kind} {name}' for name, kind in self.fields)})"


_CHAIN = ("hyperliquidChain", "string")

USER_SIGNED: dict[str, UserSigned] = {
    "approveAgent": UserSigned(
        "ApproveAgent", (_CHAIN, ("agentAddress", "address"), ("agentName", "string"), ("nonce", "uint64"))
    ),
    "usdSend": UserSigned("UsdSend", (_CHAIN, ("destination", "string"), ("amount", "string"), ("time", "uint64"))),
    "withdraw3": UserSigned("Withdraw", (_CHAIN, ("destination", "string"), ("amount", "string"), ("time", "uint64"))),
    "usdClassTransfer": UserSigned(
        "UsdClassTransfer", (_CHAIN, ("amount", "string"), ("toPerp", "bool"), ("nonce", "uint64"))
    ),
    "sendAsset": UserSigned(
        "SendAsset",
        (
            _CHAIN,
            ("destination", "string"),
            ("sourceDex", "string"),
            ("destinationDex", "string"),
            ("token", "string"),
            ("amount", "string"),
            ("fromSubAccount", "string"),
            ("nonce", "uint64"),
        ),
    ),
    "spotSend": UserSigned(
        "SpotSend",
        (_CHAIN, ("destination", "string"), ("token", "string"), ("amount", "string"), ("time", "uint64")),
    ),
    "approveBuilderFee": UserSigned(
        "ApproveBuilderFee", (_CHAIN, ("maxFeeRate", "string"), ("builder", "address"), ("nonce", "uint64"))
    ),
    "userDexAbstraction": UserSigned(
        "UserDexAbstraction", (_CHAIN, ("user", "address"), ("enabled", "bool"), ("nonce", "uint64"))
    ),
    "tokenDelegate": UserSigned(
        "TokenDelegate",
        (_CHAIN, ("validator", "address"), ("wei", "uint64"), ("isUndelegate", "bool"), ("nonce", "uint64")),
    ),
    "cDeposit": UserSigned("CDeposit", (_CHAIN, ("wei", "uint64"), ("nonce", "uint64"))),
    "cWithdraw": UserSigned("CWithdraw", (_CHAIN, ("wei", "uint64"), ("nonce", "uint64"))),
    "linkStakingUser": UserSigned(
        "LinkStakingUser", (_CHAIN, ("user", "address"), ("isFinalize", "bool"), ("nonce", "uint64"))
    ),
    "userPortfolioMargin": UserSigned(
        "UserPortfolioMargin", (_CHAIN, ("user", "address"), ("enabled", "bool"), ("nonce", "uint64"))
    ),
    "convertToMultiSigUser": UserSigned("ConvertToMultiSigUser", (_CHAIN, ("signers", "string"), ("nonce", "uint64"))),
    "userSetAbstraction": UserSigned(
        "UserSetAbstraction", (_CHAIN, ("user", "address"), ("abstraction", "string"), ("nonce", "uint64"))
    ),
}
"""By the ``type`` of the action on the wire. An agent may sign none of these."""

_USER_DOMAIN_HEAD = (
    keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    + keccak(b"HyperliquidSignTransaction")
    + keccak(b"1")
)


def user_digest(action: Mapping[str, Any]) -> bytes:
    """What the key signs for an action of `USER_SIGNED`; the action carries its own ``signatureChainId`` and ``hyperliquidChain``.

    Raises:
        ValueError: Not such an action, or a field is missing or of the wrong type; names the field.
    """
    form = USER_SIGNED.get(str(action.get("type")))
    if form is None:
        raise ValueError(f"type: {action.get('type')!r} is not signed by the user; allowed: {', '.join(USER_SIGNED)}")
    chain = action.get("signatureChainId")
    try:
        chain_id = int(str(chain), 16).to_bytes(32, "big")
    except (ValueError, OverflowError):
        raise ValueError(f"signatureChainId: {chain!r}: expected 0x and hex digits") from None
    separator = keccak(_USER_DOMAIN_HEAD + chain_id + bytes(32))
    encoded = [_eip712_word(action, name, kind) for name, kind in form.fields]
    return keccak(b"\x19\x01" + separator + keccak(keccak(form.type_text.encode()) + b"".join(encoded)))


def _eip712_word(action: Mapping[str, Any], name: str, kind: str) -> bytes:
    """One field as the 32 bytes that EIP-712 gives it."""
    value = action.get(name)
    if name == "agentName" and value is None:
        value = ""  # an unnamed agent has no name in the JSON and an empty one in what is signed
    if kind == "string" and isinstance(value, str):
        return keccak(value.encode())
    if kind == "address" and isinstance(value, str):
        return address_bytes(value).rjust(32, b"\x00")
    if kind == "bool" and isinstance(value, bool):
        return value.to_bytes(32, "big")
    if kind == "uint64" and isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64:
        return value.to_bytes(32, "big")
    raise ValueError(f"{name}: {value!r}: expected {kind}")


def sign_user_action(key: Any, action: Mapping[str, Any]) -> Signature:
    """Sign one of `USER_SIGNED`.

    Raises:
        ValueError: As `user_digest`.
    """
    return as_signing_key(key).sign_digest(user_digest(action))


def recover_user_signer(action: Mapping[str, Any], signature: Mapping[str, Any]) -> str:
    """Who signed one of `USER_SIGNED`, as a lower-case address.

    Raises:
        ValueError: As `user_digest`, or the signature belongs to no key.
    """
    return _recover(user_digest(action), signature)
