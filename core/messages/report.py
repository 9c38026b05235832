"""What the trades were worth, as the report says it: computed by core.analysis, shown by console and command, never computed twice.

Edges and slippage in bps, money in USD, times in Unix ms. Easy to get wrong: a figure without its spread says little after ten trades, so
every mean and rate carries its confidence interval and the number of observations behind it; and *not known* is None, never zero.

SPEC 10.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import Enum

from msgspec import Struct

from core.model.market import MarketKey
from core.model.order import OrderSide
from core.model.position import ExitReason


class Estimate(Struct, frozen=True):
    """A figure and how well it is known. ``low`` and ``high`` are None where the data do not allow a bound (fewer than two trades)."""

    value: Decimal | None
    low: Decimal | None
    high: Decimal | None
    count: int
    """Observations behind it."""
    method: str
    """How the bounds were made, such as ``Wilson 95 %``; empty for a plain sum."""


class Metric(Struct, frozen=True):
    """One line of the totals."""

    name: str
    """SPEC 10's name, such as ``fill_rate``."""
    title: str
    """For people."""
    unit: str
    """bps, USD, ms, % (the estimate is a share of 1), or empty."""
    estimate: Estimate
    note: str = ""


class SlippageParts(Struct, frozen=True):
    """Where a trade's slippage came from, in bps; the parts and ``rest`` add up to ``slippage_bps``. Positive costs. None: no data for it."""

    allowance: Decimal | None
    """The limit stood this much beyond the touch on purpose, and expected_edge_bps is judged at the limit: mostly it comes back (negative)."""
    rounding: Decimal | None
    """What rounding the limit price added to that."""
    latency: Decimal | None
    """How far the touch had moved when the fill was known."""
    impact: Decimal | None
    """Fill price against that touch."""
    exit: Decimal | None
    """Exit price against the oracle at the signal, where the edge said it would be."""
    fees: Decimal | None
    """Expected edge is after both fees, actual edge before them: minus two fees."""
    rest: Decimal | None
    """What the different denominators leave."""


class EdgePath(Struct, frozen=True):
    """The market's edge on the side of the entry, before costs, from the signal on. None: no fresh data then."""

    at_signal: Decimal | None
    at_fill: Decimal | None
    after_1s: Decimal | None
    after_3s: Decimal | None
    after_5s: Decimal | None
    verdict: str
    """``decaying``, ``structural`` (still there after 5 s: a spread, not a stale quote), or empty where it cannot be told."""


class TradeResult(Struct, frozen=True):
    """One trade with everything that is known of it."""

    number: int
    """From 1 in the order of their exits, over all trades of the report."""
    run_id: int
    trade_id: str
    market: MarketKey
    side: OrderSide
    size: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_ms: int
    exit_ms: int
    exit_reason: ExitReason
    exit_attempts: int
    is_strategy: bool
    """A signal of ours opened it. Manual and foreign trades are shown and paid for, but judge no edge."""
    gross_pnl_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    """Received (positive) or paid while it was open."""
    net_pnl_usd: Decimal
    """After fees and funding."""
    pnl_cumulative_usd: Decimal
    """Net, up to and with this trade."""
    expected_edge_bps: Decimal | None
    actual_edge_bps: Decimal
    """(exit - entry) / entry, signed by side; before fees, as the plan has it."""
    net_edge_bps: Decimal | None
    """net_pnl_usd over the entry's notional: what was left of the edge after everything."""
    slippage_bps: Decimal | None
    """expected - actual, as the plan has it."""
    shortfall_bps: Decimal | None
    """expected - net: both after fees, so like for like."""
    parts: SlippageParts | None
    edges: EdgePath | None
    flat_time_ms: int
    """From the decision to close until flat."""
    held_ms: int
    """From entry to flat."""


class Verdict(Enum):
    """What a checkpoint says. The operator decides; these are the words."""

    NOT_REACHED = "not reached"
    GO = "GO"
    REVIEW = "REVIEW"
    """Stop, review the parameters, start again."""
    BACK = "BACK TO PHASE A"
    DECIDE = "OPERATOR DECIDES"
    ANALYSE = "ANALYSE"
    """No edge was left: analyse before anything else."""


class Check(Struct, frozen=True):
    """One condition with the number behind it. ``passed`` None: it cannot be judged yet, and ``note`` says why."""

    name: str
    value: str
    limit: str
    passed: bool | None
    note: str = ""


class Checkpoint(Struct, frozen=True):
    """Go/No-Go at 10, 50 or 100 trades, judged over the first so many strategy trades."""

    trades: int
    verdict: Verdict
    action: str
    checks: tuple[Check, ...]


class PhaseC(Struct, frozen=True):
    """Whether the next phase may begin. ``passed`` None: not before 100 trades."""

    passed: bool | None
    checks: tuple[Check, ...]


class Series(Struct, frozen=True):
    """Points of one plot. Floats: for drawing alone."""

    name: str
    """pnl, slippage, edge, flat_time or fill_rate."""
    title: str
    x_label: str
    y_label: str
    kind: str
    """line, bars (x is a bin's middle) or points."""
    xs: tuple[float, ...]
    ys: tuple[float, ...]


class Oddity(Struct, frozen=True):
    """Something of a day that a person should look at: an error, a warning, an outlier."""

    at_ms: int
    kind: str
    text: str
    correlation_id: str = ""


class ReviewItem(Struct, frozen=True):
    """One line of the plan's daily checklist, answered. ``is_ok`` None: for a person to decide."""

    question: str
    answer: str
    is_ok: bool | None


class DailyReview(Struct, frozen=True):
    """One UTC day: the plan's checklist, and what there is to look at."""

    day: date
    checklist: tuple[ReviewItem, ...]
    errors: tuple[Oddity, ...]
    anomalies: tuple[Oddity, ...]


class Report(Struct, frozen=True):
    """Everything about one journal, or about one UTC day of it."""

    source: str
    """The journal's path."""
    network: str
    account: str
    runs: tuple[int, ...]
    """Run ids that it covers."""
    from_ms: int | None
    until_ms: int | None
    """First and last thing that counts; None in an empty journal."""
    made_at_ms: int
    day: date | None
    trades: tuple[TradeResult, ...]
    """Oldest first."""
    metrics: tuple[Metric, ...]
    checkpoints: tuple[Checkpoint, ...]
    phase_c: PhaseC
    series: tuple[Series, ...]
    review: DailyReview | None
    """Of ``day``; None in a report about everything."""
    notes: tuple[str, ...] = ()
    """What the reader must know: rows missing, a run that was killed, figures that could not be made."""
