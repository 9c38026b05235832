"""What clients ask beside trading perps: spot, sub-accounts, vaults, staking, referrals, and what a front end asks at start.

The venue has little of it, and says so in the right shape: an empty list, a zero, or null where the real one answers null. Easy to get
wrong: null and an empty list are different answers (an account without sub-accounts has null, one without vaults has []).

PROTOCOL 2.3, 6.6, 8.5.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from core.model.market import MAIN_DEX
from core.sim import info_vaults, twap, twap_orders, wire, wire_spot, wire_universe
from core.sim.accounts import ZERO, margin_of
from core.sim.info_accounts import clearinghouse, clearinghouses, frontend_open_orders
from core.sim.info_markets import asset_ctxs
from core.sim.info_request import int_of, text_of, unknown, user_of
from core.sim.venue import Venue
from core.sim.wire import Json

_MOST_SLICES = 2_000
_PERIODS = ("day", "week", "month", "allTime", "perpDay", "perpWeek", "perpMonth", "perpAllTime")
_NO_AUCTION = {
    "startTimeSeconds": 0,
    "durationSeconds": 111_600,
    "startGas": "500.0",
    "currentGas": None,
    "endGas": None,
}
_NOTHING_LENT = {
    "borrowYearlyRate": "0.0",
    "supplyYearlyRate": "0.0",
    "balance": "0.0",
    "utilization": "0.0",
    "oraclePx": "1.0",
    "ltv": "0.0",
    "totalSupplied": "0.0",
    "totalBorrowed": "0.0",
}


def spot_state(venue: Venue, user: str) -> Json:
    """Spot balances: USDC, or nothing."""
    account = venue.accounts.get(user)
    if account is None or not account.spot_usd:
        return {"balances": []}
    total = wire.usd(account.spot_usd)
    return {"balances": [{"coin": "USDC", "token": 0, "total": total, "hold": "0.0", "entryNtl": "0.0"}]}


def _sub_accounts(venue: Venue, request: Json, now_ms: int) -> list[Json] | None:
    shapes = [
        {**head, "clearinghouseState": clearinghouse(venue, sub, MAIN_DEX, now_ms), "spotState": spot_state(venue, sub)}
        for sub, head in _subs_of(venue, user_of(request))
    ]
    return shapes or None


def _sub_accounts_2(venue: Venue, request: Json, now_ms: int) -> list[Json] | None:
    shapes = [
        {**head, "dexToClearinghouseState": clearinghouses(venue, sub, now_ms), "spotState": spot_state(venue, sub)}
        for sub, head in _subs_of(venue, user_of(request))
    ]
    return shapes or None


def _subs_of(venue: Venue, user: str) -> list[tuple[str, Json]]:
    account = venue.accounts.get(user)
    subs = {} if account is None else account.sub_accounts
    return [(sub, {"name": name, "subAccountUser": sub, "master": user}) for sub, name in subs.items()]


def account_value(venue: Venue, user: str) -> Decimal:
    """What an account is worth on all dexes together."""
    account = venue.accounts.get(user)
    if account is None:
        return ZERO
    return sum(
        (margin_of(b, venue.marks(b), venue.universe).account_value for b in account.dexes.values()),
        ZERO,
    )


def portfolio(venue: Venue, user: str, now_ms: int) -> list[Any]:
    """What an account is worth and has earned, in every period the same: only now is known."""
    fills = venue.fills.get(user, ())
    earned = sum((f.closed_pnl - f.fee for f in fills), ZERO)
    known = user in venue.accounts
    shape = {
        "accountValueHistory": [[now_ms, wire.usd(account_value(venue, user))]] if known else [],
        "pnlHistory": [[now_ms, wire.usd(earned)]] if known else [],
        "vlm": wire.usd(sum((f.px * f.sz for f in fills), ZERO)),
    }
    return [[period, dict(shape)] for period in _PERIODS]


def _referral(venue: Venue, request: Json, now_ms: int) -> Json:
    account = venue.accounts.get(user_of(request))
    return {
        "referredBy": None,
        "cumVlm": "0.0" if account is None else wire.usd(account.cum_volume),
        "unclaimedRewards": "0.0",
        "claimedRewards": "0.0",
        "builderRewards": "0.0",
        "tokenToState": [],
        "referrerState": {"stage": "needToTrade", "data": {"required": "10000.0"}},
        "rewardHistory": [],
    }


def user_state(venue: Venue, user: str, now_ms: int) -> Json:
    """The head of webData3, and part of webData2: who the account is, and its unnamed agent."""
    account = venue.accounts.get(user)
    unnamed = None if account is None else next((a for a, name in account.agents.items() if not name), None)
    return {
        "agentAddress": unnamed,
        "agentValidUntil": None if account is None or unnamed is None else account.agents_until.get(unnamed),
        "cumLedger": "0.0" if account is None else wire.usd(account_value(venue, user)),
        "serverTime": now_ms,
        "isVault": account is not None and account.is_vault,
        "user": user,
    }


def _web_data_2(venue: Venue, request: Json, now_ms: int) -> Json:
    user = user_of(request)
    main = venue.universe.by_dex[MAIN_DEX]
    return {
        "clearinghouseState": clearinghouse(venue, user, MAIN_DEX, now_ms),
        "leadingVaults": info_vaults.led_by(venue, user),
        "totalVaultEquity": info_vaults.total_equity(venue, user),
        "openOrders": frontend_open_orders(venue, user, MAIN_DEX),
        **user_state(venue, user, now_ms),
        "meta": wire_universe.meta(main),
        "assetCtxs": asset_ctxs(venue, main),
        "twapStates": twap.states_of(venue, user, MAIN_DEX),
        "spotState": spot_state(venue, user),
        "spotAssetCtxs": [wire_spot.spot_ctx(pair) for pair in wire_spot.PAIRS],
        "perpsAtOpenInterestCap": [],
    }


def _delegator_summary(venue: Venue, request: Json, now_ms: int) -> Json:
    user_of(request)
    return {"delegated": "0.0", "undelegated": "0.0", "totalPendingWithdrawal": "0.0", "nPendingWithdrawals": 0}


def _max_builder_fee(venue: Venue, request: Json, now_ms: int) -> int:
    account, builder = venue.accounts.get(user_of(request)), user_of(request, "builder")
    return 0 if account is None else account.builders.get(builder, 0)


def _approved_builders(venue: Venue, request: Json, now_ms: int) -> list[str]:
    account = venue.accounts.get(user_of(request))
    return [] if account is None else list(account.builders)


def _legal_check(venue: Venue, request: Json, now_ms: int) -> Json:
    user_of(request)
    return {"ipAllowed": True, "acceptedTerms": True, "userAllowed": True}


def _pre_transfer_check(venue: Venue, request: Json, now_ms: int) -> Json:
    user, source = user_of(request), user_of(request, "source")
    exists = user in venue.accounts
    return {
        "fee": "0.0" if exists else "1.0",
        "isSanctioned": False,
        "userExists": exists,
        "userHasSentTx": source in venue.accounts and venue.accounts[source].requests_used > 0,
    }


def _token_details(venue: Venue, request: Json, now_ms: int) -> Json:
    found = wire_spot.token_details(text_of(request, "tokenId"))
    if found is None:
        raise unknown()
    return found


def _vault_details(venue: Venue, request: Json, now_ms: int) -> Json | None:
    vault = venue.vaults.get(user_of(request, "vaultAddress"))
    if vault is None:
        return None
    asker = None if request.get("user") is None else user_of(request)
    return info_vaults.details(venue, vault, asker, portfolio(venue, vault.address, now_ms), now_ms)


def _borrow_lend_reserve(venue: Venue, request: Json, now_ms: int) -> Json:
    if int_of(request, "token") != 0:
        raise unknown()
    return dict(_NOTHING_LENT)


def _aligned_quote_token(venue: Venue, request: Json, now_ms: int) -> Json:
    int_of(request, "token")
    return {
        "isAligned": False,
        "firstAlignedTime": 0,
        "evmMintedSupply": "0.0",
        "dailyAmountOwed": [],
        "predictedRate": "0.0",
    }


def _perp_annotation(venue: Venue, request: Json, now_ms: int) -> None:
    text_of(request, "coin")


def _spot_deploy_state(venue: Venue, request: Json, now_ms: int) -> Json:
    user_of(request)
    return {"states": [], "gasAuction": dict(_NO_AUCTION)}


def _of_user(answer: Callable[[], Any]) -> Callable[[Venue, Json, int], Any]:
    """The same answer for every user, once the request names one."""

    def ask(venue: Venue, request: Json, now_ms: int) -> Any:
        user_of(request)
        return answer()

    return ask


def twap_history(venue: Venue, user: str) -> list[Json]:
    """Oldest first."""
    return [twap_orders.history(note) for note in venue.twap_history.get(user, ())]


def twap_slice_fills(venue: Venue, user: str) -> list[Json]:
    """The last 2000, oldest first."""
    return [twap_orders.slice_fill(f) for f in venue.twap_fills.get(user, ())][-_MOST_SLICES:]


def _twap_slice_fills_by_time(venue: Venue, request: Json, now_ms: int) -> list[Json]:
    user = user_of(request)
    start, end = int_of(request, "startTime"), int_of(request, "endTime", now_ms)
    within = [f for f in venue.twap_fills.get(user, ()) if start <= f.time <= end]
    return [twap_orders.slice_fill(f) for f in within[:_MOST_SLICES]]


def _of_nobody(answer: Callable[[], Any]) -> Callable[[Venue, Json, int], Any]:
    return lambda venue, request, now_ms: answer()


BESIDE_ANSWERS: dict[str, Callable[[Venue, Json, int], Any]] = {
    # spot
    "spotMeta": lambda v, r, t: wire_spot.spot_meta(),
    "spotMetaAndAssetCtxs": lambda v, r, t: [wire_spot.spot_meta(), [wire_spot.spot_ctx(p) for p in wire_spot.PAIRS]],
    "spotClearinghouseState": lambda v, r, t: spot_state(v, user_of(r)),
    "tokenDetails": _token_details,
    "alignedQuoteTokenInfo": _aligned_quote_token,
    # borrowing and lending
    "allBorrowLendReserveStates": _of_nobody(lambda: [[0, dict(_NOTHING_LENT)]]),
    "borrowLendReserveState": _borrow_lend_reserve,
    "borrowLendUserState": _of_user(lambda: {"tokenToState": [], "health": "healthy", "healthFactor": None}),
    "userBorrowLendInterest": _of_user(list),
    # the account, seen by a front end
    "webData2": _web_data_2,
    "portfolio": lambda v, r, t: portfolio(v, user_of(r), t),
    "referral": _referral,
    "subAccounts": _sub_accounts,
    "subAccounts2": _sub_accounts_2,
    "userToMultiSigSigners": _of_user(lambda: None),
    "userDexAbstraction": lambda v, r, t: False if user_of(r) in v.accounts else None,
    "maxBuilderFee": _max_builder_fee,
    "approvedBuilders": _approved_builders,
    "legalCheck": _legal_check,
    "isVip": lambda v, r, t: False if user_of(r) in v.accounts else None,
    "preTransferCheck": _pre_transfer_check,
    # TWAPs
    "twapHistory": lambda v, r, t: twap_history(v, user_of(r)),
    "userTwapSliceFills": lambda v, r, t: twap_slice_fills(v, user_of(r)),
    "userTwapSliceFillsByTime": _twap_slice_fills_by_time,
    # vaults
    "vaultDetails": _vault_details,
    **info_vaults.VAULT_ANSWERS,
    # staking
    "delegations": _of_user(list),
    "delegatorSummary": _delegator_summary,
    "delegatorHistory": _of_user(list),
    "delegatorRewards": _of_user(list),
    "validatorSummaries": _of_nobody(list),
    "validatorL1Votes": _of_nobody(list),
    # listing and the rest of the chain
    "perpDeployAuctionStatus": _of_nobody(lambda: dict(_NO_AUCTION)),
    "spotPairDeployAuctionStatus": _of_nobody(lambda: dict(_NO_AUCTION)),
    "spotDeployState": _spot_deploy_state,
    "perpCategories": _of_nobody(list),
    "perpConciseAnnotations": _of_nobody(list),
    "perpAnnotation": _perp_annotation,
    "outcomeMeta": _of_nobody(lambda: {"outcomes": [], "questions": []}),
    "liquidatable": _of_nobody(list),
    "gossipRootIps": _of_nobody(list),
}
"""Request type -> who answers it."""
