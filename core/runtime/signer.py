"""From a batch to something that can be sent: built, hashed, signed, wrapped.

Decides nothing: which batch, which nonce and when it expires come from the engine. Knows nothing of post ids, which are the
connection's business and must never influence what is signed.

SPEC 5; plan 3.2 (P0-11).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from core.hyperliquid.actions import Action, AssetIdOf, batch_action, envelope
from core.hyperliquid.signing import action_hash, l1_digest
from core.model.order import ActionBatch
from core.runtime.keys import KeyManager


class SignedAction(Struct, frozen=True):
    """One action, ready for the socket. ``hash_hex`` is its action hash, which names it in the journal."""

    payload: dict[str, Any]
    hash_hex: str


class Signer:
    """Signs for one account with the key of one manager."""

    def __init__(self, keys: KeyManager, is_mainnet: bool, vault_address: str | None = None) -> None:
        """Bind the key to a network and an account.

        Args:
            keys: Holds the key, or none in the role Observation.
            is_mainnet: Which source letter is signed.
            vault_address: The sub-account or vault that is traded for; None for the key's own account, or its master's.
        """
        self._keys = keys
        self._is_mainnet = is_mainnet
        self._vault_address = None if vault_address is None else vault_address.lower()

    @property
    def address(self) -> str:
        """Lower-case address of the key, empty without one."""
        return self._keys.address

    def build_and_sign(
        self, batch: ActionBatch, nonce: int, expires_after_ms: int | None, asset_id_of: AssetIdOf
    ) -> SignedAction:
        """The batch as one signed action.

        Args:
            batch: Orders, cancels by oid, or cancels by cloid.
            nonce: Fresh for every new action.
            expires_after_ms: The exchange refuses the action in a later block; None: no limit.
            asset_id_of: The asset id of each market in the batch.

        Raises:
            NoTradingKey: In the role Observation.
        """
        return self.sign(batch_action(batch, asset_id_of), nonce, expires_after_ms)

    def sign(self, action: Action, nonce: int, expires_after_ms: int | None) -> SignedAction:
        """Any L1 action, signed and wrapped.

        Raises:
            NoTradingKey: In the role Observation.
        """
        key = self._keys.trading_key
        hashed = action_hash(action, self._vault_address, nonce, expires_after_ms)
        signature = key.sign_digest(l1_digest(hashed, self._is_mainnet))
        return SignedAction(
            payload=envelope(action, nonce, signature, self._vault_address, expires_after_ms),
            hash_hex="0x" + hashed.hex(),
        )

    def __repr__(self) -> str:
        return f"Signer({self._keys!r}, {'mainnet' if self._is_mainnet else 'testnet'} letter)"
