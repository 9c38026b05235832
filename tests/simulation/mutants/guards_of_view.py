"""What the operator is shown, the story of each order by hand, and the guard beside the console. SPEC 8, 11."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of

GUARDS_OF_VIEW = (
    of(
        "core/engine/view.py",
        never("observes", "if not m.trading:"),
        never("no_line", "if not m.link.connected:"),
        never("latched", "if m.latch.tripped:\n            return TradingState"),
        never("stopping", "if m.stopping is not None:\n            return TradingState"),
        never("not_ready", "if not m.readiness.is_ready:\n            return TradingState"),
        never("paused", "if m.paused:\n            return TradingState"),
        never("checkpoint", "if paused := m.risk.run_limits.pause(m.risk.counters):"),
        change("exit_fee", "- m.trades.open_fees(p.market) - exit_fee", "- m.trades.open_fees(p.market)"),
        change("open_fees", "- m.trades.open_fees(p.market) - exit_fee", "- exit_fee"),
        change(
            "time_stop",
            "if configured and m.trading and not m.run.by_hand else None",
            "if configured and m.trading else None",
        ),
        change(
            "time_stop_external",
            "if configured and m.trading and not m.run.by_hand else None",
            "if m.trading and not m.run.by_hand else None",
        ),
        change("external", "is_external=not configured,", "is_external=False,"),
        change("orders_unsettled", "(*m.orders.unsettled(), *m.orders.external(),", "(*m.orders.external(),"),
        change("orders_foreign", "(*m.orders.unsettled(), *m.orders.external(),", "(*m.orders.unsettled(),"),
        change("orders_most", "m.orders.ended()[-_ENDED_ORDERS_SHOWN:]", "m.orders.ended()"),
        never("no_mark", "if mark is not None:\n                unrealized"),
        never("no_stop", "if stop is None:"),
    )
    + of(
        "core/engine/lives.py",
        never("again", "if last is not None and last.name == name and last.text == text:"),
        never("most_steps", "if len(self.steps) > _KEEP_STEPS:"),
        never("neighbours", "if (before.name, before.text) == (after.name, after.text):"),
        change("denied_over", "life.denied = reason\n        life.is_over = True", "life.denied = reason"),
        change("over", "life.is_over = order.is_settled", "pass"),
        never("change_of_none", "if life is None:\n            return\n        said"),
        never("fill_of_none", "if life is None:\n            return\n        life.size"),
        change("fill_size", "life.size += fill.size", "life.size = fill.size"),
        change("fill_fee", "life.fee += fill.fee", "pass"),
        never("forgotten", "if order is None:"),
    )
    + of(
        "core/engine/guard_watch.py",
        change("slept", "self._looked_ms is not None and now_ms - self._looked_ms > SLEPT_MS", "False"),
        change("vanished", "seen = self._last\n            if seen is None:", "if seen is None:"),
        change("new_run", "if seen.run != self._run:", "if not self._run:"),
        change("moves", "elif seen.ticks != self._ticks:", "elif False:"),
        never("back_to_life", "if self._handled == seen.run:\n                self"),
        never("quiet", "if seen.ended and seen.confirmed:"),
        never("handled", "if self._handled == seen.run:\n            return"),
        never("long_dead", "if is_dead and not self._was_alive and wall_ms - seen.at_ms > FOUND_WITHIN_MS:"),
        change("long_dead_seen", "if is_dead and not self._was_alive and wall_ms", "if is_dead and wall_ms"),
        never("not_flat", "if seen.ended:\n            return"),
        never("dead", "if not seen.is_process_there:"),
        never("hung", "if now_ms - self._moved_ms >= self._timeout_ms:"),
    )
    + of(
        "core/engine/markets.py",
        nothing("back_touch", "state.bbo_at_ms = _earlier(state.bbo_at_ms, by_ms)"),
        nothing("back_ctx", "state.ctx_at_ms = _earlier(state.ctx_at_ms, by_ms)"),
        nothing("back_went_back", "state.went_back_ms = _earlier(state.went_back_ms, by_ms)"),
        nothing("back_wanted", "state.first_wanted_ms = _earlier(state.first_wanted_ms, by_ms)"),
        never("no_edges", "if edges:"),
        never("no_edge", "if px is None or not oracle:"),
        change(
            "ctx_of_future",
            "at_ms = self.ctx_at_ms\n        return None if at_ms is None else now_ms - at_ms if now_ms > at_ms else 0",
            "at_ms = self.ctx_at_ms\n        return None if at_ms is None else now_ms - at_ms",
        ),
    )
    + of(
        "core/engine/market_gates.py",
        nothing("back_pause", "memory.cooldown_until_ms -= by_ms"),
        nothing("back_oi_cap", "memory.at_oi_cap_until_ms -= by_ms"),
    )
    + of(
        "core/engine/machines.py",
        nothing("back_connected", "link.connected_at_ms -= by_ms"),
        nothing("back_market", "link.market_at_ms -= by_ms"),
        nothing(
            "back_read",
            "self.positions_read_ms = {dex: at_ms - by_ms for dex, at_ms in self.positions_read_ms.items()}",
        ),
        nothing("back_stop_due", "self.stopping.deadline_ms -= by_ms"),
        change(
            "every_connected",
            "if not self.link.connected:\n            return\n        self.out.extend(self.asker.ask_every",
            "if False:\n            return\n        self.out.extend(self.asker.ask_every",
        ),
        change("story_of_earlier", 'self.opened_by.get(cloid or "", "")', '""'),
        change("mark_of_venue", "return self.venue_marks.get(market) if mark is None else mark", "return mark"),
    )
    + of(
        "core/engine/stopping.py",
        change(
            "stop_goes_on",
            "if not m.latch.tripped:\n                self._end_everything(ExitReason.SHUTDOWN, with_foreign=False)",
            "pass",
        ),
    )
    + of(
        "core/engine/engine.py",
        nothing("set_back_gates", "m.market_gates.set_back(by_ms)"),
        change(
            "observer_trips", "if m.trading and not m.run.by_hand and (at_risk", "if not m.run.by_hand and (at_risk"
        ),
        change("by_hand_trips", "if m.trading and not m.run.by_hand and (at_risk", "if m.trading and (at_risk"),
        change("disconnect_told", "if m.latch.tripped is latched_before:", "if False:"),
    )
)
