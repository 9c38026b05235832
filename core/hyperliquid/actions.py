"""Actions as the exchange reads them: the engine's batches on the way out, anybody's JSON on the way in.

Decides which keys an action has and in which order, because the order is what gets hashed (PROTOCOL 4.3). Never rounds, signs or
judges an order: prices and sizes arrive rounded, and `canonical_action` accepts what is well formed, however foolish.

Easy to get wrong: an optional key that is not used is absent, never null; a builder fee is never attached; the exchange rewrites
numbers, cloids and addresses into their one spelling *before* it hashes, so what is signed must already be spelt so.

SPEC 2, 5; PROTOCOL 4.2, 4.3, 14.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from core.hyperliquid.signing_key import Signature
from core.model.cloid import is_cloid
from core.model.market import MarketKey
from core.model.order import ActionBatch, Orders, PendingCancel, PendingOrder
from core.model.rounding import wire_text

Action = dict[str, Any]
AssetIdOf = Callable[[MarketKey], int]

MAX_ITEMS = 200
"""Orders or cancels in one action; more are refused as a whole ("weight limit of 200")."""


# --- building -----------------------------------------------------------------------------------------------------------


def order_action(orders: Sequence[PendingOrder], asset_id_of: AssetIdOf) -> Action:
    """One action that places these orders, independent of each other (grouping ``na``)."""
    assert 0 < len(orders) <= MAX_ITEMS, f"{len(orders)} orders in one action"
    return {"type": "order", "orders": [_order(o, asset_id_of(o.market)) for o in orders], "grouping": "na"}


def _order(order: PendingOrder, asset_id: int) -> Action:
    assert is_cloid(order.cloid), f"order on {order.market}: cloid {order.cloid!r}"
    assert order.size > 0, f"order {order.cloid} on {order.market}: size {order.size}"
    assert order.price > 0, f"order {order.cloid} on {order.market}: price {order.price}"
    return {
        "a": asset_id,
        "b": order.side.is_buy,
        "p": wire_text(order.price),
        "s": wire_text(order.size),
        "r": order.reduce_only,
        "t": {"limit": {"tif": order.tif.value}},
        "c": order.cloid,
    }


def cancel_action(cancels: Sequence[PendingCancel], asset_id_of: AssetIdOf) -> Action:
    """One action that cancels by oid."""
    assert 0 < len(cancels) <= MAX_ITEMS, f"{len(cancels)} cancels in one action"
    assert all(c.oid is not None for c in cancels), "a cancel by cloid in an action by oid"
    return {"type": "cancel", "cancels": [{"a": asset_id_of(c.market), "o": c.oid} for c in cancels]}


def cancel_by_cloid_action(cancels: Sequence[PendingCancel], asset_id_of: AssetIdOf) -> Action:
    """One action that cancels by cloid. The same request as `cancel_action`, with other names for its keys."""
    assert 0 < len(cancels) <= MAX_ITEMS, f"{len(cancels)} cancels in one action"
    assert all(c.cloid is not None for c in cancels), "a cancel by oid in an action by cloid"
    return {
        "type": "cancelByCloid",
        "cancels": [{"asset": asset_id_of(c.market), "cloid": c.cloid} for c in cancels],
    }


def batch_action(batch: ActionBatch, asset_id_of: AssetIdOf) -> Action:
    """The one action of a batch: orders, cancels by oid, or cancels by cloid."""
    if isinstance(batch, Orders):
        return order_action(batch.orders, asset_id_of)
    assert batch.cancels, "an empty batch of cancels"
    by_oid = batch.cancels[0].oid is not None
    return (cancel_action if by_oid else cancel_by_cloid_action)(batch.cancels, asset_id_of)


def update_leverage_action(asset_id: int, is_cross: bool, leverage: int) -> Action:
    """Set the leverage of one asset. The margin mode cannot change while a position is open."""
    assert leverage >= 1, f"leverage {leverage}"
    return {"type": "updateLeverage", "asset": asset_id, "isCross": is_cross, "leverage": leverage}


def schedule_cancel_action(time_ms: int | None) -> Action:
    """Ask the exchange to cancel everything at a time at least 5 s ahead, or (None) to forget it."""
    return {"type": "scheduleCancel"} if time_ms is None else {"type": "scheduleCancel", "time": time_ms}


def noop_action() -> Action:
    """Does nothing but use up its nonce."""
    return {"type": "noop"}


def envelope(
    action: Action, nonce: int, signature: Signature, vault_address: str | None, expires_after: int | None
) -> dict[str, Any]:
    """What is posted: the action with everything needed to check who signed it."""
    return {
        "action": action,
        "nonce": nonce,
        "signature": signature,
        "vaultAddress": vault_address,
        "expiresAfter": expires_after,
    }


# --- reading, as the exchange does ------------------------------------------------------------------------------------------


def canonical_action(raw: Any) -> Action:
    """The action as the exchange holds it after decoding, that is, as it hashes it.

    Numbers lose their trailing zeros, addresses and cloids their capitals, known keys take their order, optional keys that are null
    vanish. Keys that are not known stay, in the order received, at the end of their map. An action of a type that is not in
    `KNOWN_ACTIONS` is returned as it came.

    Raises:
        ValueError: A missing field or a wrong type; the message starts with the field, as ``orders[0].p``.
    """
    if not isinstance(raw, dict):
        raise ValueError("action: expected an object")
    kind = raw.get("type")
    if not isinstance(kind, str):
        raise ValueError(f"type: expected a string, found {_shown(kind)}")
    read = _ACTIONS.get(kind)
    return dict(raw) if read is None else read(raw, "")


_Read = Callable[[Any, str], Any]
"""Takes a value and where it stands; answers its one spelling or raises ValueError."""

_MISSING = object()
_DECIMAL = re.compile(r"((?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?)|-?[0-9]+(?:\.[0-9]+)?")
"""A number; in the group it is spelt the one way already."""
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


def _shown(value: Any) -> str:
    return "nothing" if value is None or value is _MISSING else repr(value)[:60]


def _wrong(where: str, expected: str, value: Any) -> ValueError:
    return ValueError(f"{where}: expected {expected}, found {_shown(value)}")


def _map(required: dict[str, _Read], optional: dict[str, _Read] | None = None) -> _Read:
    """A map: the required keys in this order, then those of the optional ones that are there, then what is not known."""
    fields = {**required, **(optional or {})}

    def read(value: Any, where: str) -> Action:
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        prefix = f"{where}." if where else ""
        out: Action = {}
        for name, read_field in fields.items():
            found = value.get(name, _MISSING)
            if name in required or (found is not _MISSING and found is not None):
                out[name] = read_field(found, prefix + name)
        if len(out) < len(value):
            out.update((name, found) for name, found in value.items() if name not in fields)
        return out

    return read


def _list_of(read_item: _Read) -> _Read:
    def read(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        return [read_item(item, f"{where}[{i}]") for i, item in enumerate(value)]

    return read


def _integer(low: int, high: int) -> _Read:
    def read(value: Any, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(where, f"an integer from {low} to {high}", value)
        return value

    return read


def _one_of(*allowed: str) -> _Read:
    def read(value: Any, where: str) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise _wrong(where, f"one of {', '.join(allowed)}", value)
        return value

    return read


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _wrong(where, "a string", value)
    return value


def _bool(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong(where, "true or false", value)
    return value


def _bool_or_null(value: Any, where: str) -> bool | None:
    """One that stays in the map when it is null or missing."""
    return None if value is None or value is _MISSING else _bool(value, where)


def _decimal(value: Any, where: str) -> str:
    if not isinstance(value, str) or (found := _DECIMAL.fullmatch(value)) is None:
        raise _wrong(where, "a decimal number as a string", value)
    return value if found[1] is not None else wire_text(Decimal(value))


def _address(value: Any, where: str) -> str:
    if not isinstance(value, str) or _ADDRESS.fullmatch(value) is None:
        raise _wrong(where, "an address (0x and 40 hex digits)", value)
    return value.lower()


def _cloid(value: Any, where: str) -> str:
    if not isinstance(value, str) or not is_cloid(value):
        raise _wrong(where, "a cloid (0x and 32 hex digits)", value)
    return value.lower()


_u32 = _integer(0, 2**32 - 1)
_u64 = _integer(0, 2**64 - 1)
_i64 = _integer(-(2**63), 2**63 - 1)


def _oid_or_cloid(value: Any, where: str) -> int | str:
    if isinstance(value, str):
        return _cloid(value, where)
    oid: int = _u64(value, where)
    return oid


_limit = _map({"tif": _one_of("Alo", "Ioc", "Gtc", "FrontendMarket")})
_trigger = _map({"isMarket": _bool, "triggerPx": _decimal, "tpsl": _one_of("tp", "sl")})
_limit_type, _trigger_type = _map({"limit": _limit}), _map({"trigger": _trigger})


def _order_type(value: Any, where: str) -> Action:
    if not isinstance(value, dict) or ("limit" in value) == ("trigger" in value):
        raise _wrong(where, "an object with either limit or trigger", value)
    kind: Action = (_limit_type if "limit" in value else _trigger_type)(value, where)
    return kind


def _grouping(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return _map({"p": _u32})(value, where)
    return _one_of("na", "normalTpsl", "positionTpsl")(value, where)


_order_wire = _map(
    {"a": _u32, "b": _bool, "p": _decimal, "s": _decimal, "r": _bool, "t": _order_type},
    {"c": _cloid},
)
_builder = _map({"b": _address, "f": _u64})
_twap = _map({"a": _u32, "b": _bool, "s": _decimal, "r": _bool, "m": _u32, "t": _bool})
_modify = {"oid": _oid_or_cloid, "order": _order_wire}

_ACTIONS: dict[str, _Read] = {
    "order": _map({"type": _text, "orders": _list_of(_order_wire), "grouping": _grouping}, {"builder": _builder}),
    "cancel": _map({"type": _text, "cancels": _list_of(_map({"a": _u32, "o": _u64}))}, {"f": _bool}),
    "cancelByCloid": _map({"type": _text, "cancels": _list_of(_map({"asset": _u32, "cloid": _cloid}))}, {"f": _bool}),
    "modify": _map({"type": _text, **_modify}, {"a": _bool}),
    "batchModify": _map({"type": _text, "modifies": _list_of(_map(_modify))}, {"a": _bool}),
    "scheduleCancel": _map({"type": _text}, {"time": _u64}),
    "updateLeverage": _map({"type": _text, "asset": _u32, "isCross": _bool, "leverage": _u32}),
    "updateIsolatedMargin": _map({"type": _text, "asset": _u32, "isBuy": _bool, "ntli": _i64}),
    "topUpIsolatedOnlyMargin": _map({"type": _text, "asset": _u32, "leverage": _decimal}),
    "noop": _map({"type": _text}),
    "reserveRequestWeight": _map({"type": _text, "weight": _u64}, {"destination": _address}),
    "createSubAccount": _map({"type": _text, "name": _text}),
    "subAccountModify": _map({"type": _text, "subAccountUser": _address, "name": _text}),
    "subAccountTransfer": _map({"type": _text, "subAccountUser": _address, "isDeposit": _bool, "usd": _u64}),
    "subAccountSpotTransfer": _map(
        {"type": _text, "subAccountUser": _address, "isDeposit": _bool, "token": _text, "amount": _text}
    ),
    "vaultTransfer": _map({"type": _text, "vaultAddress": _address, "isDeposit": _bool, "usd": _u64}),
    "vaultModify": _map(
        {
            "type": _text,
            "vaultAddress": _address,
            "allowDeposits": _bool_or_null,
            "alwaysCloseOnWithdraw": _bool_or_null,
        }
    ),
    "vaultDistribute": _map({"type": _text, "vaultAddress": _address, "usd": _u64}),
    "createVault": _map({"type": _text, "name": _text, "description": _text, "initialUsd": _u64}, {"nonce": _u64}),
    "setReferrer": _map({"type": _text, "code": _text}),
    "registerReferrer": _map({"type": _text, "code": _text}),
    "claimRewards": _map({"type": _text}),
    "twapOrder": _map({"type": _text, "twap": _twap}),
    "twapCancel": _map({"type": _text, "a": _u32, "t": _u64}),
    "agentEnableDexAbstraction": _map({"type": _text}),
    "agentSetAbstraction": _map({"type": _text, "abstraction": _one_of("i", "u", "p")}),
    "agentSendAsset": _map(
        {
            "type": _text,
            "destination": _address,
            "sourceDex": _text,
            "destinationDex": _text,
            "token": _text,
            "amount": _decimal,
            "fromSubAccount": _text,
            "nonce": _u64,
        }
    ),
}

KNOWN_ACTIONS = frozenset(_ACTIONS)
"""The L1 actions whose shape is known."""
