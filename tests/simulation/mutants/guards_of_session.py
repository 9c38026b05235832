"""What makes a connection fit to trade on and a run fit to go on: reads, readiness, silence, limits of loss, the engine's own table. SPEC 7, 8, 9."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of

GUARDS_OF_SESSION = (
    of(
        "core/engine/session.py",
        change(
            "subscribe_anew",
            "self._subscribed = self._gave_up = False\n        self._specs_read.clear()",
            "self._gave_up = False\n        self._specs_read.clear()",
        ),
        nothing("specs_anew", "self._specs_read.clear()"),
        change("connected_asks_anew", "self._specs_read.clear()\n        m.asker.forget()", "self._specs_read.clear()"),
        change("disconnected_link", "m.link.connected = False", "pass"),
        nothing("disconnected_ready", "m.readiness.reset()"),
        change(
            "disconnected_quotes",
            "m.markets.forget_quotes()\n        m.asker.forget()\n\n    def on_time_jump",
            "m.asker.forget()\n\n    def on_time_jump",
        ),
        change("disconnected_asks", "m.asker.forget()\n\n    def on_time_jump", "\n    def on_time_jump"),
        change(
            "unfit",
            'refusal = self._unfit(event.dex, found) if event.dex not in {k.dex for k in m.specs} else ""',
            'refusal = ""',
        ),
        change("compared", "self._compare(market, m.specs.get(market), found.get(market))", "pass"),
        change("subscribe_once", "if not self._subscribed and self._specs_read", "if self._specs_read"),
        change("not_delisted", "if not m.specs[k].is_delisted)", ")"),
        never("unfit_missing", "if spec is None:\n                return f"),
        never("unfit_pinned", "if config.asset_idx is not None and config.asset_idx != spec.asset_id:"),
        never("same", "if before is None or before == after:"),
        never("gone", "if after is None:\n            what"),
        change("changed_stops_market", "m.market_gates.stop(market,", "str("),
        change("changed_trips", 'self._trip(f"parameter change {market}: {what}")', "pass"),
        change("drift_trips", 'self._trip(f"clock drift: {e}")', "pass"),
        change(
            "drift_not_ready",
            'self._trip(f"clock drift: {e}")\n            return',
            'self._trip(f"clock drift: {e}")\n            m.readiness.on_bootstrap("clock")\n            return',
        ),
        never("drift_warns", "if sync.is_warning:"),
        nothing("spread_learned", "m.market_gates.on_touch(state)"),
        change("positions_stale", "if m.now - at_ms > limit_ms])", "if False])"),
        change(
            "data_missing",
            'self._missing_data() if self._subscribed else ("subscriptions",)',
            '() if self._subscribed else ("subscriptions",)',
        ),
        change(
            "data_subscribed",
            'self._missing_data() if self._subscribed else ("subscriptions",)',
            "self._missing_data()",
        ),
        change(
            "data_delisted",
            "if state.spec is None or state.spec.is_delisted:\n                continue",
            "if state.spec is None:\n                continue",
        ),
        change(
            "data_fresh_bbo",
            "state.is_two_sided and bbo_age is not None and bbo_age <= risk.bbo_stale_ms",
            "state.is_two_sided",
        ),
        change("data_two_sided", "has_bbo = state.is_two_sided and ", "has_bbo = "),
        change("data_fresh_ctx", "has_ctx = ctx_age is not None and ctx_age <= risk.ctx_stale_ms", "has_ctx = True"),
        never("data_book", "if bbo_age is None or bbo_age > risk.bbo_stale_ms // 2:"),
        change("data_back", "state.left_out = False\n                    m.note", "m.note"),
        never("left_out", "if m.now - state.first_wanted_ms >= _LEFT_OUT_AFTER_MS:"),
        never("left_out_holds_none", "if state.left_out:\n                continue"),
        never("no_market", "if not usable and not missing:"),
        change(
            "suspects_soon",
            "2_000 if m.positions.has_suspects else m.config.risk.position_sync_ms",
            "m.config.risk.position_sync_ms",
        ),
    )
    + of(
        "core/engine/signers.py",
        never("role_ready", "if refusal and m.link.was_ready:"),
        never("role_refused", "elif refusal:"),
        change(
            "role_all",
            "self._roles_read_ms[event.address] = m.now\n            if self.are_known:",
            "self._roles_read_ms[event.address] = m.now\n            if True:",
        ),
        never("role_agent", 'if event.role == "agent":'),
        never("role_user", 'if event.role != "user" and self._m.trading:'),
        never("role_of_account", 'if event.role != "agent" or event.owner != run.account.lower():'),
        change("young_enough", "return 0 if read_ms is None else read_ms + every_ms", "return 0"),
    )
    + of(
        "core/engine/session.py",
        change(
            "all_specs", "if not self._subscribed and self._specs_read.issuperset(m.dexes):", "if not self._subscribed:"
        ),
        never("slow_when_old", "if m.now >= not_before_ms:"),
        change("slow_only_when_old", "if m.now >= not_before_ms:", "if True:"),
        change("positions_again", "yield QueryPositions(dex), every_ms, not_before_ms", "pass"),
        change(
            "positions_wait_fills", "0 if m.readiness.fills_snapshot else m.link.connected_at_ms + _FILLS_WAIT_MS", "0"
        ),
        change("positions_not_for_ever", "m.link.connected_at_ms + _FILLS_WAIT_MS", "m.link.connected_at_ms + 10**9"),
        change("orders_again", "yield QueryOpenOrders(dex), _ORDERS_EVERY_MS, 0", "pass"),
        change("slow_again", "yield from self._slow_facts()", "pass"),
        change("specs_again", "yield QuerySpecs(dex), _SPECS_EVERY_MS, 0", "pass"),
        change("clock_again", "yield QueryServerTime(), _CLOCK_EVERY_MS, 0", "pass"),
        change(
            "known_changes",
            "if known == self._next_read_known and m.now < self._next_read_ms:",
            "if m.now < self._next_read_ms:",
        ),
        change("known_due", "self._next_read_ms = min(self._next_read_ms, due_ms)", "pass"),
        change("silence", 'reason = "" if self._gave_up else self._silence()', 'reason = ""'),
        change("silence_once", 'reason = "" if self._gave_up else self._silence()', "reason = self._silence()"),
        never(
            "first_word",
            "if m.has_account and m.now - m.link.connected_at_ms > _FIRST_WORD_WITHIN_MS and m.readiness.silent_channels:",
        ),
        change("oracle_silent", "or m.now - self._ctx_at_ms <= _SILENT_AFTER_MS:", "or True:"),
        change("gave_up_anew", "self._subscribed = self._gave_up = False", "self._subscribed = False"),
        change(
            "jump_quotes",
            "m.markets.forget_quotes()\n        m.asker.forget()\n        m.link.connected_at_ms",
            "m.asker.forget()\n        m.link.connected_at_ms",
        ),
        change("jump_asks", "m.asker.forget()\n        m.link.connected_at_ms", "m.link.connected_at_ms"),
        change(
            "jump_silence",
            "if self._ctx_at_ms is not None:\n            m.link.market_at_ms",
            "if False:\n            m.link.market_at_ms",
        ),
    )
    + of(
        "core/engine/readiness.py",
        nothing("reset_acks", "self._acks.clear()"),
        nothing("reset_orders", "self._order_dexes.clear()"),
        nothing("reset_positions", "self._position_dexes.clear()"),
        change("orders_ack", 'return "orderUpdates" in self._acks and self', "return self"),
        change("orders_read", " and self._order_dexes.issuperset(self._dexes)", ""),
        change("fills", "return self._fills", "return True"),
        change("positions_read", "self._position_dexes.issuperset(self._dexes) and not", "not"),
        change("positions_stale", "issuperset(self._dexes) and not self.stale_dexes", "issuperset(self._dexes)"),
        change(
            "bootstrap", "return self._positions_read and all(self._bootstrap.values())", "return self._positions_read"
        ),
        change(
            "account_positions", "return self._positions_read and self.order_snapshot", "return self.order_snapshot"
        ),
        change("account_orders", "return self._positions_read and self.order_snapshot", "return self._positions_read"),
        change("ready_md", "return self.md_ready and self.order", "return self.order"),
        change("ready_orders", "self.md_ready and self.order_snapshot and self", "self.md_ready and self"),
        change("ready_fills", "self.order_snapshot and self.fills_snapshot and", "self.order_snapshot and"),
        change("ready_positions", "and self.fills_snapshot and self.position_synced", "and self.fills_snapshot"),
    )
    + of(
        "core/engine/risk_monitor.py",
        change("losses", "if losses > self._risk.max_consecutive_losses:", "if False:"),
        change(
            "losses_reset",
            "consecutive_losses=c.consecutive_losses + 1 if net_pnl_usd < 0 else 0,",
            "consecutive_losses=c.consecutive_losses + 1 if net_pnl_usd < 0 else c.consecutive_losses,",
        ),
        change(
            "losses_more_than",
            "if losses > self._risk.max_consecutive_losses:",
            "if losses >= self._risk.max_consecutive_losses:",
        ),
        change("loss", 'if loss > self._max_loss else ""', 'if False else ""'),
        change("failures", "if failures > self._risk.max_flatten_failures:", "if False:"),
        change(
            "failures_more_than",
            "if failures > self._risk.max_flatten_failures:",
            "if failures >= self._risk.max_flatten_failures:",
        ),
        change("rejected", "if self._is_mainnet and len(recent) > self._risk.max_rejected_per_hour:", "if False:"),
        change("rejected_mainnet", "if self._is_mainnet and len(recent)", "if len(recent)"),
        change(
            "rejected_hour",
            "(t for t in self.counters.rejected_at_ms if now_ms - t < _HOUR_MS)",
            "(t for t in self.counters.rejected_at_ms)",
        ),
        change("slippage", "if self._is_mainnet and in_a_row >= self._risk.max_slippage_in_a_row:", "if False:"),
        change("slippage_mainnet", "if self._is_mainnet and in_a_row >=", "if in_a_row >="),
        change(
            "slippage_streak",
            "in_a_row = self.counters.slippage_in_a_row + 1 if over else 0",
            "in_a_row = self.counters.slippage_in_a_row + 1",
        ),
        change("daily", 'if today >= self._max_daily_trades else ""', 'if False else ""'),
        change(
            "daily_counted",
            "self.counters = replace(self.counters, trades_today=self.counters.trades_today + 1)",
            "pass",
        ),
        change("daily_rolls", "if day != self.counters.day:", "if False:"),
        change(
            "daily_asked",
            "return self.counters.trades_today if self.counters.day == now_ms // _DAY_MS else 0",
            "return self.counters.trades_today",
        ),
        change("reset_losses", "consecutive_losses=0,\n            flatten_failures=0,", "flatten_failures=0,"),
        change("reset_failures", "consecutive_losses=0,\n            flatten_failures=0,", "consecutive_losses=0,"),
        change(
            "reset_loss",
            "cumulative_pnl_usd=Decimal(0) if forgive_loss else self.counters.cumulative_pnl_usd,",
            "cumulative_pnl_usd=Decimal(0),",
        ),
    )
    + of(
        "core/engine/engine.py",
        never("already_gone", "if not was_connected:"),
        nothing("set_back", "self._on_clock_set_back(m.now - now_ms)"),
        nothing("set_back_asks", "m.asker.set_back(by_ms)"),
        nothing("set_back_posts", "m.budget.set_back(by_ms)"),
        nothing("set_back_open", "m.posts.set_back(by_ms)"),
        nothing("set_back_orders", "m.orders.set_back(by_ms)"),
        nothing("set_back_lookups", "m.lookups.set_back(by_ms)"),
        nothing("set_back_cancels", "m.cancels.set_back(by_ms)"),
        nothing("set_back_flattener", "m.flattener.set_back(by_ms)"),
        nothing("set_back_markets", "m.markets.set_back(by_ms)"),
        change("set_back_stop", " m.set_back(by_ms)", " pass"),
        nothing("set_back_silence", "self._session.set_back(by_ms)"),
        never("set_back_entries", "if by_ms >= ENTRY_MAX_AGE_MS:"),
        change("set_back_jitter", "if by_ms >= ENTRY_MAX_AGE_MS:", "if True:"),
        change("disconnect_posts", "self._posting.on_disconnect()", "pass"),
        change("disconnect_entries", 'self._entries.drop_queued("disconnected")', "pass"),
        change("disconnect_cancels", "m.cancels.on_disconnect()", "pass"),
        change("disconnect_account", "self._account.on_disconnect()", "pass"),
        never(
            "disconnect_trips",
            "if m.trading and not m.run.by_hand and (at_risk or (was_ready and m.stopping is None)):",
        ),
        change(
            "disconnect_at_risk",
            "(at_risk or (was_ready and m.stopping is None))",
            "(was_ready and m.stopping is None)",
        ),
        change("disconnect_was_ready", "(at_risk or (was_ready and m.stopping is None))", "at_risk"),
        change("fault_trips", "self._stop_desk.trip(event.what)", "pass"),
        change("read_failed", "m.asker.on_failure(event.query, m.now)", "pass"),
        never("read_failed_fills", "if isinstance(event.query, QueryFills | QueryFunding):"),
        change("jump", "self._session.on_time_jump()", "pass"),
        nothing("jump_exits", "m.flattener.resume_now(m.now)"),
        change(
            "tick_connected",
            "if self._m.link.connected:\n            self._account.on_tick()",
            "if True:\n            self._account.on_tick()",
        ),
    )
    + of(
        "core/engine/machines.py",
        change(
            "ask_connected",
            "if not self.link.connected:\n            return\n        self.out.extend(self.asker.ask(query",
            "if False:\n            return\n        self.out.extend(self.asker.ask(query",
        ),
        change(
            "own_loss_cap",
            "min(execution.max_notional_per_market, config.safety.max_notional_usd)",
            "execution.max_notional_per_market",
        ),
        change(
            "no_mark_at_entry",
            "px = mark if mark is not None else (position.entry_price if position else Decimal(0))",
            "px = mark if mark is not None else Decimal(0)",
        ),
        change("exposure_pending", "return (held + self.orders.pending_size(market)) * px", "return held * px"),
        change(
            "exposure_held",
            "return (held + self.orders.pending_size(market)) * px",
            "return self.orders.pending_size(market) * px",
        ),
        change("total_pending", "dict.fromkeys([*held, *pending])", "dict.fromkeys(held)"),
        change("total_held", "dict.fromkeys([*held, *pending])", "dict.fromkeys(pending)"),
        change("may_post_trading", "return self.trading and self.link.connected", "return self.link.connected"),
        change("may_post_connected", "return self.trading and self.link.connected", "return self.trading"),
        change("growth_fee", "return rate * (spec.fee_scale if spec else 1) * BPS", "return rate * BPS"),
    )
)
