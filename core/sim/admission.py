"""Whether an action is let in at all: decoding, nonce, signer, sub-account, expiry, budget, weight.

The order of these checks is the venue's and can be seen from outside: a nonce out of range is told even to a stranger, a duplicate only to
someone known; from the moment a nonce is recorded it is used up, whatever comes next. Easy to get wrong: the hash is taken over the
action as the venue re-writes it, not as it came. Actions that their owner signs in their own name (transfers, approvals) are closed to
agents, and an agent who tries is told that it has to deposit first.

The venue's text for a user-signed action with an expiry is not known; it is worded here.

PROTOCOL 4.2, 5.2, 5.3, 14 steps 1 to 7.
"""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from msgspec import Struct

from core.hyperliquid.actions import KNOWN_ACTIONS, canonical_action
from core.hyperliquid.signing import USER_SIGNED, recover_l1_signer, recover_user_signer, user_digest
from core.sim import budget
from core.sim.accounts import Account
from core.sim.money import acting_account
from core.sim.nonces import duplicate_text, range_error
from core.sim.not_simulated import MULTI_SIG, NOT_A_SIGNER, NOT_SIMULATED
from core.sim.refused import Refused
from core.sim.venue import Venue

DESERIALIZE = "Failed to deserialize the JSON body into the target type"
PARSE = "Failed to parse the request body as JSON"

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_BARE = re.compile(r"[0-9a-fA-F]{40}")
MAX_ITEMS = 200
_MAX_DIGITS = 30
"""Of a price or size; far beyond any market, and far within what Decimal keeps exactly."""

_ITEMS = {"order": "orders", "cancel": "cancels", "cancelByCloid": "cancels", "batchModify": "modifies"}
_OF_A_VAULT = frozenset(
    {
        *("order", "cancel", "cancelByCloid", "modify", "batchModify", "scheduleCancel", "twapOrder", "twapCancel"),
        *("updateLeverage", "updateIsolatedMargin", "topUpIsolatedOnlyMargin", "noop", "reserveRequestWeight"),
    }
)
"""What a vault can do: it trades."""
_CANCELS = ("cancel", "cancelByCloid", "scheduleCancel")
SUPPORTED = KNOWN_ACTIONS | USER_SIGNED.keys() | NOT_SIMULATED


_MOST_TEXT = 400


class WireFailure(Exception):
    """A request that fails below the level of JSON answers: an HTTP status and a plain text."""

    def __init__(self, status: int, text: str) -> None:
        text = text[:_MOST_TEXT].encode(errors="replace").decode()  # it repeats what a client sent
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class Envelope(Struct, frozen=True):
    """A decoded request, before anything is known about its sender."""

    action: dict[str, Any]
    nonce: int
    signature: dict[str, Any]
    vault_address: str | None
    expires_after: int | None

    @property
    def kind(self) -> str:
        kind: str = self.action["type"]
        return kind

    @property
    def items(self) -> int:
        """How many orders or cancels it holds; 1 for actions without a list."""
        key = _ITEMS.get(self.kind)
        return 1 if key is None else len(self.action[key])

    @property
    def orders(self) -> list[dict[str, Any]]:
        """The new orders in it, those of modifies too."""
        return _orders_of(self.action)

    @property
    def is_user_signed(self) -> bool:
        """Whether its owner signs it in its own name, not through the phantom agent of an L1 action."""
        return self.kind in USER_SIGNED

    @property
    def block_class(self) -> int:
        """Rank inside a block: actions without GTC or IOC orders, then cancels, then those with. Modifies count by their new orders."""
        kind = self.kind
        if kind in ("cancel", "cancelByCloid"):
            return 1
        return 2 if any(o["t"].get("limit", _ALO)["tif"] != "Alo" for o in self.orders) else 0


_ALO = {"tif": "Alo"}


def _orders_of(action: dict[str, Any]) -> list[dict[str, Any]]:
    """The new orders in an action."""
    match action["type"]:
        case "order":
            orders: list[dict[str, Any]] = action["orders"]
            return orders
        case "modify":
            return [action["order"]]
        case "batchModify":
            return [m["order"] for m in action["modifies"]]
    return []


def decode(raw: Any) -> Envelope:
    """Read the body of an exchange request.

    Raises:
        WireFailure: 422, with the field that is wrong.
    """
    if not isinstance(raw, dict):
        raise WireFailure(422, f"{DESERIALIZE}: expected an object")
    try:
        action = canonical_action(raw.get("action"))
    except ValueError as e:
        raise WireFailure(422, f"{DESERIALIZE}: {e}") from None
    nonce, signature = raw.get("nonce"), raw.get("signature")
    vault, expires = raw.get("vaultAddress"), raw.get("expiresAfter")
    if not _is_uint(nonce):
        raise WireFailure(422, f"{DESERIALIZE}: nonce")
    if not isinstance(signature, dict) or not {"r", "s", "v"} <= set(signature):
        raise WireFailure(422, f"{DESERIALIZE}: signature")
    if vault is not None and (vault := address_of(vault)) is None:
        raise WireFailure(422, f"{DESERIALIZE}: vaultAddress")
    if expires is not None and not _is_uint(expires):
        raise WireFailure(422, f"{DESERIALIZE}: expiresAfter")
    if action["type"] not in SUPPORTED:
        raise WireFailure(422, f"{DESERIALIZE}: action type {action['type'][:60]} is not known")
    if action["type"] == MULTI_SIG and not _is_multi_sig(action):
        raise WireFailure(422, f"{DESERIALIZE}: payload")
    if action["type"] in USER_SIGNED:
        try:
            user_digest(action)
        except ValueError as e:
            raise WireFailure(422, f"{DESERIALIZE}: {e}") from None
    for order in _orders_of(action):
        trigger_px = order["t"].get("trigger", {}).get("triggerPx", "")
        if max(len(order["p"]), len(order["s"]), len(trigger_px)) > _MAX_DIGITS:
            raise WireFailure(422, f"{DESERIALIZE}: a number of more than {_MAX_DIGITS} characters")
    if action["type"] == "topUpIsolatedOnlyMargin" and len(action["leverage"]) > _MAX_DIGITS:
        raise WireFailure(422, f"{DESERIALIZE}: a number of more than {_MAX_DIGITS} characters")
    return Envelope(action, nonce, signature, vault, expires)


def address_of(value: Any) -> str | None:
    """An address in its one spelling, or None for what is none. It comes in any case, and some clients leave out the 0x."""
    if not isinstance(value, str):
        return None
    if ADDRESS.fullmatch(value) is not None:
        return value.lower()
    return "0x" + value.lower() if _BARE.fullmatch(value) is not None else None


def _is_multi_sig(action: dict[str, Any]) -> bool:
    payload = action.get("payload")
    return (
        isinstance(action.get("signatures"), list)
        and isinstance(payload, dict)
        and isinstance(payload.get("multiSigUser"), str)
        and isinstance(payload.get("outerSigner"), str)
        and isinstance(payload.get("action"), dict)
    )


def _is_uint(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def signer_of(envelope: Envelope, is_mainnet: bool) -> str:
    """Who signed, by the signature alone.

    Raises:
        Refused: No key can have made this signature, or nobody can have made it here.
    """
    if envelope.kind == MULTI_SIG:
        raise Refused(NOT_A_SIGNER)
    try:
        if envelope.is_user_signed:
            return recover_user_signer(envelope.action, envelope.signature)
        return recover_l1_signer(
            envelope.action,
            envelope.signature,
            envelope.vault_address,
            envelope.nonce,
            envelope.expires_after,
            is_mainnet,
        )
    except ValueError:
        raise Refused("Unable to recover signer.") from None


def check_range(envelope: Envelope, now_ms: int) -> None:
    """Step 3, before the signature is looked at."""
    error = range_error(envelope.nonce, now_ms)
    if error:
        raise Refused(error)
    if envelope.is_user_signed and envelope.action.get("nonce", envelope.action.get("time")) != envelope.nonce:
        raise Refused("Nonce mismatch.")


def admit(venue: Venue, envelope: Envelope, signer: str, now_ms: int) -> Account:
    """Steps 4 to 7: from the signer to the account that acts.

    Raises:
        Refused: With the venue's text.
    """
    user = signer if envelope.is_user_signed else venue.user_of(signer, now_ms)
    account = venue.accounts.get(user)
    if account is None or (account.master is not None and user == signer):
        raise Refused(_stranger(envelope, signer))
    error = venue.nonces.use(signer, envelope.nonce)
    if error is None and venue.faults.strike("duplicate_nonce", now_ms, user):
        error = duplicate_text(envelope.nonce)
    if error:
        raise Refused(error)
    account = _acting(venue, account, envelope)
    if envelope.expires_after is not None and envelope.expires_after < now_ms:
        account.requests_used += budget.EXPIRED_COST
        raise Refused("Action already expired")
    if envelope.items == 0:
        raise Refused("Orders are empty.")
    if envelope.items > MAX_ITEMS:
        raise Refused(f"Signed action over weight limit of {MAX_ITEMS}.")
    fault = venue.faults.strike("reject_all", now_ms, account.user, level="action")
    if fault is not None:
        raise Refused(fault.text)
    is_limited = venue.faults.peek("rate_limited", now_ms, account.user) is not None
    error = budget.charge(account, envelope.items, envelope.kind in _CANCELS, now_ms, is_limited)
    if error:
        raise Refused(error)
    return account


def _stranger(envelope: Envelope, signer: str) -> str:
    if envelope.is_user_signed:
        return f"Must deposit before performing actions. User: {signer}"
    return f"User or API Wallet {signer} does not exist."


def _acting(venue: Venue, account: Account, envelope: Envelope) -> Account:
    """The account that acts: the signer's own (or its master's), or a sub-account of it or a vault that it leads."""
    vault = envelope.vault_address
    if not envelope.is_user_signed:
        acting = account if vault is None else acting_account(venue, account, vault)
        if acting.is_vault and envelope.kind not in _OF_A_VAULT:
            raise Refused("Vault may not perform this action.")
        return acting
    if envelope.action["hyperliquidChain"] != ("Mainnet" if venue.is_mainnet else "Testnet"):
        raise Refused("Mainnet and testnet require different signature.")
    if vault is not None:
        acting_account(venue, account, vault)
        raise Refused("Vault may not perform this action.")
    if envelope.expires_after is not None:
        raise Refused("expiresAfter is not supported for user-signed actions.")
    return account
