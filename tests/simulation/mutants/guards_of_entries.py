"""What keeps an entry in: gates, facts, the last look, market gates, detector, prices and their age. SPEC 7."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_ENTRIES = (
    of(
        "core/engine/gates.py",
        without("hard_stop", "(Gate.HARD_STOP, lambda f: _said(f.hard_stop)),"),
        without("not_ready", "(Gate.NOT_READY, _ready),"),
        never("not_ready_text", "if f.not_ready:"),
        change("no_mark", 'return "no mark price" if f.mark_px is None else None', "return None"),
        without("paused", "(Gate.PAUSED, lambda f: _said(f.paused)),"),
        without("not_allowed", "(Gate.NOT_ALLOWED, lambda f: _said(f.not_allowed)),"),
        without("daily_cap", "(Gate.DAILY_CAP, lambda f: _said(f.daily_cap)),"),
        without("flatten", "(Gate.FLATTEN, lambda f: _said(f.flattening)),"),
        without("market_risk", "(Gate.MARKET_RISK, lambda f: _said(f.market_risk)),"),
        without("size", "(Gate.SIZE, _size),"),
        never("zero_lots", "if f.size <= 0:"),
        never("minimum", "if notional < MIN_NOTIONAL_USD:"),
        without("max_market", "(Gate.MAX_POSITION_MARKET, _max_market),"),
        change("max_market_own", "total = f.market_exposure_usd + f.size * f.mark_px", "total = f.market_exposure_usd"),
        without("max_total", "(Gate.MAX_POSITION_TOTAL, _max_total),"),
        change("max_total_own", "total = f.total_exposure_usd + f.size * f.mark_px", "total = f.total_exposure_usd"),
        without("has_position", '(Gate.HAS_POSITION, lambda f: "" if f.has_position else None),'),
        without("pending_order", '(Gate.PENDING_ORDER, lambda f: "" if f.is_busy else None),'),
        without("budget", "(Gate.ACTION_BUDGET, lambda f: _said(f.budget)),"),
    )
    + of(
        "core/engine/entries.py",
        never("last_stopped", "if m.latch.tripped or m.stopping:"),
        never("last_too_old", "if waited := self.too_old(order):"),
        change("age_by_hand", "(BY_HAND_MAX_AGE_MS if is_by_hand else ENTRY_MAX_AGE_MS)", "ENTRY_MAX_AGE_MS"),
        change("age_set_back", "(tracked or order).created_at_ms", "order.created_at_ms"),
        never("waits_too_long", "if why := self.too_old(order):"),
        change(
            "last_not_ready",
            "reason = self.not_ready() or self.flattening(market)",
            "reason = self.flattening(market)",
        ),
        change("last_flattening", "reason = self.not_ready() or self.flattening(market)", "reason = self.not_ready()"),
        never("last_position", "if not reason and m.positions.get(market) is not None:"),
        without("last_exposure_market", "m.exposure_usd(market) > m.max_market_usd or "),
        without("last_exposure_total", " or m.total_exposure_usd() > m.max_total_usd"),
        never("stopped_latch", "if m.latch.tripped:\n            return m.latch.reason"),
        change("stopped_stopping", 'return "the console is stopping" if m.stopping else ""', 'return ""'),
        never("observation", 'if not m.trading:\n            return "observation mode"'),
        never("not_connected", 'if not m.link.connected:\n            return "not connected"'),
        never("not_ready", 'if not m.readiness.is_ready:\n            return "; ".join'),
        change(
            "suspects",
            'return "the exchange and we disagree about a position" if m.positions.has_suspects else ""',
            'return ""',
        ),
        without("flattening_task", "m.flattener.get(market) is not None or "),
        without("flattening_exit", " or m.orders.has_unresolved_exit(market)"),
        change(
            "cancelling",
            'return "a cancel of this market is not settled" if self._cancelling(market) else ""',
            'return ""',
        ),
        never("enqueue_refused", "if result not in (Enqueued.QUEUED, Enqueued.QUEUED_DEGRADED):"),
        change("told_once", "if denied.gate not in episode.counted:", "if True:"),
        change(
            "own_doing", "self._begin(state.market, found.side, _OF_OUR_OWN)", "self._begin(state.market, found.side)"
        ),
        change("paused", "paused=self.paused(),", 'paused="",'),
        change(
            "not_allowed",
            'not_allowed="" if market in m.allowed else f"{market} is not in safety.allowed_markets",',
            'not_allowed="",',
        ),
        change(
            "daily_cap",
            "return m.risk.refuses_entry(m.now, self._under_way()) or m.risk.standing_reason()",
            "return m.risk.standing_reason()",
        ),
        change(
            "standing_loss",
            "return m.risk.refuses_entry(m.now, self._under_way()) or m.risk.standing_reason()",
            "return m.risk.refuses_entry(m.now, self._under_way())",
        ),
        change("daily_cap_under_way", "refuses_entry(m.now, self._under_way())", "refuses_entry(m.now, 0)"),
        change("flattening", "flattening=self.flattening(market),", 'flattening="",'),
        change("market_risk", "market_risk=market_risk,", 'market_risk="",'),
        change("has_position", "has_position=m.positions.get(market) is not None,", "has_position=False,"),
        change("is_busy", "is_busy=m.orders.is_busy(market),", "is_busy=False,"),
        change("budget", "budget=m.budget.refuses_entry(m.now),", 'budget="",'),
        nothing(
            "dropped_mark",
            "change = m.orders.report(cloid, Report.DROPPED, m.now, reason=why)\n        if change is not None:\n            m.signals.pop(change.after.correlation_id, None)\n            m.cancels.on_ended(change.after)\n            m.journal_order(change)",
        ),
        nothing("dropped_cancel", "m.cancels.on_ended(change.after)"),
        nothing("dropped_signal", "m.signals.pop(change.after.correlation_id, None)"),
        nothing("dropped_queue", "for cloid, _market in dropped:\n            self.on_dropped(cloid, why)"),
    )
    + of(
        "core/engine/market_gates.py",
        never("stopped", "if memory.stopped:"),
        never("no_spec", "if state.spec is None:"),
        never("delisted", "if state.spec.is_delisted:"),
        never("left_out", "if state.left_out:"),
        never("bbo_stale", "if bbo_age is None or bbo_age > risk.bbo_stale_ms:"),
        without("bbo_never", "bbo_age is None or "),
        never("ctx_stale", "if ctx_age is None or ctx_age > risk.ctx_stale_ms:"),
        without("ctx_never", "ctx_age is None or "),
        never("went_back", "if state.went_back_ms is not None and now_ms - state.went_back_ms < _WENT_BACK_HOLD_MS:"),
        never("one_sided", "if mid is None or spread is None or mid <= 0:"),
        never("crossed", "if spread <= 0:"),
        never("no_mark", "if mark is None or mark <= 0:"),
        never("divergence", "if divergence > risk.max_mark_mid_divergence_bps:"),
        never("oi_cap", "if now_ms < memory.at_oi_cap_until_ms:"),
        never("cooldown", "if now_ms < memory.cooldown_until_ms:"),
        without("samples", " or memory.samples < _MIN_SAMPLES"),
        never("spread_block", "if spread > usual * self._risk.spread_block_factor:"),
        change(
            "spread_shrink",
            "return _PASS_SMALL if spread > usual * self._risk.spread_shrink_factor else _PASS",
            "return _PASS",
        ),
        without("learn_crossed", " or spread < _ZERO"),
        change(
            "learn_shock",
            "capped = min(spread, usual * self._risk.spread_block_factor + 1)",
            "capped = spread",
        ),
        nothing("unfilled_longer", "memory.unfilled_in_a_row += 1"),
        never("filled", "if filled:"),
        change("oi_cap_foreign", "if memory is not None:", "if True:"),
        never("entry_foreign", "if memory is None:\n            return\n        if filled"),
    )
    + of(
        "core/engine/detector.py",
        change("threshold", "if edge is not None and edge >= threshold:", "if edge is not None:"),
        change("no_oracle", "if edge is not None and edge >= threshold:", "if edge >= threshold:"),
        never("edge_rounded", "if edge < fee_bps + min_edge_bps:\n            # Rounding"),
        never("edge_at_touch", "if edge < fee_bps + min_edge_bps:\n                return None"),
        change("cap", "touch_sz * size_factor, self._cap / dearest)", "touch_sz * size_factor, touch_sz)"),
        change(
            "alpha",
            "min(self._execution.size_alpha * touch_sz * size_factor, self._cap / dearest)",
            "self._cap / dearest",
        ),
        change(
            "size_factor",
            "self._execution.size_alpha * touch_sz * size_factor",
            "self._execution.size_alpha * touch_sz",
        ),
        change("dearest", "dearest = max(price, mid, state.mark_px or mid)", "dearest = price"),
        never(
            "half_known", "if spec is None or oracle is None or mid is None or touch_px is None or touch_sz is None:"
        ),
        change("size_lots", "return round_size(size, decimals)", "return size"),
        change("price_tick", "price = round_price(reach, side.is_buy, spec.sz_decimals)", "price = reach"),
        change("price_tick_touch", "price = round_price(touch_px, side.is_buy, spec.sz_decimals)", "price = touch_px"),
    )
    + of(
        "core/engine/markets.py",
        never("old_touch", "if state.bbo_time_ms is not None and bbo.time_ms < state.bbo_time_ms:"),
        change("old_book", "if not bbo.from_book:", "if True:"),
        never("unknown_touch", "if state is None:\n            return None\n        if state.bbo_time_ms"),
        never("unknown_ctx", "if state is None:\n            return None\n        state.oracle_px"),
        nothing("forget", "state.bbo_at_ms = state.bbo_time_ms = state.ctx_at_ms = None"),
        nothing("forget_wanted", "state.first_wanted_ms = None\n            state.left_out = False"),
        never(
            "no_mid",
            "if self.bid_px is None or self.ask_px is None:\n            return None\n        return (self.bid_px",
        ),
        change(
            "age_of_future",
            "at_ms = self.bbo_at_ms\n        return None if at_ms is None else now_ms - at_ms if now_ms > at_ms else 0",
            "at_ms = self.bbo_at_ms\n        return None if at_ms is None else now_ms - at_ms",
        ),
    )
)
