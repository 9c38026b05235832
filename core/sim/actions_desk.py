"""What each kind of action does once it is let in, and what it is answered.

Easy to get wrong: `status: ok` says nothing about the items; each has its own element in `statuses`. An action that is refused as a whole
here has used up its nonce and costs nothing of the budget.

The venue's texts for a scheduled time that is too early and for too many scheduled cancels are not known; those are worded here.

PROTOCOL 4.3, 7.1, 9.3, 12.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from core.sim import agents, budget, desk, leverage, money, twap, vaults
from core.sim.accounts import Account
from core.sim.admission import Envelope
from core.sim.modify import modify
from core.sim.not_simulated import NOT_SIMULATED, why_not
from core.sim.order_groups import place_all
from core.sim.refused import Refused
from core.sim.venue import Venue
from core.sim.wire import Json

_SCHEDULE_VOLUME_USD = Decimal(1_000_000)
_SCHEDULE_AHEAD_MS = 5_000
_SCHEDULES_A_DAY = 10
_DAY_MS = 86_400_000
_MOST_BUILDER_FEE = 100
"""In tenths of a basis point."""


def execute(venue: Venue, account: Account, envelope: Envelope, now_ms: int) -> Json:
    """Do an admitted action.

    Returns:
        The `response` part of an ok answer.

    Raises:
        Refused: The action as a whole cannot be done.
    """
    try:
        return _execute(venue, account, envelope, now_ms)
    except Refused:
        budget.give_back(account, envelope.items, now_ms)
        raise


def _execute(venue: Venue, account: Account, envelope: Envelope, now_ms: int) -> Json:
    action, kind = envelope.action, envelope.kind
    match kind:
        case "order":
            collapsed = _collapsed(venue, account, action, now_ms)
            if collapsed is not None:
                return {"type": "order", "data": {"statuses": [collapsed]}}
            return {"type": "order", "data": {"statuses": place_all(venue, account, action, now_ms)}}
        case "cancel":
            by_oid = venue.orders.by_oid
            done = [
                desk.cancel(venue, account, by_oid(account.user, c["o"]), c["a"], now_ms) for c in action["cancels"]
            ]
            return {"type": "cancel", "data": {"statuses": done}}
        case "cancelByCloid":
            by_cloid = venue.orders.by_cloid
            done = [
                desk.cancel(venue, account, by_cloid(account.user, c["cloid"]), c["asset"], now_ms)
                for c in action["cancels"]
            ]
            return {"type": "cancel", "data": {"statuses": done}}
        case "batchModify":
            is_always = action.get("a", False)
            modified = [modify(venue, account, item, is_always, now_ms) for item in action["modifies"]]
            return {"type": "order", "data": {"statuses": modified}}
        case "modify":
            status = modify(venue, account, action, action.get("a", False), now_ms)
            if isinstance(status, dict) and "error" in status:
                raise Refused(status["error"])
        case "twapOrder":
            return {"type": "twapOrder", "data": {"status": twap.start(venue, account, action, now_ms)}}
        case "twapCancel":
            return {"type": "twapCancel", "data": {"status": twap.cancel(venue, account, action, now_ms)}}
        case "createSubAccount":
            return {"type": "createSubAccount", "data": money.create_sub_account(venue, account, action, now_ms)}
        case "createVault":
            return {"type": "createVault", "data": vaults.create(venue, account, action, now_ms)}
        case _ if kind in NOT_SIMULATED:
            raise Refused(why_not(action))
        case _ if kind in _BY_KIND:
            _BY_KIND[kind](venue, account, action, now_ms)
        case _:
            assert kind == "noop", kind
    return {"type": "default"}


def _collapsed(venue: Venue, account: Account, action: Json, now_ms: int) -> Json | None:
    """The one error that stands for all orders of a batch, under the fault.

    Raises:
        Refused: The same, told as a refused action.
    """
    fault = venue.faults.strike("collapse_batch", now_ms, account.user, level="action")
    if fault is not None:
        raise Refused(fault.text)
    fault = venue.faults.strike("collapse_batch", now_ms, account.user)
    return None if fault is None else {"error": f"{fault.text} asset={action['orders'][0]['a']}"}


def _schedule_cancel(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    time_ms = action.get("time")
    if time_ms is None:
        account.schedule_cancel_ms = None
        venue.scheduled.pop(account.user, None)
        return
    if account.cum_volume < _SCHEDULE_VOLUME_USD:
        raise Refused(
            "Cannot set scheduled cancel time until enough volume traded. "
            f"Required: ${_SCHEDULE_VOLUME_USD}. Traded: ${account.cum_volume:.2f}."
        )
    if time_ms < now_ms + _SCHEDULE_AHEAD_MS:
        raise Refused("Scheduled cancel time too early, must be at least 5 seconds from now.")
    if account.scheduled_fired >= (now_ms // _DAY_MS, _SCHEDULES_A_DAY):
        raise Refused(f"Scheduled cancels have already been triggered {_SCHEDULES_A_DAY} times today.")
    account.schedule_cancel_ms = time_ms
    venue.scheduled[account.user] = None


def _approve_builder(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    rate = action["maxFeeRate"]
    try:
        fee = Decimal(rate.removesuffix("%")) * 1_000 if rate.endswith("%") and len(rate) < 20 else Decimal(-1)
    except InvalidOperation:
        fee = Decimal(-1)
    if not fee.is_finite() or not 0 <= fee <= _MOST_BUILDER_FEE:
        raise Refused(f"Invalid maxFeeRate: {rate[:40]}")
    account.builders[action["builder"].lower()] = int(fee)


def _set_abstraction(venue: Venue, account: Account, action: Json, now_ms: int) -> None:
    """Only what is: a balance of its own on each dex."""
    is_own = str(action.get("user", account.user)).lower() == account.user
    if not is_own or action.get("enabled", action.get("abstraction")) not in (False, "i", "disabled"):
        raise Refused("Only separate balances per dex are available on this simulated exchange.")


_BY_KIND: dict[str, Callable[[Venue, Account, Json, int], None]] = {
    "updateLeverage": leverage.update_leverage,
    "updateIsolatedMargin": leverage.update_isolated_margin,
    "topUpIsolatedOnlyMargin": leverage.top_up,
    "scheduleCancel": _schedule_cancel,
    "subAccountTransfer": money.sub_account_transfer,
    "subAccountSpotTransfer": money.sub_account_spot_transfer,
    "subAccountModify": money.rename_sub_account,
    "reserveRequestWeight": money.buy_requests,
    "agentSendAsset": money.agent_send_asset,
    "agentSetAbstraction": _set_abstraction,
    **vaults.ACTIONS,
    "agentEnableDexAbstraction": _set_abstraction,
    # signed by the owner
    "approveAgent": agents.approve,
    "approveBuilderFee": _approve_builder,
    "usdSend": money.usd_send,
    "spotSend": money.spot_send,
    "withdraw3": money.withdraw,
    "usdClassTransfer": money.class_transfer,
    "sendAsset": money.send_asset,
    "userSetAbstraction": _set_abstraction,
    "userDexAbstraction": _set_abstraction,
}
