"""Guards of the emergency stop: of its plan, of one dex of it, of its nonces, and of what it sends."""

from __future__ import annotations

from mutants.mutant import Mutant, change, never, nothing, of, without

GUARDS_OF_EMERGENCY: list[Mutant] = [
    *of(
        "core/engine/emergency.py",
        change("asks_for_dexes", "((Kind.DEXES, Kind.TWAPS) if every_dex else (Kind.TWAPS,))", "(Kind.TWAPS,)"),
        change("asks_for_twaps", "((Kind.DEXES, Kind.TWAPS) if every_dex else (Kind.TWAPS,))", "(Kind.DEXES,)"),
        never("old_news", "if all(d.confirmed_ms is not None for d in dexes):"),
        change("old_news_when_all", "if all(d.confirmed_ms is not None for d in dexes):", "if True:"),
        without("old_news_looking", " and not dex.is_looking"),
        nothing("asked_under_way", "asked.under_way = True"),
        change("may_send", "        if self.may_send:\n            out", "        if True:\n            out"),
        change("twap_specs", "if specs is not None and twap.market in specs:", "if specs is not None:"),
        nothing("twap_once", "self._twaps = tuple(t for t in self._twaps if t is not twap)"),
        never("paced_exits_wait", "if self._pace_exits and not (is_slot and not (self._cancels_turn and cancelling)):"),
        change("paced_cancels_turn", "(is_slot and not (self._cancels_turn and cancelling))", "is_slot"),
        never(
            "paced_cancels_wait",
            "if self._pace_cancels and not (is_slot and (self._cancels_turn or not self._has_positions)):",
        ),
        change("paced_cancels_after", "(is_slot and (self._cancels_turn or not self._has_positions))", "is_slot"),
        never("slot_taken", "if (self._pace_exits and closing) or (self._pace_cancels and cancelling):"),
        change("slot_waits_for_dexes", "(not looking or now_ms >= self._slot_ms + _MERGE_WITHIN_MS)", "True"),
        change("slot_waits_not_long", "(not looking or now_ms >= self._slot_ms + _MERGE_WITHIN_MS)", "not looking"),
        without("slot_time", "now_ms >= self._slot_ms and "),
        change("together_exits", "_together(closing, self._pace_exits)", "_together(closing, False)"),
        change("together_cancels", "_together(cancelling, self._pace_cancels)", "_together(cancelling, False)"),
        nothing("close_once", "dex.to_close = False"),
        nothing("cancel_once", "dex.to_cancel = False"),
        change(
            "cannot_close_others",
            "                    continue\n                self._attempts[market] = attempt + 1",
            "                    break\n                self._attempts[market] = attempt + 1",
        ),
        nothing("attempts_count", "self._attempts[market] = attempt + 1"),
        never("nothing_to_send", "if not orders:"),
        change(
            "exits_separately",
            "exit_batches(orders, separately=any(d.separately for d in dexes))",
            "exit_batches(orders, separately=False)",
        ),
        change(
            "cancels_separately",
            "cancel_batches(orders, separately=any(d.separately for d in dexes))",
            "cancel_batches(orders, separately=False)",
        ),
        nothing("sending", "self._dexes[name].sending += 1"),
        nothing("numbered", "self._numbers += 1"),
        without("known_dexes_stay", " if name not in self._dexes"),
        change(
            "twaps_of_asked_dexes",
            "tuple(t for t in twaps if self._every_dex or t.market.dex in self._dexes)",
            "tuple(twaps)",
        ),
        nothing("twap_wants_specs", "self._dexes.setdefault(twap.market.dex, Dex(twap.market.dex)).wants_specs = True"),
        change(
            "failed_is_told",
            "self._of_account[read.kind].failed(reason, now_ms)",
            "self._of_account[read.kind].answered(now_ms, NEVER)",
        ),
        change("collapsed_answer", "outcomes[0 if collapsed else i] if outcomes else None", "outcomes[i]"),
        change(
            "gone_is_success",
            "if o.outcome is not Outcome.CANCELED and not is_gone(o.error)]",
            "if o.outcome is not Outcome.CANCELED]",
        ),
        nothing("exits_collapsed", "self._separate(send, collapsed)"),
        nothing("cancels_collapsed", "self._separate(send, len(outcomes) != len(batch.cancels))"),
        change(
            "cancels_turn",
            "self._cancels_turn = self._pace_exits and isinstance(batch, Orders)",
            "self._cancels_turn = False",
        ),
        never("flat_already", "elif is_flat_already(outcome.error):"),
        never("used_up", "if why is Refusal.BUDGET:"),
        nothing("used_up_exits", "self._pace_exits = True"),
        nothing("used_up_cancels", "self._pace_cancels = True"),
        change(
            "used_up_slot",
            "            self._slot_ms = now_ms + _PACED_AGAIN_MS\n            self._give_back_attempts(send)",
            "            self._give_back_attempts(send)",
        ),
        nothing("attempts_back", "self._give_back_attempts(send)"),
        never("refused_separately", "elif why is Refusal.OTHER:"),
        never("twap_again", "if isinstance(send.batch, TwapCancel):\n            self._of_account"),
        nothing("sent", "dex.sending -= 1"),
        change("paced_look", "self._slot_ms if paced else 0)", "0)"),
        without("confirmed_twaps", "not self._twaps and "),
        change(
            "confirmed_account", "all(a.due_ms == NEVER and not a.trouble and not a.under_way for a in asked)", "True"
        ),
        without("confirmed_trouble", " and not a.trouble and not a.under_way"),
        without("confirmed_lately", " and now_ms - dex.confirmed_ms <= CONFIRMED_FOR_MS"),
        change("confirmed_sending", "<= CONFIRMED_FOR_MS and not dex.sending", "<= CONFIRMED_FOR_MS"),
        change(
            "confirmed_all",
            "all(self._is_confirmed(d, now_ms) for d in self._dexes.values())",
            "any(self._is_confirmed(d, now_ms) for d in self._dexes.values())",
        ),
        change("once", "if text not in self._said_once:", "if True:"),
    ),
    *of(
        "core/engine/emergency_dex.py",
        without("not_under_way", "not self.under_way and "),
        change("failed_later", "min(_FAILED_AGAIN_MS << min(self._failures, 10), _FAILED_AGAIN_MOST_MS)", "0"),
        change(
            "failed_later_each_time",
            "min(_FAILED_AGAIN_MS << min(self._failures, 10), _FAILED_AGAIN_MOST_MS)",
            "_FAILED_AGAIN_MS",
        ),
        change(
            "failed_not_for_ever",
            "min(_FAILED_AGAIN_MS << min(self._failures, 10), _FAILED_AGAIN_MOST_MS)",
            "_FAILED_AGAIN_MS << self._failures",
        ),
        change(
            "failures_end",
            'self.under_way, self.trouble, self._failures = False, "", 0',
            'self.under_way, self.trouble = False, ""',
        ),
        change("not_while_sending", "if not self.sending:", "if True:"),
        change("not_while_waiting", "if self.specs is None or not waits]", "]"),
        change("specs_when_open", "(self.wants_specs or not self.is_empty)", "True"),
        without("specs_for_twap", "self.wants_specs or "),
        without("mids_fresh", " and now_ms >= self._mids_until_ms"),
        change("mids_read", "if self.to_close and now_ms >= self._mids_until_ms:", "if False:"),
        nothing("reads_once", "self._reads[kind].under_way = True"),
        never("mids_failed", "if kind is Kind.MIDS:"),
        change(
            "failed_is_not_empty",
            "            self.empty_since_ms = self.confirmed_ms = None\n\n    def _on_look",
            "            pass\n\n    def _on_look",
        ),
        change(
            "looks_without_specs",
            "now_ms + _AGAIN_MOST_MS if self.specs is None and not self.is_empty else NEVER",
            "NEVER",
        ),
        change(
            "open_is_not_empty",
            "        if not self.is_empty:\n            self.empty_since_ms = self.confirmed_ms = None\n",
            "",
        ),
        never("other_under_way", "if other.under_way or other.trouble:"),
        change("other_trouble", "if other.under_way or other.trouble:", "if other.under_way:"),
        change("other_reads", "if other.under_way or other.trouble:", "if other.trouble:"),
        change(
            "both_looks_new", "old = [look for look in looks if look.answered_ms < since_ms]", "old: list[Asked] = []"
        ),
        change(
            "since_the_send", "self._looked_from_ms if self.empty_since_ms is None", "0 if self.empty_since_ms is None"
        ),
        change("two_seconds_apart", "else self.empty_since_ms + AGREE_AFTER_MS", "else self.empty_since_ms"),
        change("said_twice", "if not old and self.empty_since_ms is not None:", "if not old:"),
        nothing("asked_twice", "self.look_again(now_ms + AGREE_AFTER_MS)"),
        nothing("old_look_again", "look.due_ms = min(look.due_ms, max(now_ms, since_ms))"),
        change("acted_later", "min(_AGAIN_MS << min(self._rounds, 10), _AGAIN_MOST_MS)", "_AGAIN_MS"),
        change(
            "acted_not_for_ever",
            "min(_AGAIN_MS << min(self._rounds, 10), _AGAIN_MOST_MS)",
            "(_AGAIN_MS << self._rounds)",
        ),
        change("acted_paced", "_AGAIN_MOST_MS), not_before_ms)", "_AGAIN_MOST_MS), 0)"),
        nothing("acted_looks_anew", "self._looked_from_ms = now_ms"),
        nothing("acted_reads_positions", "self._reads[Kind.POSITIONS].due_ms = at_ms"),
        change(
            "acted_reads_orders", "at_ms if self.orders or self._rounds <= 1 else at_ms + _ORDERS_EVERY_MS", "NEVER"
        ),
        change("orders_less_often", "at_ms if self.orders or self._rounds <= 1 else at_ms + _ORDERS_EVERY_MS", "at_ms"),
        change("close_with_specs", "self.to_close and self.specs is not None and not", "self.to_close and not"),
        without("close_with_mids", " and not self._reads[Kind.MIDS].under_way"),
        change("cancel_with_specs", "return self.to_cancel and self.specs is not None", "return self.to_cancel"),
    ),
    *of(
        "core/engine/emergency_nonces.py",
        change("above_known", "max(highest_known, now_ms) + AHEAD_MS", "now_ms + AHEAD_MS"),
        change("from_now", "max(highest_known, now_ms) + AHEAD_MS", "highest_known + AHEAD_MS"),
        change("ahead", "max(highest_known, now_ms) + AHEAD_MS", "max(highest_known, now_ms)"),
        change("follows_clock", "now_ms + AHEAD_MS if self._follows_clock else 0", "0"),
        change("rises", "max(self._last + 1, floor)", "max(self._last, floor)"),
        never("too_high", 'if "too high" in text:'),
        change(
            "clock_left",
            "self._last, self._follows_clock = limit - _BELOW_TOO_HIGH_MS, False",
            "self._last = limit - _BELOW_TOO_HIGH_MS",
        ),
        change("passes", "max(self._last, limit) + _STEP", "self._last"),
        change("passes_the_limit", "max(self._last, limit) + _STEP", "self._last + _STEP"),
    ),
    *of(
        "core/engine/emergency_plan.py",
        change("wider_each_time", "min(_FIRST_BPS + _WIDER_BPS * attempt, _MOST_BPS)", "_FIRST_BPS"),
        change(
            "not_too_wide", "min(_FIRST_BPS + _WIDER_BPS * attempt, _MOST_BPS)", "_FIRST_BPS + _WIDER_BPS * attempt"
        ),
        never("without_specs", "if spec is None:\n        raise CannotClose"),
        never("less_than_a_lot", "if size <= 0:"),
        change(
            "other_side",
            "OrderSide.SELL if position.signed_size > 0 else OrderSide.BUY",
            "OrderSide.BUY if position.signed_size > 0 else OrderSide.SELL",
        ),
        change(
            "beyond_mid", "1 + side.sign * slippage_bps(attempt) / _BPS", "1 - side.sign * slippage_bps(attempt) / _BPS"
        ),
        change("reduce_only", "side, price, size, True, TimeInForce.IOC", "side, price, size, False, TimeInForce.IOC"),
        change("at_once", "size, True, TimeInForce.IOC", "size, True, TimeInForce.GTC"),
        change("no_price", "except (ValueError, ArithmeticError):", "except KeyError:"),
        change("exits_apart", "step = 1 if separately else MAX_EXITS", "step = MAX_EXITS"),
        change("cancels_apart", "step = 1 if separately else MAX_CANCELS", "step = MAX_CANCELS"),
        change("cancels_per_action", "step = 1 if separately else MAX_CANCELS", "step = 1 if separately else 1_000"),
        change("exits_per_action", "step = 1 if separately else MAX_EXITS", "step = 1 if separately else 1_000"),
        never("budget", 'if "too many cumulative requests" in word:'),
        never("nonce", 'if "invalid nonce" in word:'),
        change("key", 'if "does not exist" in word or', "if"),
        change("gone", 'return "never placed, already canceled, or filled" in text.lower()', "return False"),
        change("flat", 'return "reduce only order would increase position" in text.lower()', "return False"),
    ),
    *of(
        "core/engine/session.py",
        change(
            "clock_of_connection",
            "if asked_ms is not None:  # not one that was asked on a connection that is gone",
            "if True:",
        ),
    ),
    *of(
        "core/engine/account.py",
        without("dex_not_read", " if r.market.dex in self._m.dexes"),
    ),
    *of(
        "core/engine/scheduler.py",
        change("gone_exits", "[o.cloid for o in self._reduce_only if o.market == market]", "[]"),
        change(
            "gone_exits_of_it",
            "[o.cloid for o in self._reduce_only if o.market == market]",
            "[o.cloid for o in self._reduce_only]",
        ),
    ),
]
