"""What follows from how a post, a question or a cancel ended: bytes forgotten, budgets counted, queues refilled. SPEC 3, 6, 7."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_OUTCOMES = (
    of(
        "core/engine/posting.py",
        never("nothing_due", "if original is None:"),
        change(
            "repeat_counted",
            "m.budget.on_posted(\n            0, m.now\n        )",
            "(\n            0, m.now\n        )",
        ),
        change("repeat_as_repeat", "deadline_ms, None, repeats_post=original))", "deadline_ms, None))"),
        never("exits_pass", "if order.reduce_only:\n                kept.append"),
        change("by_hand_gates", "(self._by_hand if by_hand else self._entries).last", "self._entries.last"),
        nothing("dropped_told", "self._entries.on_dropped(order.cloid, why)"),
        change("no_empty_orders", "return Orders(tuple(kept)) if kept else None", "return Orders(tuple(kept))"),
        change("no_empty_cancels", "return Cancels(kept) if kept else None", "return Cancels(kept)"),
        nothing("posted", "self._account.on_change(m.orders.report(order.cloid, Report.POSTED, m.now))"),
        nothing("counted", "m.budget.on_posted(count_of(batch), m.now)"),
        change(
            "signed_gone",
            'if post is not None:\n            self._tell_lives(post.batch, "signed"',
            'if True:\n            self._tell_lives(post.batch, "signed"',
        ),
        change("not_sent_forget", "m.emit(ForgetPost(post.post_id))\n        self._put_back", "self._put_back"),
        nothing("put_back_cancels", "m.scheduler.requeue_cancels(post.batch.cancels)"),
        nothing("put_back_exits", "m.scheduler.requeue_reduce_only(exits)"),
        change("answered_forget", "order, outcome)\n        self._forget(post)", "order, outcome)"),
        change(
            "refused_forget",
            "self._account.on_change(change)\n        self._forget(post)",
            "self._account.on_change(change)",
        ),
        change("breaker_refused", '({kind.value})")\n        m.budget.on_failure(m.now)', '({kind.value})")'),
        change(
            "refused_cancels",
            "for cancel in post.batch.cancels:\n                m.cancels.on_answer(cancel, m.now)\n        else:",
            "pass\n        else:",
        ),
        change(
            "refused_orders",
            "order.cloid, Report.REJECTED, m.now, venue_filled=Decimal(0), reason=event.error",
            "order.cloid, Report.LOST, m.now",
        ),
        change("latency_unsent", "if post.sent_at_ms is not None:", "if True:"),
        never("gone_numbers", "if outcome.outcome is Outcome.ERROR:\n            # Or it rests"),
        without("cancel_gone", " and classify(outcome.error) is not Rejection.GONE"),
        change(
            "silence_asks",
            "m.cancels.on_answer(cancel, m.now)\n                m.ask(QueryOpenOrders(cancel.market.dex))",
            "m.cancels.on_answer(cancel, m.now)",
        ),
        change(
            "silence_forget",
            "m.emit(ForgetPost(post.post_id))\n            return\n        requeued",
            "return\n        requeued",
        ),
        nothing("silence_requeue", "m.scheduler.requeue_reduce_only(requeued)"),
    )
    + of(
        "core/engine/orders.py",
        nothing("report_oid", "self._by_oid[oid] = cloid"),
        without("external_there", " or oid in open_oids"),
        change("exit_resting", "o.reduce_only and not o.is_resting for o", "o.reduce_only for o"),
        change("unsettled_resting", "o.market == market and not o.is_resting for o", "o.market == market for o"),
        change(
            "earlier_runs",
            "return [*self._live.values(), *(o for o in self._external.values() if is_ours(o.cloid))]",
            "return self._live.values()",
        ),
        change(
            "earlier_runs_only",
            "for o in self._external.values() if is_ours(o.cloid))",
            "for o in self._external.values())",
        ),
        change("fill_of_ended", "self._live.get(cloid) or self._ended[cloid]", "self._live[cloid]"),
        change("resting_shrinks", "report, venue_filled = Report.RESTING, None", "pass"),
        without("resting_shrinks_only", " and said.reduce_only and not self._is_ioc(cloid)"),
    )
    + of(
        "core/engine/lookups.py",
        without("list_dex", " and order.market.dex == dex"),
        without("list_there", " and order.oid not in there"),
        nothing("used_not_repeated", "case.repeatable = False"),
        never("repeat_shared", "if case.post_id == due:"),
        change(
            "used_of_post",
            "if case.post_id == post_id:\n                case.rep",
            "if True:\n                case.rep",
        ),
    )
    + of(
        "core/engine/asking.py",
        change("failures_end", "now_ms\n            self._failures.pop(query, None)", "now_ms"),
        nothing("forget_failures", "self._failures.clear()"),
        change("most_wait", ", _AGAIN_MOST_MS)", ", 10**9)"),
    )
    + of(
        "core/engine/cancels.py",
        never("answer_of_wanted", "if key in self._wanted:"),
        nothing("disconnected_pause", "self._not_before_ms.clear()"),
        nothing("ended_out", "self._out.pop(key, None)\n        self._not_before_ms.pop(key, None)"),
    )
    + of(
        "core/model/order.py",
        change("rests_not_ioc", "is_open and self.tif is not TimeInForce.IOC and", "is_open and"),
        without("rests_filled", " and not self.misses_fills"),
        without("may_rest_named", "self.oid is not None and "),
        change("may_rest_ioc", "self.oid is not None and self.tif is not TimeInForce.IOC", "self.oid is not None"),
        change(
            "exit_ends_itself",
            '"""Can only make a position smaller, and ends by itself: nobody cancels it."""\n        return self.reduce_only and self.tif is TimeInForce.IOC',
            "return self.reduce_only",
        ),
    )
    + of(
        "core/engine/rejections.py",
        without("alo_status", '("badalopx", Rejection.MARKET),'),
        without("minimum_status", '("mintradentl", Rejection.MARKET),'),
        without("no_liquidity_status", '("noliquidity", Rejection.MARKET),'),
        without("open_interest_status", '("openinterest", Rejection.MARKET),'),
        without("no_deposit", '("must deposit before", Rejection.SIGNATURE),'),
        without("no_signer", '("unable to recover signer", Rejection.SIGNATURE),'),
    )
)
