"""The venue's own view, for whoever wants to check a client against it: nothing here passes through faults or subscriptions.

PROTOCOL 14; issue 2 part 3 (`/control`).
"""

from __future__ import annotations

from core.sim import wire
from core.sim.accounts import margin_of
from core.sim.action_log import ActionEntry, ActionLog
from core.sim.info_accounts import clearinghouse
from core.sim.venue import Venue
from core.sim.wire import Json


def truth(venue: Venue, actions: ActionLog, now_ms: int) -> Json:
    """Everything the venue knows about its users; of actions and fills the latest, while the counters go back to its beginning."""
    accounts = {user: _account(venue, user, now_ms) for user in venue.accounts}
    open_orders = [wire.truth_order(o) for book in venue.books.values() for o in book.resting()]
    fills = [{"user": f.user, **wire.fill(f)} for f in _all_fills(venue)]
    return {
        "time": now_ms,
        "positions": [
            {"user": user, "dex": dex.name, **p["position"]}
            for user in venue.accounts
            for dex in venue.universe.dexes
            for p in clearinghouse(venue, user, dex.name, now_ms)["assetPositions"]
        ],
        "openOrders": open_orders,
        "fills": fills,
        "actions": [_action(e) for e in actions],
        "balances": accounts,
        "agents": dict(venue.agents),
        "faults": venue.faults.in_force(),
        "faultsStruck": dict(venue.faults.struck),
        "counters": {
            "actionsReceived": actions.received,
            "actionsRefused": actions.refused,
            "ordersRejected": actions.orders_rejected,
            "fills": venue.fill_count,
            "openOrders": len(open_orders),
        },
    }


def _all_fills(venue: Venue) -> list[wire.Fill]:
    return sorted((f for fills in venue.fills.values() for f in fills), key=lambda f: (f.time, f.oid, f.tid))


def _action(e: ActionEntry) -> Json:
    return {
        "time": e.time,
        "nonce": e.nonce,
        "signer": e.signer,
        "user": e.user,
        "type": e.kind,
        "items": e.items,
        "accepted": e.error is None,
        "error": e.error,
        "statuses": e.statuses,
    }


def _account(venue: Venue, user: str, now_ms: int) -> Json:
    account = venue.accounts[user]
    dexes = {}
    for name, balance in account.dexes.items():
        m = margin_of(balance, venue.marks(balance), venue.universe)
        dexes[name] = {"accountValue": wire.usd(m.account_value), "withdrawable": wire.usd(m.withdrawable)}
    return {
        "dexes": dexes,
        "cumVlm": wire.usd(account.cum_volume),
        "nRequestsUsed": account.requests_used,
        "agents": list(account.agents),
    }


__all__ = ["ActionEntry", "truth"]
