"""What every lesson of the field rests on: the line that each of their stories turns red without. LESSONS.

The stories are in tests/scenarios/lessons; a guard that another room names already is not named again.
"""

from __future__ import annotations

from mutants.mutant import change, of

GUARDS_OF_LESSONS = (
    of(
        "core/engine/engine.py",
        change("l03", '                self._m.note(Severity.WARNING, "channel", event.text)', "                pass"),
        change("l46", '            self._stop_desk.trip(f"disconnected: {event.reason}")', "            pass"),
    )
    + of(
        "core/engine/posting.py",
        change(
            "l04",
            '        change = m.orders.report(order.cloid, Report.LOST, m.now, reason="no answer")',
            '        change = m.orders.report(order.cloid, Report.DROPPED, m.now, reason="no answer")',
        ),
        change(
            "l11_3",
            "            self._account.on_change(m.orders.report(order.cloid, Report.NOT_SENT, m.now))\n        m.scheduler.requeue_reduce_only(exits)",
            "            pass\n        m.scheduler.requeue_reduce_only(exits)",
        ),
        change(
            "l19",
            "        m.emit(Repost(post_id, original))",
            "        m.emit(Post(post_id, m.nonces.next(), exits, None))",
        ),
        change(
            "l36",
            "            collapsed = outcomes[0] if len(outcomes) == 1 and outcomes[0].outcome is Outcome.ERROR else None",
            "            collapsed = None",
        ),
        change("l39", "        for post_id in m.posts.overdue(m.now):", "        for post_id in ():"),
    )
    + of(
        "core/engine/positions.py",
        change("l05", "        self._seen: set[FillKey] = set(seen_fills)", "        self._seen: set[FillKey] = set()"),
        change(
            "l07",
            "        self._suspects[market] = _Suspicion(said, now_ms)\n        return False",
            "        self._suspects[market] = _Suspicion(said, now_ms)\n        return True",
        ),
        change(
            "l08",
            "        theirs = {p.market: p for p in read.positions}",
            "        theirs = {p.market: p for p in read.positions}; self._positions.clear()",
        ),
    )
    + of(
        "core/engine/flatten.py",
        change(
            "l11",
            "            task.next_at_ms = now_ms + min(_RETRY_MAX_MS, _RETRY_MS << min(task.attempts, 10))",
            "            task.next_at_ms = now_ms + 10**9",
        ),
        change("l32", "        task.attempts += 1", "        pass"),
    )
    + of(
        "core/engine/lookups.py",
        change("l11_2", "        return self.misses >= _MISSES_NEEDED and self.fills_covered", "        return False"),
        change("l18", "_ARRIVAL_MARGIN_MS = 2_000", "_ARRIVAL_MARGIN_MS = 0"),
    )
    + of(
        "core/model/rounding.py",
        change("l15", '        text = text.rstrip("0").rstrip(".")', "        pass"),
        change("l44", "MAX_PERP_DECIMALS = 6", "MAX_PERP_DECIMALS = 8"),
        change(
            "l44_2",
            "rounding=ROUND_CEILING if is_buy else ROUND_FLOOR",
            "rounding=ROUND_CEILING if not is_buy else ROUND_FLOOR",
        ),
    )
    + of(
        "core/engine/rejections.py",
        change("l20", '    ("minimum value", Rejection.MARKET),', ""),
    )
    + of(
        "core/engine/risk_monitor.py",
        change("l20_2", "        self.counters = replace(self.counters, rejected_at_ms=recent)", "        pass"),
    )
    + of(
        "core/engine/exits.py",
        change(
            "l22",
            "            size = round_size(position.size, spec.sz_decimals)",
            "            size = round_size(position.size / 2, spec.sz_decimals)",
        ),
        change(
            "l27_2",
            "        return sum(self.flatten(p.market, reason) for p in self._m.positions.all())",
            "        return sum(self.flatten(p.market, reason) for p in self._m.positions.all() if self._m.is_configured(p.market))",
        ),
        change(
            "l34",
            "        return not m.readiness.dex_synced(market.dex) and m.now - m.link.connected_at_ms < RESYNC_WAIT_MS",
            "        return not m.readiness.position_synced and m.now - m.link.connected_at_ms < RESYNC_WAIT_MS",
        ),
        change(
            "l34_2",
            "            if m.orders.has_unresolved_exit(task.market) or self._awaits_resync(task.market):",
            "            if any(o.reduce_only for o in m.orders.unsettled()) or self._awaits_resync(task.market):",
        ),
        change(
            "l41",
            "            verdict = m.time_stop.check(position, m.now)",
            "            verdict = m.time_stop.check(position, m.now - 3_600_000)",
        ),
    )
    + of(
        "core/engine/session.py",
        change("l23", "            m.emit(Reconnect(reason))", "            pass"),
        change(
            "l23_2",
            "        self._m.link.market_at_ms = self._ctx_at_ms = self._m.now",
            "        self._m.link.market_at_ms = self._m.now",
        ),
        change(
            "l23_3",
            "            m.link.market_at_ms = m.now\n        state = m.markets.on_bbo(event, m.now)",
            "            m.link.market_at_ms = self._ctx_at_ms = m.now\n        state = m.markets.on_bbo(event, m.now)",
        ),
        change(
            "l24",
            "            wanted = tuple(k for k in m.markets_configured if not m.specs[k].is_delisted)",
            "            wanted = m.markets_configured",
        ),
        change("l24_2", "m.now if wanted else None", "m.now"),
        change(
            "l45",
            '        m.market_gates.stop(market, f"parameters changed: {what}; restart to take them over")',
            "        pass",
        ),
    )
    + of(
        "core/engine/account.py",
        change("l23_4", "            self._ask_fills(min(oldest) - FILL_MARGIN_MS)", "            pass"),
        change(
            "l35",
            "            m.lookups.open(Case(order.cloid, NO_POST, order.created_at_ms, None, repeatable=False, now_ms=m.now))",
            "            pass",
        ),
        change(
            "l43_2",
            "        m.tally.realized += fill.closed_pnl - fill.fee",
            "        m.tally.realized += fill.closed_pnl",
        ),
        change("l43_3", "        m.emit(Journal(TradeRow(trade)))", "        pass"),
    )
    + of(
        "core/engine/stopping.py",
        change("l26", "            if with_foreign or is_ours(order.cloid):", "            if with_foreign:"),
        change(
            "l27",
            "        for order in m.orders.external():\n            if with_foreign",
            "        for order in ():\n            if with_foreign",
        ),
        change(
            "l30",
            "        m.latch.reset()",
            "        m.latch.reset(); self._exits.flatten_all(ExitReason.OPERATOR); [m.positions._positions.clear()]",
        ),
        change(
            "l31",
            '        others = f" ({foreign} of them EXTERNAL, cancelled too)" if foreign and m.trading else ""',
            '        others = ""',
        ),
    )
    + of(
        "core/engine/scheduler.py",
        change(
            "l28",
            "        if inflight >= self._limits.inflight_limit:\n            return None\n        if limited:",
            "        if inflight >= self._limits.inflight_limit or self._latch.tripped:\n            return None\n        if limited:",
        ),
        change(
            "l28_2",
            "            return self._take_orders(with_new=False) or self._take_cancels()",
            "            return None",
        ),
    )
    + of(
        "core/engine/machines.py",
        change("l29", "        self.latch = HardStopLatch(recovered.latch)", "        self.latch = HardStopLatch()"),
    )
    + of(
        "core/model/position.py",
        change("l43", "        return self.gross_pnl_usd - self.fees_usd", "        return self.gross_pnl_usd"),
    )
)
