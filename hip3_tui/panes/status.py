"""The top of the screen: which network, may it trade, is money at risk, and can the picture be trusted.

Four lines, read in this order. Every answer is a word on a reversed plate, so it holds without colour.

SPEC 11.
"""

from __future__ import annotations

from core.messages.alerts import TargetState
from core.messages.snapshot import ConnectionPhase, ReadyView, RunInfo, Snapshot, TradingState
from core.model.order import OrderStatus
from hip3_tui import format as f
from hip3_tui.operator_actions import key_of
from hip3_tui.panes.live_lines import Line, LiveLines, join, line_width, spread, text
from hip3_tui.panes.picture import MAINNET, Picture, is_flat, knows_what_is_open

HEIGHT = 4
_SLOW_ORDER_MS = 2_000
_LATENCIES = 12
"""Of the last posts, as a trend; a full column is a slow one."""

_STATE_STYLE = {
    TradingState.ACTIVE: "plate-good",
    TradingState.REDUCING: "plate-warn",
    TradingState.HALTED: "plate-bad",
}


def network_plate(run: RunInfo, *, short: bool = False) -> Line:
    """The network, unmistakable: real money is the one with the stars. A rehearsal on our simulator names the rules as well."""
    network, rules = run.network, run.rules
    if network == MAINNET:
        return text(" *** MAINNET *** ", "plate-bad")
    if rules == network:
        return text(f" {network.upper()} ", "plate-info")
    place = "SIM" if short else network.upper()
    return text(f" {place}, {rules.upper()} RULES ", "plate-warn" if rules == MAINNET else "plate-info")


def window_plate(picture: Picture) -> Line:
    """That this is not the console itself, and what it may do."""
    if picture.window is None:
        return ()
    return text(" BRAKES ONLY ", "plate-warn") if picture.window.may_brake else text(" VIEW ONLY ", "plate-dim")


def state_plate(picture: Picture) -> Line:
    if picture.death:
        return text(" ENGINE DEAD ", "plate-bad")
    snapshot = picture.snapshot
    if snapshot is None:
        return text(" STARTING ", "plate-warn")
    if snapshot.finished:
        return text(" ENDED ", "plate-dim")
    return text(f" {snapshot.state.value} ", _STATE_STYLE[snapshot.state])


def risk_plate(snapshot: Snapshot) -> Line:
    """Is money at risk? FLAT only when nothing is open and nothing on the way could open something."""
    if snapshot.positions:
        return text(f" AT RISK {f.usd(snapshot.pnl.exposure_usd)} ", "plate-warn")
    if not knows_what_is_open(snapshot):
        return text(" RISK NOT KNOWN ", "plate-warn")
    if is_flat(snapshot):
        return text(" FLAT ", "plate-good")
    return text(" FLAT, ORDERS OUT ", "plate-warn")


class StatusPane(LiveLines):
    def lines(self, picture: Picture, width: int, height: int) -> list[Line]:
        snapshot = picture.snapshot
        if snapshot is None:
            run = picture.run
            plate = text(" HIP3-TUI ", "plate-info") if run is None else network_plate(run)
            lines = [join([plate, state_plate(picture), text("waiting for the engine's first word")], " ")]
            return lines if run is None else [*lines, spread((), join(_who(run)), width)]
        return [
            self._headline(picture, snapshot, width),
            self._state(picture, snapshot, width),
            spread(_ready(snapshot.ready, snapshot), _alerts(snapshot), width),
            _link(snapshot, width),
        ]

    def _headline(self, picture: Picture, snapshot: Snapshot, width: int) -> Line:
        plates = [
            network_plate(snapshot.run),
            window_plate(picture),
            state_plate(picture),
            _ready_plate(picture, snapshot),
            risk_plate(snapshot),
        ]
        age = _age(picture)
        if width >= 100:
            age = join([text(f"{f.clock_time(snapshot.at_ms)} UTC", "dim"), age])
        unknown = _unknown(snapshot)
        shorter = [network_plate(snapshot.run, short=True), *plates[1:]]
        for parts in (
            [*plates, unknown, _open_pnl(snapshot)],
            [*plates, unknown],
            [*shorter, unknown],
            plates,
            shorter,
        ):
            line = join(parts, " ")
            if line_width(line) + 1 + line_width(age) <= width:
                break
        return spread(line, age, width)

    def _state(self, picture: Picture, snapshot: Snapshot, width: int) -> Line:
        paused = text(" ENTRIES PAUSED ", "plate-warn") if snapshot.paused else ()
        reason = snapshot.state_reason or _default_reason(picture, snapshot)
        run = snapshot.run
        who = join([*_who(run), text(f"run {run.run_id}, up {f.age(snapshot.at_ms - run.started_ms)}", "dim")])
        missing = text("waits for " + "; ".join(snapshot.ready.missing), "warn") if snapshot.ready.missing else ()
        return spread(join([paused, text(reason, "strong"), missing]), who, width)


def _who(run: RunInfo) -> list[Line]:
    signer = "no key" if not run.signer else f"key {f.short_address(run.signer)}"
    return [
        text(f"account {f.short_address(run.account)}", "dim"),
        text(signer, "dim"),
        text(run.mode, "dim" if run.mode == "trading" else "warn"),
    ]


def _default_reason(picture: Picture, snapshot: Snapshot) -> str:
    if snapshot.state is not TradingState.ACTIVE:
        return "no reason given"
    resume = f"exits go on; {key_of(picture, 'pause_entries')} resumes entries"
    return resume if snapshot.paused else "entries are possible"


def _alerts(snapshot: Snapshot) -> Line:
    """Whether a word that leaves this program arrives. Nothing while none is asked for."""
    if not snapshot.alerts:
        return ()
    bad = [target for target in snapshot.alerts if target.state in (TargetState.RETRYING, TargetState.UNUSABLE)]
    if bad:
        return text(f"alerts: {len(bad)} of {len(snapshot.alerts)} not delivered ({bad[0].state.value})", "warn")
    return text(f"alerts: {f.plural(len(snapshot.alerts), 'target')}", "dim")


def _ready_plate(picture: Picture, snapshot: Snapshot) -> Line:
    """A dead engine is ready for nothing, whatever it said last."""
    if picture.death or snapshot.finished:
        return ()
    return text(" READY ", "plate-good") if snapshot.ready.is_ready else text(" NOT READY ", "plate-warn")


def _unknown(snapshot: Snapshot) -> Line:
    """Orders that are neither dead nor alive: what they may have become is not in any other figure."""
    number = sum(order.status is OrderStatus.UNKNOWN for order in snapshot.orders)
    return text(f" {number} UNKNOWN ", "plate-warn") if number else ()


def _age(picture: Picture) -> Line:
    words = f.age(picture.age_ms)
    if picture.is_stale:
        return text(f" STALE {words} ", "plate-bad")
    return text(f"{words} old", "dim")


def _open_pnl(snapshot: Snapshot) -> Line:
    if not snapshot.positions:
        return ()
    value = snapshot.pnl.unrealized_usd
    return (("open ", "dim"), (f.signed_usd(value), "good" if value >= 0 else "bad"))


def _ready(ready: ReadyView, snapshot: Snapshot) -> Line:
    """The four conditions of READY-TRADING."""
    conditions = (
        ("data", ready.md_ready),
        ("orders", ready.order_snapshot),
        ("fills", ready.fills_snapshot),
        ("positions", ready.position_synced),
    )
    marks = [text(f"✓ {name}", "good") if met else text(f"✗ {name}", "bad") for name, met in conditions]
    out = sum(1 for market in snapshot.markets if market.left_out)
    left_out = text(f"{f.plural(out, 'market')} left out", "warn") if out else ()
    return join([text("READY needs", "dim"), *marks, left_out])


def _link(snapshot: Snapshot, width: int) -> Line:
    """Connection, ages of what came last, and the two delays that cost money: the exchange's answer and our own tick."""
    link, loop = snapshot.connection, snapshot.loop
    phase = join(
        [
            text(link.phase.value.upper(), "good" if link.phase is ConnectionPhase.LIVE else "warn"),
            text(f.age(snapshot.at_ms - link.since_ms)),
        ],
        " ",
    )
    slow_order = "warn" if (link.order_latency_ms or 0) > _SLOW_ORDER_MS else ""
    slow_tick = "warn" if loop.tick_late_p99_ms > snapshot.run.tick_interval_ms / 2 else ""
    offset = link.clock_offset_ms
    trend = f.sparkline(link.order_latency_history, _LATENCIES, top=_SLOW_ORDER_MS)
    usual = f" (p50 {f.latency(link.order_latency_p50_ms)}, max {f.latency(link.order_latency_max_ms)})"
    latest, late = f.latency(link.order_latency_ms), f"{loop.tick_late_p99_ms:.1f}ms"

    def parts(order: str, tick: str, *, why: bool = True) -> list[Line]:
        told = f"(last ended: {link.reason})" if link.reason and why else ""
        again = _named(f"connection {link.epoch}", told, "warn")
        return [
            phase,
            _named("data", f.age(link.market_age_ms), "warn" if (link.market_age_ms or 0) > 2_000 else ""),
            _named("account", f.age(link.account_age_ms), ""),
            _named("order", order, slow_order),
            _named("tick late p99", tick, slow_tick),
            again if link.epoch > 1 or link.reason else (),
        ]

    full = parts(latest + usual, f"{late} (max {loop.tick_late_max_ms:.1f}ms)")
    short, shorter = parts(latest, late), parts(latest, late, why=False)
    clock = _named(
        "clock", f.UNKNOWN if offset is None else f"{offset:+}ms", "warn" if abs(offset or 0) > 2_000 else ""
    )
    posts: Line = ((" posts ", "dim"), (trend, "accent")) if trend else ()
    # What tells least goes first where there is no room.
    for chosen in (
        [*full, clock, posts],
        [*full, clock],
        [*short, clock, posts],
        [*short, clock],
        short,
        shorter,
        shorter[:-1],
    ):
        line = join(chosen)
        if line_width(line) <= width:
            break
    return line


def _named(name: str, value: str, style: str) -> Line:
    return ((f"{name} ", "dim"), (value, style))
