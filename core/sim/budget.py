"""How many actions an address may still send: 10,000 and one more per dollar traded.

Cancels have a cap of their own so that one can always cancel. An exhausted address gets one action per 10 s. Easy to get wrong: a
batch counts its items, failed ones included, but an action refused as a whole counts nothing, except an expired one, which counts five.

PROTOCOL 9.3.
"""

from __future__ import annotations

from core.sim.accounts import Account

_BASE = 10_000
_CANCEL_EXTRA = 100_000
_LIMITED_EVERY_MS = 10_000
EXPIRED_COST = 5


def cap(account: Account) -> int:
    return _BASE + int(account.cum_volume) + account.bought_requests


def charge(account: Account, count: int, is_cancel: bool, now_ms: int, is_limited: bool = False) -> str | None:
    """Count an action of `count` items.

    Args:
        is_limited: Whether the budget counts as used up whatever was used.

    Returns:
        Why it is refused, or None. A refused try neither counts nor restarts the wait.
    """
    limit = cap(account)
    allowed = min(limit + _CANCEL_EXTRA, 2 * limit) if is_cancel else limit
    used = max(account.requests_used, limit) if is_limited and not is_cancel else account.requests_used
    if used + count > allowed:
        if now_ms - account.last_limited_ms < _LIMITED_EVERY_MS:
            return (
                f"Too many cumulative requests sent ({used + count} > {allowed}) for cumulative volume "
                f"traded ${account.cum_volume:.2f}. Place taker orders to free up 1 request per USDC traded."
            )
        account.last_limited_ms = now_ms
    account.requests_used += count
    return None


def give_back(account: Account, count: int, now_ms: int) -> None:
    """Undo `charge` for an action that was let in and then refused as a whole."""
    account.requests_used -= count
    if account.last_limited_ms == now_ms:
        account.last_limited_ms = now_ms - _LIMITED_EVERY_MS
