"""The engine: one message and the time in, effects out. A table of contents; every rule is in the room it names.

It never waits, never asks the time, never fails half way: what one message sets in motion is complete when `handle` returns.

    session   the connection, reads, market data, readiness        entries   signal -> gates -> queued order
    signers   the account and the key that signs for it
    account   orders, fills, positions and what follows            exits     TimeStop, Flattener, cancels
    posting   queues -> post -> answer                             stopping  HardStop, reset, orderly stop
    operator  commands, each answered once                         by_hand   an order by hand -> gates -> queued order

SPEC 2-8; DESIGN, "One order".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from core.config import Config
from core.engine.account import Account
from core.engine.by_hand import ByHand
from core.engine.entries import ENTRY_MAX_AGE_MS, Entries
from core.engine.exits import Exits
from core.engine.funding import Funding
from core.engine.machines import Machines
from core.engine.operator import Operator
from core.engine.posting import Posting
from core.engine.session import Session
from core.engine.signers import Signers
from core.engine.stopping import StopDesk
from core.engine.view import View
from core.messages.commands import AnyCommand, Command
from core.messages.effects import Alert, Effect, Severity
from core.messages.events import (
    AgentsRead,
    AlertsChanged,
    AnyEvent,
    AssetCtx,
    Bbo,
    ChannelError,
    Connected,
    Disconnected,
    FeesRead,
    Fills,
    FillsRead,
    FundingRead,
    Noticed,
    OpenOrdersRead,
    OrderStatusRead,
    OrderUpdates,
    OutsideFault,
    PositionsRead,
    PostNotSent,
    PostRefused,
    PostReply,
    PostSent,
    PostSigned,
    RateLimitRead,
    ReadFailed,
    RoleRead,
    ServerTimeRead,
    SpecsRead,
    Subscribed,
    Tick,
    TimeJump,
)
from core.messages.queries import QueryFills, QueryFunding
from core.messages.recovered import Recovered
from core.messages.snapshot import LoopStats, RunInfo, Snapshot
from core.model.market import MarketKey


class Engine:
    """Args: recovered: what an earlier run left on disk; now_ms: the time at which this run begins."""

    def __init__(self, config: Config, run: RunInfo, recovered: Recovered, now_ms: int) -> None:
        m = self._m = Machines(config, run, recovered, now_ms)
        self._entries = Entries(m)
        self._exits = Exits(m)
        self._stop_desk = StopDesk(m, self._entries, self._exits)
        self._account = Account(m, self._exits, self._stop_desk.trip)
        self._signers = Signers(m, self._stop_desk.trip)
        self._session = Session(m, self._signers, self._stop_desk.trip)
        by_hand = ByHand(m, self._entries)
        self._funding = Funding(m, self._stop_desk.trip)
        self._posting = Posting(m, self._account, self._entries, by_hand)
        self._operator = Operator(m, self._entries, self._exits, self._stop_desk, by_hand)
        self._view = View(m, self._entries, self._stop_desk, by_hand)
        self._say_what_was_found(recovered)

    # --- the face ------------------------------------------------------------------------------------------------------------

    def handle(self, message: AnyEvent | AnyCommand, now_ms: int) -> list[Effect]:
        """Take one message; return what is to be done, in order.

        Args:
            now_ms: Our time. May jump; never used but through the machines' own ages.
        """
        m = self._m
        if now_ms < m.now:
            self._on_clock_set_back(m.now - now_ms)
        m.now = m.clock.now = now_ms
        if isinstance(message, Command):
            self._operator.on_command(message)
        else:
            self._on_event(message)
        self._posting.dispatch(is_tick=isinstance(message, Tick))
        self._note_inflight()
        out, m.out = m.out, []
        return out

    def snapshot(self, now_ms: int, loop_stats: LoopStats) -> Snapshot:
        """The picture for the console."""
        return self._view.build(now_ms, loop_stats)

    @property
    def machines(self) -> Machines:
        """For simulations and their checkers, which look and never touch."""
        return self._m

    @property
    def asset_ids(self) -> Mapping[MarketKey, int]:
        """The exchange's id of every market of the configured dexes, as read on this connection."""
        return {market: spec.asset_id for market, spec in self._m.specs.items()}

    def asset_id(self, market: MarketKey) -> int:
        return self._m.specs[market].asset_id

    # --- events ----------------------------------------------------------------------------------------------------------------

    def _on_event(self, event: AnyEvent) -> None:
        match event:
            case Tick():
                self._on_tick()
            case Bbo():
                state = self._session.on_bbo(event)
                if state is not None:
                    self._entries.on_market_event(state)
            case AssetCtx():
                state = self._session.on_ctx(event)
                if state is not None:
                    self._entries.on_market_event(state)
            case OrderUpdates():
                self._heard_of_account()
                self._account.on_order_updates(event)
            case Fills():
                self._heard_of_account()
                self._account.on_fills(event)
            case PostSigned():
                self._posting.on_signed(event)
            case PostSent():
                self._posting.on_sent(event)
            case PostNotSent():
                self._posting.on_not_sent(event)
            case PostReply():
                self._posting.on_reply(event)
            case PostRefused():
                self._posting.on_refused(event)
            case PositionsRead():
                self._heard_of_account()
                self._account.on_positions(event)
            case OpenOrdersRead():
                self._heard_of_account()
                self._account.on_open_orders(event)
            case OrderStatusRead():
                self._heard_of_account()
                self._account.on_order_status(event)
            case FillsRead():
                self._heard_of_account()
                self._account.on_fills_read(event)
            case SpecsRead():
                self._session.on_specs(event)
            case FeesRead():
                self._session.on_fees(event)
            case FundingRead():
                self._funding.on_read(event)
            case RateLimitRead():
                self._session.on_rate_limit(event)
            case RoleRead():
                self._signers.on_role(event)
            case AgentsRead():
                self._signers.on_agents(event)
            case ServerTimeRead():
                self._session.on_server_time(event)
            case Connected():
                self._session.on_connected(event)
            case Subscribed():
                self._session.on_subscribed(event)
            case Disconnected():
                self._on_disconnected(event)
            case ReadFailed():
                self._on_read_failed(event)
            case ChannelError():
                self._m.tally.errors += 1
                self._m.note(Severity.WARNING, "channel", event.text)
            case OutsideFault():
                self._stop_desk.trip(event.what)
            case TimeJump():
                self._on_time_jump(event)
            case Noticed(severity, kind, text):
                self._m.note(severity, kind, text)
            case AlertsChanged(targets):
                self._m.alert_targets = targets
            case _:
                assert_never(event)

    def _on_tick(self) -> None:
        self._posting.on_tick()
        self._entries.drop_too_old()
        self._session.on_tick()
        if self._m.link.connected:
            self._account.on_tick()
        for reason in self._exits.on_tick():
            self._stop_desk.trip(reason)
        self._stop_desk.on_tick()
        self._funding.on_tick()
        self._m.emit(*self._m.edges.on_tick(self._m.markets.__getitem__, self._m.now))

    def _on_disconnected(self, event: Disconnected) -> None:
        m = self._m
        was_connected, was_ready = m.link.connected, m.link.was_ready
        m.link.reason = event.reason
        if not was_connected:
            return
        at_risk = bool(m.positions_left or m.orders.unsettled())
        self._session.on_disconnect()
        self._account.on_disconnect()
        m.note(Severity.WARNING, "connection", f"lost: {event.reason}")
        self._posting.on_disconnect()
        self._entries.drop_queued("disconnected")
        m.cancels.on_disconnect()
        # Before the first READY nothing was traded: there is nothing to stop yet. Afterwards a disconnect is always a HardStop.
        latched_before = m.latch.tripped
        if m.trading and not m.run.by_hand and (at_risk or (was_ready and m.stopping is None)):
            self._stop_desk.trip(f"disconnected: {event.reason}")
        if m.latch.tripped is latched_before:  # or the alert of the hard stop has just said it
            m.alert(Severity.WARNING, "disconnected", event.reason)

    def _on_read_failed(self, event: ReadFailed) -> None:
        m = self._m
        m.asker.on_failure(event.query, m.now)
        if isinstance(event.query, QueryFills | QueryFunding):
            m.asker.drop(event.query)
        m.tally.errors += 1
        m.note(Severity.WARNING, "read", f"{type(event.query).__name__} failed: {event.reason}")

    def _on_time_jump(self, event: TimeJump) -> None:
        m = self._m
        m.note(Severity.WARNING, "clock", f"no time passed for us during {event.gap_ms} ms; reading everything again")
        self._session.on_time_jump()
        m.flattener.resume_now(m.now)

    def _on_clock_set_back(self, by_ms: int) -> None:
        """Whatever waits for a time of ours would wait so much longer, and what is old would look young."""
        m = self._m
        m.asker.set_back(by_ms)
        m.budget.set_back(by_ms)
        m.posts.set_back(by_ms)
        m.orders.set_back(by_ms)
        m.lookups.set_back(by_ms)
        m.cancels.set_back(by_ms)
        m.flattener.set_back(by_ms)
        m.markets.set_back(by_ms)
        m.market_gates.set_back(by_ms)
        m.set_back(by_ms)
        self._session.set_back(by_ms)
        if by_ms >= ENTRY_MAX_AGE_MS:
            self._entries.drop_queued("our clock was set back")  # how old they are is not known any more

    # --- inside ----------------------------------------------------------------------------------------------------------------

    def _heard_of_account(self) -> None:
        self._m.link.account_at_ms = self._m.now

    def _note_inflight(self) -> None:
        m = self._m
        value, second = m.posts.inflight, m.now // 1000
        if second == m.inflight_peak_second and m.inflight_history and value <= m.inflight_history[-1]:
            return  # nearly every message
        m.inflight_peak = max(m.inflight_peak, value)
        if second != m.inflight_peak_second or not m.inflight_history:
            m.inflight_peak_second = second
            m.inflight_history.append(value)
        else:
            m.inflight_history[-1] = max(m.inflight_history[-1], value)

    def _say_what_was_found(self, recovered: Recovered) -> None:
        m = self._m
        m.note(Severity.INFO, "start", f"run {recovered.run_id} on {m.run.network}, {m.run.mode}")
        if recovered.unclean:
            m.note(Severity.WARNING, "start", "the last run did not end in an orderly stop")
        if recovered.stopped_from_outside:
            m.note(Severity.CRITICAL, "stopped from outside", recovered.stopped_from_outside)
        if paused := m.risk.run_limits.pause(m.risk.counters):
            m.note(Severity.WARNING, "checkpoint", paused)
        if m.latch.tripped:
            m.note(Severity.CRITICAL, "hard stop", f"still latched from an earlier run: {m.latch.reason}")
            m.emit(Alert(Severity.CRITICAL, "HARD STOP still latched", f"from an earlier run: {m.latch.reason}"))
