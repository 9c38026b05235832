"""What the run as a whole may do, and for how long its key may sign. SPEC 5, 9, 10."""

from __future__ import annotations

from mutants.mutant import change, never, of

GUARDS_OF_THE_RUN = (
    of(
        "core/engine/run_limits.py",
        never("total", "if self._max_trades is not None and opened >= self._max_trades:"),
        change("under_way", "opened = self._opened(c) + under_way", "opened = self._opened(c)"),
        change("none_beyond", "if due is not None and opened >= due:", "if due is not None and c.trades_total >= due:"),
        never("pause", 'if c.run.stopped_at == reached:\n            return f"checkpoint {reached}: it'),
        change("news_once", "if reached is None or reached == was_reached:", "if reached is None:"),
        change("gone_beyond", "if n > c.run.passed)", ")"),
    )
    + of(
        "core/engine/key_watch.py",
        never("told_once", "if self._told_ms is not None and self._told_ms <= before_ms:"),
        never("renewed", "if valid_until_ms != self.valid_until_ms:"),
        change("last_entry", ">= LAST_ENTRY_BEFORE_MS:", ">= 0:"),
    )
    + of(
        "core/engine/exits.py",
        change("foreign_named", "if order.oid in m.foreign_to_cancel:", "if True:"),
    )
)
