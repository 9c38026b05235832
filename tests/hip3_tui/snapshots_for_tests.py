"""Hand-made snapshots, and the two handles the console is given. Every builder takes changes by name and fills in the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal as D

from msgspec.structs import replace

from core.messages.commands import AnyCommand
from core.messages.effects import Severity
from core.messages.snapshot import (
    AuditEntry,
    BudgetView,
    ConnectionPhase,
    ConnectionView,
    FillView,
    HardStopView,
    InflightView,
    LoopStats,
    MarketView,
    OrderView,
    PnlView,
    PositionView,
    QueueView,
    ReadyView,
    RiskCounterView,
    RunInfo,
    ShutdownView,
    Snapshot,
    TallyView,
    TradingState,
)
from core.model.cloid import Cloid
from core.model.market import MarketKey
from core.model.order import OrderSide, OrderStatus, TimeInForce
from core.model.position import ExitReason, Trade

T0 = 1_763_870_584_000
"""2025-11-23 04:03:04 UTC."""

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def run_info(**changes: object) -> RunInfo:
    base = RunInfo(
        network="simulator",
        mode="trading",
        account="0x1234567890abcdef1234567890abcdef12345678",
        signer="0xabcdefabcdefabcdefabcdefabcdefabcdefabcd",
        ws_url="ws://127.0.0.1:40123/ws",
        version="0.1.0",
        run_id=3,
        started_ms=T0 - 754_000,
        config_source="config/sim.toml",
        tick_interval_ms=100,
        time_stop_ms=30_000,
    )
    return replace(base, **{"rules": changes.get("network", base.rules), **changes})


def connection(**changes: object) -> ConnectionView:
    base = ConnectionView(
        phase=ConnectionPhase.LIVE,
        since_ms=T0 - 723_000,
        epoch=1,
        reason="",
        market_age_ms=80,
        account_age_ms=1_900,
        clock_offset_ms=12,
        order_latency_ms=231,
        order_latency_p50_ms=240,
        order_latency_max_ms=388,
    )
    return replace(base, **changes)


def position(name: str = "xyz:SNDK", **changes: object) -> PositionView:
    base = PositionView(
        market=MarketKey.parse(name),
        side=BUY,
        size=D("0.012"),
        entry_px=D("1234.5"),
        mark_px=D("1236.1"),
        notional_usd=D("14.83"),
        upnl_usd=D("0.0107"),
        entry_ms=T0 - 6_600,
        time_stop_at_ms=T0 + 23_400,
        exit_attempts=0,
        exit_reason="",
        exit_started_ms=None,
        is_external=False,
        is_suspect=False,
    )
    return replace(base, **changes)


def order(number: int = 1, name: str = "xyz:SNDK", **changes: object) -> OrderView:
    base = OrderView(
        cloid=Cloid(f"0x6869703300000003{number:016x}"),
        oid=81_234_500_000 + number,
        market=MarketKey.parse(name),
        side=BUY,
        price=D("1235.2"),
        size=D("0.012"),
        filled=D(0),
        tif=TimeInForce.IOC,
        reduce_only=False,
        status=OrderStatus.IN_FLIGHT,
        purpose="entry",
        reason="",
        created_ms=T0 - 300,
        updated_ms=T0 - 200,
        is_external=False,
        is_settled=False,
    )
    return replace(base, **changes)


def fill(number: int = 1, name: str = "xyz:SNDK", **changes: object) -> FillView:
    base = FillView(
        time_ms=T0 - 6_600 - number * 1_000,
        market=MarketKey.parse(name),
        side=BUY,
        price=D("1234.5"),
        size=D("0.012"),
        fee_usd=D("0.0067"),
        closed_pnl_usd=D(0),
        direction="Open Long",
        oid=81_234_500_000 + number,
        tid=900_000 + number,
        cloid=None,
        is_external=False,
    )
    return replace(base, **changes)


def trade(number: int = 1, name: str = "xyz:NVDA", **changes: object) -> Trade:
    base = Trade(
        trade_id=f"s-{number}",
        market=MarketKey.parse(name),
        side=BUY,
        size=D("0.08"),
        entry_price=D("181.20"),
        exit_price=D("180.95"),
        entry_ms=T0 - 80_000 - number * 1_000,
        exit_ms=T0 - 48_000 - number * 1_000,
        exit_reason=ExitReason.TIME_STOP,
        gross_pnl_usd=D("-0.02"),
        fees_usd=D("0.013"),
        expected_edge_bps=D("12.1"),
        actual_edge_bps=D("-13.8"),
        flat_time_ms=412,
        exit_attempts=1,
    )
    return replace(base, **changes)


def market(name: str = "xyz:SNDK", px: str = "1236.4", **changes: object) -> MarketView:
    mid = D(px)
    step = mid / 10_000
    main = ":" not in name
    base = MarketView(
        market=MarketKey.parse(name),
        asset_id=7 if main else 110_016,
        index=7 if main else 16,
        oracle_px=round(mid + 4 * step, 3),
        mark_px=round(mid, 3),
        bid_px=round(mid - step, 3),
        ask_px=round(mid + step, 3),
        bid_sz=D("4.2"),
        ask_sz=D("3.1"),
        buy_edge_bps=D("3.0"),
        sell_edge_bps=D("-5.0"),
        threshold_bps=D("12.9"),
        fee_bps=D("0.9"),
        spread_bps=D("2.0"),
        bbo_age_ms=90,
        ctx_age_ms=1_100,
        gate="",
        last_denial="",
        last_denial_ms=None,
        left_out=False,
        edge_history=tuple(D(x) for x in (1, 2, 3, 8, 15, 9, 4, 3, 2, 2, 3, 3)),
    )
    return replace(base, **changes)


def markets() -> tuple[MarketView, ...]:
    return (
        market(gate="has position", last_denial="has position", last_denial_ms=T0 - 400),
        market("xyz:NVDA", "181.30", buy_edge_bps=D("15.2"), sell_edge_bps=D("-17.2"), asset_id=110_002, index=2),
        market(
            "xyz:TSLA", "402.15", gate="spread 21.4 bps is more than 6x its usual 3.1 bps", asset_id=110_001, index=1
        ),
        market(
            "xyz:HOOD",
            "112.04",
            left_out=True,
            gate="no bbo for 10 s",
            bid_px=None,
            ask_px=None,
            bbo_age_ms=None,
            buy_edge_bps=None,
            sell_edge_bps=None,
            spread_bps=None,
            asset_id=110_005,
            index=5,
        ),
        market("BTC", "88123", asset_id=0, index=0, last_denial="pending order", last_denial_ms=T0 - 3_300),
        market("ETH", "2874.1", asset_id=1, index=1, buy_edge_bps=D("-3.1"), sell_edge_bps=D("1.0")),
        market("SOL", "131.22", asset_id=5, index=5),
    )


def risk(**changes: tuple[str, str]) -> tuple[RiskCounterView, ...]:
    def row(name: str, value: str, limit: str, unit: str = "", enforced: bool = True) -> RiskCounterView:
        return RiskCounterView(name, D(value), D(limit), unit, enforced)

    return (
        row("loss", "1.23", "20", "USD"),
        row("losses in a row", "4", "5"),
        row("flatten failures", "0", "3"),
        row("rejected per hour", "2", "10", enforced=False),
        row("slippage in a row", "1", "2", enforced=False),
        row("trades today", "12", "1000"),
    )


def audit(number: int, text: str = "something happened", **changes: object) -> AuditEntry:
    base = AuditEntry(number, T0 - 10_000 + number * 100, Severity.INFO, "order", text, "", "")
    return replace(base, **changes)


def trail() -> tuple[AuditEntry, ...]:
    return (
        audit(1, "run 3 begins on simulator", kind="start"),
        audit(2, "connected, epoch 1", kind="link"),
        audit(3, "READY-TRADING: market data, orders, fills and positions are known", kind="ready"),
        audit(4, "xyz:SNDK buy 0.012 at 1235.2, edge 15.2 bps", kind="entry", correlation_id="s-7"),
        audit(5, "xyz:SNDK bought 0.012 at 1234.5", kind="fill", correlation_id="s-7"),
        audit(
            6,
            "xyz:NVDA rejected: Order could not immediately match against any resting orders. asset=110002",
            kind="reject",
            severity=Severity.WARNING,
        ),
        audit(7, "accepted: entries paused", kind="command", command_id="c-1"),
        audit(8, "entries resumed", kind="command", command_id="c-2"),
    )


def snapshot(**changes: object) -> Snapshot:
    """Trading: one position, one order in flight, seven markets, READY."""
    base = Snapshot(
        number=100,
        at_ms=T0,
        run=run_info(),
        state=TradingState.ACTIVE,
        state_reason="",
        paused=False,
        connection=connection(),
        ready=ReadyView(True, True, True, True, ()),
        inflight=InflightView(37, 100, 80, 82, tuple((i * 7) % 60 for i in range(60))),
        queues=(QueueView("cancel", 0, 200), QueueView("reduce-only", 3, 500), QueueView("new", 120, 1000)),
        budget=BudgetView(1_234, 10_000, False, None),
        positions=(position(),),
        orders=(
            order(7, "xyz:NVDA"),
            order(
                6,
                status=OrderStatus.FILLED,
                filled=D("0.012"),
                is_settled=True,
                updated_ms=T0 - 6_600,
                created_ms=T0 - 6_900,
            ),
        ),
        fills=(fill(1), fill(2, "xyz:NVDA", side=SELL, price=D("180.95"), size=D("0.08"), time_ms=T0 - 49_000)),
        trades=(trade(1),),
        markets=markets(),
        hard_stop=HardStopView(False, "", None, 0, 0, ""),
        risk=risk(),
        tally=TallyView(
            posts_sent=61,
            posts_completed=60,
            orders_accepted=55,
            orders_rejected=4,
            orders_timed_out=1,
            send_failures=0,
            signals=132,
            entries=30,
            fills=58,
            flattens=29,
            worst_flat_time_ms=1_240,
            denied=(
                ("hard stop", 0),
                ("not ready", 12),
                ("has position", 61),
                ("pending order", 25),
                ("action budget", 4),
            ),
            market_explained_rejections=3,
            errors=0,
        ),
        pnl=PnlView(
            realized_usd=D("-1.23"),
            fees_usd=D("0.41"),
            unrealized_usd=D("0.0107"),
            account_value_usd=D("998.77"),
            exposure_usd=D("14.83"),
            exposure_limit_usd=D("100"),
            trades=12,
            wins=5,
            history=tuple(D(x) / 10 for x in (0, -1, -3, 1, 4, 2, 0, -4, -8, -7, -10, -12)),
        ),
        audit=trail(),
        shutdown=None,
        loop=LoopStats(1.4, 6.2, 0, 0, 2.1),
    )
    return replace(base, **changes)


def hard_stopped(**changes: object) -> Snapshot:
    """Tripped 131 s ago, one order and one position still open."""
    base = snapshot(
        state=TradingState.REDUCING,
        state_reason="hard stop: exits and cancels only",
        hard_stop=HardStopView(
            True, "6 losses in a row > 5", T0 - 131_000, 1, 1, "1 order and 1 position are still open"
        ),
        positions=(
            position(exit_attempts=2, exit_reason="hard stop", exit_started_ms=T0 - 4_200, time_stop_at_ms=T0 - 1_500),
        ),
        orders=(
            order(9, status=OrderStatus.UNKNOWN, reduce_only=True, side=SELL, purpose="exit", created_ms=T0 - 5_600),
        ),
    )
    return replace(base, **changes)


def connecting(**changes: object) -> Snapshot:
    """Nothing known yet."""
    base = snapshot(
        state=TradingState.HALTED,
        state_reason="no connection",
        connection=ConnectionView(ConnectionPhase.CONNECTING, T0 - 2_100, 0, "", None, None, None, None, None, None),
        ready=ReadyView(False, False, False, False, ("market data of 7 markets", "open orders", "fills", "positions")),
        inflight=InflightView(0, 100, 80, 0, ()),
        queues=(QueueView("cancel", 0, 200), QueueView("reduce-only", 0, 500), QueueView("new", 0, 1000)),
        budget=BudgetView(None, None, False, None),
        positions=(),
        orders=(),
        fills=(),
        trades=(),
        markets=(),
        audit=(),
        tally=TallyView(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None, (), 0, 0),
        pnl=PnlView(D(0), D(0), D(0), None, D(0), D(100), 0, 0, ()),
        loop=LoopStats(),
    )
    return replace(base, **changes)


def running(**changes: object) -> Snapshot:
    """Three positions at three ages, one of them being closed; latencies that grow."""
    late = (180, 190, 240, 210, 400, 380, 260, 900, 1400, 1200, 650, 231)
    held = (
        position(),
        position(
            "BTC", side=SELL, size=D("0.00034"), entry_px=D("95691"), mark_px=D("95809"), notional_usd=D("32.58"),
            upnl_usd=D("-0.0621"), entry_ms=T0 - 26_400, time_stop_at_ms=T0 + 3_600,
        ),
        position(
            "ETH", size=D("0.0126"), entry_px=D("3200.4"), mark_px=D("3168.0"), notional_usd=D("39.92"),
            upnl_usd=D("-0.4311"), entry_ms=T0 - 30_900, time_stop_at_ms=T0 - 900, exit_attempts=1,
            exit_reason="time stop", exit_started_ms=T0 - 900,
        ),
    )  # fmt: skip
    base = snapshot(
        positions=held,
        connection=connection(order_latency_history=late),
        orders=(
            order(21, "ETH", side=SELL, reduce_only=True, purpose="exit", price=D("3136.3"), size=D("0.0126")),
            *snapshot().orders,
        ),
        pnl=replace(snapshot().pnl, unrealized_usd=D("-0.4825"), exposure_usd=D("87.33")),
    )
    return replace(base, **changes)


def unknown(**changes: object) -> Snapshot:
    """An entry whose answer never came: neither dead nor alive."""
    lost = order(
        31, "xyz:TSLA", status=OrderStatus.UNKNOWN, oid=None, price=D("402.20"), size=D("0.05"), created_ms=T0 - 7_300
    )
    return replace(snapshot(positions=(), orders=(lost, *snapshot().orders)), **changes)


def external(**changes: object) -> Snapshot:
    """Somebody else has a position and an order on this account."""
    held = position("xyz:GOLD", is_external=True, time_stop_at_ms=None, size=D("0.5"), entry_ms=T0 - 7_400_000)
    theirs = order(
        41, "SOL", is_external=True, cloid=None, status=OrderStatus.OPEN, price=D("120.5"), size=D("0.8"), tif=None,
        purpose="manual", created_ms=T0 - 912_000,
    )  # fmt: skip
    return replace(snapshot(positions=(held, position()), orders=(theirs, *snapshot().orders)), **changes)


def reconnecting(**changes: object) -> Snapshot:
    """The connection dropped 8 s ago with a position open, which is a hard stop."""
    base = hard_stopped(
        state=TradingState.HALTED,
        state_reason="no connection: nothing can be sent",
        connection=connection(
            phase=ConnectionPhase.RECONNECTING, since_ms=T0 - 8_200, epoch=2, reason="socket closed", market_age_ms=8_200,
            account_age_ms=9_100,
        ),
        ready=ReadyView(False, False, False, False, ("connection",)),
        hard_stop=HardStopView(True, "connection lost: socket closed", T0 - 8_200, 0, 1, "the connection is down"),
        positions=(position(exit_reason="hard stop", exit_started_ms=T0 - 8_200, exit_attempts=0, is_suspect=True),),
        orders=(),
    )  # fmt: skip
    return replace(base, **changes)


def rehearsing(**changes: object) -> Snapshot:
    """Our simulator under mainnet's rules."""
    return snapshot(run=run_info(rules="mainnet"), **changes)


def flat(**changes: object) -> Snapshot:
    return replace(snapshot(positions=(), orders=()), **changes)


def on_mainnet(base: Snapshot) -> Snapshot:
    return replace(base, run=replace(base.run, network="mainnet", rules="mainnet"))


def leaving(**changes: object) -> Snapshot:
    view = ShutdownView("operator quit", T0 - 3_000, T0 + 12_000, 1, 1, "flattening 1 position")
    return snapshot(shutdown=view, state=TradingState.REDUCING, state_reason="stopping in good order", **changes)


@dataclass
class FakeHandle:
    latest: Snapshot | None = None
    is_done: bool = False
    error: str = ""
    sent: list[AnyCommand] = field(default_factory=list)

    def send(self, command: AnyCommand) -> None:
        self.sent.append(command)


@dataclass
class FakeLifecycle:
    exiting: bool = False
    asked: list[tuple[int, str]] = field(default_factory=list)
    insisted: int = 0

    def begin_exit(self, code: int, reason: str) -> None:
        self.exiting = True
        self.asked.append((code, reason))

    def insist(self) -> None:
        self.insisted += 1
