"""What keeps our books the venue's: reports, fills, positions, trades, look-ups, the table of orders. SPEC 2, 6, 7."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_ACCOUNT = (
    of(
        "core/engine/account.py",
        never("first_snapshot", "if not self._had_snapshot:\n                self._had_snapshot = True"),
        change(
            "snapshot_live",
            "fills = tuple(f for f in fills if self._away.is_of_this_run(f))\n                live",
            "fills = ()\n                live",
        ),
        nothing("history_kept", "m.positions.keep_history(new)"),
        never("early_history", "if not self._had_snapshot:\n            # What"),
        nothing("early_rebuilt", "self._away.on_read_before(f for f in read.fills if f not in fills)"),
        change(
            "taken_back",
            "for taken_back in self._exits.take_back(change.market):",
            "for taken_back in ():",
        ),
        change("first_snapshot_only", "self._had_snapshot = True", "pass"),
        change("read_after_fills", "for dex in m.config.dexes:\n                m.ask(QueryPositions(dex))", "pass"),
        never("old_open_orders", "if asked_ms is None:\n            return  # asked on a connection that is gone: it"),
        never("old_positions", "if asked_ms is None:\n            return  # asked on a connection that is gone\n"),
        nothing("external_gone", "m.orders.replace_external(read.dex, frozenset(r.oid for r in read.orders))"),
        change(
            "external_cancel_gone",
            "m.orders.replace_external(read.dex, frozenset(r.oid for r in read.orders))\n        self._forget_gone()",
            "m.orders.replace_external(read.dex, frozenset(r.oid for r in read.orders))",
        ),
        change(
            "ended_rests",
            "for text in m.orders.let_go_of_resting(read.orders, asked_ms):",
            "for text in ():",
        ),
        never("resting_gone", "if is_resting and order.market.dex == read.dex and order.oid not in there and older:"),
        change("resting_older", "older = order.updated_at_ms < asked_ms", "older = True"),
        change("resting_only", "is_resting and order.market.dex", "order.market.dex"),
        change("first_read", "is_first = read.dex not in self._first_read", "is_first = False"),
        nothing("first_read_only", "self._first_read.add(read.dex)"),
        change("unsettled", "is_unsettled=m.orders.has_unsettled)", "is_unsettled=lambda market: False)"),
        change("suspect_fills", "if m.positions.has_suspects or any(c.by_resync", "if any(c.by_resync"),
        change(
            "adopted_fills",
            "if m.positions.has_suspects or any(c.by_resync and not c.is_found for c in changes):",
            "if m.positions.has_suspects:",
        ),
        change("adopted_found", "any(c.by_resync and not c.is_found for", "any(c.by_resync for"),
        change("odd_status_ioc", "or order.tif is not TimeInForce.IOC:", "or True:"),
        never("seen_open_gone", "elif m.lookups.get(read.cloid) is None:"),
        never("absent_by_status", "if case is not None and case.is_proven_absent(m.orders.get(case.cloid)):"),
        change(
            "absent_by_fills",
            "for case in m.lookups.all():\n            if case.is_proven_absent(m.orders.get(case.cloid)):",
            "for case in ():\n            if case.is_proven_absent(m.orders.get(case.cloid)):",
        ),
        never("fills_complete", "if not read.complete:"),
        without("believe_covered", " and covered and asked"),
        without("believe_after", " and asked >= order.updated_at_ms + _BELIEVE_AFTER_MS"),
        change("believe_ended", "if order.status.is_terminal and covered", "if covered"),
        nothing("believe", "self.on_change(m.orders.believe_fills(order.cloid, m.now))"),
        never("missing_fills", "if order.misses_fills and m.now - order.updated_at_ms >= _FILLS_EVERY_MS:"),
        never("missing_of_lost", "if sent_ms is not None:"),
        change("fill_margin", "self._ask_fills(min(oldest) - FILL_MARGIN_MS)", "self._ask_fills(min(oldest))"),
        change(
            "look_up",
            "for case in m.lookups.all():\n            m.ask_every",
            "for case in ():\n            m.ask_every",
        ),
        never("seen_open", "if seen_open and m.now - order.updated_at_ms >= _FILLS_EVERY_MS:"),
        nothing("disconnect_first", "self._first_read.clear()"),
        change(
            "disconnect_fills",
            "self._first_read.clear()\n        self._fills_asked_ms = None",
            "self._first_read.clear()",
        ),
        never("nothing_new", "if change is None:\n            return\n        m, order = self._m, change.after"),
        change(
            "lost_again", "if order.status is OrderStatus.UNKNOWN:\n            # Lost", "if False:\n            # Lost"
        ),
        change("case_closed", "else:\n            self._close_case(order.cloid)", "else:\n            pass"),
        change("cancel_ended", "if change.ended:\n            m.cancels.on_ended(order)", "if change.ended:"),
        nothing("entry_ended", "m.market_gates.on_entry_ended(order.market, filled, m.now)"),
        never("rejected", "if order.reason and order.status is OrderStatus.REJECTED:"),
        nothing(
            "attempt_ended", "m.flattener.on_attempt_ended(order.market, order.reason or order.status.value, m.now)"
        ),
        never("exit_of_nothing", "if not order.filled_size:\n                    m.ask"),
        nothing("signal_settled", "m.signals.pop(order.correlation_id, None)"),
        nothing("oi_cap", "m.market_gates.on_open_interest_cap(order.market, m.now)"),
        never("market_explained", "if not kind.counts:"),
        never("exit_rejected", "if order.reduce_only:\n            m.alert"),
        change(
            "rejected_trip", "if reason:\n            self._trip(reason)", "if False:\n            self._trip(reason)"
        ),
        change(
            "rejected_kept",
            "reason = m.risk.on_rejected(m.now)\n        m.persist_counters()",
            "reason = m.risk.on_rejected(m.now)",
        ),
        never(
            "earned_late",
            "elif fill.start_position + fill.size * fill.side.sign == 0 and m.positions.get(fill.market) is None:",
        ),
        change(
            "opened",
            "if self._away.is_made_now(change):\n                m.risk.on_position_opened(m.now)",
            "if False:\n                m.risk.on_position_opened(m.now)",
        ),
        change(
            "found_not_made",
            "if self._away.is_made_now(change):\n                m.risk.on_position_opened(m.now)",
            "if True:\n                m.risk.on_position_opened(m.now)",
        ),
        nothing("found_fees", "self._away.take_over(p)"),
        change(
            "opened_kept",
            "m.risk.on_position_opened(m.now)\n                m.persist_counters()",
            "m.risk.on_position_opened(m.now)",
        ),
        change(
            "no_trade",
            'if trade is None:\n            m.note(Severity.WARNING, "trade"',
            'if False:\n            m.note(Severity.WARNING, "trade"',
        ),
        change("slippage", "if trade.slippage_bps is not None:", "if False:"),
        change("slippage_known", "if trade.slippage_bps is not None:", "if True:"),
        change(
            "closed_kept",
            "m.pnl_history.append(m.tally.realized)\n        m.persist_counters()",
            "m.pnl_history.append(m.tally.realized)",
        ),
        never("closed_trip", "if why:\n                self._trip(why)"),
        change("forget_gone", "if order.is_external and order.oid not in there:", "if False:"),
        change("forget_ours", "if order.is_external and order.oid not in there:", "if order.oid not in there:"),
        change(
            "absent",
            "change = m.orders.report(cloid, Report.DROPPED, m.now, reason=reason)",
            "change = None",
        ),
        never("no_case", "if case is None:\n            return\n        m.asker.drop"),
        never("forget_bytes", "if case.post_id != NO_POST and not m.lookups.uses_post(case.post_id):"),
        without("forget_bytes_used", " and not m.lookups.uses_post(case.post_id)"),
        change("confirm_stop", "if stop is None or stop.flat_since_ms is None:", "if stop is None:"),
        nothing("confirm_taken_back", "stop.confirmed.discard(query)"),
        change("confirm_after", "elif asked_ms >= stop.flat_since_ms:", "else:"),
        never(
            "fills_interval",
            "if self._fills_asked_ms is not None and 0 <= m.now - self._fills_asked_ms < _FILLS_EVERY_MS:",
        ),
        change("fills_from_zero", "m.ask(QueryFills(max(0, start_ms)))", "m.ask(QueryFills(start_ms))"),
    )
    + of(
        "core/engine/away.py",
        change(
            "known_journal",
            "m.journal_since_ms is not None and f.time_ms >= m.journal_since_ms}",
            "f.time_ms >= (m.journal_since_ms or 0)}",
        ),
        change(
            "since_journal",
            "m.journal_since_ms is not None and f.time_ms >= m.journal_since_ms}",
            "m.journal_since_ms is not None}",
        ),
        without("unseen_only", "m.positions.is_unseen(fill) and "),
        without("newer", "m.positions.is_newer(fill) or "),
        without("of_our_order", " or m.orders.is_known(fill)"),
        without("found_first", "change.is_found or "),
        without("was_there", " or was_there"),
        change(
            "read_before", "for position in m.positions.all():\n            self._rebuild(position)\n\n", "pass\n\n"
        ),
        nothing("journaled", "m.emit(Journal(FillRow(fill, m.story_of(None, fill.cloid))))"),
        change("corrected", "early.get((trade[-1].market, trade[-1].time_ms)) if is_over else None", "None"),
        nothing(
            "rebuilt",
            "# read before the fills that built it came\n            self._rebuild(position)",
        ),
        never("late_trips", "if reason:"),
        without("ours", " and any(is_ours(f.cloid) for f in trade)"),
        never("missed", "if missed and any(is_ours(f.cloid) for f in trade):"),
        never("opened", "if trade[0] in missed:"),
        change("opened_once", "if trade[0] in missed:", "if True:"),
        never("closed", "if is_over and trade[-1] in missed:"),
        without("closed_once", " and trade[-1] in missed"),
        without("closed_only", "is_over and "),
    )
    + of(
        "core/engine/orders.py",
        never("not_ours", "if order is None:\n            return None\n        status"),
        without("rests_lately", " or asked_ms < order.updated_at_ms + _LIST_LAGS_MS"),
        change(
            "rests_apart",
            "self._by_oid.pop(report.oid, None)\n            said.append",
            "said.append",
        ),
        change("never_back", "status=status or order.status,", "status=status,"),
        change("oid_first", "oid=oid if order.oid is None else order.oid,", "oid=oid,"),
        change("filled_grows", "venue_filled=_larger(order.venue_filled, venue_filled),", "venue_filled=venue_filled,"),
        never("news_only", "if after == order:"),
        never("foreign", "if cloid is None:\n            self._on_external"),
        never("partly", "if report is Report.RESTING and filled > 0:"),
        never("rejected_empty", "elif report is Report.REJECTED:"),
        without("odd_refusal", " and not is_known_word(said.status_text)"),
        change("odd_refusal_filled", "Report.REJECTED and filled > 0 and", "Report.REJECTED and"),
        never(
            "odd_refusal_busy",
            "if report is Report.REJECTED and filled > 0 and not is_known_word(said.status_text):",
        ),
        never("unknown_proves_nothing", "elif report is Report.LOST:"),
        never("fill_foreign", "if cloid is None:\n            return None\n        order = self._live"),
        nothing("fill_oid", "self._by_oid.setdefault(fill.oid, cloid)"),
        never("fill_ends", "if filled >= order.original_size and not order.status.is_terminal:"),
        change(
            "fill_terminal",
            "if filled >= order.original_size and not order.status.is_terminal:",
            "if filled >= order.original_size:",
        ),
        never("fill_partial", "elif order.status is OrderStatus.OPEN:"),
        never("believe_ended", "if order is None or not order.status.is_terminal:"),
        without("external_dex", "order.market.dex != dex or "),
        change("busy", "return any(o.market == market and not o.reduce_only for o in self._pending())", "return False"),
        change(
            "busy_terminal",
            "return any(o.market == market and not o.reduce_only for o in self._pending())",
            "return any(o.market == market and not o.reduce_only for o in self.live())",
        ),
        change(
            "exit_unresolved",
            "return any(o.market == market and o.reduce_only and not o.is_resting for o in self._live.values())",
            "return False",
        ),
        change(
            "exit_terminal",
            "return any(o.market == market and o.reduce_only and not o.is_resting for o in self._live.values())",
            "return any(o.market == market and o.reduce_only and not o.is_resting for o in self.live())",
        ),
        change(
            "unsettled",
            "return any(o.market == market and not o.is_resting for o in self._live.values())",
            "return False",
        ),
        change("pending", "total += max(still, Decimal(0))", "pass"),
        change("pending_terminal", "(o.venue_filled or Decimal(0)) - o.filled_size", "Decimal(0)"),
        change(
            "known_cloid",
            "if cloid is not None and (Cloid(cloid) in self._live or Cloid(cloid) in self._ended):",
            "if cloid is not None:",
        ),
        change("by_oid", "return self._by_oid.get(oid)", "return None"),
        change("keep_ended", "while len(self._ended) > _KEEP_ENDED:", "while len(self._ended) > 0:"),
        change("forget_ended", "while len(self._ended) > _KEEP_ENDED:", "while False:"),
        nothing("late_fill", "self._ended.pop(after.cloid, None)"),
        change(
            "late_fill_busy",
            "            self._ended.pop(after.cloid, None)\n            self._live[after.cloid] = after",
            "            (self._ended if after.cloid in self._ended else self._live)[after.cloid] = after",
        ),
        never("external_ended", "if said.status.is_terminal:\n            self._external.pop"),
        never("external_again", "if said.oid in self._external_ended:"),
        change("external_ended_kept", "while len(self._external_ended) > _KEEP_ENDED:", "while False:"),
    )
    + of(
        "core/model/order.py",
        change(
            "settled_fills", "return self.venue_filled is None or self.filled_size >= self.venue_filled", "return True"
        ),
        change(
            "settled_terminal",
            "if not self.status.is_terminal:\n            return False",
            "if False:\n            return False",
        ),
        change(
            "queued_lost", "_R.LOST: None,\n    },\n    _S.IN_FLIGHT", "_R.LOST: _S.UNKNOWN,\n    },\n    _S.IN_FLIGHT"
        ),
        change(
            "in_flight_lost",
            "_R.DROPPED: _S.CANCELED,\n        **_SAID_BY_VENUE,\n        _R.LOST: _S.UNKNOWN,",
            "_R.DROPPED: _S.CANCELED,\n        **_SAID_BY_VENUE,\n        _R.LOST: _S.CANCELED,",
        ),
        change(
            "unknown_dropped",
            "_R.NOT_SENT: None,\n        _R.DROPPED: _S.CANCELED,\n        **_SAID_BY_VENUE,\n        _R.LOST: None,\n    },\n    _S.OPEN",
            "_R.NOT_SENT: None,\n        _R.DROPPED: None,\n        **_SAID_BY_VENUE,\n        _R.LOST: None,\n    },\n    _S.OPEN",
        ),
        change(
            "first_word_filled",
            "_S.FILLED: dict(_NOTHING_NEW),",
            "_S.FILLED: {**_NOTHING_NEW, _R.RESTING: _S.OPEN, _R.PARTIAL: _S.PARTIAL_FILLED},",
        ),
        change(
            "first_word_canceled",
            "_S.CANCELED: dict(_NOTHING_NEW),",
            "_S.CANCELED: {**_NOTHING_NEW, _R.RESTING: _S.OPEN, _R.LOST: _S.UNKNOWN},",
        ),
        change("partial_rejected", "_R.REJECTED: _S.CANCELED,  #", "_R.REJECTED: _S.REJECTED,  #"),
        change(
            "one_name",
            'assert (self.oid is None) != (self.cloid is None), "a cancel names an oid or a cloid, not both"',
            "pass",
        ),
    )
    + of(
        "core/engine/positions.py",
        change("fill_once", "if fill.key not in self._seen:", "if True:"),
        change(
            "fills_in_order",
            "for fill in sorted(fills, key=lambda f: f.time_ms):\n            self._remember(fill)\n            if",
            "for fill in reversed(fills):\n            self._remember(fill)\n            if",
        ),
        never("before_baseline", "if fill.market.dex not in self._baseline_ms:"),
        nothing("buffer", "self._buffered.append(fill)"),
        without("newer_than_read", "fill.market.dex in self._baseline_ms and "),
        without("history_unread", " if f.market.dex not in self._baseline_ms)"[:-1]),
        change("history_found", "is_found=is_history))", "is_found=False))"),
        never("contained", "if fill.time_ms <= self._contained_until(fill.market):"),
        change("suspect_moved", "self._suspects.pop(fill.market, None)\n        self._moved_ms", "self._moved_ms"),
        nothing("moved", "self._moved_ms[fill.market] = max(fill.time_ms, self._moved_ms.get(fill.market, 0))"),
        never("agree", "if mine == said:"),
        change(
            "agree_clears",
            "                    del self._suspects[market]\n                continue",
            "                    pass\n                continue",
        ),
        never("older_answer", "if max(self._moved_ms.get(market, 0), self._contained_until(market)) > read.time_ms:"),
        never("unsettled", "if is_unsettled(market) and not is_first:"),
        change("first_unsettled", "if is_unsettled(market) and not is_first:", "if is_unsettled(market):"),
        change("first_has_it", "if (is_first and venue is not None) or", "if is_first or"),
        change("first_at_once", "if (is_first and venue is not None) or self._is_proven", "if self._is_proven"),
        change("proven", "self._is_proven(market, said, now_ms):", "True:"),
        change(
            "adopt",
            "if (is_first and venue is not None) or self._is_proven(market, said, now_ms):",
            "if is_first and venue is not None:",
        ),
        change(
            "suspect_of_none",
            "                del self._suspects[market]\n        if first",
            "                pass\n        if first",
        ),
        nothing(
            "doubt",
            "self._suspects[said.market] = _Suspicion(size, now_ms, by_fills=True, after_ms=said.status_time_ms)",
        ),
        change("doubt_told", "if untold > 0 and said.status", "if said.status"),
        change(
            "doubt_contained", "untold > 0 and said.status_time_ms > self._contained_until(said.market)", "untold > 0"
        ),
        change(
            "doubt_older",
            "if market in self._suspects and self._suspects[market].after_ms <= read.time_ms:",
            "if market in self._suspects:",
        ),
        never("doubt_older_of_none", "if suspicion.after_ms > read.time_ms:"),
        nothing("denied_first", "self._doubt_denied(read.dex, theirs, now_ms)"),
        change(
            "denied_twice",
            "if not suspicion.by_fills or now_ms - suspicion.since_ms >= AGREE_AFTER_MS:",
            "if True:",
        ),
        change("buffered_applied", "changes.extend(self._apply_buffered(read, now_ms))", "pass"),
        change("buffered_contained", "if fill.time_ms > read.time_ms:", "if True:"),
        change("same_size", "if suspicion is not None and suspicion.signed_size == said:", "if suspicion is not None:"),
        change("two_seconds", "return now_ms - suspicion.since_ms >= AGREE_AFTER_MS", "return True"),
        nothing("adopted_until", "self._adopted_until[market] = time_ms"),
        change(
            "adopted_clears", "self._suspects.pop(market, None)\n        self._adopted_until", "self._adopted_until"
        ),
        change(
            "entry_time_kept",
            "entry_ms = mine.entry_timestamp_ms if mine is not None and same else self._built_since(market, side, now_ms)",
            "entry_ms = now_ms",
        ),
        change("entry_time_built", "return min(built[0].time_ms, now_ms) if built else now_ms", "return now_ms"),
        change(
            "entry_time_future",
            "return min(built[0].time_ms, now_ms) if built else now_ms",
            "return built[0].time_ms if built else now_ms",
        ),
        change(
            "built_until_flat",
            "if fill.start_position == 0 or (fill.start_position > 0) != (side is OrderSide.BUY):",
            "if False:",
        ),
        change("remember_once", "if fill.key in self._in_history:", "if False:"),
        never("late_built", "if before is None and after is not None and fill.start_position * fill.side.sign > 0:"),
        change(
            "late_built_itself",
            "entry_timestamp_ms=min(built, after.entry_timestamp_ms)",
            "entry_timestamp_ms=built",
        ),
        change("fill_time_future", "entry_ms = min(fill.time_ms, now_ms)", "entry_ms = fill.time_ms"),
        change(
            "adds_price",
            "price = (before.entry_price * before.size + fill.price * fill.size) / size",
            "price = fill.price",
        ),
        change("reduces", "if fill.size < before.size:", "if False:"),
        change("closes", "if fill.size == before.size:\n        return None", "if False:\n        return None"),
    )
    + of(
        "core/engine/trades.py",
        change("of_two_sides", "if fill.side is trade.side:", "if True:"),
        nothing("gross", "trade.gross += fill.closed_pnl"),
        nothing("fees", "trade.fees += fill.fee"),
        change("signal_first", "trade.signal = trade.signal or signal", "trade.signal = signal"),
        never("none_seen", "if trade is None:\n            return None\n        # A side"),
        change("one_side", "entry_px, exit_px = entry or exit_, exit_ or entry", "entry_px, exit_px = entry, exit_"),
        change(
            "found_side", "if fill.start_position == 0:\n        return fill.side", "if True:\n        return fill.side"
        ),
    )
)
