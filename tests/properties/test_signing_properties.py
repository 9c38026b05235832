"""What we sign is what the exchange hashes, and it recovers our address: for any batch, vault, expiry and network; and for nothing else.

The exchange re-reads an action before it hashes it: numbers lose their padding, keys take their order. Our own text must be a fixed point
of that, however the JSON was shuffled on its way.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st
from property_budget import examples

from core.hyperliquid.actions import batch_action, canonical_action
from core.hyperliquid.signing import recover_l1_signer, sign_l1_action
from core.hyperliquid.signing_key import GROUP_ORDER, SigningKey
from core.model.cloid import CloidMaker
from core.model.market import MarketKey
from core.model.order import ActionBatch, Cancels, Orders, OrderSide, PendingCancel, PendingOrder, TimeInForce
from core.model.rounding import round_price, round_size

few = examples(40)
MARKET = MarketKey("xyz", "SNDK")
keys = st.integers(1, GROUP_ORDER - 1).map(lambda n: SigningKey(n.to_bytes(32, "big")))
addresses = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
u64 = st.integers(0, 2**64 - 1)
amounts = st.decimals(Decimal("0.001"), Decimal("99999"), places=3) | st.integers(1, 99_999).map(Decimal)


@st.composite
def orders(draw: st.DrawFn) -> PendingOrder:
    side = draw(st.sampled_from(OrderSide))
    return PendingOrder(
        CloidMaker(draw(st.integers(0, 2**32 - 1))).next(),
        MARKET,
        side,
        round_price(draw(amounts), side.is_buy, 3),
        round_size(draw(amounts), 3),
        draw(st.booleans()),
        draw(st.sampled_from(TimeInForce)),
        0,
    )


def several(items: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, min_size=1, max_size=4).map(tuple)


batches: st.SearchStrategy[ActionBatch] = (
    several(orders()).map(Orders)
    | several(u64.map(lambda oid: PendingCancel(MARKET, oid=oid))).map(Cancels)
    | several(orders().map(lambda o: PendingCancel(MARKET, cloid=o.cloid))).map(Cancels)
)


@st.composite
def signed(draw: st.DrawFn) -> tuple[SigningKey, dict[str, Any]]:
    """A key, and everything that its signature covers."""
    asset_id = draw(st.integers(0, 200_000))
    covered = {
        "action": batch_action(draw(batches), lambda market: asset_id),
        "vault_address": draw(st.none() | addresses),
        "nonce": draw(u64),
        "expires_after": draw(st.none() | u64),
        "is_mainnet": draw(st.booleans()),
    }
    return draw(keys), covered


@few
@given(signed())
def test_a_signature_recovers_its_address(case: tuple[SigningKey, dict[str, Any]]) -> None:
    key, covered = case
    signature = sign_l1_action(key, **covered)
    assert recover_l1_signer(signature=signature, **covered) == key.address
    assert sign_l1_action(key, **covered) == signature, "the same bytes each time"
    assert signature["v"] in (27, 28)
    assert {len(signature["r"]), len(signature["s"])} == {66}
    assert int(signature["s"], 16) <= GROUP_ORDER // 2


@few
@given(signed(), st.data())
def test_a_signature_of_anything_else_is_a_strangers(
    case: tuple[SigningKey, dict[str, Any]], data: st.DataObject
) -> None:
    key, covered = case
    signature = sign_l1_action(key, **covered)
    what = data.draw(st.sampled_from(sorted(covered)))
    others: dict[str, st.SearchStrategy[Any]] = {
        "action": batches.map(lambda b: batch_action(b, lambda market: 7)),
        "vault_address": st.none() | addresses,
        "nonce": u64,
        "expires_after": st.none() | u64,
        "is_mainnet": st.booleans(),
    }
    other = data.draw(others[what])
    assume(other != covered[what])
    try:
        stranger = recover_l1_signer(signature=signature, **{**covered, what: other})
    except ValueError:
        return  # of no key at all
    assert stranger != key.address


def shuffled(value: Any, data: st.DataObject) -> Any:
    """The same JSON with the keys of every object in another order."""
    if isinstance(value, dict):
        names = data.draw(st.permutations(list(value)))
        return {name: padded(name, shuffled(value[name], data), data) for name in names}
    return [shuffled(v, data) for v in value] if isinstance(value, list) else value


def padded(name: str, value: Any, data: st.DataObject) -> Any:
    """Prices and sizes with zeros that say nothing; ids in capitals."""
    if name in ("p", "s") and isinstance(value, str):
        return value + ("" if "." in value else ".0") + "0" * data.draw(st.integers(0, 3))
    return "0x" + value[2:].upper() if name in ("c", "cloid") and data.draw(st.booleans()) else value


@few
@given(signed(), st.data())
def test_the_exchange_reads_back_the_very_bytes_we_signed(
    case: tuple[SigningKey, dict[str, Any]], data: st.DataObject
) -> None:
    key, covered = case
    signature = sign_l1_action(key, **covered)
    received = json.loads(json.dumps(shuffled(covered["action"], data)))
    read = canonical_action(received)
    assert json.dumps(read) == json.dumps(covered["action"]), "key order included"
    assert recover_l1_signer(signature=signature, **{**covered, "action": read}) == key.address
