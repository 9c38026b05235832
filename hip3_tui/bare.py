"""The bare screen: what an operator has when the console itself has crashed. Plain lines and six keys, over the same engine.

Knows nothing of Textual, of panes or of anything else that may have been what broke: it reads keys and writes text. The engine is not touched by the
crash and goes on by its own rules. Easy to get wrong: it must not fail in its turn, so each frame is drawn on its own and one that cannot
be drawn says so; and it must not block, so it writes through the same thread as the console did (output_thread.py).

Under mainnet rules F and C ask for the key a second time; hard stop never asks.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Callable
from contextlib import suppress

from core.messages.commands import AnyCommand, CancelAll, FlattenAll, PauseEntries, TripHardStop
from core.messages.exit_codes import ExitCode
from core.messages.handle import EngineHandle, LifecycleHandle
from core.messages.snapshot import Snapshot
from core.model.order import OrderSide
from hip3_tui import format as f
from hip3_tui.output_thread import OutputThread
from hip3_tui.terminal import RESET

_FRAME_S = 0.5
_KEY_WAIT_MS = 100
_AGAIN_S = 5.0
"""How long the second press of a key that asks may take."""
_STALE_MS = 1_000
_CLEAR = "\x1b[H\x1b[2J"
_WORDS_SHOWN = 6


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _plain(line: str) -> str:
    """Without what a terminal would obey: some of these words are the exchange's."""
    return "".join(c if c.isprintable() else "?" for c in line)


class BareScreen:
    """Run it in the main thread, after the console's own terminal modes have been undone.

    Args:
        handle: The engine.
        lifecycle: The one way out.
        why: What the console died of, in one line.
        report: Where the rest of that is written; empty if it could not be.
        who: The operator's name.
    """

    def __init__(
        self,
        handle: EngineHandle,
        lifecycle: LifecycleHandle,
        *,
        why: str,
        report: str,
        who: str = "operator",
        clock: Callable[[], int] = _monotonic_ms,
    ) -> None:
        self._handle = handle
        self._lifecycle = lifecycle
        self._why = why
        self._report = report
        self._who = who
        self._clock = clock
        self._sent = 0
        self._answer_to = ""
        self._said = ""
        self._asked: tuple[str, int] | None = None
        self._seen: tuple[Snapshot | None, int] = (None, 0)
        self._ended = False

    # --- life --------------------------------------------------------------------------------------------------------

    def end(self, code: int = 0) -> None:
        """From any thread: come back from `run` at the next chance."""
        self._ended = True

    def run(self) -> int:
        """Show the engine and take keys until the program ends. Returns the console's exit code: it has crashed, whatever comes after."""
        fd = sys.__stdin__.fileno() if sys.__stdin__ is not None else 0
        try:
            before = termios.tcgetattr(fd)
            tty.setraw(fd, termios.TCSANOW)
        except (termios.error, OSError):
            self._lifecycle.begin_exit(ExitCode.CRASH, "the console crashed and the terminal is gone")
            return ExitCode.CRASH
        out = OutputThread(sys.__stdout__.fileno() if sys.__stdout__ is not None else 1, lambda: None, lambda: None)
        out.start()
        try:
            out.write("\x18\x1b[0m\x1b[?25l")
            self._watch(fd, out)
        finally:
            out.stop()
            with suppress(termios.error, OSError):
                termios.tcflush(fd, termios.TCIFLUSH)
                termios.tcsetattr(fd, termios.TCSANOW, before)
            with suppress(OSError):
                os.write(out.fileno(), RESET.removeprefix(b"\x18").replace(b"\x1b[?1049l", b""))
        return ExitCode.CRASH

    def _watch(self, fd: int, out: OutputThread) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        next_frame = 0
        while not self._ended:
            if out.dead:
                self._lifecycle.begin_exit(ExitCode.TERMINAL_LOST, "the terminal is gone")
                return
            if poll.poll(_KEY_WAIT_MS) and not self._take_keys(fd):
                self._lifecycle.begin_exit(ExitCode.TERMINAL_LOST, "the terminal is gone")
                return
            if self._clock() >= next_frame and not out.stalled:
                next_frame = self._clock() + int(_FRAME_S * 1000)
                size = shutil.get_terminal_size((80, 24))
                out.write(_CLEAR + "\r\n".join(self.lines(size.columns, size.lines)))

    def _take_keys(self, fd: int) -> bool:
        try:
            data = os.read(fd, 1024)
        except OSError:
            return False
        if data.startswith(b"\x1b"):  # an arrow, the mouse, the rest of a question to the terminal: no key of ours
            return True
        for key in data.decode("utf-8", "replace")[:4]:
            self.press(key)
        return bool(data)

    # --- keys --------------------------------------------------------------------------------------------------------

    def press(self, key: str) -> None:
        """One key. What came of it is in the next frame."""
        key = key.lower()
        now = self._clock()
        asked, self._asked = self._asked, None
        if key in ("q", "\x03"):
            self._said = "quit: flat first, then the program ends"
            self._lifecycle.begin_exit(ExitCode.CRASH, f"{self._who} quit from the bare screen")
        elif key == "x":
            self._send(
                TripHardStop(command_id=self._next_id(), who=self._who, reason="operator key, bare screen"), "hard stop"
            )
        elif key in ("f", "c"):
            what = "flatten all" if key == "f" else "cancel all"
            if self._asks and not (asked is not None and asked[0] == key and now - asked[1] <= _AGAIN_S * 1000):
                self._asked = (key, now)
                self._said = f"MAINNET: press {key.upper()} again within {_AGAIN_S:g} s to {what}"
            elif key == "f":
                self._send(FlattenAll(command_id=self._next_id(), who=self._who), what)
            else:
                self._send(CancelAll(command_id=self._next_id(), who=self._who), what)
        elif key == "p":
            snapshot = self._handle.latest
            paused = not (snapshot is not None and snapshot.paused)
            self._send(
                PauseEntries(command_id=self._next_id(), who=self._who, paused=paused),
                "pause entries" if paused else "entries go on",
            )

    @property
    def _asks(self) -> bool:
        snapshot = self._handle.latest
        return snapshot is None or snapshot.run.rules == "mainnet"

    def _next_id(self) -> str:
        self._sent += 1
        return f"b-{self._sent}"

    def _send(self, command: AnyCommand, what: str) -> None:
        self._handle.send(command)
        self._answer_to = command.command_id
        self._said = f"{what}: sent"

    # --- drawing -----------------------------------------------------------------------------------------------------

    def lines(self, width: int, height: int) -> list[str]:
        """One frame. Never raises: a frame that cannot be drawn says so, and the keys below still act."""
        try:
            body = self._body()
        except Exception as e:
            body = [f"this picture could not be drawn ({type(e).__name__}); the keys work"]
        tail = [self._answer(), "X hard stop now   F flatten all   C cancel all   P pause entries   Q quit, flat first"]
        room = max(0, height - len(tail))
        if len(body) > room:
            body = [*body[: max(0, room - 1)], f"... and {len(body) - room + 1} lines more, no room"]
        return [f.fit(_plain(line), max(1, width)).rstrip() for line in [*body, *tail]]

    def _answer(self) -> str:
        snapshot = self._handle.latest
        if snapshot is not None and self._answer_to:
            for entry in reversed(snapshot.audit):
                if entry.command_id == self._answer_to:
                    return f"> {self._said.removesuffix(': sent')}: {entry.text}"
        return f"> {self._said}" if self._said else ">"

    def _body(self) -> list[str]:
        head = [
            "hip3-tui BARE SCREEN: the console crashed, the engine goes on by its own rules.",
            f"  it died of: {self._why}",
        ]
        if self._report:
            head.append(f"  report: {self._report}")
        snapshot = self._handle.latest
        if self._handle.error or (self._handle.is_done and not (snapshot is not None and snapshot.finished)):
            head.append(
                f"*** ENGINE DEAD: {self._handle.error or 'it ended without a word'}. Look at the exchange now. ***"
            )
        if snapshot is None:
            return [*head, "the engine has not reported yet"]
        if snapshot is not self._seen[0]:
            self._seen = (snapshot, self._clock())
        age = self._clock() - self._seen[1]
        now_ms = snapshot.at_ms + age
        stale = f"   *** STALE: {f.age(age)} old ***" if age > _STALE_MS else ""
        ready = "READY" if snapshot.ready.is_ready else f"NOT READY ({'; '.join(snapshot.ready.missing)})"
        paused = "   ENTRIES PAUSED" if snapshot.paused else ""
        network = snapshot.run.network.upper()
        if snapshot.run.rules == "mainnet" != snapshot.run.network:
            network += ", MAINNET RULES"
        lines = [
            *head,
            f"{f'*** {network} ***' if network == 'MAINNET' else network}   {snapshot.state.value}   {ready}   "
            f"{snapshot.connection.phase.value.upper()}   {f.clock_time(now_ms)} UTC{paused}{stale}",
        ]
        stop = snapshot.hard_stop
        if stop.tripped:
            since = "" if stop.at_ms is None else f" {f.age(now_ms - stop.at_ms)} ago"
            left = f"{f.plural(stop.orders_left, 'order')} and {f.plural(stop.positions_left, 'position')} left"
            lines.append(f"*** HARD STOP{since}: {stop.reason}; {left} ***")
        if snapshot.shutdown is not None:
            lines.append(f"STOPPING: {snapshot.shutdown.step}")
        lines += self._open(snapshot, now_ms)
        pnl = snapshot.pnl
        lines.append(
            f"inflight {snapshot.inflight.value} of {snapshot.inflight.limit}   PnL {f.signed_usd(pnl.realized_usd)}   "
            f"{f.plural(pnl.trades, 'trade')}   account {f.short_address(snapshot.run.account)}"
        )
        lines += [f"  {f.clock_time(e.at_ms)} {e.text}" for e in snapshot.audit[-_WORDS_SHOWN:]]
        return lines

    def _open(self, snapshot: Snapshot, now_ms: int) -> list[str]:
        orders = [o for o in snapshot.orders if not o.is_settled]
        if not snapshot.positions and not orders:
            return ["FLAT: no position, no order" if snapshot.ready.knows_what_is_open else "WHAT IS OPEN IS NOT KNOWN"]
        lines = [f"AT RISK {f.usd(snapshot.pnl.exposure_usd)}" if snapshot.positions else "FLAT, ORDERS OUT"]
        for p in snapshot.positions:
            stop = "" if p.time_stop_at_ms is None else f", time stop in {f.countdown(p.time_stop_at_ms - now_ms)}"
            side = "LONG" if p.side is OrderSide.BUY else "SHORT"
            external = ", EXTERNAL" if p.is_external else ""
            lines.append(
                f"  {p.market} {side} {f.size(p.size)} at {f.price(p.entry_px)}, mark {f.price(p.mark_px)}, "
                f"{f.signed_usd(p.upnl_usd)}{stop}{external}"
            )
        for o in orders:
            lines.append(
                f"  order {o.market} {o.side.value} {f.size(o.size)} at {f.price(o.price)}: {o.status.value}"
                f"{', reduce-only' if o.reduce_only else ''}{', EXTERNAL' if o.is_external else ''}"
            )
        return lines
