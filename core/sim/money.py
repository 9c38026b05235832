"""Money that moves otherwise than by trading: between dexes, to the spot balance, to sub-accounts, to others, out.

Decides whether there is enough and writes both sides down. Easy to get wrong: what may leave a dex is what is withdrawable there, not what
the account is worth; USD of sub-account transfers are whole millionths, of all others decimal text.

The venue's texts for bad amounts, foreign tokens and too many sub-accounts are not known; those are worded here.

PROTOCOL 2.5, 4.3, 4.4, 5.2, 10.2.
"""

from __future__ import annotations

import hashlib
from collections import deque
from decimal import Decimal, InvalidOperation
from typing import Any

from core.model.market import MAIN_DEX
from core.sim import wire
from core.sim.accounts import ZERO, Account, margin_of
from core.sim.events import LedgerUpdate
from core.sim.refused import Refused
from core.sim.venue import Venue
from core.sim.wire import Json

SPOT = "spot"
_TOKEN = "USDC"
_MILLIONTH = Decimal("0.000001")
_MOST_SUB_ACCOUNTS = 10
_WITHDRAWAL_FEE = Decimal(1)
_REQUEST_PRICE = Decimal("0.0005")
_KEPT = 2_000
_LONGEST_AMOUNT = 40

NOT_ENOUGH = "Insufficient balance for token transfer"


def log(venue: Venue, user: str, delta: Json, now_ms: int) -> None:
    """Write a movement down and tell its user."""
    tx, _ = venue.trade_id()
    update = LedgerUpdate(now_ms, tx, delta)
    venue.ledger.setdefault(user, deque(maxlen=_KEPT)).append(update)
    shape = {"time": now_ms, "hash": tx, "delta": delta}
    data = {"user": user, "nonFundingLedgerUpdates": [shape]}
    venue.outbox.note(user, "userNonFundingLedgerUpdates", data)
    venue.changed_users[user] = None


# balances ----------------------------------------------------------------------------------------------------------------


def amount_of(text: str) -> Decimal:
    """Raises Refused for what is no positive amount."""
    try:
        amount = Decimal(text) if len(text) <= _LONGEST_AMOUNT else ZERO
    except InvalidOperation:
        amount = ZERO
    if not amount.is_finite() or amount <= 0 or amount > 10**12 or amount != amount.quantize(_MILLIONTH):
        raise Refused(f"Invalid amount: {text[:40]}")
    return amount


def withdrawable(venue: Venue, account: Account, place: str) -> Decimal:
    """What may leave a dex, or the spot balance."""
    if place == SPOT:
        return account.spot_usd
    balance = account.dexes[place]
    m = margin_of(balance, venue.marks(balance), venue.universe)
    return min(m.withdrawable, venue.available_usd(account, place))


def move(venue: Venue, source: Account, source_place: str, to: Account, to_place: str, amount: Decimal) -> None:
    """Raises Refused when there is too little."""
    take(venue, source, source_place, amount)
    add(venue, to, to_place, amount)


def take(venue: Venue, account: Account, place: str, amount: Decimal) -> None:
    if withdrawable(venue, account, place) < amount:
        raise Refused(NOT_ENOUGH)
    add(venue, account, place, -amount)
    if amount > 0:
        venue.prune_agents_of_the_ruined(account)


def add(venue: Venue, account: Account, place: str, amount: Decimal) -> None:
    account.remember(venue.block_ms)
    if place == SPOT:
        account.spot_usd += amount
    else:
        account.dexes[place].raw_usd += amount
    venue.changed_users[account.user] = None


def _receiver(venue: Venue, address: str) -> Account:
    """An account; one that does not exist yet begins with nothing."""
    user = address.lower()
    if user not in venue.accounts:
        venue.fund(user, ZERO)
    return venue.accounts[user]


# actions that their owner signs --------------------------------------------------------------------------------------------


def usd_send(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    amount, to = amount_of(action["amount"]), _address(action["destination"])
    take(venue, account, MAIN_DEX, amount)
    receiver = _receiver(venue, to)
    add(venue, receiver, MAIN_DEX, amount)
    delta = {
        "type": "internalTransfer",
        "usdc": wire.usd(amount),
        "user": account.user,
        "destination": receiver.user,
        "fee": "0.0",
    }
    for user in {account.user: None, receiver.user: None}:
        log(venue, user, delta, now_ms)


def withdraw(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    amount = amount_of(action["amount"])
    _address(action["destination"])
    if amount <= _WITHDRAWAL_FEE:
        raise Refused(f"Invalid amount: {action['amount']}")
    take(venue, account, MAIN_DEX, amount)
    delta = {
        "type": "withdraw",
        "usdc": wire.usd(amount - _WITHDRAWAL_FEE),
        "nonce": action["time"],
        "fee": wire.usd(_WITHDRAWAL_FEE),
    }
    log(venue, account.user, delta, now_ms)


def class_transfer(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    text, _, sub = action["amount"].partition(" subaccount:")
    account = own_account(venue, account, sub) if sub else account
    amount, to_perp = amount_of(text), action["toPerp"]
    source, to = (SPOT, MAIN_DEX) if to_perp else (MAIN_DEX, SPOT)
    move(venue, account, source, account, to, amount)
    log(
        venue, account.user, {"type": "accountClassTransfer", "usdc": wire.usd(amount), "toPerp": bool(to_perp)}, now_ms
    )


def spot_send(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    amount, to = amount_of(action["amount"]), _address(action["destination"])
    if action["token"].partition(":")[0] != _TOKEN:
        raise Refused(NOT_ENOUGH)
    take(venue, account, SPOT, amount)
    receiver = _receiver(venue, to)
    add(venue, receiver, SPOT, amount)
    delta = {
        "type": "spotTransfer",
        "token": _TOKEN,
        "amount": wire.usd(amount),
        "usdcValue": wire.usd(amount),
        "user": account.user,
        "destination": receiver.user,
        "fee": "0.0",
    }
    for user in {account.user: None, receiver.user: None}:
        log(venue, user, delta, now_ms)


def agent_send_asset(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """As an agent may ask: to the account itself or to one of its sub-accounts."""
    to = action["destination"]
    if to != account.user and to not in account.sub_accounts:
        raise Refused(f"Invalid destination: {to}")
    send_asset(venue, account, action, now_ms)


def send_asset(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Between dexes, the spot balance and accounts."""
    amount = amount_of(action["amount"])
    places = action["sourceDex"], action["destinationDex"]
    if any(place != SPOT and place not in venue.universe.by_dex for place in places):
        raise Refused("Invalid perp DEX")
    if action["token"].partition(":")[0] != _TOKEN:
        raise Refused(f"Invalid token: {action['token'][:60]}")
    source = own_account(venue, account, action["fromSubAccount"]) if action["fromSubAccount"] else account
    to = _address(action["destination"])
    if withdrawable(venue, source, places[0]) < amount:
        raise Refused(NOT_ENOUGH)
    receiver = _receiver(venue, to)
    move(venue, source, places[0], receiver, places[1], amount)
    delta = {
        "type": "send",
        "user": source.user,
        "destination": receiver.user,
        "sourceDex": places[0],
        "destinationDex": places[1],
        "token": _TOKEN,
        "amount": wire.usd(amount),
        "usdcValue": wire.usd(amount),
        "fee": "0.0",
        "nativeTokenFee": "0.0",
        "nonce": action["nonce"],
        "feeToken": "",
    }
    for user in {source.user: None, receiver.user: None}:
        log(venue, user, delta, now_ms)


def _address(text: str) -> str:
    if len(text) != 42 or not text.startswith("0x") or not all(c in "0123456789abcdefABCDEF" for c in text[2:]):
        raise Refused(f"Invalid destination: {text[:60]}")
    return text.lower()


# sub-accounts ------------------------------------------------------------------------------------------------------------


def own_account(venue: Venue, account: Account, address: str) -> Account:
    """A sub-account of this account.

    Raises:
        Refused: Somebody else's, or nobody's.
    """
    sub = acting_account(venue, account, address)
    if sub.is_vault:
        raise Refused(f"Vault not registered: {address.lower()}")
    return sub


def acting_account(venue: Venue, account: Account, address: str) -> Account:
    """A sub-account of this account, or a vault that it leads.

    Raises:
        Refused: Somebody else's, or nobody's.
    """
    found = venue.accounts.get(address.lower())
    if found is None or found.master != account.user:
        raise Refused(f"Vault not registered: {address.lower()}")
    return found


def create_sub_account(venue: Venue, account: Account, action: Json, now_ms: int) -> str:
    """Returns its address."""
    name = action["name"]
    if account.master is not None:
        raise Refused("Vault may not perform this action.")
    if not 1 <= len(name) <= 16 or name in account.sub_accounts.values():
        raise Refused(f"Invalid sub-account name: {name[:40]}")
    if len(account.sub_accounts) >= _MOST_SUB_ACCOUNTS:
        raise Refused(f"Too many sub-accounts. Current limit is {_MOST_SUB_ACCOUNTS}")
    which = f"{venue.seed}/{account.user}/{len(account.sub_accounts)}"
    address = "0x" + hashlib.sha256(which.encode()).hexdigest()[:40]
    venue.fund(address, ZERO)
    venue.accounts[address].master = account.user
    account.sub_accounts[address] = name
    return address


def rename_sub_account(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    account.sub_accounts[own_account(venue, account, action["subAccountUser"]).user] = action["name"][:16]


def sub_account_transfer(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    sub = own_account(venue, account, action["subAccountUser"])
    amount = action["usd"] * _MILLIONTH
    source, to = (account, sub) if action["isDeposit"] else (sub, account)
    move(venue, source, MAIN_DEX, to, MAIN_DEX, amount)
    delta = {
        "type": "subAccountTransfer",
        "usdc": wire.usd(amount),
        "user": source.user,
        "destination": to.user,
    }
    for user in (source.user, to.user):
        log(venue, user, delta, now_ms)


def sub_account_spot_transfer(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    sub = own_account(venue, account, action["subAccountUser"])
    source, to = (account, sub) if action["isDeposit"] else (sub, account)
    if action["token"].partition(":")[0] != _TOKEN:
        raise Refused(NOT_ENOUGH)
    move(venue, source, SPOT, to, SPOT, amount_of(action["amount"]))


# requests ----------------------------------------------------------------------------------------------------------------


def buy_requests(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Room in the request budget, for this account or another."""
    weight = action["weight"]
    to: Any = account if "destination" not in action else venue.accounts.get(action["destination"])
    if to is None or not 1 <= weight <= 10**9:
        raise Refused(f"Invalid weight: {weight}")
    take(venue, account, MAIN_DEX, weight * _REQUEST_PRICE)
    to.bought_requests += weight
