"""Guards of the preflight: what is judged before trading begins. SPEC 9."""

from __future__ import annotations

from mutants.mutant import change, never, of, without

GUARDS_OF_PREFLIGHT = of(
    "core/engine/preflight.py",
    change(
        "silence",
        'return reasons.pop() if len(reasons) == 1 and all(isinstance(r, str) for r in reads) else ""',
        'return ""',
    ),
    without("silence_of_all", " and all(isinstance(r, str) for r in reads)"),
    never("held_by", "if f.held_by:"),
    never("journal_error", "if f.journal_error:"),
    change(
        "disk_full",
        "_FAIL if f.disk_free_mb < _LEAST_DISK_MB else _WARN if f.disk_free_mb < need_mb else _PASS",
        "_WARN if f.disk_free_mb < need_mb else _PASS",
    ),
    change(
        "disk_little",
        "_FAIL if f.disk_free_mb < _LEAST_DISK_MB else _WARN if f.disk_free_mb < need_mb else _PASS",
        "_FAIL if f.disk_free_mb < _LEAST_DISK_MB else _PASS",
    ),
    change("disk_tape", "max(_LITTLE_DISK_MB, config.journal.tape_max_mb)", "_LITTLE_DISK_MB"),
    never("latched", "if f.latched:"),
    change("clock_unread", '        yield _unread("clock", f.clock, limit)\n', "        pass\n"),
    change("clock_behind", "far = abs(offset_ms)", "far = offset_ms"),
    change("clock_far", "_FAIL if far > risk.clock_drift_refuse_ms else _WARN", "_WARN"),
    change("clock_warn", "_WARN if far > risk.clock_drift_warn_ms else _PASS", "_PASS"),
    never("venue_status", "if f.venue_status:"),
    change("key_warning", 'yield Check("key file", warning, "0600", _WARN)', "pass"),
    change("account_unread", '        yield _unread("account", role, "role user")\n', "        pass\n"),
    never("account_agent", 'elif role.role == "agent":'),
    change("account_user", '(_PASS, "") if role.role == "user" else (_FAIL, "")', '(_PASS, "")'),
    change("own_key", '"an agent", _WARN, "an agent key', '"an agent", _PASS, "an agent key'),
    change("signer_unread", '        yield _unread("signer", role, limit)\n', "        pass\n"),
    without("signer_owner", " and role.owner == f.account"),
    change("approval_unread", '        yield _unread("approval", f.agents, "a day or more")\n', "        pass\n"),
    change(
        "approval_ended",
        "_FAIL if left_ms < LAST_ENTRY_BEFORE_MS else _WARN if left_ms < _DAY_MS",
        "_WARN if left_ms < _DAY_MS",
    ),
    change("approval_ends", "_WARN if left_ms < _DAY_MS else _PASS", "_PASS"),
    change("fees_unread", '        yield _unread("fees", f.fees, "known")\n', "        pass\n"),
    change(
        "budget_unread",
        '        yield _unread("action budget", f.budget, f">= {_FEW_ACTIONS} left")\n',
        "        pass\n",
    ),
    change("budget_least", "_FAIL if left < _LEAST_ACTIONS else _WARN", "_WARN"),
    change("budget_few", "_WARN if left < _FEW_ACTIONS else _PASS", "_PASS"),
    change(
        "margin_unread",
        '        return _unread(name, read if isinstance(read, str) else str(specs), "enough")\n',
        '        return Check(name, "", "", _PASS)\n',
    ),
    change("margin", "_PASS if has >= need else _FAIL, remedy)", "_PASS, remedy)"),
    change("margin_of_dex", "if m.key in by_market and m.key.dex == dex]", "if m.key in by_market]"),
    change("margin_lowest", "most / max(1, min(leverages, default=1))", "most / max(1, max(leverages, default=1))"),
    change(
        "margin_most",
        "min(config.execution.max_notional_total, per_market * len(leverages))",
        "config.execution.max_notional_total",
    ),
    change("market_unread", "            yield _unread(name, read, limit)\n", "            pass\n"),
    change(
        "market_unlisted",
        "        if spec is None:\n            yield Check(",
        "        if spec is None:\n            continue\n            yield Check(",
    ),
    change("asset_idx", "if m.asset_idx is not None and m.asset_idx != spec.asset_id:", "if False:"),
    never("delisted", "if spec.is_delisted:"),
    change(
        "leverage_unread",
        '            yield _unread(f"leverage {m.coin}", "no answer", f"<= {spec.max_leverage}x")',
        "            pass",
    ),
    never("changed", "if changed:"),
    change("changed_warns", 'limit, _WARN, "are limits', 'limit, _PASS, "are limits'),
    change("orders_unread", '        yield _unread("open orders", "; ".join(unread), "none")\n', "        pass\n"),
    never("orders", "elif orders:"),
    change("positions_unread", '        yield _unread("positions", "; ".join(unread), "none")\n', "        pass\n"),
    never("positions", "elif positions:"),
    change("unread_fails", 'limit, _FAIL, "wait a minute" if', 'limit, _PASS, "wait a minute" if'),
)
