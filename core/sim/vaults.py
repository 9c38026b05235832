"""Vaults: accounts that a leader trades and others have shares of.

Decides who may pay in and take out, and what a share is worth: its part of everything the vault's account is worth, at the marks of now.
Easy to get wrong: a deposit buys shares at today's price, so whoever came before keeps their gains; and a vault has no key, so it can do
nothing but trade, through its leader or the leader's agent with the vault's address.

Coarse: taking out pays from what is withdrawable on the main dex and closes no positions, and a leader takes no share of the profits. The
venue's texts for what is refused here are not known, save that of an unknown vault; they are worded here.

PROTOCOL 5.2, 10.2 (account types).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Decimal

from core.model.market import MAIN_DEX
from core.sim import money, wire
from core.sim.accounts import ZERO, Account, margin_of
from core.sim.refused import Refused
from core.sim.vault import Vault
from core.sim.venue import Venue
from core.sim.wire import Json

_MILLIONTH = Decimal("0.000001")
_LEAST_USD = Decimal(100)
_FEE_USD = Decimal(100)
LOCKED_MS = 86_400_000
"""How long after a deposit nothing is paid out to whoever made it."""
_LEADERS_SHARE = Decimal("0.05")
_SHORTEST_NAME, _LONGEST_NAME = 3, 50
_SHORTEST_TEXT, _LONGEST_TEXT = 10, 250
_MOST_LED = 10


def worth(venue: Venue, vault: Vault) -> Decimal:
    """All that the vault's account is worth."""
    account = venue.accounts[vault.address]
    dexes = (margin_of(b, venue.marks(b), venue.universe).account_value for b in account.dexes.values())
    return sum(dexes, account.spot_usd)


def equity(venue: Venue, vault: Vault, user: str) -> Decimal:
    """What somebody's shares are worth."""
    held = vault.shares.get(user, ZERO)
    return ZERO if not held else max(ZERO, worth(venue, vault)) * held / vault.all_shares


def create(venue: Venue, account: Account, action: Json, now_ms: int) -> str:
    """Returns the address of the new vault."""
    name, description, first = action["name"], action["description"], action["initialUsd"] * _MILLIONTH
    if account.master is not None:
        raise Refused("Vault may not perform this action.")
    if not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        raise Refused(f"Vault name must have {_SHORTEST_NAME} to {_LONGEST_NAME} characters.")
    if not _SHORTEST_TEXT <= len(description) <= _LONGEST_TEXT:
        raise Refused(f"Vault description must have {_SHORTEST_TEXT} to {_LONGEST_TEXT} characters.")
    if first < _LEAST_USD:
        raise Refused(f"Initial deposit must be at least ${_LEAST_USD}.")
    if sum(v.leader == account.user for v in venue.vaults.values()) >= _MOST_LED:
        raise Refused(f"Too many vaults. Current limit is {_MOST_LED}")
    money.take(venue, account, MAIN_DEX, first + _FEE_USD)
    which = f"{venue.seed}/vault/{len(venue.vaults)}"
    address = "0x" + hashlib.sha256(which.encode()).hexdigest()[:40]
    venue.fund(address, ZERO)
    owned = venue.accounts[address]
    owned.master, owned.is_vault = account.user, True
    money.add(venue, owned, MAIN_DEX, first)
    leader = account.user
    venue.vaults[address] = Vault(
        address, leader, name, description, now_ms, {leader: first}, {leader: first}, {leader: now_ms}, {}
    )
    delta = {"type": "vaultCreate", "vault": address, "usdc": wire.usd(first), "fee": wire.usd(_FEE_USD)}
    money.log(venue, leader, delta, now_ms)
    return address


def transfer(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Pay in or take out."""
    vault = _known(venue, action)
    if account.is_vault:
        raise Refused("Vault may not perform this action.")
    amount = action["usd"] * _MILLIONTH
    if amount <= 0:
        raise Refused(f"Invalid amount: {action['usd']}")
    (_pay_in if action["isDeposit"] else _take_out)(venue, account, vault, amount, now_ms)


def _pay_in(venue: Venue, account: Account, vault: Vault, amount: Decimal, now_ms: int) -> None:
    user = account.user
    if vault.is_closed or not (vault.allows_deposits or user == vault.leader):
        raise Refused("Vault does not accept deposits.")
    before = worth(venue, vault)
    if before <= 0:
        raise Refused("Vault has nothing left.")
    money.take(venue, account, MAIN_DEX, amount)
    money.add(venue, venue.accounts[vault.address], MAIN_DEX, amount)
    vault.shares[user] = vault.shares.get(user, ZERO) + amount * vault.all_shares / before
    vault.paid_in[user] = vault.paid_in.get(user, ZERO) + amount
    vault.since.setdefault(user, now_ms)
    if user != vault.leader:
        vault.locked_until[user] = now_ms + LOCKED_MS
    money.log(venue, user, {"type": "vaultDeposit", "vault": vault.address, "usdc": wire.usd(amount)}, now_ms)


def _take_out(venue: Venue, account: Account, vault: Vault, amount: Decimal, now_ms: int) -> None:
    user = account.user
    if now_ms < vault.locked_until.get(user, 0):
        raise Refused(f"Cannot withdraw during lockup period after depositing. Until {vault.locked_until[user]}")
    has = equity(venue, vault, user)
    if amount > has:
        raise Refused("Insufficient vault equity.")
    sold = vault.shares[user] * amount / has
    if user == vault.leader:
        left = vault.shares[user] - sold
        if left < (vault.all_shares - sold) * _LEADERS_SHARE or left == 0:
            raise Refused("Leader must keep at least 5% of the vault.")
    _pay_out(venue, vault, user, amount, sold, now_ms)


def _pay_out(venue: Venue, vault: Vault, user: str, amount: Decimal, sold: Decimal, now_ms: int) -> None:
    money.move(venue, venue.accounts[vault.address], MAIN_DEX, venue.accounts[user], MAIN_DEX, amount)
    vault.shares[user] -= sold
    vault.paid_in[user] -= amount
    if vault.shares[user] <= 0:
        for known in (vault.shares, vault.paid_in, vault.since, vault.locked_until):
            known.pop(user, None)
    delta = {
        "type": "vaultWithdraw",
        "vault": vault.address,
        "user": user,
        "requestedUsd": wire.usd(amount),
        "commission": "0.0",
        "closingCost": "0.0",
        "basis": "0.0",
        "netWithdrawnUsd": wire.usd(amount),
    }
    money.log(venue, user, delta, now_ms)


def modify(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """What the leader allows; null leaves it as it is."""
    vault = _led(venue, account, action)
    for key, name in (("allowDeposits", "allows_deposits"), ("alwaysCloseOnWithdraw", "closes_on_withdrawal")):
        if action[key] is not None:
            setattr(vault, name, action[key])


def distribute(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Pay something out to all by their shares; nothing (0) closes the vault and pays out everything."""
    vault = _led(venue, account, action)
    closes = action["usd"] == 0
    owned = venue.accounts[vault.address]
    if closes and any(b.positions for b in owned.dexes.values()):
        raise Refused("Vault has open positions.")
    available = money.withdrawable(venue, owned, MAIN_DEX)
    amount = available if closes else action["usd"] * _MILLIONTH
    if amount > available:
        raise Refused(money.NOT_ENOUGH)
    shares = vault.all_shares
    parts = {user: (amount * held / shares).quantize(_MILLIONTH) for user, held in vault.shares.items()}
    parts[vault.leader] += amount - sum(parts.values(), ZERO)
    for user, part in parts.items():
        if part > 0:
            money.move(venue, owned, MAIN_DEX, venue.accounts[user], MAIN_DEX, part)
            delta = {"type": "vaultDistribution", "vault": vault.address, "usdc": wire.usd(part)}
            money.log(venue, user, delta, now_ms)
    if closes:
        vault.is_closed = True
        for known in (vault.shares, vault.paid_in, vault.since, vault.locked_until):
            known.clear()


def _known(venue: Venue, action: Json) -> Vault:
    vault = venue.vaults.get(action["vaultAddress"])
    if vault is None:
        raise Refused(f"Vault not registered: {action['vaultAddress']}")
    return vault


def _led(venue: Venue, account: Account, action: Json) -> Vault:
    vault = _known(venue, action)
    if vault.leader != account.user or vault.is_closed:
        raise Refused(f"Vault not registered: {vault.address}")
    return vault


ACTIONS: dict[str, Callable[[Venue, Account, Json, int], None]] = {
    "vaultTransfer": transfer,
    "vaultModify": modify,
    "vaultDistribute": distribute,
}
