"""What keeps posts in order: queues, interval, inflight, nonces, budget, silence, repeats, cancels, questions. SPEC 3, 4, 7."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_POSTS = (
    of(
        "core/engine/scheduler.py",
        never(
            "new_inflight_full",
            "if self._inflight() >= self._limits.inflight_limit:\n            return Enqueued.INFLIGHT_FULL",
        ),
        never("new_cap", "if len(self._new) >= self._limits.new_order_queue_cap:"),
        without("exit_unsettled", "self._has_unresolved_exit(order.market) or "),
        change("exit_queued", "any(o.market == order.market for o in self._reduce_only)", "False"),
        never("exit_cap", "if len(self._reduce_only) >= self._limits.reduce_only_queue_cap:"),
        never("cancel_cap", "if len(self._cancels) >= self._limits.cancel_queue_cap:"),
        change(
            "exits_to_front", "self._reduce_only.extendleft(reversed(list(orders)))", "self._reduce_only.extend(orders)"
        ),
        change(
            "cancels_to_front", "self._cancels.extendleft(reversed(list(cancels)))", "self._cancels.extend(cancels)"
        ),
        never("full", "if inflight >= self._limits.inflight_limit:\n            return None"),
        never("limited", "if limited:"),
        change("limited_no_new", "self._take_orders(with_new=False) or", "self._take_orders(with_new=True) or"),
        change(
            "cancels_first",
            "return self._take_cancels() or self._take_orders(with_new=not self._is_degraded and not self._latch.tripped)",
            "return self._take_orders(with_new=not self._is_degraded and not self._latch.tripped) or self._take_cancels()",
        ),
        change(
            "degraded", "with_new=not self._is_degraded and not self._latch.tripped", "with_new=not self._latch.tripped"
        ),
        without("latched", " and not self._latch.tripped"),
        change("cancel_kinds", "fits = (cancel.oid is not None) == by_oid and len", "fits = len"),
        without("cancels_per_batch", " and len(taken) < self._limits.batch_max_cancels"),
        without("orders_per_batch", " and len(taken) < self._limits.batch_max_orders"),
        change(
            "exits_before_entries",
            "for queue in (self._reduce_only, self._new) if with_new",
            "for queue in (self._new, self._reduce_only) if with_new",
        ),
    )
    + of(
        "core/engine/posts.py",
        change("sent_once", "if post is None or post.sent:", "if post is None:"),
        change("sent_late", "if post is None or post.sent:", "if post.sent:"),
        change("count_sent_only", "if post is not None and post.sent:", "if post is not None:"),
        change("overdue", "if now_ms >= p.deadline_ms]", "if False]"),
        change("unsent", "return len(self._open) > self._inflight", "return False"),
    )
    + of(
        "core/engine/posting.py",
        never("eager", 'if not is_tick and m.config.execution.dispatch != "eager":'),
        change("late_used_up", "if classify(event.error) is Rejection.RATE_LIMIT:  # said", "if False:  # said"),
        without("may_post", "not m.may_post or "),
        without("unsent", "m.posts.has_unsent or "),
        without("budget", " or not m.budget.may_post(m.now)"),
        never(
            "interval",
            "if m.budget.has_posted_within(m.config.execution.tick_interval_ms, m.now):",
        ),
        without("repeat_inflight", "m.posts.inflight < m.config.execution.inflight_limit and "),
        never("repeat", "if m.posts.inflight < m.config.execution.inflight_limit and self._repeat():"),
        change("still_wanted", "batch = self._still_wanted(batch)", "pass"),
        never("still_queued", "if tracked is not None and tracked.status is not OrderStatus.QUEUED:"),
        never("last_refusal", "if why:"),
        change("still_open", "batch = self._still_open(batch)", "pass"),
        change("expires", "expires = m.now + m.nonces.offset_ms + timeout if has_entry else None", "expires = None"),
        change("expires_clock", "expires = m.now + m.nonces.offset_ms + timeout", "expires = m.now + timeout"),
        change("expires_exits", "+ timeout if has_entry else None", "+ timeout"),
        change(
            "breaker_timeout",
            'm.budget.on_failure(m.now)\n            self._journal(post, "timed out"',
            'self._journal(post, "timed out"',
        ),
        change(
            "breaker_not_sent",
            "m.budget.on_failure(m.now)\n        m.budget.on_refunded(count_of(post.batch))",
            "m.budget.on_refunded(count_of(post.batch))",
        ),
        nothing("breaker_closes", "m.budget.on_success()"),
        nothing("not_sent_told", 'self._journal(post, f"not sent: {event.reason}")'),
        never("not_sent_repeat", "if post.is_repeat:\n            return\n        m.tally"),
        never("not_sent_gone", 'if post is None:\n            return\n        self._journal(post, f"not sent'),
        change(
            "not_sent_refund",
            "m.budget.on_failure(m.now)\n        m.budget.on_refunded(count_of(post.batch))",
            "m.budget.on_failure(m.now)",
        ),
        never("not_sent_alert", "if self._not_sent_in_a_row == _NOT_SENT_ALERT_AFTER:"),
        change(
            "not_sent_streak",
            "if m.posts.mark_as_sent(event.post_id, m.now):\n            self._not_sent_in_a_row = 0",
            "if m.posts.mark_as_sent(event.post_id, m.now):\n            pass",
        ),
        nothing("not_sent_put_back", "self._put_back(post, event.reason)"),
        never("put_back_entries", "if is_in_flight and not order.reduce_only:"),
        change("put_back_spoken_of", "if is_in_flight and not order.reduce_only:", "if not order.reduce_only:"),
        change(
            "exits_dropped",
            "for cloid in cloids:\n            self._account.on_change",
            "for cloid in ():\n            self._account.on_change",
        ),
        never(
            "late_answer",
            'if post is None:\n            m.note(Severity.INFO, "post", f"post {event.post_id}: answered after',
        ),
        never("collapsed", "if len(outcomes) != count:"),
        never("repeat_of_more", "if post.is_repeat and len(event.outcomes) > count:"),
        never("repeat_duplicate", "if post.is_repeat and kind is Rejection.DUPLICATE_NONCE:"),
        never(
            "refused_gone", "if post is None:\n            if classify(event.error) is Rejection.RATE_LIMIT:  # said"
        ),
        never("used_up", "if kind is Rejection.RATE_LIMIT:"),
        never("post_only_action", "elif kind is Rejection.POST_ONLY_PHASE:"),
        never("post_only_order", "if classify(outcome.error) is Rejection.POST_ONLY_PHASE:"),
        never("signature", "elif kind is Rejection.SIGNATURE:"),
        never("repeat_refused", "if post.is_repeat:\n            # It was the copy"),
        never("transport", "if event.is_transport:"),
        change(
            "refused_refund", "m.budget.on_refunded(count_of(post.batch))\n        if isinstance(", "if isinstance("
        ),
        change(
            "ioc_ends", "whole = filled >= order.size or order.tif is TimeInForce.IOC", "whole = filled >= order.size"
        ),
        change("said_filled", "now, oid=outcome.oid, venue_filled=filled\n", "now, oid=outcome.oid\n"),
        change("not_understood", "self._lose(post, order)\n                return", "return"),
        change("cancel_answer", "m.cancels.on_answer(cancel, m.now)\n        order = m.cancels", "order = m.cancels"),
        never("cancel_ended", "if order is not None:\n            m.ask(QueryOpenOrders"),
        change(
            "disconnect_silence",
            'self._journal(post, "disconnected")\n            self._on_silence(post)',
            'self._journal(post, "disconnected")',
        ),
        nothing("disconnect_queues", 'self.drop_exits(m.scheduler.drop_exits_and_cancels(), "disconnected")'),
        never("silence_repeat", "if post.is_repeat:\n            return\n        if isinstance(post.batch, Cancels):"),
        change("silence_cancels", "m.cancels.on_answer(cancel, m.now)\n                m.ask", "m.ask"),
        without("silence_sent", "not post.sent and "),
        without("silence_entry", "order.is_exit and "),
        change("silence_connected", "order.is_exit and m.link.connected:", "order.is_exit:"),
        change("silence_lost", "else:\n                self._lose(post, order)", "else:\n                pass"),
        never("lose_settled", "if change is None:\n            return  # an update or a fill"),
        change(
            "lose_expiry",
            "expires_ms=post.deadline_ms if post.expires_after_ms is not None else None,",
            "expires_ms=m.now,",
        ),
        change("lose_repeatable", "repeatable=not has_entry,", "repeatable=True,"),
        without("forget_used", " and not self._m.lookups.uses_post(post.post_id)"),
        nothing(
            "forget",
            "if not post.is_repeat and not self._m.lookups.uses_post(post.post_id):\n            self._m.emit(ForgetPost(post.post_id))",
        ),
    )
    + of(
        "core/engine/nonces.py",
        change("above_last_run", "max(last, clock.now_ms() - 1, 0)", "max(clock.now_ms() - 1, 0)"),
        change("from_now", "max(last, clock.now_ms() - 1, 0)", "max(last, 0)"),
        change(
            "above_last",
            "self._last = max(self._last + 1, local_ms + self._offset_ms)",
            "self._last = local_ms + self._offset_ms",
        ),
        change(
            "follows_time",
            "self._last = max(self._last + 1, local_ms + self._offset_ms)",
            "self._last = self._last + 1",
        ),
        never("drift", "if abs(offset_ms) > self._refuse_ms:"),
        change("not_back", "self._last = max(self._last, server_ms)", "self._last = server_ms"),
        change("forward", "self._last = max(self._last, server_ms)", "pass"),
        change("one_thread", "token = self._token.pop()", "token = None"),
    )
    + of(
        "core/engine/budget.py",
        never("used_up", 'if self._limited:\n            return "address'),
        never("reserve", "if self._used is not None and self._cap is not None and self._cap - self._used < _RESERVE:"),
        never("post_only", "if now_ms < self._post_only_until_ms:"),
        never("breaker", "if now_ms < self._blocked_until_ms:"),
        change("interval", "return now_ms - self._last_post_ms >= LIMITED_INTERVAL_MS", "return True"),
        change("unlimited", "if not self._limited or self._last_post_ms is None:", "if self._last_post_ms is None:"),
        nothing("counted", "self._used += items"),
        nothing("refund", "self._used = max(0, self._used - items)"),
        nothing("limited_read", "self._limited = used >= cap"),
        nothing("said_used_up", "self._limited = True"),
        never("longest_wait", "if now_ms + wait >= self._blocked_until_ms:"),
        never("set_back_last", "if self._last_post_ms is not None:\n            self._last_post_ms -= by_ms"),
        nothing("set_back_wait", "self._blocked_until_ms -= by_ms"),
        nothing("set_back_phase", "self._post_only_until_ms -= by_ms"),
        change(
            "streak_ends",
            "def on_success(self) -> None:\n        self._failures = 0",
            "def on_success(self) -> None:\n        pass",
        ),
        change(
            "breaker_minute",
            "wait = _BREAKER_MS if self._failures >= _BREAKER_FAILURES else _BACKOFF_MS << (self._failures - 1)",
            "wait = _BACKOFF_MS",
        ),
    )
    + of(
        "core/engine/rejections.py",
        without("no_match", '("could not immediately match", Rejection.MARKET),'),
        without("no_match_status", '("ioccancel", Rejection.MARKET),'),
        without("nothing_to_reduce", '("reduce only order would increase", Rejection.MARKET),'),
        without("nothing_to_reduce_status", '("reduceonly", Rejection.MARKET),'),
        without("post_only_phase", '("only post-only orders", Rejection.POST_ONLY_PHASE),'),
        without("rate_limit", '("too many cumulative requests", Rejection.RATE_LIMIT),'),
        without("gone", '("never placed, already canceled", Rejection.GONE),'),
        without("expired", '("action already expired", Rejection.EXPIRED),'),
        without("duplicate_nonce", '("duplicate nonce", Rejection.DUPLICATE_NONCE),'),
        without("signature", '("api wallet", Rejection.SIGNATURE),'),
        without("no_liquidity", '("no liquidity available", Rejection.MARKET),'),
        without("alo", '("would have immediately matched", Rejection.MARKET),'),
        without("open_interest", '("open interest", Rejection.MARKET),'),
        change(
            "counts", "return self in (Rejection.OTHER, Rejection.SIGNATURE, Rejection.DUPLICATE_NONCE)", "return False"
        ),
    )
    + of(
        "core/engine/cancels.py",
        never("once", "if key in self._wanted or (order.cloid is not None and order.cloid in self._wanted):"),
        without("once_by_cloid", " or (order.cloid is not None and order.cloid in self._wanted)"),
        without("out", "not self._out.get(key) and "),
        without("pause", " and now_ms >= self._not_before_ms.get(key, 0)"),
        change("ended", "for key in (order.oid, order.cloid):", "for key in ():"),
        change("ended_cloid", "for key in (order.oid, order.cloid):", "for key in (order.oid,):"),
        change("answered", "self._out.pop(key, None)\n        if key in self._wanted:", "if key in self._wanted:"),
        nothing("disconnected", "self._out.clear()"),
        change("foreign_given_up", "if not is_ours(order.cloid):", "if False:"),
        never("given_up_out", "if self._out.pop(key, False):"),
        change("ours_kept", "if not is_ours(order.cloid):", "if True:"),
    )
    + of(
        "core/engine/lookups.py",
        change("one_case", "self._cases.setdefault(case.cloid, case)", "self._cases[case.cloid] = case"),
        change(
            "two_misses",
            "self.misses >= _MISSES_NEEDED and self.fills_covered",
            "self.misses >= 1 and self.fills_covered",
        ),
        without("misses", "self.misses >= _MISSES_NEEDED and "),
        without("fills", " and self.fills_covered"),
        change(
            "miss_too_early", "if case is not None and asked_ms >= case.absent_counts_from_ms:", "if case is not None:"
        ),
        change(
            "miss_of_none",
            "if case is not None and asked_ms >= case.absent_counts_from_ms:",
            "if asked_ms >= case.absent_counts_from_ms:",
        ),
        without("fills_complete", "complete and "),
        without("fills_reach", "start_ms <= case.sent_ms and "),
        change(
            "fills_too_early",
            " and asked_ms >= case.absent_counts_from_ms:\n                case.fills_covered",
            ":\n                case.fills_covered",
        ),
        without("repeatable", "case.repeatable and "),
        without("repeats", "case.repeats < MAX_REPEATS and "),
        without("repeat_pause", " and now_ms >= case.next_repeat_ms"),
        without("repeat_absent", " and case.misses == 0"),
        change(
            "repeat_covered",
            "case.fills_covered = case.not_listed = False",
            "pass",
        ),
        change(
            "repeat_arrives",
            "case.absent_counts_from_ms = max(case.absent_counts_from_ms, now_ms + COPY_ARRIVES_MS)",
            "pass",
        ),
        change(
            "nonce_used",
            "case.absent_counts_from_ms = min(case.absent_counts_from_ms, now_ms + _INDEX_LAG_MS)",
            "case.absent_counts_from_ms = 0",
        ),
        never("may_rest", "if order is not None and order.may_rest and not self.not_listed:"),
        change("list_too_early", "case.not_listed |= asked_ms >= case.absent_counts_from_ms", "case.not_listed = True"),
        change("no_expiry", "now_ms + _NO_EXPIRY_MS", "now_ms"),
        change("arrival_margin", "_ARRIVAL_MARGIN_MS if expires_ms is not None else 0", "0"),
    )
    + of(
        "core/engine/asking.py",
        change(
            "interval", "return free_ms if answered is None else max(free_ms, answered + interval_ms)", "return free_ms"
        ),
        change("interval_free", "else max(free_ms, answered + interval_ms)", "else answered + interval_ms"),
        never("one_at_a_time", "if asked is not None and now_ms - asked < ANSWER_TIMEOUT_MS:"),
        change("for_ever", "if asked is not None and now_ms - asked < ANSWER_TIMEOUT_MS:", "if asked is not None:"),
        never("soon_again", "if failures:"),
        nothing("forget_asked", "self._asked_ms.clear()"),
        nothing("forget_answered", "self._answered_ms.clear()"),
        nothing(
            "drop",
            "self._asked_ms.pop(query, None)\n        self._answered_ms.pop(query, None)\n        self._failures.pop(query, None)",
        ),
    )
)
