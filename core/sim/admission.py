"""Whether an action is let in at all: decoding, nonce, signer, vault, expiry, budget, weight.

The order of these checks is the venue's and can be seen from outside: a nonce out of range is told even to a stranger, a duplicate only to
someone known; from the moment a nonce is recorded it is used up, whatever comes next. Easy to get wrong: the hash is taken over the
action as the venue re-writes it, not as it came.

PROTOCOL 4.2, 5.2, 5.3, 14 steps 1 to 7.
"""

from __future__ import annotations

import re
from typing import Any, TypeGuard

from msgspec import Struct

from core.hyperliquid.actions import canonical_action
from core.hyperliquid.signing import recover_l1_signer
from core.sim import budget
from core.sim.accounts import Account
from core.sim.nonces import duplicate_text, range_error
from core.sim.venue import Venue

DESERIALIZE = "Failed to deserialize the JSON body into the target type"
PARSE = "Failed to parse the request body as JSON"

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
MAX_ITEMS = 200
_MAX_DIGITS = 30
"""Of a price or size; far beyond any market, and far within what Decimal keeps exactly."""

_ITEMS = {"order": "orders", "cancel": "cancels", "cancelByCloid": "cancels"}
_CANCELS = ("cancel", "cancelByCloid", "scheduleCancel")
SUPPORTED = ("order", "cancel", "cancelByCloid", "scheduleCancel", "updateLeverage", "noop")


class WireFailure(Exception):
    """A request that fails below the level of JSON answers: an HTTP status and a plain text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class Refused(Exception):
    """The whole action is refused: `status: err` with this text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
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
    def block_class(self) -> int:
        """Rank inside a block: actions without GTC or IOC orders, then cancels, then those with."""
        if self.kind in ("cancel", "cancelByCloid"):
            return 1
        if self.kind == "order" and any(o["t"].get("limit", {}).get("tif") != "Alo" for o in self.action["orders"]):
            return 2
        return 0


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
    if vault is not None and (not isinstance(vault, str) or ADDRESS.fullmatch(vault) is None):
        raise WireFailure(422, f"{DESERIALIZE}: vaultAddress")
    if expires is not None and not _is_uint(expires):
        raise WireFailure(422, f"{DESERIALIZE}: expiresAfter")
    if action["type"] not in SUPPORTED:
        raise WireFailure(422, f"{DESERIALIZE}: action type {action['type']} is not known to this simulated exchange")
    if action["type"] == "order":
        _check_order_action(action)
    return Envelope(action, nonce, signature, vault.lower() if vault else None, expires)


def _check_order_action(action: dict[str, Any]) -> None:
    unknown = f"{DESERIALIZE}: %s not known to this simulated exchange"
    if action["grouping"] != "na":
        raise WireFailure(422, unknown % "a grouping other than na is")
    if "builder" in action:
        raise WireFailure(422, unknown % "builder fees are")
    for order in action["orders"]:
        if "limit" not in order["t"]:
            raise WireFailure(422, unknown % "trigger orders are")
        if max(len(order["p"]), len(order["s"])) > _MAX_DIGITS:
            raise WireFailure(422, f"{DESERIALIZE}: a number of more than {_MAX_DIGITS} characters")


def _is_uint(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**64


def signer_of(envelope: Envelope, is_mainnet: bool) -> str:
    """Who signed, by the signature alone.

    Raises:
        Refused: No key can have made this signature.
    """
    try:
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


def admit(venue: Venue, envelope: Envelope, signer: str, now_ms: int) -> Account:
    """Steps 4 to 7: from the signer to the account that acts.

    Raises:
        Refused: With the venue's text.
    """
    user = venue.agents.get(signer, signer)
    account = venue.accounts.get(user)
    if account is None:
        raise Refused(f"User or API Wallet {signer} does not exist.")
    error = venue.nonces.use(signer, envelope.nonce)
    if error is None and venue.faults.strike("duplicate_nonce", now_ms, user):
        error = duplicate_text(envelope.nonce)
    if error:
        raise Refused(error)
    if envelope.vault_address is not None:
        raise Refused(f"Vault not registered: {envelope.vault_address}")
    if envelope.expires_after is not None and envelope.expires_after < now_ms:
        account.requests_used += budget.EXPIRED_COST
        raise Refused("Action already expired")
    if envelope.items == 0:
        raise Refused("Orders are empty.")
    if envelope.items > MAX_ITEMS:
        raise Refused(f"Signed action over weight limit of {MAX_ITEMS}.")
    fault = venue.faults.strike("reject_all", now_ms, user, level="action")
    if fault is not None:
        raise Refused(fault.text)
    is_limited = venue.faults.peek("rate_limited", now_ms, user) is not None
    error = budget.charge(account, envelope.items, envelope.kind in _CANCELS, now_ms, is_limited)
    if error:
        raise Refused(error)
    return account
