"""What an order by hand has to pass, and what keeps it one order. SPEC 7, 11."""

from __future__ import annotations

from mutants.mutant import change, never, nothing, of, without

GUARDS_OF_HANDS = of(
    "core/engine/by_hand.py",
    never("configured", "if not m.is_configured(command.market):"),
    never("id", "if why:\n            self._deny(command, why)"),
    nothing("id_once", "self._ids.add(command.cloid)"),
    never("id_ours", "if not is_by_hand(command.cloid, self._m.run.cloid_space):"),
    change("judged", "if refused is not None:", "if False:"),
    change("too_old", "reason = reason or self._entries.too_old(order)", "pass"),
    change("last_stopped", "reason = self._entries.stopped()", 'reason = ""'),
    without("last_not_ready", "self._entries.not_ready() or "),
    change(
        "last_flattening",
        "self._entries.not_ready() or self._entries.flattening(market)",
        "self._entries.not_ready()",
    ),
    never("last_other_side", "if not reason and held is not None and held.side is not order.side:"),
    change(
        "last_exposure",
        "(m.exposure_usd(market) > m.max_market_usd or m.total_exposure_usd() > m.max_total_usd)",
        "False",
    ),
    never(
        "not_queued",
        "if result not in _QUEUED and not (order.reduce_only and result is Enqueued.INFLIGHT_FULL):",
    ),
    change("daily_cap", "daily_cap=entries.daily_cap(),", 'daily_cap="",'),
    change("busy", "is_busy=m.orders.is_busy(market),", "is_busy=False,"),
    change("exit_pending", "if m.orders.has_exit(market) else", "if False else"),
    change("delisted", "if not stopped and state.spec is not None and state.spec.is_delisted:", "if False:"),
) + of(
    "core/engine/hand_gates.py",
    without("hard_stop", '    ("hard stop", lambda o, r, f: f.hard_stop),\n'),
    change("not_ready", 'return f.not_ready or ("no mark price" if f.mark_px is None else "")', 'return ""'),
    without("not_allowed", '    ("market not allowed", lambda o, r, f: f.not_allowed),\n'),
    without("flattening", '    ("flatten in progress", lambda o, r, f: f.flattening),\n'),
    without("market_risk", '    ("market risk", lambda o, r, f: f.market_stopped),\n'),
    without("order_limit", '    ("max notional per order", _order_limit),\n'),
    without(
        "market_limit",
        '    ("max position per market", lambda o, r, f: _exposure(f.market_exposure_usd, f.max_market_usd, r, f)),\n',
    ),
    without(
        "total_limit",
        '    ("max position total", lambda o, r, f: _exposure(f.total_exposure_usd, f.max_total_usd, r, f)),\n',
    ),
    without("other_side", '    ("has position", _other_side),\n'),
    without(
        "pending",
        '    ("pending order", lambda o, r, f: "an order of this market is not settled" if f.is_busy else ""),\n',
    ),
    without("budget", '    ("action budget", lambda o, r, f: f.budget),\n'),
    without("cannot_send", '    ("not ready", lambda o, r, f: f.cannot_send),\n'),
    without("stopped_rests", '    ("hard stop", _stopped_and_rests),\n'),
    without("to_reduce", '    ("reduce only", _to_reduce),\n'),
    without("exit_under_way", '    ("flatten in progress", lambda o, r, f: f.exit_pending),\n'),
    never("minimum", "if notional is not None and notional < MIN_NOTIONAL_USD and not closes_all:"),
    change("whole_position", "closes_all = order.reduce_only and r.size == abs(f.held)", "closes_all = False"),
    change("lots", "size = round_size(asked, sz_decimals)", "size = asked"),
    never("cut", "if order.reduce_only:\n        asked = min(asked, abs(f.held))"),
    never("two_prices", "if (order.limit_px is None) == (order.slippage_bps is None):"),
    never("two_sizes", "if (order.size is None) == (order.usd is None):"),
    never("positive", "if not asked.is_finite() or asked <= 0:"),
    never("slippage_most", "if not order.slippage_bps.is_finite() or not 0 <= order.slippage_bps <= MAX_SLIPPAGE_BPS:"),
    never("fresh_touch", "if reference is None:"),
    change(
        "promise",
        "return _rounded_price(order.limit_px, not is_buy, sz_decimals)",
        "return _rounded_price(order.limit_px, is_buy, sz_decimals)",
    ),
    change(
        "far",
        'return f"{away * 100:.0f} % away from the mark {wire_text(f.mark_px)}" if away > _FAR else ""',
        'return ""',
    ),
)
