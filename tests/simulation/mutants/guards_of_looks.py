"""What is looked at beside an order: funding of the full hours, the edge after a fill, how numbers are rounded; and late guards of entries."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_LOOKS = (
    of(
        "core/engine/funding.py",
        without("asked_once", " and hour > self._asked_hour"),
        change("gone_with_the_hour", "hour > self._hour and self._was_held", "False"),
        nothing("owes", "m.ask(QueryFunding(m.now - REACH_BACK_MS))"),
        nothing("owes_once", "self._owes_a_look = False"),
        without("connected", " and m.link.connected"),
        without("asked_when_due", " and m.now >= self._due_ms"),
        never("seen", "if key in self._seen or (payment.market.name, payment.time_ms) in m.seen_funding:"),
        without("seen_before", " or (payment.market.name, payment.time_ms) in m.seen_funding"),
        without("seen_now", "key in self._seen or "),
        change("of_this_run", "if payment.time_ms >= m.run.started_ms:", "if True:"),
        never("found", "if self._wanted is not None and payment.time_ms // HOUR_MS >= self._wanted:"),
        without("history", "payment.time_ms < since_ms or "),
        without("other_dex", " or payment.market.dex not in m.dexes"),
        never("trip", "if reason:\n            self._trip"),
        never("given_up", "if self._attempts == len(PAUSES_MS):"),
        change("first_pause", "self._attempts, self._due_ms = 0, m.now + PAUSES_MS[0]", "self._attempts = 0"),
    )
    + of(
        "core/engine/edge_watch.py",
        without("exit", "side is not signal.side or "),
        without("first_fill", " or any(w.signal_id == signal.signal_id for w in self._watched)"),
        change("over", "self._watched = [w for w in self._watched if w.looks]", "self._watched = []"),
        without("due", " and age_ms >= watched.looks[0]"),
        without("old_touch", " and bbo_age <= self._bbo_stale_ms"),
        without("old_oracle", " and ctx_age <= self._ctx_stale_ms"),
        change("edge_of_both", "if has_touch and has_oracle else None", "if has_touch else None"),
    )
    + of(
        "core/model/rounding.py",
        change("whole", "return min(0, max(by_figures, by_decimals))", "return max(by_figures, by_decimals)"),
        change("decimals", "max(by_figures, by_decimals)", "by_figures"),
        change("figures", "max(by_figures, by_decimals)", "by_decimals"),
        change("towards", "ROUND_CEILING if is_buy else ROUND_FLOOR", "ROUND_FLOOR if is_buy else ROUND_CEILING"),
        change("size_down", "rounding=ROUND_DOWN", "rounding=ROUND_CEILING"),
        never("positive_px", "if not px.is_finite() or px <= 0:"),
        never("px_to_zero", "if rounded <= 0:"),
        never("size_sign", "if not sz.is_finite() or sz < 0:"),
    )
    + of(
        "core/engine/entries.py",
        never("key_expires", "if expiring := m.key_watch.refuses_entry(m.now):"),
        change("pause_at_checkpoint", "m.risk.run_limits.pause(m.risk.counters)", '""'),
        without("paused_own_only", " and o.purpose is Purpose.ENTRY"),
        without("episode_side", " or episode.side is not found.side"),
    )
    + of(
        "core/engine/run_limits.py",
        change("others", "return c.trades_total - c.run.others", "return c.trades_total"),
    )
)
