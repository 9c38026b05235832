"""Signatures against published vectors, against eth-account and against the official SDK; and back from a signature to its signer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import coincurve
import msgpack
import msgspec
import pytest
from eth_account import Account
from hyperliquid.utils import signing as sdk
from hypothesis import given, settings
from hypothesis import strategies as st

from core.hyperliquid import signing
from core.hyperliquid.keccak import keccak
from core.hyperliquid.signing import (
    SigningKey,
    action_hash,
    l1_digest,
    recover_l1_signer,
    recover_user_signer,
    sign_l1_action,
    sign_user_action,
)
from core.hyperliquid.signing_key import GROUP_ORDER, UNRECOVERABLE

GOLDEN = Path(__file__).parents[2] / "golden"
NETWORKS = (("testnet", False), ("mainnet", True))


def golden(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text())


def padded(signature: dict[str, Any]) -> dict[str, Any]:
    """The published vectors print r and s without leading zeros."""
    return {"r": f"0x{int(signature['r'], 16):064x}", "s": f"0x{int(signature['s'], 16):064x}", "v": signature["v"]}


def named(rows: list[dict[str, Any]]) -> list[Any]:
    def network(row: dict[str, Any]) -> str:
        return {True: " main", False: " test", None: ""}[row.get("is_mainnet")]

    return [pytest.param(row, id=row["name"] + network(row)) for row in rows]


EIP712 = golden("eip712.json")
GENERATED = named(golden("l1_actions.json"))
PUBLISHED = named(golden("published_l1.json"))


# --- vectors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", GENERATED)
def test_generated_vector_matches_to_the_byte(row: dict[str, Any]) -> None:
    assert msgspec.msgpack.encode(row["action"]).hex() == row["msgpack"]
    hashed = action_hash(row["action"], row["vault"], row["nonce"], row["expiresAfter"])
    assert "0x" + hashed.hex() == row["action_hash"]
    key = SigningKey.from_hex(row["key"])
    for network, is_mainnet in NETWORKS:
        arguments = (row["vault"], row["nonce"], row["expiresAfter"], is_mainnet)
        signature = sign_l1_action(key, row["action"], *arguments)
        assert signature == padded(row[network])
        assert recover_l1_signer(row["action"], row[network], *arguments) == key.address


@pytest.mark.parametrize("row", PUBLISHED)
def test_published_vector_matches(row: dict[str, Any]) -> None:
    key = SigningKey.from_hex(row["key"])
    signature = sign_l1_action(key, row["action"], row["vault"], row["nonce"], None, row["is_mainnet"])
    assert signature == padded(row)
    assert recover_l1_signer(row["action"], row, row["vault"], row["nonce"], None, row["is_mainnet"]) == key.address


@pytest.mark.parametrize("row", named(golden("connection_ids.json")))
def test_connection_id_signed_directly(row: dict[str, Any]) -> None:
    digest = l1_digest(bytes.fromhex(row["connection_id"][2:]), row["is_mainnet"])
    assert SigningKey.from_hex(row["key"]).sign_digest(digest) == padded(row)


@pytest.mark.parametrize("row", named(golden("user_signed.json")))
def test_user_signed_vector_matches(row: dict[str, Any]) -> None:
    key = SigningKey.from_hex(row["key"])
    assert sign_user_action(key, row["action"]) == padded(row)
    assert recover_user_signer(row["action"], row) == key.address


def test_phantom_agent_connection_id() -> None:
    agent = EIP712["phantom_agent"]
    assert "0x" + action_hash(agent["action"], None, agent["nonce"], None).hex() == agent["connection_id"]


def test_precomputed_constants_are_what_they_say() -> None:
    domain = keccak(
        keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
        + keccak(b"Exchange")
        + keccak(b"1")
        + (1337).to_bytes(32, "big")
        + bytes(32)
    )
    derived = {
        "domain_separator": domain,
        "agent_typehash": keccak(b"Agent(string source,bytes32 connectionId)"),
        "source_a": keccak(b"a"),
        "source_b": keccak(b"b"),
    }
    used = {
        "domain_separator": signing.DOMAIN_SEPARATOR,
        "agent_typehash": signing.AGENT_TYPEHASH,
        "source_a": signing.SOURCE_MAINNET,
        "source_b": signing.SOURCE_TESTNET,
    }
    assert used == derived
    assert {name: "0x" + value.hex() for name, value in used.items()} == {name: EIP712[name] for name in used}


@pytest.mark.parametrize(("network", "is_mainnet"), NETWORKS)
def test_struct_hash_and_digest_of_the_seed_vector(network: str, is_mainnet: bool) -> None:
    seed = EIP712["seed"]
    connection_id = bytes.fromhex(seed["action_hash"][2:])
    source = signing.SOURCE_MAINNET if is_mainnet else signing.SOURCE_TESTNET
    assert "0x" + keccak(signing.AGENT_TYPEHASH + source + connection_id).hex() == seed[network]["struct_hash"]
    assert "0x" + l1_digest(connection_id, is_mainnet).hex() == seed[network]["digest"]


# --- equal to others on random actions ------------------------------------------------------------------------------------

secrets = st.integers(1, GROUP_ORDER - 1).map(lambda n: n.to_bytes(32, "big"))
addresses = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
u64 = st.integers(0, 2**64 - 1)
numbers = st.decimals("0.00001", "100000", places=5).map(lambda d: format(d.normalize(), "f"))
orders = st.builds(
    lambda a, b, p, s, r, tif, c: {"a": a, "b": b, "p": p, "s": s, "r": r, "t": {"limit": {"tif": tif}}} | c,
    st.integers(0, 2**32 - 1),
    st.booleans(),
    numbers,
    numbers,
    st.booleans(),
    st.sampled_from(["Ioc", "Gtc", "Alo"]),
    st.one_of(st.just({}), st.binary(min_size=16, max_size=16).map(lambda b: {"c": "0x" + b.hex()})),
)
actions = st.one_of(
    st.lists(orders, min_size=1, max_size=20).map(lambda o: {"type": "order", "orders": o, "grouping": "na"}),
    st.lists(st.fixed_dictionaries({"a": st.integers(0, 2**32 - 1), "o": u64}), min_size=1, max_size=20).map(
        lambda c: {"type": "cancel", "cancels": c}
    ),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=8), st.dictionaries(st.text(max_size=12), inner, max_size=8)),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(
    secret=secrets, action=actions, vault=st.none() | addresses, nonce=u64, expires=st.none() | u64, main=st.booleans()
)
def test_equals_the_official_sdk_and_eth_account(
    secret: bytes, action: dict[str, Any], vault: str | None, nonce: int, expires: int | None, main: bool
) -> None:
    wallet = Account.from_key(secret)
    ours = sign_l1_action(SigningKey(secret), action, vault, nonce, expires, main)
    assert action_hash(action, vault, nonce, expires) == sdk.action_hash(action, vault, nonce, expires)
    assert ours == padded(sdk.sign_l1_action(wallet, action, vault, nonce, expires, main))

    agent = {"source": "a" if main else "b", "connectionId": action_hash(action, vault, nonce, expires)}
    domain = {"name": "Exchange", "version": "1", "chainId": 1337, "verifyingContract": "0x" + "00" * 20}
    fields = [{"name": "source", "type": "string"}, {"name": "connectionId", "type": "bytes32"}]
    theirs = wallet.sign_typed_data(domain, {"Agent": fields}, agent)
    assert bytes.fromhex(ours["r"][2:] + ours["s"][2:]) + bytes([ours["v"]]) == theirs.signature
    assert recover_l1_signer(action, ours, vault, nonce, expires, main) == wallet.address.lower()


@settings(max_examples=100, deadline=None)
@given(value=json_values)
def test_packs_the_same_bytes_as_msgpack(value: Any) -> None:
    assert msgspec.msgpack.encode(value) == msgpack.packb(value)


@pytest.mark.parametrize("size", [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_packs_the_same_bytes_as_msgpack_around_every_length_border(size: int) -> None:
    value = {"text": "x" * size, "list": [1] * size, "map": {str(i): i for i in range(size)}, "n": [size, -size]}
    assert msgspec.msgpack.encode(value) == msgpack.packb(value)


@settings(max_examples=60, deadline=None)
@given(secret=secrets, data=st.data(), main=st.booleans())
def test_user_signed_equals_the_official_sdk(secret: bytes, data: st.DataObject, main: bool) -> None:
    kind = data.draw(st.sampled_from(sorted(signing.USER_SIGNED)))
    form = signing.USER_SIGNED[kind]
    values = {"string": st.text(max_size=40), "address": addresses, "bool": st.booleans(), "uint64": u64}
    action = {"type": kind} | {name: data.draw(values[field]) for name, field in form.fields}
    types = [{"name": name, "type": field} for name, field in form.fields]
    # The SDK fills in signatureChainId and hyperliquidChain itself, in the action it is given.
    theirs = sdk.sign_user_signed_action(
        Account.from_key(secret), action, types, f"HyperliquidTransaction:{form.name}", main
    )
    assert sign_user_action(SigningKey(secret), action) == padded(theirs)


def test_unnamed_agent_signs_an_empty_name() -> None:
    named_agent = golden("user_signed.json")[2]
    action = {name: value for name, value in named_agent["action"].items() if name != "agentName"}
    key = SigningKey.from_hex(named_agent["key"])
    assert sign_user_action(key, action) == sign_user_action(key, action | {"agentName": ""})
    assert sign_user_action(key, action) != sign_user_action(key, named_agent["action"])


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"type": "order"}, "type"),
        ({"signatureChainId": None}, "signatureChainId"),
        ({"signatureChainId": "0xzz"}, "signatureChainId"),
        ({"hyperliquidChain": 1}, "hyperliquidChain"),
        ({"agentAddress": "0x12"}, "0x12"),
        ({"agentAddress": None}, "agentAddress"),
        ({"nonce": "1"}, "nonce"),
        ({"nonce": True}, "nonce"),
        ({"nonce": 2**64}, "nonce"),
    ],
)
def test_bad_user_signed_action_names_the_field(change: dict[str, Any], names: str) -> None:
    row = golden("user_signed.json")[2]
    with pytest.raises(ValueError, match=names):
        recover_user_signer(row["action"] | change, row)


# --- recovery -----------------------------------------------------------------------------------------------------------

ACTION = {"type": "cancel", "cancels": [{"a": 110016, "o": 481029459465}]}
KEY = SigningKey(bytes(31) + b"\x07")
GOOD = sign_l1_action(KEY, ACTION, None, 1705000000000, None, False)


def test_recovery_accepts_missing_leading_zeros() -> None:
    for nonce in range(2_000):
        signature = sign_l1_action(KEY, ACTION, None, nonce, None, False)
        if signature["r"].startswith("0x0"):
            break
    else:
        pytest.fail("no nonce of 2000 gave an r with a leading zero")
    short = {**signature, "r": hex(int(signature["r"], 16)), "s": hex(int(signature["s"], 16))}
    assert len(short["r"]) < 66
    assert recover_l1_signer(ACTION, short, None, nonce, None, False) == KEY.address


@pytest.mark.parametrize(
    "change",
    [
        {"r": "0x0", "s": "0x0"},
        {"r": "0x" + "f" * 64},
        {"s": "0x" + "0" * 64},
        {"r": "0x" + "1" * 65},
        {"r": "0x"},
        {"r": "1234"},
        {"r": "0x-1"},
        {"r": "0x1_0"},
        {"r": 5},
        {"r": None},
        {"v": 29},
        {"v": 0},
        {"v": True},
        {"v": "27"},
        {"v": 27.0},
        {"v": None},
    ],
)
def test_unusable_signature_is_refused_in_the_exchanges_words(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{UNRECOVERABLE}$"):
        recover_l1_signer(ACTION, {**GOOD, **change}, None, 1705000000000, None, False)


@pytest.mark.parametrize("missing", ["r", "s", "v"])
def test_signature_with_a_part_missing_is_refused(missing: str) -> None:
    rest = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(ValueError, match=f"^{UNRECOVERABLE}$"):
        recover_l1_signer(ACTION, rest, None, 1705000000000, None, False)


VAULT = "0x1719884eb866cb12b2287399b15f7db5e7d775ea"


@pytest.mark.parametrize(
    "arguments",
    [
        (ACTION | {"f": True}, None, 1705000000000, None, False),
        (ACTION, VAULT, 1705000000000, None, False),
        (ACTION, None, 1705000000001, None, False),
        (ACTION, None, 1705000000000, 1, False),
        (ACTION, None, 1705000000000, None, True),
    ],
    ids=["action", "vault", "nonce", "expiry", "network"],
)
def test_everything_that_is_signed_matters(arguments: tuple[Any, ...]) -> None:
    action, *rest = arguments
    try:
        other = recover_l1_signer(action, GOOD, *rest)
    except ValueError:
        return
    assert other != KEY.address
    assert recover_l1_signer(ACTION, GOOD, None, 1705000000000, None, False) == KEY.address


@pytest.mark.parametrize(("nonce", "expires"), [(-1, None), (2**64, None), (0, -1), (0, 2**64)])
def test_number_that_does_not_fit_is_a_clear_error(nonce: int, expires: int | None) -> None:
    with pytest.raises(ValueError, match="8 bytes"):
        action_hash(ACTION, None, nonce, expires)


@pytest.mark.parametrize("address", ["", "0x12", "0x" + "g" * 40, VAULT + "00", "0x " + VAULT[3:]])
def test_bad_vault_is_a_clear_error(address: str) -> None:
    with pytest.raises(ValueError, match="expected 0x and 40 hex digits"):
        action_hash(ACTION, address, 0, None)


# --- kinds of keys ------------------------------------------------------------------------------------------------------

SECRET_HEX = "c0ffee" + "5a" * 29
SECRET = bytes.fromhex(SECRET_HEX)


@pytest.mark.parametrize(
    "key",
    [
        SigningKey(SECRET),
        SECRET,
        bytearray(SECRET),
        SECRET_HEX,
        "0x" + SECRET_HEX.upper(),
        coincurve.PrivateKey(SECRET),
        Account.from_key(SECRET),
    ],
    ids=["SigningKey", "bytes", "bytearray", "hex", "0x hex", "coincurve", "eth-account"],
)
def test_every_kind_of_key_signs_the_same(key: Any) -> None:
    expected = padded(sdk.sign_l1_action(Account.from_key(SECRET), ACTION, None, 1, None, True))
    assert sign_l1_action(key, ACTION, None, 1, None, True) == expected


@pytest.mark.parametrize("key", [None, 5, object(), ["a"]])
def test_anything_else_is_no_key(key: Any) -> None:
    with pytest.raises(TypeError, match="is not a signing key"):
        sign_l1_action(key, ACTION, None, 1, None, True)


# --- cost of importing ----------------------------------------------------------------------------------------------------


def test_import_is_cheap_and_leaves_eth_account_alone() -> None:
    """CPU time on top of msgspec, which all of core stands on; the best of a few runs: other work on the machine must not decide it."""
    program = (
        "import sys, time, msgspec\n"
        "start = time.process_time()\n"
        "import core.hyperliquid.signing\n"
        "print(round((time.process_time() - start) * 1000, 1))\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'eth_account', 'eth_utils', 'eth_abi', 'hyperliquid'}))\n"
    )
    costs = []
    for _ in range(5):
        cost, heavy = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30
        ).stdout.splitlines()
        assert heavy == "[]"
        costs.append(float(cost))
        if min(costs) < 60:
            break
    assert min(costs) < 60, costs
