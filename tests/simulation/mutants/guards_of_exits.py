"""What closes positions and ends a run: TimeStop, Flattener, hard stop, orderly stop, the operator's words. SPEC 6, 8."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_EXITS = (
    of(
        "core/engine/exits.py",
        never("may_post", "if self._m.may_post:"),
        change("may_post_only", "if self._m.may_post:", "if True:"),
        change("time_stops", "self._check_time_stops()\n        if self._m.may_post", "if self._m.may_post"),
        change("failures", "return self._check_failures()", "return []"),
        never("one_flatten", "if not m.flattener.request(market, reason, m.now):"),
        change("found_synced", "if m.readiness.dex_synced(k.dex)]", "]"),
        nothing("found_once", "del m.found_to_close[market]"),
        never(
            "found_held",
            "if m.positions.get(market) is not None:\n                self.flatten(market, ExitReason.OPERATOR)",
        ),
        never("observation", "if not m.trading or m.run.by_hand:"),
        never("configured", "if not m.is_configured(position.market):"),
        never("hold", "if verdict is TimeStopVerdict.HOLD:"),
        change("alarm_once", " and position.market not in self._alarmed:", ":"),
        never("alarm", "if verdict is TimeStopVerdict.ALERT_AND_FLATTEN and position.market not in self._alarmed:"),
        nothing("alarm_again", "self._alarmed.discard(market)"),
        change("no_position", "m.flattener.on_flat(task.market)\n                continue", "continue"),
        never("unsettled", "if m.orders.has_unresolved_exit(task.market) or self._awaits_resync(task.market):"),
        without("unsettled_exit", "m.orders.has_unresolved_exit(task.market) or "),
        without("resync", " or self._awaits_resync(task.market)"),
        change("resync_limit", " and m.now - m.link.connected_at_ms < RESYNC_WAIT_MS", ""),
        never("no_price", "if spec is None or reference is None:"),
        change("lots", "size = round_size(position.size, spec.sz_decimals)", "size = position.size"),
        never("less_than_a_lot", "if size == 0:"),
        change("opposite", "side = position.side.opposite", "side = position.side"),
        change("reduce_only", "reduce_only=True,", "reduce_only=False,"),
        never("not_queued", "if result in (Enqueued.QUEUE_FULL, Enqueued.DUPLICATE_FLATTEN):"),
        change(
            "retry_not_queued",
            "m.flattener.on_attempt_ended(task.market, result.value, m.now)\n                continue",
            "continue",
        ),
        nothing("widen", "m.flattener.on_attempt(task)"),
        change(
            "unwatched",
            "if state is None:\n            return of_position",
            "if state is None:\n            return None",
        ),
        change("fresh_mid", "bbo_age is not None and bbo_age <= _FRESH_MS:", "True:"),
        change("fresh_mark", "ctx_age is not None and ctx_age <= _FRESH_MS:", "True:"),
        change(
            "any_price",
            "return next((px for px in (of_position, state.mark_px, state.mid_px) if px is not None), None)",
            "return None",
        ),
        never("cancel_not_queued", "if m.scheduler.enqueue_cancel(cancel) is Enqueued.QUEUE_FULL:"),
        never("cancel_unnamed", "if cancel.market not in m.specs:"),
        change("cancel_again", "m.cancels.on_not_queued(cancel, m.now)\n\n    def", "pass\n\n    def"),
        change("failure_counted", "counted = m.risk.on_flatten_failed()", 'counted = ""'),
        change(
            "failure_kept",
            "counted = m.risk.on_flatten_failed()\n            m.persist_counters()",
            "counted = m.risk.on_flatten_failed()",
        ),
    )
    + of(
        "core/engine/flatten.py",
        never("one_task", "if task is not None:\n            if reason"),
        never(
            "stronger_reason",
            "if reason is not ExitReason.TIME_STOP and task.reason is ExitReason.TIME_STOP and task.attempts == 0:",
        ),
        change(
            "deadline",
            "task.failure_due_ms = now_ms + self._execution.reduce_only_timeout_ms\n        return True",
            "return True",
        ),
        change("due", "if now_ms >= t.next_at_ms]", "]"),
        change(
            "widening",
            "wider = self._execution.flatten_slippage_bps + _WIDENING * task.attempts",
            "wider = self._execution.flatten_slippage_bps",
        ),
        change("widest", "return min(wider, self._execution.flatten_slippage_max_bps)", "return wider"),
        change(
            "side_of_mid",
            "(1 + side.sign * self.slippage_bps(task) / _BPS)",
            "(1 - side.sign * self.slippage_bps(task) / _BPS)",
        ),
        change(
            "tick",
            "return round_price(mid_px * (1 + side.sign * self.slippage_bps(task) / _BPS), side.is_buy, sz_decimals)",
            "return mid_px * (1 + side.sign * self.slippage_bps(task) / _BPS)",
        ),
        change(
            "retry_none",
            "if task is not None:\n            task.last_result = result",
            "if True:\n            task.last_result = result",
        ),
        change(
            "retry",
            "task.next_at_ms = now_ms + min(_RETRY_MAX_MS, _RETRY_MS << min(task.attempts, 10))",
            "task.next_at_ms = now_ms",
        ),
        change("retry_most", "min(_RETRY_MAX_MS, _RETRY_MS << min(task.attempts, 10))", "(_RETRY_MS << task.attempts)"),
        change("ends", "return self._tasks.pop(market, None)", "return self._tasks.get(market)"),
        never("failed", "if now_ms >= task.failure_due_ms:"),
        change(
            "failed_once",
            "task.failure_due_ms = now_ms + self._execution.reduce_only_timeout_ms\n                failed",
            "failed",
        ),
        nothing("resume", "for task in self._tasks.values():\n            task.next_at_ms = now_ms"),
    )
    + of(
        "core/engine/time_stop.py",
        change(
            "stop",
            "return TimeStopVerdict.FLATTEN if age > self._stop_ms else TimeStopVerdict.HOLD",
            "return TimeStopVerdict.HOLD",
        ),
        never("alert", "if age > self._alert_ms:"),
        change("alert_not_before", "max(reduce_only_timeout_ms, time_stop_ms)", "reduce_only_timeout_ms"),
    )
    + of(
        "core/engine/hard_stop.py",
        change("first_reason", "if self.tripped:\n            return False", "if False:\n            return False"),
        change("remembered", "self._state = state", "self._state = LatchState()"),
    )
    + of(
        "core/engine/stopping.py",
        never("once", "if not m.latch.trip(reason, m.now):"),
        change(
            "disk_first", "m.out.insert(0, PersistLatch(m.latch.state))", "m.out.append(PersistLatch(m.latch.state))"
        ),
        nothing("on_disk", "m.out.insert(0, PersistLatch(m.latch.state))"),
        change("queue_dropped", 'dropped = self._entries.drop_queued("hard stop")', "dropped = 0"),
        change(
            "all_ended",
            'dropped = self._entries.drop_queued("hard stop")\n        self._end_everything(ExitReason.HARD_STOP, with_foreign=True)',
            'dropped = self._entries.drop_queued("hard stop")',
        ),
        never("reset_of_none", 'if not m.latch.tripped:\n            return "not latched"'),
        never("override", 'if override:\n            return ""'),
        change(
            "reset_left", "return self._something_left() or m.risk.standing_reason()", "return m.risk.standing_reason()"
        ),
        change(
            "reset_loss", "return self._something_left() or m.risk.standing_reason()", "return self._something_left()"
        ),
        never("reset_reason", "if not command.reason.strip():"),
        never("reset_refused", "if refusal:"),
        change("reset_on_disk", "m.emit(PersistLatch(m.latch.state))", "pass"),
        nothing("foreign_given_up", "m.cancels.give_up_foreign(m.now)"),
        change(
            "streaks_anew",
            "m.risk.after_reset(forgive_loss=command.override and bool(m.risk.standing_reason()))\n",
            "pass\n",
        ),
        change(
            "forgive_override", "forgive_loss=command.override and bool(m.risk.standing_reason())", "forgive_loss=False"
        ),
        change(
            "forgive_standing",
            "forgive_loss=command.override and bool(m.risk.standing_reason())",
            "forgive_loss=command.override",
        ),
        never("stop_once", "if m.stopping is not None:\n            return"),
        change("stop_queue", 'self._entries.drop_queued("stopping")', "pass"),
        change(
            "stop_ends",
            "self._end_everything(ExitReason.SHUTDOWN, with_foreign=False)\n        self._finish_if_done()\n\n    # --- time",
            "self._finish_if_done()\n\n    # --- time",
        ),
        never("latched_goes_on", "if m.latch.tripped and m.trading:"),
        change(
            "flat_said_once", "if not self._said_flat and not self._something_left():", "if not self._something_left():"
        ),
        change("flat_said", "not self._said_flat and not self._something_left():", "not self._said_flat:"),
        change(
            "stop_foreign_latched",
            "if not m.latch.tripped:\n                self._end_everything",
            "if True:\n                self._end_everything",
        ),
        never("left_connected", 'if not m.link.connected:\n            return "not connected: what'),
        never("left_open", "if m.positions_left or m.orders_left:"),
        never("left_sync", "if not m.readiness.account_read or m.positions.has_suspects:"),
        change(
            "left_suspects",
            "if not m.readiness.account_read or m.positions.has_suspects:",
            "if not m.readiness.account_read:",
        ),
        change("observation", "if not m.trading or self._leaves_open:", "if self._leaves_open:"),
        never("exits_left", "if order.is_exit:\n                continue"),
        change(
            "queued_left",
            "if order.status is not OrderStatus.QUEUED:\n                m.cancels.want(order)\n            elif",
            "if True:\n                m.cancels.want(order)\n            elif",
        ),
        change("queued_by_hand", "elif order.reduce_only and order.cloid is not None and", "elif False and"),
        change("foreign_left", "if with_foreign or is_ours(order.cloid):", "if True:"),
        change("external_ours", "if with_foreign or is_ours(order.cloid):", "if False:"),
        change("positions_ended", "self._exits.flatten_all(reason)", "pass"),
        never("finish_once", "if m.finished:"),
        never("finish_observation", "if not m.trading:\n            self._finish"),
        never(
            "nothing_sent",
            "if not m.link.was_ready and not m.positions_left and not m.orders.unsettled() and not m.posts.sent_total:",
        ),
        change("never_read", "self._finish(synced, text", "self._finish(True, text"),
        never("not_flat", "if m.positions_left or own_orders:"),
        without("not_flat_orders", " or own_orders"),
        change(
            "confirm_anew",
            "stop.flat_since_ms = m.now\n            stop.confirmed.clear()",
            "stop.flat_since_ms = m.now",
        ),
        change("confirm_lost", "stop.flat_since_ms = None\n            stop.confirmed.clear()", "pass"),
        change("confirm_asked", "m.ask_every(query, 500)", "pass"),
        change("confirmed", "if stop.confirmed.issuperset(queries):", "if True:"),
        never("grace", "if m.now >= stop.deadline_ms:"),
    )
    + of(
        "core/engine/operator.py",
        change("flatten_all", "new = self._exits.flatten_all(ExitReason.OPERATOR)", "new = 0"),
        never("flatten_none", "if self._m.positions.get(command.market) is None:"),
        change("cancel_queued", 'queued = self._entries.drop_queued("cancelled by the operator")', "queued = 0"),
        change(
            "cancel_exits_left",
            "for o in m.orders.live() if not o.is_exit)",
            "for o in m.orders.live())",
        ),
        change(
            "cancel_foreign_left",
            "for o in m.orders.external() if is_ours(o.cloid))\n        foreign",
            "for o in m.orders.external())\n        foreign",
        ),
        never("cancel_none", "if order is None or order.status.is_terminal:"),
        change(
            "cancel_back",
            "elif order.status is OrderStatus.QUEUED and m.scheduler.remove(command.cloid):",
            "elif False:",
        ),
        change(
            "want_sent",
            "return order.status is not OrderStatus.QUEUED and self._m.cancels.want(order)",
            "return self._m.cancels.want(order)",
        ),
        change("pause", "m.paused = command.paused", "pass"),
        change(
            "pause_queue",
            'dropped = self._entries.drop_queued_entries("entries paused") if command.paused else 0',
            "dropped = 0",
        ),
        change("trip", 'self._stop_desk.trip(f"{command.reason} ({command.who})")', "pass"),
        change("observation", "if self._m.trading:\n            return True", "if True:\n            return True"),
    )
)
