"""One connection from open to ready: what to read, what to subscribe to, when market data is good, and what to read again while it lasts.

Easy to get wrong: the ids of markets are read anew on each connection and compared, because a parameter that changed in between makes
every rounded price and every asset id wrong.

SPEC 2 (asset ids), 7 (ready, parameter change), 9; lessons L01, L02, L23, L24, L38, L45.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.engine.machines import Machines
from core.engine.markets import MarketState
from core.engine.nonces import TimeDriftTooLarge
from core.engine.signers import AGAIN_MS as _AGAIN_MS
from core.engine.signers import Regular as _Regular
from core.engine.signers import Signers
from core.engine.signers import old_at_ms as _old_at_ms
from core.messages.effects import Reconnect, Refuse, Severity, Subscribe
from core.messages.events import (
    AssetCtx,
    Bbo,
    Connected,
    FeesRead,
    RateLimitRead,
    ServerTimeRead,
    SpecsRead,
    Subscribed,
)
from core.messages.queries import (
    QueryBook,
    QueryFees,
    QueryOpenOrders,
    QueryPositions,
    QueryRateLimit,
    QueryServerTime,
    QuerySpecs,
)
from core.messages.snapshot import ConnectionPhase
from core.model.market import MarketKey, MarketSpec

_LEFT_OUT_AFTER_MS = 10_000
_FIRST_WORD_WITHIN_MS = 15_000
"""The ack of orderUpdates and the snapshot of userFills come within a second of the subscribe."""
_SILENT_AFTER_MS = 30_000
"""Not one oracle price for this long: the connection, or that channel of it, is dead behind an open socket."""
_BOOK_EVERY_MS = 1_500
_FILLS_WAIT_MS = 5_000
_ORDERS_EVERY_MS = 30_000
_POSITIONS_STALE_MS = 30_000
"""Positions not read for this long are not known any more: no entry until they are. Exits go on."""
_SPECS_EVERY_MS = 60_000
_BUDGET_EVERY_MS = 60_000
_CLOCK_EVERY_MS = 30_000
_FEES_EVERY_MS = 3_600_000


class Session:
    """Args: signers: what is read about the key and the account; trip: pulls the HardStop with a reason."""

    def __init__(self, m: Machines, signers: Signers, trip: Callable[[str], None]) -> None:
        self._m = m
        self._signers = signers
        self._trip = trip
        self._subscribed = False
        self._gave_up = False
        """A new connection is asked for."""
        self._specs_read: set[str] = set()
        self._fees_read_ms: int | None = None
        self._budget_read_ms: int | None = None
        self._sampled_second = 0
        self._positions_stale_ms = max(_POSITIONS_STALE_MS, 3 * m.config.risk.position_sync_ms)
        self._ctx_at_ms: int | None = None
        """Since when a silence of the oracle prices counts."""
        self._next_read_ms = 0
        """Before it nothing is due, as long as what it was worked out from is the same."""
        self._next_read_known: tuple[int, bool, bool] | None = None

    # --- the connection ----------------------------------------------------------------------------------------------------

    def on_connected(self, event: Connected) -> None:
        m = self._m
        m.link.connected = True
        m.link.epoch = event.epoch
        m.link.connected_at_ms = m.now
        m.link.enter(ConnectionPhase.SYNCING, m.now)
        m.link.market_at_ms = None
        self._subscribed = self._gave_up = False
        self._specs_read.clear()
        m.asker.forget()
        m.note(Severity.INFO, "connection", f"connected ({event.epoch})")
        for dex in m.dexes:
            m.ask(QuerySpecs(dex))
        if m.has_account:
            for dex in m.dexes:
                m.ask(QueryOpenOrders(dex))
            self._ask_slow_facts()
        m.ask(QueryServerTime())

    def on_disconnect(self) -> None:
        m = self._m
        m.link.connected = False
        m.link.enter(ConnectionPhase.RECONNECTING if m.link.epoch else ConnectionPhase.CONNECTING, m.now)
        m.readiness.reset()
        m.markets.forget_quotes()
        m.asker.forget()

    def on_time_jump(self) -> None:
        """We were not listening: a silence of the exchange counts from now on."""
        m = self._m
        m.markets.forget_quotes()
        m.asker.forget()
        m.link.connected_at_ms = m.now
        if self._ctx_at_ms is not None:
            m.link.market_at_ms = self._ctx_at_ms = m.now

    def set_back(self, by_ms: int) -> None:
        """Our clock was set back: a silence of the oracle prices is as long as it was."""
        if self._ctx_at_ms is not None:
            self._ctx_at_ms -= by_ms

    def on_subscribed(self, event: Subscribed) -> None:
        self._m.readiness.on_subscribed(event.channel)

    # --- specs ---------------------------------------------------------------------------------------------------------------

    def on_specs(self, event: SpecsRead) -> None:
        m = self._m
        m.asker.on_answer(QuerySpecs(event.dex), m.now)
        found = {s.market: s for s in event.specs}
        refusal = self._unfit(event.dex, found) if event.dex not in {k.dex for k in m.specs} else ""
        if refusal:
            m.note(Severity.CRITICAL, "refused", refusal)
            m.emit(Refuse(refusal))
            return
        for market in m.markets_configured:
            if market.dex == event.dex:
                self._compare(market, m.specs.get(market), found.get(market))
        m.specs.update(found)
        for market in m.markets_configured:
            if market.dex == event.dex:
                m.markets[market].spec = m.specs.get(market)
        self._specs_read.add(event.dex)
        if not self._subscribed and self._specs_read.issuperset(m.dexes):
            self._subscribed = True
            wanted = tuple(k for k in m.markets_configured if not m.specs[k].is_delisted)
            for market in wanted:
                m.markets[market].first_wanted_ms = m.now
            m.link.market_at_ms = m.now
            # From here on, silence counts; nobody speaks of what is delisted.
            self._ctx_at_ms = m.now if wanted else None
            m.emit(Subscribe(wanted))

    def _unfit(self, dex: str, found: dict[MarketKey, MarketSpec]) -> str:
        """Why this config must not trade on that universe; empty if it may."""
        by_id = {s.asset_id: s for s in found.values()}
        for config in self._m.config.markets:
            market = config.key
            if market.dex != dex:
                continue
            spec = found.get(market)
            if spec is None:
                return f"{market}: the exchange lists no such market on {dex or 'the main dex'}"
            if config.asset_idx is not None and config.asset_idx != spec.asset_id:
                other = by_id.get(config.asset_idx)
                is_what = f"is {other.market}" if other else f"is no market of {dex or 'the main dex'}"
                return (
                    f"{market}: asset_idx {config.asset_idx} is pinned, but the exchange says {spec.asset_id}; "
                    f"{config.asset_idx} {is_what}"
                )
        return ""

    def _compare(self, market: MarketKey, before: MarketSpec | None, after: MarketSpec | None) -> None:
        m = self._m
        if before is None or before == after:
            return
        if after is None:
            what = "gone from the universe"
        else:
            what = ", ".join(
                f"{field} {getattr(before, field)} -> {getattr(after, field)}"
                for field in MarketSpec.__struct_fields__
                if getattr(before, field) != getattr(after, field)
            )
        m.market_gates.stop(market, f"parameters changed: {what}; restart to take them over")
        self._trip(f"parameter change {market}: {what}")

    # --- other reads ---------------------------------------------------------------------------------------------------------

    def on_fees(self, event: FeesRead) -> None:
        m = self._m
        m.asker.on_answer(QueryFees(), m.now)
        m.taker_rate, m.maker_rate = event.taker_rate, event.maker_rate
        self._fees_read_ms = m.now
        m.readiness.on_bootstrap("fees")

    def on_rate_limit(self, event: RateLimitRead) -> None:
        m = self._m
        m.asker.on_answer(QueryRateLimit(), m.now)
        m.budget.on_read(event.used, event.cap)
        self._budget_read_ms = m.now
        m.readiness.on_bootstrap("budget")

    def _slow_facts(self) -> Iterator[_Regular]:
        """Fees, budget and roles: read again when they are old, not at every connection. A flapping line must not use up the weight of
        the address that the reads of positions need."""
        yield from self._signers.regular_reads()
        yield QueryFees(), _AGAIN_MS, _old_at_ms(self._fees_read_ms, _FEES_EVERY_MS)
        yield QueryRateLimit(), _AGAIN_MS, _old_at_ms(self._budget_read_ms, _BUDGET_EVERY_MS)

    def _ask_slow_facts(self) -> None:
        """On a new connection: what is young enough counts as read."""
        m = self._m
        for query, every_ms, not_before_ms in self._slow_facts():
            if m.now >= not_before_ms:
                m.ask_every(query, every_ms)
        if self._signers.are_known:
            m.readiness.on_bootstrap("role")
        if self._fees_read_ms is not None:
            m.readiness.on_bootstrap("fees")
        if self._budget_read_ms is not None:
            m.readiness.on_bootstrap("budget")

    def on_server_time(self, event: ServerTimeRead) -> None:
        m = self._m
        asked_ms = m.asker.on_answer(QueryServerTime(), m.now)
        try:
            sync = m.nonces.sync_with_server(event.server_ms, event.local_ms)
        except TimeDriftTooLarge as e:
            self._trip(f"clock drift: {e}")
            return
        if sync.is_warning:
            m.note(Severity.WARNING, "clock", f"the exchange's clock is {sync.offset_ms:+d} ms from ours")
        if asked_ms is not None:  # not one that was asked on a connection that is gone
            m.readiness.on_bootstrap("clock")

    # --- market data ---------------------------------------------------------------------------------------------------------

    def on_bbo(self, event: Bbo) -> MarketState | None:
        m = self._m
        if event.from_book:
            m.asker.on_answer(QueryBook(event.market), m.now)
        else:
            m.link.market_at_ms = m.now
        state = m.markets.on_bbo(event, m.now)
        if state is not None:
            m.market_gates.on_touch(state)
        return state

    def on_ctx(self, event: AssetCtx) -> MarketState | None:
        self._m.link.market_at_ms = self._ctx_at_ms = self._m.now
        return self._m.markets.on_ctx(event, self._m.now)

    # --- time ------------------------------------------------------------------------------------------------------------------

    def on_tick(self) -> None:
        m = self._m
        second = m.now // 1000
        if second != self._sampled_second:
            self._sampled_second = second
            m.markets.sample_edges()
        if not m.link.connected:
            return
        limit_ms = self._positions_stale_ms
        m.readiness.stale_dexes = tuple([d for d, at_ms in m.positions_read_ms.items() if m.now - at_ms > limit_ms])
        m.readiness.md_missing = self._missing_data() if self._subscribed else ("subscriptions",)
        is_ready = m.readiness.is_ready
        if is_ready or (not m.has_account and m.readiness.md_ready):
            m.link.enter(ConnectionPhase.LIVE, m.now)
            if is_ready and not m.link.was_ready:
                m.link.was_ready = True
                m.note(Severity.INFO, "ready", "READY-TRADING: market data, orders, fills and positions are in sync")
        self._signers.on_tick()
        self._read_again()
        self._watch_silence()

    def _missing_data(self) -> tuple[str, ...]:
        """Which markets keep md_ready down. A market without data for 10 s is left out and keeps nothing down."""
        m, risk = self._m, self._m.config.risk
        missing: list[str] = []
        usable = 0
        for state in m.markets.all():
            if state.spec is None or state.spec.is_delisted:
                continue
            bbo_age, ctx_age = state.bbo_age_ms(m.now), state.ctx_age_ms(m.now)
            has_bbo = state.is_two_sided and bbo_age is not None and bbo_age <= risk.bbo_stale_ms
            has_ctx = ctx_age is not None and ctx_age <= risk.ctx_stale_ms
            if bbo_age is None or bbo_age > risk.bbo_stale_ms // 2:
                m.ask_every(QueryBook(state.market), _BOOK_EVERY_MS)
            if has_bbo and has_ctx:
                usable += 1
                state.first_wanted_ms = None
                if state.left_out:
                    state.left_out = False
                    m.note(Severity.INFO, "market", f"{state.market}: has data again")
                continue
            if state.first_wanted_ms is None:
                state.first_wanted_ms = m.now
            if state.left_out:
                continue
            if m.now - state.first_wanted_ms >= _LEFT_OUT_AFTER_MS:
                state.left_out = True
                lacking = "touch" if not has_bbo else "oracle price"
                m.note(Severity.WARNING, "market", f"{state.market}: left out, no {lacking} for 10 s")
                continue
            missing.append(f"{'bbo' if not has_bbo else 'oracle'} of {state.market}")
        if not usable and not missing:
            missing.append("no market has data")
        return tuple(missing)

    def _read_again(self) -> None:
        """Ask what is due. In nearly every tick nothing is, and when the next question is, is known: it is not worked out each time."""
        m = self._m
        known = (m.asker.changes, m.positions.has_suspects, m.readiness.fills_snapshot)
        if known == self._next_read_known and m.now < self._next_read_ms:
            return
        self._next_read_known, self._next_read_ms = known, m.now + _CLOCK_EVERY_MS
        for query, every_ms, not_before_ms in self._regular():
            due_ms = max(not_before_ms, m.asker.due_ms(query, every_ms))
            if m.now >= due_ms:
                m.ask(query)  # this is a change: the next tick works it out again
            self._next_read_ms = min(self._next_read_ms, due_ms)

    def _regular(self) -> Iterator[_Regular]:
        """Everything that is read again while the connection lasts."""
        m = self._m
        if m.has_account:
            # With the fills in hand a difference is a real one; but a snapshot that never comes must not leave us blind.
            not_before_ms = 0 if m.readiness.fills_snapshot else m.link.connected_at_ms + _FILLS_WAIT_MS
            every_ms = 2_000 if m.positions.has_suspects else m.config.risk.position_sync_ms
            for dex in m.dexes:
                yield QueryPositions(dex), every_ms, not_before_ms
                yield QueryOpenOrders(dex), _ORDERS_EVERY_MS, 0
            yield from self._slow_facts()
        for dex in m.dexes:
            yield QuerySpecs(dex), _SPECS_EVERY_MS, 0
        yield QueryServerTime(), _CLOCK_EVERY_MS, 0

    def _watch_silence(self) -> None:
        m = self._m
        reason = "" if self._gave_up else self._silence()
        if reason:
            self._gave_up = True
            m.note(Severity.WARNING, "connection", f"{reason} behind an open socket")
            m.emit(Reconnect(reason))

    def _silence(self) -> str:
        """What does not come although it should; empty while everything speaks.

        A touch comes when it changes, and a quiet night is no fault. Oracle prices come every second of their own accord, so theirs is the
        silence that tells, whatever else talks.
        """
        m = self._m
        if m.has_account and m.now - m.link.connected_at_ms > _FIRST_WORD_WITHIN_MS and m.readiness.silent_channels:
            return f"no first word of {' and '.join(m.readiness.silent_channels)} for {_FIRST_WORD_WITHIN_MS // 1000} s"
        if not self._subscribed or self._ctx_at_ms is None or m.now - self._ctx_at_ms <= _SILENT_AFTER_MS:
            return ""
        touch_at_ms = m.link.market_at_ms
        is_all_silent = touch_at_ms is None or m.now - touch_at_ms > _SILENT_AFTER_MS
        return f"no {'market data' if is_all_silent else 'oracle price'} for {_SILENT_AFTER_MS // 1000} s"
