"""The console over hand-made snapshots that move: `python tests/hip3_tui/demo_console.py [simulator|testnet|mainnet]`. No engine, no network.

Keys act on the fake: F flattens after two seconds, X trips, R resets, P pauses, Q leaves. For looking, not for testing.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from decimal import Decimal as D

import snapshots_for_tests as made
from msgspec.structs import replace

from core.messages.commands import AnyCommand, FlattenAll, PauseEntries, ResetHardStop, Shutdown, TripHardStop
from core.messages.effects import Severity
from core.messages.snapshot import AuditEntry, HardStopView, ShutdownView, Snapshot, TradingState
from core.model.order import OrderSide
from hip3_tui.app import ConsoleApp


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class DemoEngine:
    """Makes a snapshot five times a second: one position of 30 s after another, a market that breathes."""

    def __init__(self, network: str) -> None:
        self.error = ""
        self.is_done = False
        self._network = network
        self._started = now_ms()
        self._opened = now_ms()
        self._exit_at = 0
        self._paused = False
        self._tripped_at = 0
        self._leaving_at = 0
        self._trail = list(made.trail())
        self._number = 0
        self._lock = threading.Lock()
        self.latest: Snapshot | None = self._make()

    def send(self, command: AnyCommand) -> None:
        with self._lock:
            match command:
                case FlattenAll() | Shutdown():
                    self._exit_at = self._exit_at or now_ms()
                case TripHardStop():
                    self._tripped_at = self._tripped_at or now_ms()
                    self._exit_at = self._exit_at or now_ms()
                case ResetHardStop():
                    self._tripped_at = 0
                case PauseEntries(paused=paused):
                    self._paused = paused
                case _:
                    pass
            self._say("command", f"accepted: {type(command).__name__}", command_id=command.command_id)

    def leave(self) -> None:
        self._leaving_at = now_ms()
        self._exit_at = self._exit_at or now_ms()

    def run(self) -> None:
        while True:
            time.sleep(0.2)
            with self._lock:
                self.latest = self._make()

    def _say(self, kind: str, text: str, severity: Severity = Severity.INFO, command_id: str = "") -> None:
        self._trail.append(AuditEntry(len(self._trail) + 1, now_ms(), severity, kind, text, "", command_id))

    def _make(self) -> Snapshot:
        now = now_ms()
        self._number += 1
        wave = math.sin(now / 3_000)
        if self._exit_at and now - self._exit_at > 2_000:
            self._say("flat", "xyz:SNDK is flat")
            self._exit_at, self._opened = 0, now + 4_000
        elif not self._exit_at and now - self._opened > 30_000:
            self._exit_at = now
            self._say("time stop", "xyz:SNDK is 30 s old: flatten", Severity.WARNING)
        is_open = self._opened <= now and not (self._paused and now - self._opened < 300)
        position = made.position(
            side=OrderSide.BUY,
            entry_ms=self._opened,
            time_stop_at_ms=self._opened + 30_000,
            mark_px=round(D("1236.1") + D(wave), 2),
            upnl_usd=round(D("0.05") * D(wave), 4),
            exit_reason="time stop" if self._exit_at else "",
            exit_attempts=1 if self._exit_at else 0,
            exit_started_ms=self._exit_at or None,
        )
        positions = (position,) if is_open else ()
        left = len(positions)
        stop = HardStopView(
            bool(self._tripped_at),
            "operator key",
            self._tripped_at or None,
            0,
            left,
            "1 position is still open" if left else "",
        )
        base = made.snapshot(number=self._number, at_ms=now, positions=positions, orders=(), paused=self._paused)
        return replace(
            base,
            run=replace(base.run, network=self._network, started_ms=self._started),
            state=TradingState.REDUCING if self._tripped_at or self._leaving_at else TradingState.ACTIVE,
            connection=replace(base.connection, since_ms=self._started, market_age_ms=now % 400),
            inflight=replace(base.inflight, value=int(50 + 45 * wave)),
            markets=tuple(
                replace(
                    m, buy_edge_bps=None if m.left_out else round(D(10 * wave + i), 1), bbo_age_ms=now % (300 + 90 * i)
                )
                for i, m in enumerate(made.markets())
            ),
            hard_stop=stop if self._tripped_at else base.hard_stop,
            audit=tuple(self._trail[-50:]),
            pnl=replace(base.pnl, unrealized_usd=position.upnl_usd if is_open else D(0)),
            shutdown=ShutdownView(
                "operator quit", self._leaving_at, self._leaving_at + 15_000, 0, left, "flattening 1 position"
            )
            if self._leaving_at
            else None,
        )


class DemoLifecycle:
    def __init__(self, engine: DemoEngine) -> None:
        self._engine = engine
        self.app: ConsoleApp | None = None
        self.exiting = False

    def begin_exit(self, code: int, reason: str) -> None:
        if not self.exiting:
            self.exiting = True
            self._engine.leave()
            threading.Timer(6.0, self.insist).start()

    def insist(self) -> None:
        app = self.app
        if app is not None and app._loop is not None:
            app._loop.call_soon_threadsafe(app.exit)


def main() -> None:
    engine = DemoEngine(sys.argv[1] if len(sys.argv) > 1 else "simulator")
    lifecycle = DemoLifecycle(engine)
    threading.Thread(target=engine.run, daemon=True).start()
    lifecycle.app = ConsoleApp(engine, lifecycle)
    lifecycle.app.run()


if __name__ == "__main__":
    main()
