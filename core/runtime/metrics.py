"""The engine's snapshot in Prometheus' terms: which figures there are, what they are called, what they mean.

Reads one snapshot and yields metric families; keeps nothing, so that a scrape costs the engine's thread nothing at all. The plan's names stand as
the plan has them; everything else begins with ``hip3_``. Rule that is easy to get wrong: what is not known is left out, never shown as zero;
and no address, no order id and no URL is ever a label.

SPEC 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from statistics import fmean

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from core.messages.snapshot import ConnectionPhase, Snapshot, TradingState
from core.model.position import Trade

Number = int | float | Decimal | None
_One = tuple[str, str, Callable[[Snapshot], Number]]

LAST_TRADES = "over the trades the console shows, the last 50"


def fill_rate(s: Snapshot) -> float | None:
    """Accepted / (accepted + rejected + timed out); None before the first order."""
    t = s.tally
    ended = t.orders_accepted + t.orders_rejected + t.orders_timed_out
    return t.orders_accepted / ended if ended else None


COUNTERS: tuple[_One, ...] = (
    ("batch_sent", "Posts that left.", lambda s: s.tally.posts_sent),
    ("batch_complete", "Posts answered, timed out or lost.", lambda s: s.tally.posts_completed),
    ("order_accepted", "Orders the exchange took.", lambda s: s.tally.orders_accepted),
    ("order_rejected", "Orders the exchange refused.", lambda s: s.tally.orders_rejected),
    ("order_timeout", "Orders whose answer did not come in time.", lambda s: s.tally.orders_timed_out),
    ("order_send_failure", "Posts that never left.", lambda s: s.tally.send_failures),
    ("hip3_signals", "Dislocations seen.", lambda s: s.tally.signals),
    ("hip3_entries", "Signals that became an order.", lambda s: s.tally.entries),
    ("hip3_fills", "Executions.", lambda s: s.tally.fills),
    ("hip3_flattens", "Positions closed.", lambda s: s.tally.flattens),
    ("hip3_trades", "Trades from flat to flat.", lambda s: s.pnl.trades),
    ("hip3_wins", "Trades with a gain after fees.", lambda s: s.pnl.wins),
    ("hip3_errors", "Frames not understood and reads failed.", lambda s: s.tally.errors),
    (
        "hip3_market_explained_rejections",
        "Rejections that the market explains; not counted toward the limit per hour.",
        lambda s: s.tally.market_explained_rejections,
    ),
    ("hip3_connections", "Connections made in this run.", lambda s: s.connection.epoch),
    ("hip3_snapshots", "Snapshots of the engine.", lambda s: s.number),
)
"""Name without ``_total``, which the format adds."""

GAUGES: tuple[_One, ...] = (
    ("inflight_current", "Posts sent and not answered.", lambda s: s.inflight.value),
    ("fill_rate", "Accepted of accepted, rejected and timed out.", fill_rate),
    ("pnl_cumulative", "USD after fees, of this run.", lambda s: s.pnl.realized_usd),
    ("hip3_inflight_limit", "The exchange's limit.", lambda s: s.inflight.limit),
    ("hip3_inflight_high_watermark", "From here on exits alone.", lambda s: s.inflight.high_watermark),
    ("hip3_inflight_maximum", "Highest of this run.", lambda s: s.inflight.maximum),
    ("hip3_hard_stop", "1: latched.", lambda s: int(s.hard_stop.tripped)),
    ("hip3_entries_paused", "1: the operator paused entries.", lambda s: int(s.paused)),
    ("hip3_budget_used", "Actions of the address budget used.", lambda s: s.budget.used),
    ("hip3_budget_cap", "Actions of the address budget there are.", lambda s: s.budget.cap),
    ("hip3_budget_limited", "1: one action in 10 s, exits first.", lambda s: int(s.budget.limited)),
    ("hip3_market_age_ms", "Since the last market data.", lambda s: s.connection.market_age_ms),
    ("hip3_account_age_ms", "Since the exchange last told us of the account.", lambda s: s.connection.account_age_ms),
    ("hip3_clock_offset_ms", "The exchange's time against ours.", lambda s: s.connection.clock_offset_ms),
    ("hip3_worst_flat_time_ms", "Longest time to flat of this run.", lambda s: s.tally.worst_flat_time_ms),
    ("hip3_positions", "Open positions.", lambda s: len(s.positions)),
    ("hip3_orders_unsettled", "Orders that may still change a position.", lambda s: _unsettled(s)),
    ("hip3_exposure_usd", "Positions and pending orders at mark.", lambda s: s.pnl.exposure_usd),
    ("hip3_exposure_limit_usd", "What it may be.", lambda s: s.pnl.exposure_limit_usd),
    ("hip3_unrealized_pnl_usd", "Of open positions, at mark.", lambda s: s.pnl.unrealized_usd),
    ("hip3_fees_usd", "Paid in this run.", lambda s: s.pnl.fees_usd),
    ("hip3_account_value_usd", "Of the account, over all dexes traded.", lambda s: s.pnl.account_value_usd),
    ("hip3_inbox_depth", "Messages that wait for the engine.", lambda s: s.loop.inbox_depth),
    ("hip3_journal_backlog", "Rows that wait for the journal.", lambda s: s.loop.journal_backlog),
    ("hip3_gc_pause_max_ms", "Longest collection of the last minute.", lambda s: s.loop.gc_pause_max_ms),
)

_EDGES: tuple[tuple[str, str, Callable[[Trade], Number]], ...] = (
    ("expected_edge_bps", "Edge at the signal, after fees", lambda t: t.expected_edge_bps),
    ("actual_edge_bps", "Exit against entry, by side", lambda t: t.actual_edge_bps),
    ("slippage_bps", "Expected less actual edge", lambda t: t.slippage_bps),
    ("flat_time_ms", "From the decision to close until flat", lambda t: t.flat_time_ms),
    ("pnl_per_trade", "USD after fees", lambda t: t.net_pnl_usd),
)


def families(s: Snapshot) -> Iterator[Metric]:
    """Every metric of one snapshot."""
    for name, text, read in COUNTERS:
        yield _counter(name, text, (), [((), read(s))])
    for name, text, read in GAUGES:
        yield _gauge(name, text, (), [((), read(s))])
    yield from _of_trades(s.trades)
    yield from _of_state(s)
    yield from _of_limits(s)
    yield from _of_markets(s)
    yield from _of_alerts(s)


def _of_trades(trades: Sequence[Trade]) -> Iterator[Metric]:
    for name, text, read in _EDGES:
        values = [float(v) for v in (read(t) for t in trades) if v is not None]
        samples = [(("last",), values[0]), (("mean",), fmean(values))] if values else []
        yield _gauge(name, f"{text}; mean {LAST_TRADES}.", ("stat",), samples)


def _of_state(s: Snapshot) -> Iterator[Metric]:
    run = s.run
    labels = ("network", "mode", "version", "run_id")
    yield _gauge("hip3_run", "What runs here.", labels, [((run.network, run.mode, run.version, str(run.run_id)), 1)])
    states = [((state.value,), int(state is s.state)) for state in TradingState]
    yield _gauge("hip3_state", "Trading state, 1 for the one in force.", ("state",), states)
    phases = [((phase.value,), int(phase is s.connection.phase)) for phase in ConnectionPhase]
    yield _gauge("hip3_connection", "Phase of the connection, 1 for the one in force.", ("phase",), phases)
    ready = s.ready
    conditions = {
        "md_ready": ready.md_ready,
        "order_snapshot": ready.order_snapshot,
        "fills_snapshot": ready.fills_snapshot,
        "position_synced": ready.position_synced,
    }
    holds = [((name,), int(value)) for name, value in conditions.items()]
    yield _gauge("hip3_ready", "The four conditions of READY-TRADING.", ("condition",), holds)
    c = s.connection
    latency = {"last": c.order_latency_ms, "p50": c.order_latency_p50_ms, "max": c.order_latency_max_ms}
    yield _gauge("hip3_order_latency_ms", "Post, sent to answered.", ("stat",), _by_label(latency))
    late = {"p99": s.loop.tick_late_p99_ms, "max": s.loop.tick_late_max_ms}
    yield _gauge("hip3_tick_late_ms", "Lateness of ticks over the last minute.", ("stat",), _by_label(late))


def _of_limits(s: Snapshot) -> Iterator[Metric]:
    yield _gauge("hip3_queue_depth", "What waits to be sent.", ("queue",), [((q.name,), q.depth) for q in s.queues])
    yield _gauge("hip3_queue_cap", "How much may wait.", ("queue",), [((q.name,), q.cap) for q in s.queues])
    yield _counter(
        "hip3_denied", "Signals refused, by gate.", ("gate",), [((gate,), count) for gate, count in s.tally.denied]
    )
    yield _gauge("hip3_risk", "Counters of the risk monitor.", ("counter",), [((r.name,), r.value) for r in s.risk])
    limits = [((r.name,), r.limit) for r in s.risk if r.enforced]
    yield _gauge("hip3_risk_limit", "Beyond it the latch trips; where it is enforced.", ("counter",), limits)


def _of_markets(s: Snapshot) -> Iterator[Metric]:
    edges = [
        ((str(m.market), side), edge)
        for m in s.markets
        for side, edge in (("buy", m.buy_edge_bps), ("sell", m.sell_edge_bps))
    ]
    yield _gauge("hip3_market_edge_bps", "Oracle against the touch, before costs.", ("market", "side"), edges)
    for name, text, values in (
        (
            "hip3_market_threshold_bps",
            "Edge at which a signal fires.",
            [(m.market, m.threshold_bps) for m in s.markets],
        ),
        ("hip3_market_spread_bps", "Between bid and ask.", [(m.market, m.spread_bps) for m in s.markets]),
        ("hip3_market_bbo_age_ms", "Since the last quote.", [(m.market, m.bbo_age_ms) for m in s.markets]),
        ("hip3_market_open", "1: no gate keeps an entry out.", [(m.market, int(not m.gate)) for m in s.markets]),
        ("hip3_position_notional_usd", "Position at mark.", [(p.market, p.notional_usd) for p in s.positions]),
        ("hip3_position_time_stop_in_ms", "Until the TimeStop; below 0: overdue.", _time_stops(s)),
    ):
        samples: list[tuple[tuple[str, ...], Number]] = [((str(market),), value) for market, value in values]
        yield _gauge(name, text, ("market",), samples)


def _of_alerts(s: Snapshot) -> Iterator[Metric]:
    """By number: even a masked URL is no label."""
    numbered = list(enumerate(s.alerts, 1))
    target = ("target",)
    yield _counter("hip3_alerts_delivered", "Messages taken.", target, [((str(n),), t.delivered) for n, t in numbered])
    yield _counter(
        "hip3_alerts_given_up", "Alerts never delivered.", target, [((str(n),), t.given_up) for n, t in numbered]
    )
    yield _gauge(
        "hip3_alerts_waiting", "Alerts not delivered yet.", target, [((str(n),), t.waiting) for n, t in numbered]
    )


def _time_stops(s: Snapshot) -> list[tuple[object, int]]:
    return [(p.market, p.time_stop_at_ms - s.at_ms) for p in s.positions if p.time_stop_at_ms is not None]


def _unsettled(s: Snapshot) -> int:
    return sum(1 for order in s.orders if not order.is_settled)


def _by_label(values: Mapping[str, Number]) -> list[tuple[tuple[str, ...], Number]]:
    return [((name,), value) for name, value in values.items()]


def _gauge(
    name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[tuple[str, ...], Number]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        if number is not None:
            family.add_metric(values, float(number))
    return family


def _counter(
    name: str, text: str, labels: Sequence[str], samples: Iterable[tuple[tuple[str, ...], Number]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, number in samples:
        if number is not None:
            family.add_metric(values, float(number))
    return family
