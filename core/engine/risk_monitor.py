"""RiskMonitor: counts what hurts and says when it is enough.

It reads closed trades, failed flattens, rejections and slippage; it trips nothing itself, it returns the reason. "More than" is meant:
the limit itself is still allowed, so the sixth loss in a row stops, not the fifth. Some limits are enforced on mainnet only, but
counted and shown everywhere.

SPEC 8 (triggers), 1 (limits); plan 4.2.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from core.config import Config, Network
from core.engine.run_limits import RunLimits
from core.messages.effects import RiskCounters
from core.messages.snapshot import RiskCounterView
from core.model.position import Trade

_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000


class RiskMonitor:
    """Args: counters as an earlier run of the same day or week left them."""

    def __init__(self, config: Config, counters: RiskCounters = RiskCounters()) -> None:
        self._risk = config.risk
        self._max_loss = config.max_loss_usd
        self._max_daily_trades = config.max_daily_trades
        self._is_mainnet = config.rules is Network.MAINNET
        self.run_limits = RunLimits(config.safety)
        self.counters = counters

    # --- what happened; each returns why to stop, or an empty text --------------------------------------------------------

    def on_position_opened(self, now_ms: int) -> None:
        self._roll_day(now_ms)
        self.counters = replace(self.counters, trades_today=self.counters.trades_today + 1)
        run = self.counters.run
        self.counters = replace(self.counters, run=replace(run, opened=run.opened + 1))

    def on_order_ended(self, *, accepted: int = 0, rejected: int = 0, timed_out: int = 0) -> None:
        """For the fill rate of the run."""
        run = self.counters.run
        self.counters = replace(
            self.counters,
            run=replace(
                run,
                accepted=run.accepted + accepted,
                rejected=run.rejected + rejected,
                timed_out=run.timed_out + timed_out,
            ),
        )

    def on_trade(self, trade: Trade) -> None:
        """What a trade was worth, for the checkpoints of the run."""
        run, slippage = self.counters.run, trade.slippage_bps
        if not trade.is_by_signal:
            by_others = replace(run, others=run.others + 1, pnl_usd=run.pnl_usd + trade.net_pnl_usd)
            self.counters = replace(self.counters, run=by_others)
            return
        self.counters = replace(
            self.counters,
            run=replace(
                run,
                wins=run.wins + (trade.net_pnl_usd > 0),
                pnl_usd=run.pnl_usd + trade.net_pnl_usd,
                edge_bps_sum=run.edge_bps_sum + trade.actual_edge_bps,
                slippage_bps_sum=run.slippage_bps_sum + (slippage or 0),
                slippages=run.slippages + (slippage is not None),
            ),
        )

    def decide(self, trades: int, *, go_on: bool) -> None:
        """The operator's word at a checkpoint."""
        run = self.counters.run
        decided = replace(run, passed=trades, stopped_at=0) if go_on else replace(run, stopped_at=trades)
        self.counters = replace(self.counters, run=decided)

    def on_position_closed(self, net_pnl_usd: Decimal) -> str:
        """A trade ended with this result, fees included."""
        c = self.counters
        self.counters = replace(
            c,
            cumulative_pnl_usd=c.cumulative_pnl_usd + net_pnl_usd,
            consecutive_losses=c.consecutive_losses + 1 if net_pnl_usd < 0 else 0,
            trades_total=c.trades_total + 1,
        )
        losses = self.counters.consecutive_losses
        if losses > self._risk.max_consecutive_losses:
            return f"{losses} losses in a row > {self._risk.max_consecutive_losses}"
        return self.standing_reason()

    def on_late_result(self, pnl_usd: Decimal) -> str:
        """A part of a trade's result that came to be known after its end."""
        self.counters = replace(self.counters, cumulative_pnl_usd=self.counters.cumulative_pnl_usd + pnl_usd)
        return self.standing_reason()

    def on_funding(self, usdc: Decimal) -> str:
        """A position paid (negative) or received funding."""
        c = self.counters
        run = replace(c.run, pnl_usd=c.run.pnl_usd + usdc)
        self.counters = replace(c, funding_usd=c.funding_usd + usdc, run=run)
        return self.standing_reason()

    def on_flatten_failed(self) -> str:
        self.counters = replace(self.counters, flatten_failures=self.counters.flatten_failures + 1)
        failures = self.counters.flatten_failures
        if failures > self._risk.max_flatten_failures:
            return f"{failures} flatten failures > {self._risk.max_flatten_failures}"
        return ""

    def on_rejected(self, now_ms: int) -> str:
        """A rejection that the market does not explain."""
        recent = (*(t for t in self.counters.rejected_at_ms if now_ms - t < _HOUR_MS), now_ms)
        self.counters = replace(self.counters, rejected_at_ms=recent)
        if self._is_mainnet and len(recent) > self._risk.max_rejected_per_hour:
            return f"{len(recent)} rejections within an hour > {self._risk.max_rejected_per_hour}"
        return ""

    def on_slippage(self, slippage_bps: Decimal) -> str:
        over = slippage_bps > self._risk.max_slippage_bps
        in_a_row = self.counters.slippage_in_a_row + 1 if over else 0
        self.counters = replace(self.counters, slippage_in_a_row=in_a_row)
        if self._is_mainnet and in_a_row >= self._risk.max_slippage_in_a_row:
            return f"slippage > {self._risk.max_slippage_bps:f} bps {in_a_row} times in a row"
        return ""

    # --- questions ---------------------------------------------------------------------------------------------------

    def standing_reason(self) -> str:
        """The one limit that stays broken until the operator overrides it: the loss of the run."""
        loss = self._loss_usd
        return f"cumulative loss ${loss:.2f} > ${self._max_loss:f}" if loss > self._max_loss else ""

    @property
    def _loss_usd(self) -> Decimal:
        """Net of fees and funding."""
        return -(self.counters.cumulative_pnl_usd + self.counters.funding_usd)

    def refuses_entry(self, now_ms: int, under_way: int) -> str:
        """The caps of the day and of the run: they pause entries, stop nothing else. ``under_way``: entries that may still become a trade."""
        today = self._trades_today(now_ms) + under_way
        of_the_day = f"{today} of {self._max_daily_trades}" if today >= self._max_daily_trades else ""
        return of_the_day or self.run_limits.refuses_entry(self.counters, under_way)

    def after_reset(self, *, forgive_loss: bool) -> None:
        """The operator released the latch: streaks start anew. The loss of the run stays, unless it was overridden."""
        self.counters = replace(
            self.counters,
            consecutive_losses=0,
            flatten_failures=0,
            rejected_at_ms=(),
            slippage_in_a_row=0,
            cumulative_pnl_usd=Decimal(0) if forgive_loss else self.counters.cumulative_pnl_usd,
            funding_usd=Decimal(0) if forgive_loss else self.counters.funding_usd,
        )

    def view(self, now_ms: int) -> tuple[RiskCounterView, ...]:
        c, risk = self.counters, self._risk
        recent = sum(1 for t in c.rejected_at_ms if now_ms - t < _HOUR_MS)

        def row(name: str, value: int | Decimal, limit: int | Decimal, unit: str, enforced: bool) -> RiskCounterView:
            return RiskCounterView(name, Decimal(value), Decimal(limit), unit, enforced)

        return (
            row("loss", max(self._loss_usd, Decimal(0)), self._max_loss, "USD", True),
            row("losses in a row", c.consecutive_losses, risk.max_consecutive_losses, "", True),
            row("flatten failures", c.flatten_failures, risk.max_flatten_failures, "", True),
            row("rejected per hour", recent, risk.max_rejected_per_hour, "", self._is_mainnet),
            row("slippage in a row", c.slippage_in_a_row, risk.max_slippage_in_a_row - 1, "", self._is_mainnet),
            row("trades today", self._trades_today(now_ms), self._max_daily_trades, "", True),
        )

    def _trades_today(self, now_ms: int) -> int:
        """Changes nothing: the console asks as well, at times that are nobody's business."""
        return self.counters.trades_today if self.counters.day == now_ms // _DAY_MS else 0

    def _roll_day(self, now_ms: int) -> None:
        day = now_ms // _DAY_MS
        if day != self.counters.day:
            self.counters = replace(self.counters, day=day, trades_today=0)
