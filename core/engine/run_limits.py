"""What the run as a whole may do: trades in all, and the checkpoints at which the operator decides whether it goes on.

A run lasts as long as its journal, restarts included; everything counted here is kept there. Decides on the counters it is shown and holds
none. Only trades that a signal opened count: those by hand, a verification's among them, judge no strategy (the daily cap counts all). Easy to
get wrong: a checkpoint is about closed trades, but no more trades may be opened than it has, or the eleventh is under way when
the first ten are judged.

SPEC 1 (limits), 10 (Go/No-Go); plan 3.6.
"""

from __future__ import annotations

from decimal import Decimal

from core.config import SafetyConfig
from core.messages.effects import RiskCounters
from core.messages.snapshot import CheckpointView


class RunLimits:
    def __init__(self, safety: SafetyConfig) -> None:
        self._max_trades = safety.max_total_trades
        self._checkpoints = safety.checkpoints

    def refuses_entry(self, c: RiskCounters, under_way: int) -> str:
        """Why no further trade may begin. ``under_way``: entries that may still become one."""
        opened = self._opened(c) + under_way
        if self._max_trades is not None and opened >= self._max_trades:
            return f"{opened} of {self._max_trades} of the run"
        due = self._due(c)
        if due is not None and opened >= due:
            return self.pause(c) or f"{opened} trades begun, checkpoint {due} comes first"
        return ""

    def reached(self, c: RiskCounters) -> int | None:
        """The checkpoint that waits for a decision, or at which it was decided to stop."""
        due = self._due(c)
        return due if due is not None and self._closed(c) >= due else None

    def pause(self, c: RiskCounters) -> str:
        """Why entries pause at a checkpoint; empty when none is reached."""
        reached = self.reached(c)
        if reached is None:
            return ""
        if c.run.stopped_at == reached:
            return f"checkpoint {reached}: it was decided to stop"
        return f"checkpoint {reached}: {self._closed(c)} trades are closed, go on or stop?"

    def news(self, was_reached: int | None, c: RiskCounters) -> tuple[str, str] | None:
        """Title and text for the operator when the trade just closed has reached a checkpoint."""
        reached = self.reached(c)
        if reached is None or reached == was_reached:
            return None
        body = f"{self._closed(c)} trades, {c.run.wins} won, net {c.run.pnl_usd:+.2f} USD"
        return f"checkpoint {reached}", f"{body}; entries pause until it is decided to go on or stop"

    def view(self, c: RiskCounters) -> CheckpointView | None:
        """None when the run has neither a limit nor a checkpoint."""
        if self._max_trades is None and not self._checkpoints:
            return None
        run, answered = c.run, c.run.accepted + c.run.rejected + c.run.timed_out
        reached, closed = self.reached(c), self._closed(c)
        return CheckpointView(
            reached=reached,
            is_stopped=reached is not None and run.stopped_at == reached,
            next=self._due(c),
            max_trades=self._max_trades,
            opened=self._opened(c),
            trades=closed,
            wins=run.wins,
            pnl_usd=run.pnl_usd,
            fill_rate=Decimal(run.accepted) / answered if answered else None,
            edge_bps=run.edge_bps_sum / closed if closed else None,
            slippage_bps=run.slippage_bps_sum / run.slippages if run.slippages else None,
        )

    # --- inside ------------------------------------------------------------------------------------------------------

    def _due(self, c: RiskCounters) -> int | None:
        """The first checkpoint that the operator has not gone beyond."""
        return next((n for n in self._checkpoints if n > c.run.passed), None)

    @staticmethod
    def _closed(c: RiskCounters) -> int:
        """Trades that a signal opened: those the run is judged by."""
        return c.trades_total - c.run.others

    @classmethod
    def _opened(cls, c: RiskCounters) -> int:
        """Trades begun. Not below those closed: some of those were begun before they were counted."""
        return max(c.run.opened - c.run.others, cls._closed(c))
