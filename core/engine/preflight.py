"""Judges what was read before trading begins: each check with what was found, what it is held against, and a verdict.

Reads nothing itself. A fact is what was read, or a text that says why it could not be: and what could not be read fails. Easy to get wrong: the
checks of one dex or market must not hide behind those of another, so each has its own.

SPEC 9 (preflight), 2, 5; lessons L01, L16, L17, L45.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from core.config import Config
from core.engine.key_watch import LAST_ENTRY_BEFORE_MS
from core.messages.events import (
    AgentsRead,
    FeesRead,
    OpenOrdersRead,
    PositionsRead,
    RateLimitRead,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
)
from core.messages.preflight import Check, FoundOrder, FoundPosition, Verdict
from core.model.cloid import is_ours
from core.model.market import MarketKey, MarketSpec

_PASS, _WARN, _FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
_DAY_MS = 86_400_000
_LEAST_ACTIONS, _FEW_ACTIONS = 100, 1_000
"""A trade takes some four actions; below the first not even a stop of everything is sure to get through."""
_LEAST_DISK_MB, _LITTLE_DISK_MB = 100, 1_000
_BPS = 10_000


class Facts(Struct, frozen=True, kw_only=True):
    """Texts stand for what could not be read, and say why."""

    account: str
    signer: str
    """The key's address; empty without one."""
    specs: Mapping[str, SpecsRead | str]
    """By dex, as are positions and orders."""
    positions: Mapping[str, PositionsRead | str]
    orders: Mapping[str, OpenOrdersRead | str]
    leverage: Mapping[MarketKey, str]
    """How each market is margined, in words; empty text: not read."""
    roles: Mapping[str, RoleRead | str]
    """By address."""
    agents: AgentsRead | str
    clock: ServerTimeRead | str
    budget: RateLimitRead | str
    fees: FeesRead | str
    shared_usd: Decimal | None = None
    """The one balance of an account whose dexes share it; None: each dex has its own."""
    venue_status: str = ""
    """What the exchange says is special now."""
    known: Mapping[MarketKey, MarketSpec] = {}
    """Parameters as the last run knew them."""
    held_by: str = ""
    """Who has this account or key."""
    key_place: str = ""
    key_warnings: tuple[str, ...] = ()
    journal: str = ""
    journal_error: str = ""
    disk_free_mb: int = 0
    latched: str = ""
    """The reason of a hard stop that an earlier run left."""
    now_ms: int = 0


def judge(config: Config, f: Facts) -> tuple[Check, ...]:
    """Every check, in the order in which an operator reads them."""
    if why := _silence(f):
        remedy = "wait a minute" if "HTTP 429" in why else "is it up, and are ws_url and info_url its own?"
        return *_our_side(config, f), Check("exchange", f"nothing could be read: {why}", "answers", _FAIL, remedy)
    return (
        *_our_side(config, f),
        *_clock(config, f),
        *_key(f),
        *_markets(config, f),
        *_account(config, f),
        *_what_is_open(f, found_orders(f), found_positions(config, f)),
    )


def _silence(f: Facts) -> str:
    """Why the exchange told nothing at all, if it was one and the same reason: one line says it, ten would hide it."""
    reads = (*f.specs.values(), *f.positions.values(), *f.orders.values(), *f.roles.values(), f.clock, f.budget, f.fees)
    reasons = {r for r in reads if isinstance(r, str)}
    return reasons.pop() if len(reasons) == 1 and all(isinstance(r, str) for r in reads) else ""


def found_orders(f: Facts) -> tuple[FoundOrder, ...]:
    reads = [r for r in f.orders.values() if not isinstance(r, str)]
    return tuple(
        FoundOrder(o.market, o.oid, o.side.value, o.remaining, o.limit_px, is_ours(o.cloid))
        for r in reads
        for o in r.orders
    )


def found_positions(config: Config, f: Facts) -> tuple[FoundPosition, ...]:
    configured = {m.key for m in config.markets}
    reads = [r for r in f.positions.values() if not isinstance(r, str)]
    return tuple(
        FoundPosition(p.market, p.signed_size, p.entry_price, p.market in configured)
        for r in reads
        for p in r.positions
    )


# --- our own side ----------------------------------------------------------------------------------------------------------


def _our_side(config: Config, f: Facts) -> Iterator[Check]:
    if f.held_by:
        yield Check("console", f.held_by, "no other", _FAIL, "end that one first")
    else:
        yield Check("console", "no other", "no other", _PASS)
    if f.journal_error:
        yield Check("journal", f.journal_error, "can be written", _FAIL)
    else:
        yield Check("journal", f.journal, "can be written", _PASS)
    need_mb = max(_LITTLE_DISK_MB, config.journal.tape_max_mb)
    verdict = _FAIL if f.disk_free_mb < _LEAST_DISK_MB else _WARN if f.disk_free_mb < need_mb else _PASS
    remedy = "a full disk is a hard stop; make room, or lower journal.tape_max_mb" if verdict is not _PASS else ""
    yield Check("disk", f"{f.disk_free_mb} MB free", f">= {need_mb} MB", verdict, remedy)
    if f.latched:
        yield Check("hard stop", f.latched, "not latched", _WARN, "no entry before it is reset (R)")
    else:
        yield Check("hard stop", "not latched", "not latched", _PASS)


def _clock(config: Config, f: Facts) -> Iterator[Check]:
    risk = config.risk
    limit = f"within {risk.clock_drift_warn_ms} ms, refused beyond {risk.clock_drift_refuse_ms}"
    if isinstance(f.clock, str):
        yield _unread("clock", f.clock, limit)
        return
    offset_ms = f.clock.server_ms - f.clock.local_ms
    far = abs(offset_ms)
    verdict = _FAIL if far > risk.clock_drift_refuse_ms else _WARN if far > risk.clock_drift_warn_ms else _PASS
    remedy = "set the clock of this machine (NTP)" if verdict is not _PASS else ""
    yield Check("clock", f"{offset_ms:+d} ms from the exchange's", limit, verdict, remedy)
    if f.venue_status:
        yield Check("exchange", f.venue_status, "nothing special", _WARN, "wait until it is over")


# --- the key and the account -----------------------------------------------------------------------------------------------


def _key(f: Facts) -> Iterator[Check]:
    for warning in f.key_warnings:
        yield Check("key file", warning, "0600", _WARN)
    if f.key_place and not f.key_warnings:
        yield Check("key", f.key_place, "for the owner's eyes", _PASS)
    role = f.roles.get(f.account, "not asked")
    if isinstance(role, str):
        yield _unread("account", role, "role user")
    elif role.role == "agent":
        yield Check("account", f"{f.account} is an agent's address", "role user", _FAIL, f"put {role.owner} there")
    else:
        verdict, remedy = (_PASS, "") if role.role == "user" else (_FAIL, "")
        is_what = f"role {role.role}"
        if role.role == "missing":
            is_what, remedy = "not known to the exchange", "is it the right address, on this network, and funded?"
        yield Check("account", f"{f.account}, {is_what}", "role user", verdict, remedy)
    if not f.signer:
        return
    if f.signer == f.account:
        yield Check("signer", "the account's own key", "an agent", _WARN, "an agent key can trade and not withdraw")
        return
    yield from _agent(f)


def _agent(f: Facts) -> Iterator[Check]:
    role, limit = f.roles.get(f.signer, "not asked"), "an agent of the account"
    if isinstance(role, str):
        yield _unread("signer", role, limit)
    elif role.role == "agent" and role.owner == f.account:
        yield Check("signer", f"{f.signer}, approved", limit, _PASS)
    else:
        is_what = f"an agent of {role.owner}" if role.owner else f"role {role.role}"
        if role.role == "missing":
            is_what = "not known to the exchange: never approved, or its approval has ended"
        yield Check("signer", f"{f.signer}: {is_what}", limit, _FAIL, "approve it with the account's own key")
        return
    if isinstance(f.agents, str):
        yield _unread("approval", f.agents, "a day or more")
        return
    until = next((a.valid_until_ms for a in f.agents.agents if a.address == f.signer), None)
    if until is None:
        yield Check("approval", "no end is told", "a day or more", _PASS)
        return
    left_ms = until - f.now_ms
    verdict = _FAIL if left_ms < LAST_ENTRY_BEFORE_MS else _WARN if left_ms < _DAY_MS else _PASS
    remedy = "approve a new agent and use its key" if verdict is not _PASS else ""
    yield Check("approval", f"ends in {_span(left_ms)}", "a day or more", verdict, remedy)


def _account(config: Config, f: Facts) -> Iterator[Check]:
    if isinstance(f.fees, str):
        yield _unread("fees", f.fees, "known")
    else:
        yield Check("fees", f"taker {f.fees.taker_rate * _BPS:f} bps before a dex's scale", "known", _PASS)
    if isinstance(f.budget, str):
        yield _unread("action budget", f.budget, f">= {_FEW_ACTIONS} left")
    else:
        left = f.budget.cap - f.budget.used
        verdict = _FAIL if left < _LEAST_ACTIONS else _WARN if left < _FEW_ACTIONS else _PASS
        remedy = "it grows by one for each USD traded" if verdict is not _PASS else ""
        yield Check("action budget", f"{left} left of {f.budget.cap}", f">= {_FEW_ACTIONS} left", verdict, remedy)
    for dex in config.dexes:
        yield _margin(config, f, dex)


def _margin(config: Config, f: Facts, dex: str) -> Check:
    """Enough for the most that may be open on this dex at once, at each market's highest leverage."""
    name, read, specs = f"margin {dex or 'main dex'}", f.positions.get(dex, "not asked"), f.specs.get(dex, "not asked")
    if isinstance(read, str) or isinstance(specs, str):
        return _unread(name, read if isinstance(read, str) else str(specs), "enough")
    by_market = {s.market: s for s in specs.specs}
    leverages = [by_market[m.key].max_leverage for m in config.markets if m.key in by_market and m.key.dex == dex]
    per_market = min(config.execution.max_notional_per_market, config.safety.max_notional_usd)
    most = min(config.execution.max_notional_total, per_market * len(leverages))
    need = most / max(1, min(leverages, default=1))
    has = f.shared_usd if f.shared_usd is not None else read.withdrawable
    limit = f">= ${need:.2f} for ${most:f} open"
    remedy = "" if has >= need else "move USDC to this dex" if f.shared_usd is None else "deposit USDC"
    return Check(name, f"${has:.2f} free", limit, _PASS if has >= need else _FAIL, remedy)


# --- markets ---------------------------------------------------------------------------------------------------------------


def _markets(config: Config, f: Facts) -> Iterator[Check]:
    for m in config.markets:
        name, read = f"market {m.coin}", f.specs.get(m.key.dex, "not asked")
        limit = "listed" if m.asset_idx is None else f"listed as {m.asset_idx}"
        if isinstance(read, str):
            yield _unread(name, read, limit)
            continue
        spec = next((s for s in read.specs if s.market == m.key), None)
        if spec is None:
            yield Check(
                name, f"not listed on {m.key.dex or 'the main dex'}", limit, _FAIL, "take it out of [[markets]]"
            )
            continue
        if m.asset_idx is not None and m.asset_idx != spec.asset_id:
            other = next((s.market.name for s in read.specs if s.asset_id == m.asset_idx), "no market of this dex")
            yield Check(name, f"is {spec.asset_id}; {m.asset_idx} is {other}", limit, _FAIL, "mend asset_idx")
            continue
        if spec.is_delisted:
            yield Check(name, "delisted", limit, _FAIL, "take it out of [[markets]]")
            continue
        yield Check(name, _told(spec), limit, _PASS)
        yield _parameters(m.coin, f.known.get(m.key), spec)
        if how := f.leverage.get(m.key, ""):
            yield Check(f"leverage {m.coin}", how, f"<= {spec.max_leverage}x", _PASS)
        else:
            yield _unread(f"leverage {m.coin}", "no answer", f"<= {spec.max_leverage}x")


def _parameters(coin: str, before: MarketSpec | None, now: MarketSpec) -> Check:
    name, limit = f"parameters {coin}", "as in the last run"
    if before is None:
        return Check(name, "seen for the first time", limit, _PASS)
    changed = [
        f"{field} {getattr(before, field)} -> {getattr(now, field)}"
        for field in MarketSpec.__struct_fields__
        if getattr(before, field) != getattr(now, field)
    ]
    if changed:
        return Check(name, ", ".join(changed), limit, _WARN, "are limits and thresholds still right?")
    return Check(name, "unchanged", limit, _PASS)


def _told(spec: MarketSpec) -> str:
    return f"id {spec.asset_id}, szDecimals {spec.sz_decimals}, up to {spec.max_leverage}x, fee x {spec.fee_scale:f}"


# --- what is open already --------------------------------------------------------------------------------------------------


def _what_is_open(f: Facts, orders: tuple[FoundOrder, ...], positions: tuple[FoundPosition, ...]) -> Iterator[Check]:
    unread = [f"{dex or 'main dex'}: {r}" for dex, r in f.orders.items() if isinstance(r, str)]
    if unread:
        yield _unread("open orders", "; ".join(unread), "none")
    elif orders:
        yield Check("open orders", f"{len(orders)} not of this run", "none", _WARN, "leave or cancel them, or quit")
    else:
        yield Check("open orders", "none", "none", _PASS)
    unread = [f"{dex or 'main dex'}: {r}" for dex, r in f.positions.items() if isinstance(r, str)]
    if unread:
        yield _unread("positions", "; ".join(unread), "none")
    elif positions:
        taken = sum(p.is_configured for p in positions)
        words = [f"{taken} to be taken over and closed in time"] if taken else []
        words += [f"{len(positions) - taken} left alone until a stop"] if taken < len(positions) else []
        yield Check("positions", f"{len(positions)} open", "none", _WARN, f"{', '.join(words)}; or close them")
    else:
        yield Check("positions", "none", "none", _PASS)


def _unread(name: str, why: str, limit: str) -> Check:
    return Check(name, f"not read: {why}", limit, _FAIL, "wait a minute" if "HTTP 429" in why else "try again")


def _span(ms: int) -> str:
    if ms <= 0:
        return "the past"
    return f"{ms // _DAY_MS} days" if ms >= 2 * _DAY_MS else f"{ms // 3_600_000} h {ms % 3_600_000 // 60_000} min"
